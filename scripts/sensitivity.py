"""Measure how much each projection of the default model needs its rank, and write it down.

python scripts/sensitivity.py [PART ...]      Ten minutes on two cores. The parts, by default all:
    sensitivity   each kind of projection cut in all layers; prints the table of the README
    layers        each kind cut in one layer at a time, every third layer
    noise         single late MLP matrices cut, and the built-in questions asked
It writes the files of those names in lowrank/surgery/data, which the Surgery page shows. The maps
can be measured by --workers processes, or on a Dask cluster: --scheduler tcp://host:8786.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lowrank.llama.names import LINEAR, MLP  # noqa: E402
from lowrank.llama.tokenizer import Tokenizer  # noqa: E402
from lowrank.readers import open_model  # noqa: E402
from lowrank.readers.elsewhere import executor  # noqa: E402
from lowrank.readers.identity import identity  # noqa: E402
from lowrank.surgery import (  # noqa: E402
    FactorStore,
    Measured,
    answers,
    by_fraction,
    chosen,
    operate,
    recorded,
    texts,
)
from lowrank.surgery.maps import WAYS, mapped, stored  # noqa: E402

TEXTS = {"sensitivity": "prose", "layers": "science"}
LATE = (20, 25, 28, 29)
DENOISED = (0.5, 0.2, 0.05)


def main() -> None:
    """Measure, print, write."""
    parts = (*TEXTS, "noise")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="*", choices=parts, default=parts)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--scheduler", help="of a Dask cluster, in place of workers here")
    given = parser.parse_args()
    model = open_model("default")
    store, tokenizer = stored(model.source, identity(model))
    for way in WAYS:
        for done, total, name in store.prepare(way, chosen(store.params, LINEAR)):
            print(f"\r{way}: {done} of {total} {name:45}", end="", file=sys.stderr)
    with executor(given.workers, given.scheduler) as pool:
        for part, name in TEXTS.items():
            if part in given.part:
                text, size = texts.text(name), sum(map(len, store.texts))
                found = partial(mapped, model, text, executor=pool, threads=given.threads)
                points = together(found) if part == "sensitivity" else by_layer(found, store)
                length = len(tokenizer.begin(text))
                write_map(part, recorded.Map(name, length, size, points[0].base, tuple(points)))
    if "noise" in given.part:
        write_noise(noise(store, tokenizer))


def together(found: Callable[..., Iterator[Measured]]) -> list[Measured]:
    """Each kind cut in all layers, printed as the table of the README."""
    points = in_order(found(recorded.FRACTIONS))
    table(points)
    return points


def by_layer(found: Callable[..., Iterator[Measured]], store: FactorStore) -> list[Measured]:
    """Each kind cut in one layer at a time, printed as they come."""
    points = []
    for p in found([recorded.BY_LAYER], recorded.some_layers(len(store.params.layers))):
        points.append(p)
        print(f"{p.kind} {p.layer} {p.way}: {p.rise:+.4f}", flush=True)
    return in_order(points)


def in_order(points: Iterable[Measured]) -> list[Measured]:
    """By kind, layer, way and fraction, however they came."""
    kinds = list(LINEAR)
    return sorted(
        points, key=lambda p: (kinds.index(p.kind), p.layer or 0, WAYS.index(p.way), -p.fraction)
    )


def table(points: Sequence[Measured]) -> None:
    """The README's table: nll of each projection at 1/2, 1/4, 1/8, plain and activation-aware."""
    fractions = (0.5, 0.25, 0.125)
    found = {(p.kind, p.fraction, p.way): p.nll for p in points}
    print(f"\nnll of the whole model: {points[0].base:.3f}\n")
    print("| all layers of | 1/2 plain | aware | 1/4 plain | aware | 1/8 plain | aware |")
    print("|:--|--:|--:|--:|--:|--:|--:|")
    for kind in LINEAR:
        cells = [f"{found[kind, f, way]:.2f}" for f in fractions for way in ("plain", "aware")]
        print(f"| {kind.removesuffix('_proj')} | " + " | ".join(cells) + " |", flush=True)


def noise(store: FactorStore, tokenizer: Tokenizer) -> recorded.Noise:
    """The questions asked of the whole model, and of one with a late MLP matrix cut."""
    asked = [(tokenizer.begin(a), tokenizer.encode(f" {b}")) for a, b in texts.questions()]
    whole, cuts = answers(store.params, asked), []
    print(f"\nquestions: {whole.right} of {len(asked)} right, mean ln p {whole.logp:.3f}")
    for layer in LATE:
        for kind in MLP:
            for fraction in DENOISED:
                plan = by_fraction(store.params, chosen(store.params, [kind], [layer]), fraction)
                found = answers(operate(store.params, plan, store.source("plain")), asked)
                cuts.append(recorded.Denoised(kind, layer, fraction, found.right, found.logp))
                print(f"{kind} {layer} at {fraction}: {found.right}, {found.logp:.3f}", flush=True)
    return recorded.Noise(len(asked), whole.right, whole.logp, tuple(cuts))


def write_map(name: str, found: recorded.Map) -> None:
    """Write the file of a map ("sensitivity" or "layers")."""
    head = {
        "text": found.text,
        "tokens": found.tokens,
        "calibration_tokens": found.calibration_tokens,
        "base": round(found.base, 5),
    }
    write(name, head, [[p.kind, p.layer, p.fraction, p.way, round(p.nll, 5)] for p in found.points])


def write_noise(found: recorded.Noise) -> None:
    """Write the file of what `noise` measured."""
    head = {"questions": found.questions, "right": found.right, "logp": round(found.logp, 4)}
    rows = [[d.kind, d.layer, d.fraction, d.right, round(d.logp, 4)] for d in found.cuts]
    write("noise", head, rows)


def write(name: str, head: Mapping[str, object], rows: Sequence[Sequence[object]]) -> None:
    """A file that `lowrank.surgery.recorded` reads: the head, then a measurement a line."""
    lines = [f' "command": {json.dumps(f"{recorded.COMMAND} {name}")}']
    lines += [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    lines.append(' "rows": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (recorded.FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
