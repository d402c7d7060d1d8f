"""Rows of items to rows of cells: parted by &, tabs, commas, or space where no sign joins.

>>> from lowrank.exact.tokens import items_of
>>> grid = grid_of([items_of("1 k - 1 | -k"), items_of("2 a -1")])
>>> [["".join(item.text for item in cell) for cell in row] for row in grid.rows]
[['1', 'k-1', '-k'], ['2', 'a', '-1']]
"""

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from lowrank.errors import InputError
from lowrank.exact.entries import split
from lowrank.exact.tokens import Item
from lowrank.language import gettext_noop

MAX_ROWS = 1_000  # of one text; matrices and equations too
DECIMAL = (gettext_noop("Commas are read as decimal points."),)
TOO_MANY_ROWS = gettext_noop("There are {count:,} rows; at most {most:,} are read.")
_BINDING = {"*", "/", "^", "//"}
_OPEN = _BINDING | {"√", "+", "-"}  # what stands behind them belongs to them


class Grid(NamedTuple):
    """The items of each cell; the bars: the columns left of each; what is said of the reading."""

    rows: list[list[list[Item]]]
    bars: tuple[int, ...] = ()
    said: tuple[str, ...] = ()

    @property
    def even(self) -> bool:
        """Whether all rows are equally long."""
        return len({len(row) for row in self.rows}) == 1


def solid(items: Sequence[Item]) -> list[Item]:
    """The items without ends of lines and tabs."""
    return [item for item in items if item.kind not in ("line", "tab")]


def marks(items: Sequence[Item]) -> set[str]:
    """The signs among the items, and "tab" and "line"."""
    return {item.text if item.kind == "sign" else item.kind for item in items}


def inside(
    items: Sequence[Item], environment: bool = False, outer: bool = False, whole: bool = False
) -> Grid:
    r"""The cells between two brackets: rows end at \\ or ;, and, if `outer`, with their lines."""
    merged, signs = items, marks(items)
    if environment or "&" in signs:
        merged = with_points(items)
    if "\\\\" in signs:
        rows = [solid(row) for row in split(merged, "\\\\")]
    elif environment or not outer:
        rows = split(solid(merged), ";")
    else:
        rows = split(merged, "line", ";")
        ends = [filled[-1].text for row in rows if (filled := solid(row))]
        if len(ends) > 1 and all(end == "," for end in ends[:-1]):
            raise InputError(
                "Commas end the lines between the brackets: write [[1, 2], [3, 4]] for two "
                "rows, or everything on one line for one."
            )
    grid = grid_of([row for row in rows if solid(row)], whole)
    if not grid.even and "|" in signs:
        turned = grid_of(split(solid(merged), "|"), wanted=";")
        grid = turned if turned.even else grid
    return grid._replace(said=DECIMAL) if len(merged) < len(items) else grid


def grid_of(rows: Sequence[Sequence[Item]], whole: bool = False, wanted: str = "") -> Grid:
    """Rows to cells; a bar between them is remembered where it is the same in every row.

    `whole`, where a row without & or comma is one cell; `wanted` parts cells before all others.

    Raises:
        InputError: there are over 1,000 rows.
    """
    counted(len(rows))
    read, bars = [], set()
    for row in rows:
        signs = marks(row)
        drawn = "-" in signs and is_rule(row)
        parts = [] if drawn else split(row, "|") if "|" in signs else [row]
        framed = len(parts) > 1 and not solid(parts[0]) and not solid(parts[-1])
        parts = parts[1:-1] if framed else parts
        found = [_cells(part, signs, whole, wanted) for part in parts]
        if framed and not any(solid(cell) for part in found for cell in part):
            continue
        if parts:
            read.append([cell for part in found for cell in part])
            bars.add((len(found[0]),) if len(found) == 2 and not framed else ())
    return Grid(read, bars.pop() if len(bars) == 1 else ())


