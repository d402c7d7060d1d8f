"""Redo the LoRA paper's experiments on the default model and store the results in the package.

    python scripts/experiments.py --steps 60 --seeds 2 --rate 0.001 --held-out 24

Goes on where it was stopped: what is done is kept in --scratch. The record says with what command
and when it was made. One step takes about half a second on a quiet computer of two cores.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from lowrank import llama
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora.lab import experiments
from lowrank.lora.lab.sets import FOLDER
from lowrank.readers import open_model

STORED = FOLDER / "experiments.json"


def main() -> None:
    """Run what is missing and write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--held-out", type=int, default=24)
    parser.add_argument("--tables", nargs="+", default=list(experiments.TABLES))
    parser.add_argument("--minutes", type=float, help="stop then and store what is done")
    parser.add_argument("--out", type=Path, default=STORED)
    parser.add_argument("--scratch", type=Path, default=Path(".experiments"))
    given = parser.parse_args()
    settings = experiments.Settings(
        steps=given.steps,
        seeds=tuple(range(given.seeds)),
        tables=tuple(given.tables),
        learning_rate=given.rate,
        held_out=given.held_out,
    )
    redo = resumed(given.scratch, settings)
    model = open_model("default")
    params, tokenizer = llama.load(model), Tokenizer(model.words)
    began, last = time.monotonic(), ""
    for doing in experiments.work(params, tokenizer, redo):
        if doing.words != last:
            last = doing.words
            print(f"{doing.share:5.1%}  {time.monotonic() - began:6.0f} s  {last}", flush=True)
            save(given.scratch, redo)
        if given.minutes and time.monotonic() - began > 60 * given.minutes:
            if experiments.comparable(redo):
                redo.record["update"] = experiments.compared(params, redo)
            break
    done, all_of_them = len(redo.record["runs"]), len(experiments.trials(settings))
    redo.record |= {
        "done": f"{done} of {all_of_them} runs",
        "model": model.title,
        "command": f"python scripts/experiments.py --steps {given.steps} --seeds {given.seeds} "
        f"--rate {given.rate:g} --held-out {given.held_out}",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    given.out.write_text(json.dumps(redo.record) + "\n", encoding="utf-8")
    print(f"{given.out.name}: {given.out.stat().st_size / 1000:.0f} kB")


def save(folder: Path, redo: experiments.Redo) -> None:
    """Keep what is done, so that a stopped run goes on."""
    folder.mkdir(exist_ok=True)
    arrays = {} if redo.full is None else {"full": redo.full}
    for name, (A, B, scale) in redo.pairs.items():
        key = name.replace("/", "|")
        arrays |= {f"{key}|A": A, f"{key}|B": B, f"{key}|s": np.array(scale)}
    np.savez(folder / "kept.npz", **arrays)
    (folder / "record.json").write_text(json.dumps(redo.record), encoding="utf-8")


def resumed(folder: Path, settings: experiments.Settings) -> experiments.Redo:
    """What was done with the same settings, or nothing; more seeds or tables may be added."""
    redo = experiments.Redo(settings)
    if not (folder / "record.json").exists():
        return redo
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    mine = json.loads(json.dumps(asdict(settings)))
    free = ("seeds", "tables")
    if any(record["settings"].get(name) != mine[name] for name in mine if name not in free):
        return redo
    redo.record = record
    with np.load(folder / "kept.npz") as held:
        redo.full = held["full"] if "full" in held.files else None
        for key in held.files:
            name, _, part = key.rpartition("|")
            if part == "A":
                pair = held[key], held[f"{name}|B"], float(held[f"{name}|s"])
                redo.pairs[name.replace("|", "/")] = pair
    return redo


if __name__ == "__main__":
    main()
