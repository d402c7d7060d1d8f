"""Rows that have no brackets around them: their labels, blocks, and what their commas mean."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from lowrank.errors import InputError
from lowrank.exact.brackets import LABELS
from lowrank.exact.entries import split
from lowrank.exact.grids import (
    DECIMAL,
    Grid,
    after_comma,
    grid_of,
    inside,
    is_parted,
    marks,
    parts_tightly,
    solid,
    with_points,
    with_spaces,
)
from lowrank.exact.tokens import Item
from lowrank.language import gettext_noop


class Choices(NamedTuple):
    """The grids that lines may mean, and what the writer is asked if only they can tell."""

    grids: Sequence[Grid]
    asks: str = ""


def choices(lines: list[list[Item]]) -> Choices:
    """The one or two ways to read lines in which commas may be decimal."""
    dented = all(line[0].kind == "tab" for line in lines)
    lines = [line[1:] if dented else line for line in lines]
    signs = set[str]().union(*map(marks, lines))
    merged = [with_points(line) for line in lines] if "," in signs else lines
    if merged == lines or any(map(parts_tightly, merged)):
        return Choices([grid_of_lines(lines, signs)])
    decimal = grid_of_lines(merged, signs)._replace(said=DECIMAL)
    listed = len(lines) > 1 and decimal.even and all(len(split(x, ";")) > 1 for x in lines)
    spaced = any(is_parted(x) for line in merged for x in split(line, ";"))
    spaced |= any(a.text == ";" and b.gap for line in merged for a, b in pairwise(line))
    decimals = [item.text for line in lines for item in after_comma(line)]
    sure = listed or not signs.isdisjoint(("tab", "&"))
    if (sure or any(x[0] == "0" for x in decimals)) and any(len(x) == 3 for x in decimals):
        whole = grid_of_lines([with_points(line, "") for line in lines], signs)
        return Choices(
            [decimal, whole._replace(said=(gettext_noop("Commas part thousands."),))],
            gettext_noop("Commas may be decimal points here or part thousands: which is meant?"),
        )
    if sure:
        return Choices([decimal])
    if not (spaced and decimal.even):
        plain = grid_of_lines(lines, signs)
        single = len(lines) > 1 and decimal.even and len(decimal.rows[0]) == 1
        return Choices([plain, decimal] if single else [plain])
    parted = grid_of_lines([with_spaces(x) for x in lines], signs)
    if not parted.even:
        return Choices([decimal])
    both = [decimal, parted._replace(said=(gettext_noop("Commas part the entries."),))]
    if ";" in signs and len(decimal.rows[0]) == 1:
        return Choices(both)
    asks = gettext_noop("Commas may be decimal points here or part the entries: which is meant?")
    return Choices(both, asks)


def grid_of_lines(lines: list[list[Item]], signs: set[str]) -> Grid:
    """Rows end at lines and at semicolons; but 1;2 over 3;4 has semicolons between cells."""
    if "\\\\" in signs:
        return inside([item for line in lines for item in line])
    pieces = [split(line, ";") for line in lines] if ";" in signs else [[line] for line in lines]
    pieces = [row[:-1] if len(row) > 1 and not solid(row[-1]) else row for row in pieces]
    width = len(pieces[0])
    even = len(lines) > 1 and width > 1 and all(len(row) == width for row in pieces)
    if even and all(_is_cell(piece) for row in pieces for piece in row):
        return Grid([[solid(piece) for piece in row] for row in pieces])
    rows = [piece for row in pieces for piece in row if solid(piece)]
    if not signs.isdisjoint((",", "&", "|")):  # then tabs are only white space
        rows = list(map(solid, rows))
    return grid_of(rows)


def _is_cell(piece: list[Item]) -> bool:
    return not is_parted(piece) and marks(piece).isdisjoint((",", "|", "&"))


def unlabelled(lines: list[list[Item]]) -> tuple[list[list[Item]], str]:
    """The lines of the matrix itself, and the factor MATLAB prints over one."""
    scale, begun = "", False
    kept = []
    for line in lines:
        filled = solid(line)
        ends = filled[-1].text if filled else ""
        if ends in ("=", ":", "←") and not _heads_block(filled) and not begun:
            continue
        if len(filled) == 2 and filled[0].kind == "number" and ends == "*":
            scale = filled[0].text
            continue
        kept.append(line)
        begun = begun or bool(filled)
    at = [k for k, line in enumerate(kept) if solid(line)]
    if not at:
        return kept, scale
    head = solid(kept[at[0]])
    if sum(item.text in LABELS for line in kept for item in line) == 1:
        if len(head) > 2 and head[0].kind == "name" and head[1].text in ("=", "←", "<-"):
            kept[at[0]] = head[2:]
        elif head[0].text == "=":
            kept[at[0]] = head[1:]
    if len(at) == 1 and head[-1].text == ".":
        kept[at[0]] = kept[at[0]][:-1]
    return kept, scale


def _heads_block(line: list[Item]) -> bool:
    return bool(line) and line[0].text.lower() in ("columns", "column")


def in_blocks(lines: list[list[Item]]) -> list[list[list[Item]]]:
    """MATLAB and Octave print wide matrices in blocks, under "Columns 1 through 8"."""
    blocks: list[list[list[Item]]] = []
    for line in map(solid, lines):
        if _heads_block(line):
            blocks.append([])
        elif line and blocks:
            blocks[-1].append(line)
    return blocks


def side_by_side(grids: list[Grid]) -> Grid:
    if len({len(grid.rows) for grid in grids}) > 1:
        raise InputError("The blocks of columns do not have the same number of rows.")
    rows = zip(*(grid.rows for grid in grids), strict=True)
    return Grid([[cell for part in row for cell in part] for row in rows])


def paragraphs(lines: list[list[Item]]) -> list[list[list[Item]]]:
    """The blocks between empty lines, if each has two lines at least."""
    blocks: list[list[list[Item]]] = [[]]
    for line in lines:
        if solid(line):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    blocks = [block for block in blocks if block]
    return blocks if all(len(block) > 1 for block in blocks) else []
