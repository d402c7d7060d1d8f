"""The header of a GGUF file, parsed strictly: every claim is checked before it is used.

Layout after the GGUF specification, version 3 (ggml documentation, docs/gguf.md). Every count,
length and offset is checked against the file before it is used, so a lying file costs neither
time nor memory. The vocabulary is stepped over, not decoded, until someone asks for it.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

from lowrank.errors import FormatError
from lowrank.language import gettext as _
from lowrank.readers.interface import LONGEST_NAME

NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
STRING, ARRAY = 8, 9
MAX_DIMENSIONS = 4
MAX_NESTING = 2
MOST_TENSORS = 30_000
MOST_ITEMS = 4_000_000  # strings, pairs and rows of one file: stepped over within a second


@dataclass(frozen=True)
class Stored:
    """Where one tensor's bytes are: its shape, (out, in) for a matrix, its type and its file."""

    shape: tuple[int, ...]
    type: int
    label: str
    start: int
    nbytes: int
    file: int = 0

    def slices(self) -> list["Stored"]:
        """The parts along the first axis, which lie one after another: a matrix for each expert."""
        each = self.nbytes // self.shape[0]
        return [
            Stored(self.shape[1:], self.type, self.label, self.start + i * each, each, self.file)
            for i in range(self.shape[0])
        ]


class Short(Exception):
    """More of the file's first bytes are needed."""


@dataclass(frozen=True)
class Array:
    """A metadata array left in the file: element type, count and where its first element is."""

    kind: int
    count: int
    start: int


class Cursor:
    """A place in the file that only moves forward, and never past the end.

    `data` are its first bytes, all `size` of them or, of a file elsewhere, what has been fetched:
    raises Short where more of those are needed.
    """

    def __init__(self, data: memoryview, name: str, size: int) -> None:
        self.data, self.name, self.size, self.at = data, name, size, 0
        self.items_left = MOST_ITEMS

    def fail(self, what: str) -> FormatError:
        """The error to raise: which file, where, and what is wrong."""
        return FormatError(
            "{name} is not a sound GGUF file: {what} (byte {at}).",
            name=self.name,
            what=what,
            at=self.at,
        )

    def take(self, size: int, what: str) -> memoryview:
        """The next `size` bytes."""
        if size > self.size - self.at:
            said = _("{what} needs {size:,} bytes, but the file ends before")
            raise self.fail(said.format(what=what, size=size))
        if size > len(self.data) - self.at:
            raise Short
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, code: str, what: str) -> Any:
        """The next number, little-endian, in struct's letter for its type."""
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code), what))[0]

    def string(self, what: str, most: int | None = None) -> str:
        """The next string: a 64-bit length, at most `most`, then UTF-8."""
        length = self.number("Q", what)
        if most is not None and most < length <= self.size - self.at:
            said = _("{what} has {length:,} bytes, and {most} are accepted")
            raise self.fail(said.format(what=what, length=length, most=most))
        raw = bytes(self.take(length, what))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.fail(_("{what} is not UTF-8").format(what=what)) from None

    def value(self, kind: int, what: str, depth: int = 0) -> Any:
        """The next metadata value; an array is stepped over and described, not decoded."""
        if kind in NUMBERS:
            return self.number(NUMBERS[kind], what)
        if kind == STRING:
            return self.string(what)
        if kind != ARRAY or depth == MAX_NESTING:
            said = _("{what} has unknown type {kind} or arrays nested too deep")
            raise self.fail(said.format(what=what, kind=kind))
        inner, count = self.number("I", what), self.number("Q", what)
        array = Array(inner, count, self.at)
        if inner in NUMBERS:
            self.take(count * struct.calcsize("<" + NUMBERS[inner]), what)
        elif inner == STRING:
            self.skip_strings(count, what)
        else:
            self.no_more_than(count, 12, what)
            for _item in range(count):
                self.value(inner, what, depth + 1)
        return array

    def skip_strings(self, count: int, what: str) -> None:
        """Step over `count` strings: a tight loop, since a vocabulary has 100,000 of them."""
        self.no_more_than(count, 8, what)
        at, end, length_at = self.at, len(self.data), struct.Struct("<Q").unpack_from
        for _item in range(count):
            if at + 8 > end:
                raise self.cut_short(at + 8, what)
            at += 8 + length_at(self.data, at)[0]
        if at > end:
            raise self.cut_short(at, what)
        self.at = at

    def cut_short(self, at: int, what: str) -> Exception:
        """The error for a string that ends at `at`, behind the bytes that are here."""
        if at <= self.size:
            return Short()
        return self.fail(_("{what} ends in mid-string").format(what=what))

    def no_more_than(self, count: int, least: int, what: str) -> None:
        """Refuse a count whose items, at their smallest, do not fit into what is left.

        Nor may the counts of one file add up to more than any model has.
        """
        if count * least > self.size - self.at:
            said = _("{what} claims {count:,} items, more than the file can hold")
            raise self.fail(said.format(what=what, count=count))
        self.items_left -= count
        if self.items_left < 0:
            said = _("{what} brings the items of this file above {most:,}")
            raise self.fail(said.format(what=what, most=MOST_ITEMS))


