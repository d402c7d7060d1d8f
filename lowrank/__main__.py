"""The command line: `python -m lowrank COMMAND`; `--help` lists the commands."""

import argparse
import os
import sys
from collections.abc import Sequence

from lowrank.errors import LowrankError
from lowrank.readers.fetch import DEFAULT, cached_path, fetch


def fetch_command(arguments: argparse.Namespace) -> None:
    """Fetch the default model, with a line of progress where someone is watching."""
    watched = sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if watched:
            print(f"\r  {done / 1e6:6.1f} of {total / 1e6:.1f} MB", end="", file=sys.stderr)

    if cached_path() is None:
        print(f"Fetching {DEFAULT.filename} ({DEFAULT.download_size / 1e6:.0f} MB), once.")
        fetch(progress=progress)
        print("" if watched else "Done.")
    print(f"The default model is in {cached_path()}")


def merge_command(arguments: argparse.Namespace) -> None:
    """Merge an adapter into a model and write the result."""
    from lowrank.adapters import export, load  # only here: they need the readers' libraries
    from lowrank.readers import open_model

    model, adapter = open_model(arguments.model), load(arguments.adapter)
    for path in export(model, adapter, arguments.folder, arguments.dtype):
        print(f"{path}  {path.stat().st_size / 1e6:,.1f} MB")
    print(f"{len(adapter.pairs)} matrices changed, {len(adapter.unused)} pairs not targeted.")


def atlas_command(arguments: argparse.Namespace) -> None:
    """Survey every matrix of a model."""
    from lowrank.atlas.command import run  # only here: it needs the drawing libraries

    run(arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; our own errors become one line and exit status 1."""
    parser = argparse.ArgumentParser(prog="lowrank", description=__doc__)
    commands = parser.add_subparsers(required=True)
    fetching = commands.add_parser("fetch", help="fetch the default model into the cache")
    fetching.set_defaults(run=fetch_command)
    merging = commands.add_parser("merge", help="merge a PEFT adapter into a model, as safetensors")
    merging.add_argument("model", help="default, a file, a folder, or a hub id")
    merging.add_argument("adapter", help="a folder that PEFT's save_pretrained wrote")
    merging.add_argument("folder", help="where the merged model goes")
    kinds = ["stored", "F32", "F16", "BF16"]
    merging.add_argument("--dtype", choices=kinds, default="stored", help="default: as stored")
    merging.set_defaults(run=merge_command)
    surveying = commands.add_parser("atlas", help="survey every matrix of a model, resumable")
    surveying.add_argument("model", help="default, a file, a folder, or a hub id")
    surveying.add_argument("--out", required=True, help="the folder that keeps the survey")
    surveying.add_argument("--workers", type=int, default=os.cpu_count(), help="default: all cores")
    surveying.add_argument("--threads", type=int, default=1, help="of BLAS, a worker; default 1")
    surveying.add_argument("--scheduler", help="tcp://host:port of a running Dask scheduler")
    surveying.add_argument("--all", action="store_true", help="embeddings and head too")
    surveying.set_defaults(run=atlas_command)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except LowrankError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
