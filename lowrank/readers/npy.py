"""A matrix that numpy saved: a .npy file, memory-mapped, as a model of one tensor.

The header is read by numpy's own parser, which evaluates literals and nothing else; what it says is
checked against the file before it is used.
"""

import io
from collections.abc import Mapping
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from lowrank.errors import FormatError
from lowrank.readers.interface import TensorInfo, known_tensor
from lowrank.readers.local_files import mapped, unshrunk
from lowrank.readers.notebook import ShownInNotebooks

NAME = "matrix"
LONGEST_HEADER = 70_000  # bytes
REAL = "fiub"  # kinds of numbers


class NpyModel(ShownInNotebooks):
    """A .npy file, open: see `lowrank.readers.interface.Model` for its verbs.

    Its one tensor is called "matrix". Raises SourceError if the file cannot be opened, FormatError
    if it is not sound or does not hold real numbers.
    """

    kind: Literal["real", "synthetic"] = "real"
    config: None = None
    model_type: None = None
    given_config: None = None
    vocabulary: None = None
    parts: Mapping[str, TensorInfo] = MappingProxyType({})

    def __init__(self, path: Path) -> None:
        self._data = mapped(path)
        self._shape, self._turned, self._dtype, self._start = header(self._data, path.name)
        self.source, self.title, self.made_of = str(path), path.stem, (path,)
        kind = self._dtype.kind.upper() + str(8 * self._dtype.itemsize)
        label = "BOOL" if self._dtype.kind == "b" else kind
        nbytes = prod(self._shape) * self._dtype.itemsize
        self.tensors: Mapping[str, TensorInfo] = MappingProxyType(
            {NAME: TensorInfo(NAME, None, None, self._shape, label, nbytes)}
        )

    def beside(self, name: str) -> None:
        """Everything is in the one file."""

    def read(self, name: str) -> NDArray[np.float32]:
        """The array as float32. Raises InputError if it is called by another name."""
        info = known_tensor(self.tensors, name, self.title)
        unshrunk(self.made_of[0], len(self._data))
        raw = self._data[self._start : self._start + info.nbytes]
        order: Literal["F", "C"] = "F" if self._turned else "C"
        found = np.frombuffer(raw, self._dtype).reshape(self._shape, order=order)
        with np.errstate(over="ignore"):  # a float64 that float32 cannot hold becomes infinite
            return np.array(found, np.float32, order="C")


def header(data: memoryview, name: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, whether columns come first, type, and where the numbers begin.

    Raises FormatError for anything but real numbers that fill the rest of the file.
    """
    stream = io.BytesIO(bytes(data[:LONGEST_HEADER]))
    try:
        version = npy_format.read_magic(stream)
        read = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
        shape, turned, dtype = read[version](stream)
    except Exception as error:  # numpy promises ValueError, and lets through what evaluating raises
        raise FormatError(
            "{name} is not a sound .npy file: its header is none.",
            name=name,
        ) from error
    if dtype.kind not in REAL or dtype.itemsize > 8:
        raise FormatError(
            "{name} holds {dtype}, and real numbers are expected.",
            name=name,
            dtype=str(dtype)[:40],
        )
    start = stream.tell()
    if any(n < 0 for n in shape) or prod(shape) * dtype.itemsize != len(data) - start:
        raise FormatError(
            "{name} is not a sound .npy file: {shape} numbers of {dtype} are not the "
            "{data:,} bytes that follow.",
            name=name,
            shape=str(shape)[:80],
            dtype=dtype,
            data=len(data) - start,
        )
    return shape, turned, dtype, start