def read_metadata(cursor: Cursor) -> tuple[dict[str, Any], int]:
    """The header's key-value pairs, and how many tensors it announces."""
    if cursor.size < 24:
        raise cursor.fail(_("it has under 24 bytes"))
    if bytes(cursor.take(4, _("the magic number"))) != b"GGUF":
        raise cursor.fail(_("it does not begin with 'GGUF'"))
    version = cursor.number("I", _("the version"))
    if version in (2 << 24, 3 << 24):
        raise cursor.fail(_("it is big-endian, which is not read: convert it to little-endian"))
    if version not in (2, 3):
        said = _("version {version} is not 2 or 3 (little-endian)")
        raise cursor.fail(said.format(version=version))
    counts = _("counts")
    tensor_count, pair_count = cursor.number("Q", counts), cursor.number("Q", counts)
    cursor.no_more_than(tensor_count, 24, _("the tensor table"))
    if tensor_count > MOST_TENSORS:
        said = _("it lists {count:,} tensors, and {most:,} are accepted")
        raise cursor.fail(said.format(count=tensor_count, most=MOST_TENSORS))
    cursor.no_more_than(pair_count, 13, _("the metadata"))
    metadata: dict[str, Any] = {}
    for _pair in range(pair_count):
        key = cursor.string(_("a metadata key"), LONGEST_NAME)
        if key in metadata:
            raise cursor.fail(_("metadata key {key!r} occurs twice").format(key=key))
        metadata[key] = cursor.value(cursor.number("I", key), key)
    return metadata, tensor_count


def read_table(
    cursor: Cursor, count: int, metadata: Mapping[str, Any], file: int = 0
) -> dict[str, Stored]:
    """Every tensor by its GGUF name, each proved to lie inside the file and alone there."""
    rows = [read_row(cursor) for _row in range(count)]
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment % 8:
        said = _("alignment is {alignment!r}, not a multiple of 8")
        raise cursor.fail(said.format(alignment=alignment))
    start = -(-cursor.at // alignment) * alignment
    table: dict[str, Stored] = {}
    for name, shape, kind, offset in rows:
        label, nbytes = storage(cursor, name, shape, kind)
        if offset % alignment or start + offset + nbytes > cursor.size:
            said = _("tensor {name!r} is misaligned or reaches past the end of the file")
            raise cursor.fail(said.format(name=name))
        if name in table:
            raise cursor.fail(_("tensor {name!r} occurs twice").format(name=name))
        table[name] = Stored(shape[::-1], kind, label, start + offset, nbytes, file)
    spans = sorted((stored.start, stored.nbytes) for stored in table.values())
    for (first, size), (second, _size) in pairwise(spans):
        if first + size > second:
            raise cursor.fail(_("two tensors overlap"))
    return table


def read_row(cursor: Cursor) -> tuple[str, tuple[int, ...], int, int]:
    """One line of the tensor table: GGUF name, dimensions innermost first, type, offset."""
    name = cursor.string(_("a tensor name"), LONGEST_NAME)
    dimensions = cursor.number("I", name)
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        said = _("tensor {name!r} has {count} dimensions, not 1 to {most}")
        raise cursor.fail(said.format(name=name, count=dimensions, most=MAX_DIMENSIONS))
    shape = tuple(cursor.number("Q", name) for _each in range(dimensions))
    return name, shape, cursor.number("I", name), cursor.number("Q", name)


def storage(cursor: Cursor, name: str, shape: tuple[int, ...], kind: int) -> tuple[str, int]:
    """The stored type's name, and the bytes a tensor of this shape takes in it."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    sizes = {int(t): (t.name, *size) for t, size in GGML_QUANT_SIZES.items()}
    if kind not in sizes:
        known = ", ".join(t.name for t in GGMLQuantizationType)
        said = _("tensor {name!r} has unknown type {kind}; known are {known}")
        raise cursor.fail(said.format(name=name, kind=kind, known=known))
    label, block, size = sizes[kind]
    if 0 in shape or shape[0] % block:
        said = _("tensor {name!r}, shape {shape}, does not fit {label} blocks of {block}")
        raise cursor.fail(said.format(name=name, shape=shape, label=label, block=block))
    return label, prod(shape) // block * size
