"""Applying a plan whose factors are stored: time to the next token's distribution.

python benchmarks/surgery.py        The peer, in the same run: the whole model's own forward of the
same text. What surgery adds (reading the factors and putting the pairs in place) is what is left
of the cut model's time when its own forward, repeated, is taken away. Medians; factors that are
not stored yet are computed first, a minute for each way.
"""

import statistics
from collections.abc import Callable

import common

from lowrank import llama
from lowrank.llama.names import LINEAR
from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers import open_model
from lowrank.readers.default_model import cache_folder
from lowrank.readers.identity import identity
from lowrank.surgery import FactorStore, by_fraction, chosen, operate, reading, texts
from lowrank.surgery.factor_store import folder_name

REPEATS = 5


def median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    return 1e3 * statistics.median(common.in_turns({"": work}, REPEATS)[""])


def main() -> None:
    """Print the table."""
    model = open_model("default")
    params, tokenizer = llama.load(model), Tokenizer(model.vocabulary)
    calibration = [tokenizer.begin(passage) for passage in texts.calibration()]
    folder = cache_folder() / "surgery" / folder_name(identity(model), texts.calibration())
    store = FactorStore(folder, params, calibration)
    ids = tokenizer.begin(texts.text("science"))[:64]
    whole = median(lambda: reading(params, ids))
    print(f"{model.title}, {len(ids)} tokens read by the whole model: {whole:.0f} ms")
    figures = {}
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
    common.save("surgery", figures)


if __name__ == "__main__":
    main()
