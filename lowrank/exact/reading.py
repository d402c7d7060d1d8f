r"""What a text says: a matrix, several, or equations as one; its bar, notes and other readings.

    text   = { label | table | rows }            A = …, array(…), \begin{bmatrix}, [ … ], plain
    table  = "[" rows "]" | "[" { table } "]"    any brackets, an environment, a call around it
    rows   = row { (line | ";" | "\\") row }
    row    = cell { ("&" | tab | "," | "|" | space) cell }

One separator parts the cells of a row: the first of these that stands in it. A space parts cells
unless a sign joins what stands beside it, so that k - 1 is one entry and k -1 is two.

>>> reading = read("1 1/2, 3\n4, 5")
>>> reading.cells, reading.notes
([['3/2', '3'], ['4', '5']], ('“1 1/2” is read as 3/2.',))
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from lowrank.errors import InputError
from lowrank.exact.brackets import GROUPS, Brackets
from lowrank.exact.cells import ACCEPTED, Cell, cell_of
from lowrank.exact.entries import split, walk
from lowrank.exact.grids import Grid, counted, grid_of, marks, solid
from lowrank.exact.linear_forms import coefficients
from lowrank.exact.lines import choices, in_blocks, paragraphs, side_by_side, unlabelled
from lowrank.exact.tokens import GREEK, MAX_TEXT, Item, items_of, readable
from lowrank.language import enumerated, gettext_noop
from lowrank.language import gettext as _

MAX_ENTRIES = 10_000


@dataclass(frozen=True)
class Reading:
    """A matrix as a text says it; of linear equations [A | b] and the names of the unknowns.

    `bar` counts the columns left of an augmented bar, `notes` say what was read in a way worth
    saying, `others` are what the text may mean as well, and `asks` is not empty where only the
    writer can tell which of them was meant. What is said is translated when it is asked for.
    """

    rows: tuple[tuple[Cell, ...], ...] = ()
    bar: int | None = None
    said: tuple[str, ...] = ()
    others: "tuple[Reading, ...]" = ()
    question: str = ""
    names: tuple[str, ...] = ()

    @property
    def asks(self) -> str:
        """Which of the readings is meant, as a question; empty if there is no doubt."""
        count = 1 + len(self.others)
        number = {2: _("two"), 3: _("three")}.get(count, str(count))
        return _(self.question).format(number=number)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read in a way worth saying, a sentence each."""
        notes = list(map(_, self.said))
        if self.names:
            said = _("The equations are read as [A | b], with a column for {unknowns}.")
            notes.append(said.format(unknowns=enumerated(self.names)))
        if scale := next((cell.scale for row in self.rows for cell in row), ""):
            notes.append(_("Every entry is multiplied by {scale}.").format(scale=scale))
        mixed = (cell for row in self.rows for cell in row if cell.mixed)
        said = _("“{typed}” is read as {text}.")
        return (*notes, *(said.format(typed=x.typed, text=x.text) for x in islice(mixed, 3)))

    @property
    def cells(self) -> list[list[str]]:
        """The text of each cell, row by row, as whoever typed it would see it in a grid."""
        return [[cell.text for cell in row] for row in self.rows]


def read(text: str, most: int = MAX_TEXT) -> Reading:
    """What a text of up to so many characters says.

    Raises:
        InputError: no text, too much of it, brackets that do not close, or something beside the
            matrix that would make it another one.
    """
    plain = readable(text, most)
    items = items_of(plain)
    if all(item.kind in ("line", "tab") for item in items):
        raise InputError(
            "There is no matrix yet: type or paste at least one number. {accepted}",
            accepted=_(ACCEPTED),
        )
    return _Reader(plain).document(_without_indices(items))


def _without_indices(items: Sequence[Item]) -> list[Item]:
    """R prints [,1] over columns and [1,] or [1] before rows: neither is an entry."""
    if "[" not in marks(items):
        return list(items)
    lines = split(items, "line")
    rest = [line for line in lines if not all(map(_is_index, solid(line))) or not solid(line)]
    heads = [line for line in rest if solid(line)]
    if len(rest) == len(lines) and not all(len(line) > 1 for line in heads):
        return list(items)
    tailed = all(
        _is_index(line[0]) and not any(item.kind in GROUPS for item in line[1:]) for line in heads
    )
    if not heads or not tailed:
        return list(items)
    end = Item("line", "\n", 0, 0, False)
    return [item for line in rest for item in [*line[1:], end]]


