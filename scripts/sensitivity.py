"""Measure how much each projection of the default model needs its rank, and write it down.

python scripts/sensitivity.py      Ten minutes on two cores. It writes the file that the Surgery
page shows (lowrank/surgery/data/sensitivity.json) and prints the table of the README.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lowrank import llama  # noqa: E402
from lowrank.llama.model import ATTENTION, MLP  # noqa: E402
from lowrank.llama.tokenizer import Tokenizer  # noqa: E402
from lowrank.readers import open_model  # noqa: E402
from lowrank.readers.fetch import cache_folder  # noqa: E402
from lowrank.surgery import (  # noqa: E402  # noqa: E402
    Kept,
    Measured,
    answers,
    by_fraction,
    chosen,
    operate,
    sensitivity,
    texts,
)
from lowrank.surgery.kept import folder_name  # noqa: E402
from lowrank.surgery.stored import BY_LAYER, FRACTIONS, Denoised, Stored, write  # noqa: E402

TEXT = "prose"
LATE = (18, 22, 25, 27, 28, 29)
DENOISED = (0.5, 0.2, 0.1, 0.05)


def main() -> None:
    """Measure, print, write."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    model = open_model("default")
    params, tokenizer = llama.load(model), Tokenizer(model.words)
    calibration = [tokenizer.begin(passage) for passage in texts.calibration()]
    folder = cache_folder() / "surgery" / folder_name(model.tensors, texts.calibration())
    kept = Kept(folder, params, calibration)
    sources = {"plain": kept.source("plain"), "aware": kept.source("aware")}
    for way in sources:
        for done, total, name in kept.prepare(way, chosen(params, ATTENTION + MLP)):
            print(f"\r{way}: {done} of {total} {name:45}", end="", file=sys.stderr)
    ids = tokenizer.begin(texts.text(TEXT))
    points = list(sensitivity(params, ids, sources, fractions=FRACTIONS))
    table(points)
    layers = range(len(params.layers))
    points += sensitivity(params, ids, sources, fractions=[BY_LAYER], layers=layers)
    asked = [(tokenizer.begin(a), tokenizer.encode(f" {b}")) for a, b in texts.questions()]
    whole, denoised = answers(params, asked), []
    print(f"\nquestions: {whole.right} of {len(asked)} right, mean ln p {whole.logp:.3f}")
    for layer in LATE:
        for kind in MLP:
            for fraction in DENOISED:
                plan = by_fraction(params, chosen(params, [kind], [layer]), fraction)
                found = answers(operate(params, plan, sources["plain"]), asked)
                denoised.append(Denoised(kind, layer, fraction, found.right, found.logp))
                print(f"  {kind} {layer} at {fraction}: {found.right}, {found.logp:.3f}")
    write(
        Stored(
            model.title,
            TEXT,
            len(ids),
            sum(map(len, calibration)),
            points[0].base,
            tuple(points),
            len(asked),
            whole.right,
            whole.logp,
            tuple(denoised),
        )
    )


def table(points: Sequence[Measured]) -> None:
    """The README's table: nll of each projection at 1/2, 1/4, 1/8, plain and activation-aware."""
    fractions = (0.5, 0.25, 0.125)
    found = {(p.kind, p.fraction, p.way): p.nll for p in points}
    print(f"\nnll whole: {points[0].base:.3f}\n")
    print("| all layers of | 1/2 plain | aware | 1/4 plain | aware | 1/8 plain | aware |")
    print("|:--|--:|--:|--:|--:|--:|--:|")
    for kind in ATTENTION + MLP:
        cells = [f"{found[kind, f, way]:.2f}" for f in fractions for way in ("plain", "aware")]
        print(f"| {kind.removesuffix('_proj')} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
