"""The safetensors format, parsed strictly: every claim of a header is checked before it is used.

Layout after the safetensors README: eight bytes of little-endian length, a JSON object of names to
dtype, shape and offsets, then the data, each byte of it belonging to exactly one tensor.
"""

import json
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any, TypeGuard

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError
from lowrank.language import gettext as _
from lowrank.readers.interface import LONGEST_NAME

MAX_DIMENSIONS = 8
LONGEST_HEADER = 8_000_000  # bytes, and
MOST_TENSORS = 30_000  # in one file: far more than any model has, parsed within a second
STORED = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "F8_E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "F8_E8M0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
NARROW = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}  # bits of the types that share bytes; not read
BITS = {name: 8 * dtype.itemsize for name, dtype in STORED.items()} | NARROW


@dataclass(frozen=True)
class Entry:
    """One tensor of a file: its type, shape, and where its bytes are in the data, from start."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def header_length(first: bytes, filename: str, room: int) -> int:
    """The length that the first eight bytes state, proved to fit into the `room` bytes after them.

    Raises FormatError if it does not, or is over 8 MB: then it is no length, but another format.
    """
    length = int.from_bytes(first[:8], "little")
    if len(first) < 8 or not 2 <= length <= LONGEST_HEADER:
        raise FormatError(
            "{filename} is not a safetensors file: such a file begins with the length of "
            "its header, from 2 to {most:,} bytes, and this one does not.",
            filename=filename,
            most=LONGEST_HEADER,
        )
    if length > room:
        raise FormatError(
            "{filename} is not a sound safetensors file: its header should have {length:,} "
            "bytes, and only {room:,} follow. Was it copied whole?",
            filename=filename,
            length=length,
            room=room,
        )
    return length


def parse_header(raw: bytes, data_length: int, filename: str) -> dict[str, Entry]:
    """The tensors that a header's JSON describes, in the order of their bytes.

    `raw` is the JSON alone, `data_length` the number of bytes after it. Raises FormatError naming
    the file, and the tensor if one is to blame: bytes that overlap, leave holes, lie outside the
    data or do not fit the shape; a name that occurs twice; anything that is not such JSON.
    """

    def fail(what: str) -> FormatError:
        return FormatError(
            "{filename} is not a sound safetensors file: {what}.",
            filename=filename,
            what=what,
        )

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise fail(_("a name in its header occurs twice"))
        return found

    try:
        table = json.loads(raw.decode("utf-8"), object_pairs_hook=once, parse_constant=float)
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise fail(_("its header is not JSON in UTF-8")) from error
    if not isinstance(table, dict):
        raise fail(_("its header is not a JSON object"))
    table.pop("__metadata__", None)
    if len(table) > MOST_TENSORS:
        what = _("it lists {count:,} tensors, and at most {most:,} are accepted")
        raise fail(what.format(count=len(table), most=MOST_TENSORS))
    if longest := next((name for name in table if len(name) > LONGEST_NAME), ""):
        what = _("the name {name!r}… has {count:,} characters")
        raise fail(what.format(name=longest[:40], count=len(longest)))
    entries = {}
    for name, described in table.items():
        try:
            entries[name] = entry(described)
        except ValueError as error:
            what = _("tensor {name!r} {problem}").format(name=name[:200], problem=error)
            raise fail(what) from error
    ordered = dict(sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)))
    at = 0
    for name, found in ordered.items():
        if found.start != at:
            what = _("tensor {name!r} overlaps another or leaves a hole before it")
            raise fail(what.format(name=name[:200]))
        at = found.end
    if at != data_length:
        what = _("its tensors take {taken:,} bytes, and {there:,} follow the header")
        raise fail(what.format(taken=at, there=data_length))
    return ordered


def entry(described: Any) -> Entry:
    """One value of the header, checked. Raises ValueError with the rest of a sentence."""
    if not isinstance(described, dict):
        raise ValueError(_("is not described by an object"))
    dtype, shape = described.get("dtype"), described.get("shape")
    offsets = described.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        said = _("has type {dtype!r}; known are {known}")
        raise ValueError(said.format(dtype=str(dtype)[:40], known=", ".join(BITS)))
    if not is_counts(shape) or len(shape) > MAX_DIMENSIONS:
        said = _("has a shape that is not a list of at most {most} counts")
        raise ValueError(said.format(most=MAX_DIMENSIONS))
    if not is_counts(offsets) or len(offsets) != 2:
        raise ValueError(_("has offsets that are not two counts"))
    start, end = offsets
    if 8 * (end - start) != BITS[dtype] * prod(shape):
        said = _("is {dtype} of shape {shape}, which is not what its offsets hold")
        raise ValueError(said.format(dtype=dtype, shape=shape))
    return Entry(dtype, tuple(shape), start, end)


def is_counts(value: Any) -> TypeGuard[list[int]]:
    """Whether a JSON value is a list of whole numbers that 64 bits hold."""
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


def widen(
    raw: memoryview | bytes, dtype: str, shape: tuple[int, ...]
) -> NDArray[np.float32]:  # stored bytes -> shape
    """A tensor's stored values as a new float32 array; exact for every type of 16 bits or fewer.

    >>> widen(bytes.fromhex("803f 00c0"), "BF16", (2,)).tolist()
    [1.0, -2.0]
    """
    if STORED[dtype].itemsize == 1:  # a table of the 256 values is four times as fast
        return every_byte(dtype)[np.frombuffer(raw, np.uint8)].reshape(shape)
    return np.frombuffer(raw, STORED[dtype]).astype(np.float32).reshape(shape)


def as_stored(raw: memoryview | bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """A tensor's stored values: whole numbers as they are, all others as `widen` has them."""
    if STORED[dtype].kind in "iu":
        return np.frombuffer(raw, STORED[dtype]).reshape(shape)
    return widen(raw, dtype, shape)


@cache
def every_byte(dtype: str) -> NDArray[np.float32]:  # (256,)
    """What every byte stands for in a type of eight bits.

    Reference: Micikevicius et al., "FP8 Formats for Deep Learning", arXiv 2209.05433, table 1.
    """
    return np.arange(256, dtype=np.uint8).view(STORED[dtype]).astype(np.float32)
