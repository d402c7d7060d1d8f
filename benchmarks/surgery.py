"""Applying a plan whose factors are stored: time to the next token's distribution.

python benchmarks/surgery.py        The peer, in the same run: the whole model's own forward of the
same text. What surgery adds (reading the factors and putting the pairs in place) is what is left
of the cut model's time when its own forward, repeated, is taken away. Medians; factors that are
not stored yet are computed first, a minute for each way.
"""

import os
import sys

if __name__ == "__main__":  # before numpy loads
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

import statistics
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lowrank import llama  # noqa: E402
from lowrank.llama.model import ATTENTION, MLP  # noqa: E402
from lowrank.llama.tokenizer import Tokenizer  # noqa: E402
from lowrank.readers import open_model  # noqa: E402
from lowrank.readers.default_model import cache_folder  # noqa: E402
from lowrank.surgery import FactorStore, by_fraction, chosen, operate, reading, texts  # noqa: E402
from lowrank.surgery.factor_store import folder_name  # noqa: E402

REPEATS = 5


def median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    model = open_model("default")
    params, tokenizer = llama.load(model), Tokenizer(model.words)
    calibration = [tokenizer.begin(passage) for passage in texts.calibration()]
    folder = cache_folder() / "surgery" / folder_name(model.tensors, texts.calibration())
    store = FactorStore(folder, params, calibration)
    ids = tokenizer.begin(texts.text("science"))[:64]
    whole = median(lambda: reading(params, ids))
    print(f"{model.title}, {len(ids)} tokens read by the whole model: {whole:.0f} ms")
    print("| cut to 1/2, | way | plan applied, ms | and text read, ms | of the whole's |")
    print("|:--|:--|--:|--:|--:|")
    for what, kinds in (("q", ["q_proj"]), ("down", ["down_proj"]), ("all", ATTENTION + MLP)):
        names = chosen(params, kinds)
        plan = by_fraction(params, names, 0.5)
        for way in ("plain", "aware"):
            for _ in store.prepare(way, names):
                pass
            source = store.source(way)
            applied = median(lambda plan=plan, source=source: operate(params, plan, source))
            read = median(
                lambda plan=plan, source=source: reading(operate(params, plan, source), ids)
            )
            print(f"| {what} | {way} | {applied:.1f} (< 100) | {read:.0f} | {read / whole:.2f} |")


if __name__ == "__main__":
    main()
