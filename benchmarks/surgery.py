"""Surgery on the default model: its factors, and plans whose factors are there.

python benchmarks/surgery.py        some minutes

Factors: of all 210 matrices into an empty folder, plain and activation-aware (with the reading of
the calibration text), beside scipy's SVDs of the same matrices in float32, both in one process;
then a text read by both models alone, and while another process makes factors, with one thread and
a lower priority, as the page has it. Plans: the peer, in the same run, is the whole model's own
forward of the same text. Medians.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import common
import scipy.linalg

from lowrank import llama
from lowrank.llama.names import LINEAR
from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers import open_model
from lowrank.readers.default_model import cache_folder
from lowrank.readers.identity import identity
from lowrank.surgery import FactorStore, by_fraction, chosen, operate, reading, texts
from lowrank.surgery.factor_store import folder_name

REPEATS = 5
MAKE = "--make"


def median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    return 1e3 * statistics.median(common.in_turns({"": work}, REPEATS)[""])


def factors(store: FactorStore, way: str) -> None:
    """Those of all matrices, into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = FactorStore(Path(folder), store.params, store.texts)
        for _done in fresh.prepare(way, chosen(store.params, LINEAR)):
            pass


def making(store: FactorStore) -> dict:
    """Seconds for the factors of all matrices in each way, and for LAPACK's SVDs of them."""
    matrices = [each.matrix() for each in llama.projections(store.params).values()]
    matrices = matrices[: len(chosen(store.params, LINEAR))]

    def lapack() -> None:
        for W in matrices:
            scipy.linalg.svd(W, full_matrices=False)

    works = {way: lambda way=way: factors(store, way) for way in ("plain", "aware")}
    times = common.in_turns({**works, "scipy.linalg.svd": lapack}, 3)
    ratios = {way: common.ratio(times[way], times["scipy.linalg.svd"]) for way in works}
    seconds = common.medians(times)
    print(f"factors of {len(matrices)} matrices; scipy's SVDs {seconds['scipy.linalg.svd']:.1f} s")
    for way, aim in (("plain", 1.2), ("aware", 2.0)):
        print(f"  {way}: {seconds[way]:.1f} s, {ratios[way]:.2f} of it (aim {aim})")
    return {"matrices": len(matrices), "seconds": seconds, "ratios": ratios}


def beside(both: Callable[[], object]) -> dict:
    """Milliseconds until both models have read a text, alone and while factors are made."""
    alone = median(both)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    other = subprocess.Popen(
        ["nice", "-n", "5", sys.executable, __file__, MAKE],
        stdout=subprocess.PIPE,
        env=environment,
    )
    try:
        assert other.stdout
        other.stdout.readline()
        busy = median(both)
    finally:
        other.kill()
        other.wait()
    print(
        f"both models read a text in {alone:.0f} ms, while factors are made in {busy:.0f} ms",
        end="",
    )
    print(f": {busy / alone:.2f} times as long (at most 2)")
    return {"alone ms": alone, "beside ms": busy, "ratio": busy / alone}


def main() -> None:
    """Print the tables."""
    model = open_model("default")
    params, tokenizer = llama.load(model), Tokenizer(model.vocabulary)
    calibration = [tokenizer.begin(passage) for passage in texts.calibration()]
    folder = cache_folder() / "surgery" / folder_name(identity(model), texts.calibration())
    store = FactorStore(folder, params, calibration)
    if MAKE in sys.argv:
        print(flush=True)
        while True:
            factors(store, "plain")
    ids = tokenizer.begin(texts.text("science"))[:64]
    figures: dict[str, object] = {"made": making(store)}
    whole = median(lambda: reading(params, ids))
    print(f"{model.title}, {len(ids)} tokens read by the whole model: {whole:.0f} ms")
    print("| cut to 1/2, | way | plan applied, ms | and text read, ms | of the whole's |")
    print("|:--|:--|--:|--:|--:|")
    for what, kinds in (("q", ["q_proj"]), ("down", ["down_proj"]), ("all", LINEAR)):
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
            figures[f"{what}, {way}"] = {"applied ms": applied, "read over whole": read / whole}
    cut = operate(params, plan, source)
    figures["beside"] = beside(lambda: (reading(params, ids), reading(cut, ids)))
    common.save("surgery", figures, ["scipy"])


if __name__ == "__main__":
    main()
