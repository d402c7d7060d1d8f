"""Writing safetensors one tensor at a time, so that a shard never has to fit into memory.

The format is the safetensors library's, which takes whole dictionaries of arrays: for a merged
7B model that would be gigabytes at once.
"""

import json
import struct
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError
from lowrank.files import whole
from lowrank.readers.safetensors_header import STORED

SIZE = {dtype: STORED[dtype].itemsize for dtype in ("F32", "F16", "BF16")}


def write(
    path: Path,
    table: Mapping[str, tuple[str, tuple[int, ...]]],
    tensor: Callable[[str], NDArray[np.float32]],
) -> int:
    """Write the tensors of `table` (stored type and shape by name), each asked for when its turn
    comes. Returns the bytes of data; the file appears whole or not at all.

    Raises SourceError if it cannot be written, FormatError if a value does not fit its type.
    """
    header, at = {}, 0
    for name, (dtype, shape) in table.items():
        end = at + SIZE[dtype] * prod(shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    raw = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    raw += b" " * (-len(raw) % 8)  # data aligned to 8 bytes, as the library does
    with whole(path) as out:
        out.write(struct.pack("<Q", len(raw)) + raw)
        for name, (dtype, shape) in table.items():
            value = tensor(name)
            if value.shape != shape:
                raise FormatError(
                    "{name} has shape {shape}; expected {expected}.",
                    name=name,
                    shape=value.shape,
                    expected=shape,
                )
            out.write(narrowed(name, value, dtype).tobytes())
    return at


def narrowed(name: str, value: NDArray[np.float32], dtype: str) -> NDArray:
    """float32 rounded to a stored type, to nearest and ties to even; NaN and infinity stay.

    Raises FormatError if a finite value is too large for it.

    >>> narrowed("w", np.float32([1.0, 1.00390625]), "BF16").astype(float).tolist()
    [1.0, 1.0]
    """
    with np.errstate(over="ignore"):
        narrow = value.astype(STORED[dtype])
    if (np.isinf(narrow) & np.isfinite(value)).any():
        raise FormatError(
            "{name} holds values too large for {dtype}; store it as F32.",
            name=name,
            dtype=dtype,
        )
    return narrow
