"""The checkpoints an operator offers to visitors: what lies in the folder LOWRANK_MODELS."""

import os
from pathlib import Path

from lowrank.readers.safetensors import INDEX, SINGLE


def offered() -> dict[str, Path]:
    """The models directly inside LOWRANK_MODELS, by file or folder name; none if it is not set.

    A visitor chooses among these names and can name no other path. A model that is, or holds, a
    link out of the folder is left out.
    """
    folder = os.environ.get("LOWRANK_MODELS")
    if not folder or not Path(folder).is_dir():
        return {}
    root = Path(folder).resolve()
    return {p.name: p for p in sorted(root.iterdir()) if is_checkpoint(p) and stays_in(root, p)}


def stays_in(root: Path, path: Path) -> bool:
    """Whether a path, and each file directly in it, is really inside `root`: no link leads out."""
    files = path.iterdir() if path.is_dir() else ()
    return all(each.resolve().is_relative_to(root) for each in (path, *files))


def is_checkpoint(path: Path) -> bool:
    """Whether a path looks, by its names alone, like something `open_model` opens."""
    if path.is_dir():
        return (path / INDEX).is_file() or (path / SINGLE).is_file()
    return path.suffix in (".gguf", ".safetensors")
