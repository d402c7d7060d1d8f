"""Redo the LoRA paper's experiments on the default model and store the results in the package.

    python scripts/experiments.py --steps 150 --seeds 5 --workers 2

Goes on where it was stopped: what is done is kept in --scratch. The record says with what command
and when it was made. Of 16 ways to train each is run with three learning rates or more, and at the
best of them with every seed: two hours on a quiet computer of two cores. Runs can be done in
--workers processes, or on a Dask cluster: --scheduler tcp://host:8786.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from lowrank import files
from lowrank.lora.lab import experiments, redoing
from lowrank.lora.lab.records import store
from lowrank.readers import open_model
from lowrank.readers.elsewhere import executor


def main() -> None:
    """Run what is missing and write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tables", nargs="+", default=list(experiments.TABLES))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--scheduler", help="of a Dask cluster, in place of workers here")
    parser.add_argument("--scratch", type=Path, default=Path(".experiments"))
    given = parser.parse_args()
    settings = experiments.Settings(
        steps=given.steps,
        seeds=tuple(range(given.seeds)),
        tables=tuple(given.tables),
    )
    redo = resumed(given.scratch, settings)
    model = open_model("default")
    began, last = time.monotonic(), ""
    with executor(given.workers, given.scheduler) as pool:
        for doing in redoing.work(model, redo, pool, given.threads):
            if str(doing.words) != last:
                last = str(doing.words)
                print(f"{doing.share:5.1%}  {time.monotonic() - began:6.0f} s  {last}", flush=True)
                save(given.scratch, redo)
    command = f"python scripts/experiments.py --steps {given.steps} --seeds {given.seeds}"
    store("experiments", redo.record, command, model.title)


def save(folder: Path, redo: experiments.Redo) -> None:
    """Keep what is done, so that a stopped run goes on."""
    with files.whole(folder / "kept.npz") as out:
        np.savez(out, **redo.kept)
    files.write(folder / "record.json", json.dumps(redo.record))


def resumed(folder: Path, settings: experiments.Settings) -> experiments.Redo:
    """What was done with the same settings, or nothing; more seeds or tables may be added."""
    redo = experiments.Redo(settings)
    if not (folder / "record.json").exists():
        return redo
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    mine = json.loads(json.dumps(asdict(settings)))
    same = all(record["settings"].get(n) == mine[n] for n in mine if n not in ("seeds", "tables"))
    if same:
        redo.record = record
        with np.load(folder / "kept.npz") as held:
            redo.kept = dict(held)
    return redo


if __name__ == "__main__":
    main()