def _is_index(item: Item) -> bool:
    numbers = [each for each in item.items if each.text != ","]
    whole = len(numbers) == 1 and numbers[0].text.isdecimal()
    return item.kind == "[" and not item.text and whole and len(item.items) < 3


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.brackets = text, Brackets(text)

    def document(self, items: list[Item]) -> Reading:
        if self.text.lstrip()[:2] == "={" and "." in self.text:
            raise InputError(
                "A point may be decimal between ={ and }, or part columns: use [1, 2]."
            )
        tables, labelled = self.brackets.tables(items)
        if not tables:
            return self.flat(items)
        first = tables[0]
        if len(tables) == 1 and not first.text and "=" in marks(first.items):
            sides = [item for item in first.items if item.text != "&"]
            return self.equations(split(sides, "\\\\", "line"))
        if len(tables) > 1 and not labelled and all(map(self.brackets.is_row, tables)):
            return self.reading(self.brackets.nested(tables))
        counted(
            len(tables),
            gettext_noop("There are {count:,} matrices; at most {most:,} are read."),
        )
        return _asked([self.reading(self.brackets.table(each, outer=True)) for each in tables])

    def flat(self, items: list[Item]) -> Reading:
        """A matrix without brackets around it."""
        lines, scale = unlabelled(split(items, "line"))
        if "=" in set[str]().union(*map(marks, lines)):
            return self.equations(lines)
        filled = [line for line in lines if solid(line)]
        if not filled:
            raise InputError(
                "There is no matrix yet: only a name. {accepted}",
                accepted=_(ACCEPTED),
            )
        counted(len(filled))
        if blocks := in_blocks(lines):
            return self.reading(side_by_side([grid_of(block) for block in blocks]), scale)
        grids, asks = choices(filled)
        first, *others = [self.reading(grid, scale) for grid in grids]
        first = replace(first, others=tuple(others), question=asks)
        apart = paragraphs(lines)
        if len(apart) > 1 and not others:
            each = [self.reading(choices(part).grids[0]) for part in apart]
            if len({len(x.rows[0]) for x in each}) == 1:
                each.append(first)
            return _asked(each)
        return first

    def equations(self, lines: list[list[Item]]) -> Reading:
        """The coefficients of linear equations, and what is right of them."""
        found, parts = [], [each for line in lines for each in split(line, ";", ",")]
        counted(
            len(parts),
            gettext_noop("There are {count:,} equations; at most {most:,} are read."),
        )
        for each in parts:
            sides = split(solid(each), "=")
            if len(sides) == 2:
                found.append((Cell(self.text, sides[0]).tree, Cell(self.text, sides[1]).tree))
            elif len(sides) > 2 or sides[0]:
                shown = self.brackets.source(each)
                raise InputError(
                    "“{shown}” is no equation and no row of a matrix. {accepted}",
                    shown=shown,
                    accepted=_(ACCEPTED),
                )
        rows, names = coefficients(found)
        cells = tuple(tuple(cell_of(str(x)) for x in row) for row in rows)
        return Reading(cells, len(names), names=names)

    def reading(self, grid: Grid, scale: str = "") -> Reading:
        """The cells of a grid as trees, when there are not too many of them."""
        if not grid.rows or not any(grid.rows):
            raise InputError("The matrix is empty: it needs at least one row and one column.")
        count = sum(map(len, grid.rows))
        if count > MAX_ENTRIES:
            raise InputError(
                "The text has {count:,} entries; at most {most:,} are read.",
                count=count,
                most=MAX_ENTRIES,
            )
        rows = tuple(tuple(Cell(self.text, cell, scale) for cell in row) for row in grid.rows)
        bar = next(iter(grid.bars), None)
        return Reading(rows, bar if bar and bar < len(rows[0]) else None, grid.said)


def _asked(readings: list[Reading]) -> Reading:
    """The first of several matrices, the others beside it."""
    first, *others = readings
    if not others:
        return first
    asks = gettext_noop("The text can be read as {number} different matrices: which is meant?")
    return replace(first, others=tuple(others), question=asks)


def letters_of(reading: Reading) -> list[str]:
    """The letters in the entries, Greek ones and those with a subscript too; i and pi are numbers.

    >>> letters_of(read(r"\\lambda 2t; a_1 pi"))
    ['a_1', 't', 'λ']
    """
    names = {
        GREEK.get(node.text, node.text)
        for row in reading.rows
        for cell in row
        for node in walk(cell.tree)
        if node.op == "name"
    }
    return sorted(name for name in names if len(name.partition("_")[0]) == 1 and name not in "iπ")
