"""The checkpoints an operator offers to visitors: what lies in the folder LOWRANK_MODELS."""

import os
from pathlib import Path

from lowrank.readers.safetensors import INDEX, SINGLE


def offered() -> dict[str, Path]:
    """The models directly inside LOWRANK_MODELS, by file or folder name; none if it is not set.

    A visitor chooses among these names and can name no other path. Links that lead out of the
    folder are left out.
    """
    folder = os.environ.get("LOWRANK_MODELS")
    if not folder or not Path(folder).is_dir():
        return {}
    root = Path(folder).resolve()
    inside = (path for path in sorted(root.iterdir()) if path.resolve().is_relative_to(root))
    return {path.name: path for path in inside if is_checkpoint(path)}


def is_checkpoint(path: Path) -> bool:
    """Whether a path looks, by its names alone, like something `open_model` opens."""
    if path.is_dir():
        return (path / INDEX).is_file() or (path / SINGLE).is_file()
    return path.suffix in (".gguf", ".safetensors")
