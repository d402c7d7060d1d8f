"""The checkpoints an operator offers to visitors: what lies in the folder LOWRANK_MODELS."""

import os
from collections.abc import Callable
from pathlib import Path

from lowrank.readers.gguf import in_folder
from lowrank.readers.safetensors import INDEX, SINGLE


def offered() -> dict[str, Path]:
    """The models directly inside LOWRANK_MODELS, by file or folder name; none if it is not set.

    A visitor chooses among these names and can name no other path. A model that is, or holds, a
    link out of the folder is left out.
    """
    return inside(is_checkpoint)


def offered_adapters() -> dict[str, Path]:
    """The PEFT adapters directly inside LOWRANK_MODELS, by folder name; chosen as models are."""
    return inside(lambda path: (path / "adapter_config.json").is_file())


def inside(wanted: Callable[[Path], bool]) -> dict[str, Path]:
    """What lies directly in LOWRANK_MODELS and is wanted, without links out or closed folders."""
    folder = os.environ.get("LOWRANK_MODELS")
    if not folder or not Path(folder).is_dir():
        return {}
    root = Path(folder).resolve()
    return {p.name: p for p in sorted(root.iterdir()) if stays_in(root, p) and wanted(p)}


def stays_in(root: Path, path: Path) -> bool:
    """Whether a path, and each file directly in it, is really inside `root`: no link leads out.

    False for a folder that may not be listed.
    """
    try:
        files = list(path.iterdir()) if path.is_dir() else []
        return all(each.resolve().is_relative_to(root) for each in (path, *files))
    except OSError:
        return False


def is_checkpoint(path: Path) -> bool:
    """Whether a path looks, by its names alone, like something `open_model` opens."""
    if path.is_dir():
        return any((path / name).is_file() for name in (INDEX, SINGLE)) or bool(in_folder(path))
    return path.suffix.lower() in (".gguf", ".npy") or path.suffix == ".safetensors"