def counted(count: int, refusal: str = TOO_MANY_ROWS) -> None:
    """Refuse a text of too many rows, matrices or equations before any of them is read."""
    if count > MAX_ROWS:
        raise InputError(refusal, count=count, most=MAX_ROWS)


def _cells(row: Sequence[Item], signs: set[str], whole: bool, wanted: str) -> list[list[Item]]:
    for separator in (wanted, "&", "tab", ","):
        if separator in signs and separator in marks(row):
            parts = split(row, separator)
            if separator in (",", "tab", ";") and not solid(parts[-1]):
                parts.pop()
            return [solid(part) for part in parts]
    return [solid(row)] if whole else list(cells_by_space(row))


def cells_by_space(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Cells parted by white space where no sign joins what stands beside it."""
    items, cell = solid(items), list[Item]()
    for k, item in enumerate(items):
        if cell and item.gap and not _joins(cell, items, k):
            yield cell
            cell = []
        cell.append(item)
    if cell:
        yield cell


def is_parted(items: Sequence[Item]) -> bool:
    """Whether white space makes more than one cell of them."""
    return len(list(islice(cells_by_space(items), 2))) > 1


def _joins(cell: list[Item], items: Sequence[Item], k: int) -> bool:
    """Whether item k belongs to the cell before it."""
    before, item = cell[-1], items[k]
    if before.kind == "sign" and before.text in _OPEN:
        return True
    if before.kind == "command" or (len(cell) > 1 and cell[-2].kind == "command"):
        return item.kind in ("{", "number") and _takes(cell)
    if item.kind != "sign":
        return False
    return item.text in _BINDING or (
        item.text in ("+", "-") and any(x.gap for x in items[k + 1 : k + 2])
    )


def _takes(cell: list[Item]) -> bool:
    r"""Whether a \frac at the end of a cell still waits for an argument."""
    last = max(k for k, item in enumerate(cell) if item.kind == "command")
    behind = cell[last + 1 :]
    return len(behind) + any(x.kind == "number" and len(x.text) > 1 for x in behind) < 2


def is_rule(items: Sequence[Item]) -> bool:
    """Whether a line only draws: ---+---, |:--|--:|, or the bars of an empty row."""
    if any(item.kind not in ("sign", "tab", "line") for item in items):
        return False
    text = "".join(item.text for item in solid(items))
    return text.count("-") > 1 and not text.strip("-+|:=")


def with_points(line: Sequence[Item], point: str = ".") -> list[Item]:
    """The line with 1,5 as one number, where a comma stands right between two digits."""
    read: list[Item] = []
    for item in line:
        if item.kind == "number" and _is_decimal(read[-2:], item):
            read.pop()
            whole = read.pop()
            text = f"{whole.text}{point}{item.text}"
            read.append(Item("number", text, whole.start, item.end, whole.gap))
        else:
            read.append(item)
    return read


def _is_decimal(before: Sequence[Item], item: Item) -> bool:
    """Whether a number stands right behind a whole number and a comma."""
    if item.gap or len(before) < 2 or before[1].text != "," or before[1].gap:
        return False
    return before[0].kind == "number" and before[0].text.isdecimal() and item.text.isdecimal()


def parts_tightly(line: Sequence[Item]) -> bool:
    """Whether a comma parts two cells with no space behind it: then none is decimal."""
    return any(a.text == "," and not b.gap for a, b in pairwise(line))


def after_comma(line: Sequence[Item]) -> list[Item]:
    """The whole numbers that stand right behind a comma and a number."""
    return [
        c
        for a, b, c in zip(line, line[1:], line[2:], strict=False)
        if b.text == "," and not b.gap and not c.gap and a.kind == "number" and c.text.isdecimal()
    ]


def with_spaces(line: Sequence[Item]) -> list[Item]:
    """The line with white space for every comma."""
    parted, gap = [], False
    for item in line:
        if item.text == ",":
            gap = True
            continue
        parted.append(Item(*item[:4], True, *item[5:]) if gap and not item.gap else item)
        gap = False
    return parted
