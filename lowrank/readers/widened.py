"""A model's numbers as float32 in one file, which all processes of a machine share.

Each process that runs a model would otherwise hold its weights for itself. The pages of a file are
in memory once, for whoever maps it.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import SourceError
from lowrank.files import drop_oldest, whole
from lowrank.readers.interface import Model

KEPT = 4 * 10**9  # bytes of such files in one folder

Floats = NDArray[np.float32]


def widened(model: Model, path: Path) -> Callable[[str], Floats]:
    """What reads a tensor, (out, in) for a matrix, from the file at `path`, made when first needed.

    `path` should be named for the model's content (`lowrank.readers.identity.identity`). Where the
    file cannot be written, tensors are read as the model reads them.
    """
    shapes = {name: info.shape for name, info in model.tensors.items()}
    starts = dict(zip(shapes, accumulate(map(prod, shapes.values()), initial=0), strict=False))
    held: list[Floats] = []

    def read(name: str) -> Floats:
        if not held:
            try:
                held.append(_mapped(model, path))
            except SourceError:
                return model.read(name)
        start, shape = starts[name], shapes[name]
        return held[0][start : start + prod(shape)].reshape(shape)

    return read


def make(model: Model, path: Path) -> None:
    """Write the file, unless it is there. Raises SourceError if it cannot be written."""
    total = sum(prod(info.shape) for info in model.tensors.values())
    size = total * np.dtype(np.float32).itemsize
    if path.is_file() and path.stat().st_size == size:
        return
    if path.parent.is_dir():
        drop_oldest(path.parent, max(KEPT - size, 0))
    with whole(path) as out:
        for name in model.tensors:
            out.write(np.ascontiguousarray(model.read(name), np.float32).data)


def _mapped(model: Model, path: Path) -> Floats:
    """All numbers of a model, read-only."""
    make(model, path)
    with suppress(OSError):  # now used last; where nothing may be written, nothing is dropped
        os.utime(path)
    return np.memmap(path, np.float32, "r").view(np.ndarray)
