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
from functools import cached_property
from itertools import islice, pairwise
from typing import Any, NamedTuple

from lowrank.errors import InputError
from lowrank.exact.entries import (
    Node,
    Numbers,
    Problem,
    Rationals,
    evaluate,
    is_entry_call,
    last_name,
    split,
    tree_of,
    walk,
)
from lowrank.exact.linear import coefficients
from lowrank.exact.tokens import GREEK, Item, items_of, readable

MAX_ENTRIES = 10_000
ACCEPTED = "Write whole numbers, fractions like 3/2, or decimals like 0.1 or 2e-3."
GROUPS = ("[", "(", "{", "<", "matrix")
MADE = {"array", "matrix", "tensor", "asarray", "mat", "asmatrix", "list", "c", "vec", "vector"}
MADE |= {"immutablematrix", "mutabledensematrix", "densematrix", "exact", "rbind", "cbind"}
COMMANDS: tuple[str, ...] = (
    "matrix",
    "array",
    "tensor",
    "rank",
    "reduce",
    "rref",
    "echelon",
    "form",
    "det",
    "inv",
)
COMMANDS += ("null", "solve", "space", "eig", "trace", "qr", "svd", "lu", "frame", "disp", "print")
SEPARATORS = (",", ";", "|")
LABELS = ("=", ":", ":=", "←", "<-")
HARMLESS = {",", ";", ".", ">", "→", "//", "\\\\", "&", "|"}


class Cell:
    """An entry: what stands in the text for it, and, once it is asked for, its tree."""

    def __init__(self, source: str, items: Sequence[Item], scale: str = "") -> None:
        self.items = [item for item in _solid(items) if item.kind != "empty"]
        self.scale, self._source = scale, source

    @property
    def typed(self) -> str:
        """The entry as it was typed, on one line."""
        if not self.items:
            return ""
        return " ".join(self._source[self.items[0].start : self.items[-1].end].split())

    @cached_property
    def tree(self) -> Node:
        """The expression, or why it is none as a node of its own."""
        try:
            tree = tree_of(self.items)
        except Problem as problem:
            return Node("bad", problem.said_of(self.typed))
        return Node("*", "", (Node("number", self.scale), tree)) if self.scale else tree

    @property
    def mixed(self) -> bool:
        """Whether a whole number and a fraction stand side by side in it."""
        return any(node.op == "mixed" for node in walk(self.tree))

    @cached_property
    def text(self) -> str:
        """The entry in plain ASCII, as short as may be."""
        if self.tree.op == "bad":
            return self.typed
        plain = self.typed.replace(" ", "")
        if (
            plain.isascii()
            and not any(c in plain for c in "\\{},;&")
            and not (self.scale or self.mixed)
        ):
            return plain
        return _written(self.tree)


@dataclass(frozen=True)
class Reading:
    """A matrix as a text says it; of linear equations [A | b] and the names of the unknowns.

    `bar` counts the columns left of an augmented bar, `notes` say what was read in a way worth
    saying, `others` are what the text may mean as well, and `asks` is not empty where only the
    writer can tell which of them was meant.
    """

    rows: tuple[tuple[Cell, ...], ...] = ()
    bar: int | None = None
    said: tuple[str, ...] = ()
    others: "tuple[Reading, ...]" = ()
    asks: str = ""
    names: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read in a way worth saying, a sentence each."""
        mixed = (cell for row in self.rows for cell in row if cell.mixed)
        return (*self.said, *(f"“{x.typed}” is read as {x.text}." for x in islice(mixed, 3)))

    @property
    def cells(self) -> list[list[str]]:
        """The text of each cell, row by row, as whoever typed it would see it in a grid."""
        return [[cell.text for cell in row] for row in self.rows]


class Grid(NamedTuple):
    """The items of each cell, and the bars: the columns left of each."""

    rows: list[list[list[Item]]]
    bars: tuple[int, ...] = ()

    @property
    def even(self) -> bool:
        """Whether all rows are equally long."""
        return len({len(row) for row in self.rows}) == 1


def read(text: str) -> Reading:
    """What a text says.

    Raises:
        InputError: no text, too much of it, brackets that do not close, or something beside the
            matrix that would make it another one.
    """
    plain = readable(text)
    items = items_of(plain)
    if all(item.kind in ("line", "tab") for item in items):
        raise InputError(f"There is no matrix yet: type or paste at least one number. {ACCEPTED}")
    return _Reader(plain).document(_without_indices(items))


def _solid(items: Sequence[Item]) -> list[Item]:
    return [item for item in items if item.kind not in ("line", "tab")]


def _without_indices(items: Sequence[Item]) -> list[Item]:
    """R prints [,1] over columns and [1,] or [1] before rows: neither is an entry."""
    lines = split(items, "line")
    rest = [line for line in lines if not all(map(_is_index, _solid(line))) or not _solid(line)]
    heads = [line for line in rest if _solid(line)]
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


def _cells_by_space(items: Sequence[Item]) -> list[list[Item]]:
    """Cells parted by white space where no sign joins what stands beside it."""
    items = _solid(items)
    cells: list[list[Item]] = []
    for k, item in enumerate(items):
        after = items[k + 1] if k + 1 < len(items) else None
        if cells and (not item.gap or _joins(cells[-1], item, after)):
            cells[-1].append(item)
        else:
            cells.append([item])
    return cells


def _joins(cell: list[Item], item: Item, after: Item | None) -> bool:
    before = cell[-1]
    if before.text in ("*", "/", "^", "√", "//") and before.kind == "sign":
        return True
    if before.text in ("+", "-") and before.kind == "sign":
        return True
    if before.kind == "command" or (len(cell) > 1 and cell[-2].kind == "command"):
        return item.kind in ("{", "number") and _takes(cell)
    if item.kind != "sign":
        return False
    return item.text in ("*", "/", "^", "//") or (
        item.text in ("+", "-") and after is not None and after.gap
    )


def _takes(cell: list[Item]) -> bool:
    r"""Whether a \frac at the end of a cell still waits for an argument."""
    last = max(k for k, item in enumerate(cell) if item.kind == "command")
    behind = cell[last + 1 :]
    return len(behind) + any(x.kind == "number" and len(x.text) > 1 for x in behind) < 2


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.decimal = text, False
        self.known: dict[tuple[str, int, int], bool] = {}

    def document(self, items: list[Item]) -> Reading:
        if self.text.lstrip()[:2] == "={" and "." in self.text:
            raise InputError(
                "A point may be decimal between ={ and }, or part columns: use [1, 2]."
            )
        tables, labelled = self.tables(items)
        if not tables:
            return self.flat(items)
        equal = any(item.text == "=" for item in tables[0].items)
        if len(tables) == 1 and not tables[0].text and equal:
            inside = [item for item in tables[0].items if item.text != "&"]
            return self.equations(split(inside, "\\\\", "line"))
        rows = [table for table in tables if self.is_row(table)]
        if len(tables) > 1 and len(rows) == len(tables) and not labelled:
            return self.reading(self.nested(tables))
        return _asked([self.reading(self.table(table, outer=True)) for table in tables])

    def is_table(self, item: Item) -> bool:
        """Whether a group is a matrix or a row rather than brackets around a number."""
        if item.kind not in GROUPS:
            return False
        key = item.kind, item.start, item.end
        if key not in self.known:
            self.known[key] = self._is_table(item)
        return self.known[key]

    def _is_table(self, item: Item) -> bool:
        if item.kind in ("matrix", "<") or is_entry_call(item):
            return not item.text
        inside = item.items
        if item.kind == "{" and "\\" in self.text:
            return any(each.text in ("&", "\\\\") for each in inside)
        if item.kind in ("[", "{") and not item.text:
            return True
        if any(each.kind == "sign" and each.text in (",", ";", "|") for each in inside):
            return len(item.text) != 1 or item.text == "c"
        return any(map(self.is_table, inside)) or len(_cells_by_space(inside)) > 1

    def is_row(self, item: Item) -> bool:
        """Whether a table is one row, to be put under others."""
        if item.kind == "matrix" or (item.text and last_name(item) not in MADE):
            return False
        broken = any(each.text in (";", "\\\\") or each.kind == "line" for each in item.items)
        return not broken and not any(map(self.is_table, item.items))

    def tables(self, items: list[Item]) -> tuple[list[Item], bool]:
        """The matrices in a text, and whether words stand between them."""
        filled = [item for item in items if not _is_hollow(item)]
        if any(map(self.is_table, filled)):
            items = filled
        tables: list[Item] = []
        stretches: list[list[Item]] = [[]]  # what stands before, between and behind them
        labelled = False
        for item in items:
            if item.kind == "sign" and item.text in LABELS:
                while tables and (_is_single(tables[-1]) or _is_type(item, tables, stretches)):
                    tables.pop()
                    stretches.pop()
                labelled = labelled or bool(tables)
                stretches[-1] = []
            elif self.is_table(item):
                labelled = labelled or (
                    bool(tables) and any(x.kind == "name" for x in stretches[-1])
                )
                tables.append(item)
                stretches.append([])
            else:
                stretches[-1].append(item)
        for k, stretch in enumerate(stretches if tables else []):
            self.check_beside(stretch, tables[k] if k < len(tables) else None, after=k > 0)
        return tables, labelled

    def check_beside(self, beside: list[Item], table: Item | None, after: bool) -> None:
        """Refuse a factor, power or dot beside a matrix: it would be another matrix."""
        for k, item in enumerate(beside):
            following = beside[k + 1] if k + 1 < len(beside) else table
            touches = k == 0 and after and not item.gap
            touches |= following is table and following is not None and not following.gap
            word = item.kind == "name" and not (touches and len(item.text) == 1)
            dotted = item.text == "." and following is not None and not following.gap
            if item.kind in ("line", "tab") or (item.text in HARMLESS and not dotted):
                continue
            if not word or item.text in ("T", "H"):
                where = "behind" if after and not table else "beside"
                said = (item.text or item.kind)[:20]
                if dotted and following is not None:
                    said += following.text
                raise InputError(
                    f"“{said}” stands {where} the matrix, which would make it another one: "
                    "paste the matrix alone."
                )

    def table(self, item: Item, outer: bool = False) -> Grid:
        """The cells of one table; `outer`, where the ends of its lines end rows."""
        if item.kind == "<":
            return self.angles(item)
        if item.text:
            return self.call(item)
        return self.body(item.items, environment=item.kind == "matrix", outer=outer, of=item)

    def body(
        self,
        items: Sequence[Item],
        environment: bool = False,
        outer: bool = False,
        of: Item | None = None,
    ) -> Grid:
        inner = [item for item in items if self.is_table(item)]
        if inner and not environment:
            between = [
                x for x in _solid(items) if not self.is_table(x) and x.text not in SEPARATORS
            ]
            if len(between) > 1 and between[0].kind == "name" and between[1].text in LABELS:
                between = between[2:]  # {"matrix": [[1, 2], [3, 4]]}
            if between:
                raise InputError(
                    f"“{self.source(between[:1])}” stands outside the rows. Write [[1, 2], [3, 4]]."
                )
            if not any(item.text == "," for item in items if item.kind == "sign"):
                inner = [x for x in inner if _solid(x.items) and not _is_rule(x.items)] or inner
            return self.nested(inner)
        if environment or any(item.text == "&" for item in items):
            merged = _decimal(items)
            self.decimal |= len(merged) < len(items)
            items = merged
        if any(item.text == "\\\\" for item in items):
            rows = [_solid(row) for row in split(items, "\\\\")]
        elif environment or not outer:
            rows = split(_solid(items), ";")
        else:
            rows = split(items, "line", ";")
            ends = [_solid(row)[-1].text for row in rows if _solid(row)]
            if len(ends) > 1 and all(end == "," for end in ends[:-1]):
                raise InputError(
                    "Commas end the lines between the brackets: write [[1, 2], [3, 4]] for two "
                    "rows, or everything on one line for one."
                )
        grid = self.grid([row for row in rows if _solid(row)], environment)
        if environment and of and "|" in of.columns.strip("|"):
            left = of.columns.strip("|").partition("|")[0]
            return Grid(grid.rows, (len(left),))
        if not grid.even and any(item.text == "|" for item in items):
            turned = self.grid(split(_solid(items), "|"), cells=";")
            return turned if turned.even else grid
        return grid

    def nested(self, tables: Sequence[Item]) -> Grid:
        """Rows that stand in brackets of their own."""
        if len(tables) == 1:
            return self.table(tables[0])
        grids = [self.table(table) for table in tables]
        if any(len(grid.rows) > 1 for grid in grids):
            raise InputError("The brackets nest deeper than the rows of a matrix do.")
        rows = [row for grid in grids for row in grid.rows]
        return Grid(rows, grids[0].bars if len({grid.bars for grid in grids}) == 1 else ())

    def grid(
        self, rows: Sequence[Sequence[Item]], environment: bool = False, cells: str = ""
    ) -> Grid:
        """Rows to cells; a bar between them is remembered where it is the same in every row."""
        read, bars = [], set()
        for row in rows:
            parts = [] if _is_rule(row) else split(row, "|")
            framed = len(parts) > 1 and not _solid(parts[0]) and not _solid(parts[-1])
            parts = parts[1:-1] if framed else parts
            found = [self.cells(part, environment, cells) for part in parts]
            if framed and not any(_solid(cell) for part in found for cell in part):
                continue
            if parts:
                read.append([cell for part in found for cell in part])
                bars.add((len(found[0]),) if len(found) == 2 and not framed else ())
        return Grid(read, bars.pop() if len(bars) == 1 else ())

    def cells(self, row: Sequence[Item], environment: bool, wanted: str) -> list[list[Item]]:
        for separator in (wanted, "&", "tab", ","):
            if any(x.kind == separator or x.text == separator for x in row) and separator:
                parts = split(row, separator)
                if separator in (",", "tab", ";") and not _solid(parts[-1]):
                    parts.pop()
                return [_solid(part) for part in parts]
        return [_solid(row)] if environment and "&" in self.text else _cells_by_space(row)

    def call(self, item: Item) -> Grid:
        """A matrix made by a function: matrix(c(1, 2), nrow = 2), mat(1, 2; 3, 4), rref(…)."""
        name = last_name(item)
        parts = [_solid(part) for part in split(item.items, ",")]
        keywords = {
            part[0].text.lower(): part[2:]
            for part in parts
            if len(part) > 1 and part[0].kind == "name" and part[1].text in ("=", ":")
        }
        given = [p for p in parts if not (len(p) > 1 and p[1].text in ("=", ":"))]
        data = [part[0] for part in given if len(part) == 1 and self.is_table(part[0])]
        if not data and name in MADE:
            kept = [x for x in item.items if x.kind not in ("line", "tab")]
            if keywords:
                first = next(k for k, p in enumerate(parts) if p and p[0].text.lower() in keywords)
                gone = {id(x) for p in parts for x in p if p[0].text.lower() in keywords}
                kept = [x for x in kept if id(x) not in gone]
                kept = kept[1:] if first == 0 else kept
            return self.body(kept)
        if not data or not (name in MADE or any(word in name for word in COMMANDS)):
            raise InputError(f"“{item.text[:30]}(…)” around a matrix is not read: paste it alone.")
        if name in ("rbind", "cbind") or len(data) > 1:
            grid = self.nested(data)
            return (
                Grid([list(x) for x in zip(*grid.rows, strict=False)]) if name[0] == "c" else grid
            )
        grid = self.table(data[0], outer=False)
        sizes = [int(p[0].text[:4]) for p in given if len(p) == 1 and p[0].text.isdecimal()]
        behind = bool(sizes) and given[0] == [data[0]]
        for key in ("nrow", "ncol"):
            if key in keywords and keywords[key][0].text.isdecimal():
                sizes = [*sizes, int(keywords[key][0].text[:4])]
                behind = True
        if len(grid.rows) > 1 or not (sizes or behind):
            return grid
        flat = grid.rows[0]
        across = "byrow" in keywords and keywords["byrow"][0].text.upper() in ("TRUE", "T")
        size = max(sizes[0], 1)
        if len(flat) % size:
            raise InputError(f"{len(flat)} entries do not fill rows or columns of {size}.")
        n = size if "ncol" in keywords and "nrow" not in keywords else len(flat) // size
        m = len(flat) // max(n, 1)
        if behind and not across:  # R fills columns
            return Grid([flat[i::m] for i in range(m)])
        return Grid([flat[i * n : (i + 1) * n] for i in range(m)])

    def angles(self, item: Item) -> Grid:
        """Maple: a comma goes down, a bar goes to the right."""
        if any(each.text == ";" for each in item.items):
            return self.body(item.items)
        blocks = []
        for part in split(_solid(item.items), "|"):
            below: list[list[list[Item]]] = []
            for each in split(part, ","):
                one = len(each) == 1 and each[0].kind == "<"
                below += self.angles(each[0]).rows if one else [[each]]
            blocks.append(below)
        if len({len(block) for block in blocks}) > 1:
            raise InputError("The columns between < and > are not equally long.")
        return Grid([[cell for part in row for cell in part] for row in zip(*blocks, strict=True)])

    def flat(self, items: list[Item]) -> Reading:
        """A matrix without brackets around it."""
        lines = split(items, "line")
        lines, scale = _unlabelled(lines)
        if any(item.text == "=" for line in lines for item in line):
            return self.equations(lines)
        solid = [line for line in lines if _solid(line)]
        if not solid:
            raise InputError(f"There is no matrix yet: only a name. {ACCEPTED}")
        blocks = _columns(lines)
        if blocks:
            return self.reading(_beside([self.grid(block) for block in blocks]), scale)
        choices = self.choices(solid)
        first, *others = [self.reading(grid, scale, notes) for grid, notes in choices.grids]
        if choices.asks or others:
            first = replace(first, others=tuple(others), asks=choices.asks)
        apart = _paragraphs(lines)
        if len(apart) > 1 and not others:
            each = [self.reading(self.choices(part).grids[0][0]) for part in apart]
            if len({len(x.rows[0]) for x in each}) == 1:
                each.append(first)
            return _asked(each)
        return first

    def choices(self, lines: list[list[Item]]) -> "_Choices":
        """The one or two ways to read lines in which commas may be decimal."""
        dented = all(line[0].kind == "tab" for line in lines)
        lines = [line[1:] if dented else line for line in lines]
        commas = any(item.text == "," for line in lines for item in line)
        plain = self.lines_grid(lines)
        if not commas:
            return _Choices([(plain, ())])
        merged = [_decimal(line) for line in lines]
        if merged == lines or any(map(_parts_tightly, merged)):
            return _Choices([(plain, ())])
        decimal = self.lines_grid(merged)
        note: tuple[str, ...] = ("Commas are read as decimal points.",)
        tabs = any(item.kind == "tab" or item.text == "&" for line in lines for item in line)
        listed = len(lines) > 1 and decimal.even and all(len(split(x, ";")) > 1 for x in lines)
        spaced = any(len(_cells_by_space(x)) > 1 for line in merged for x in split(line, ";"))
        spaced |= any(a.text == ";" and b.gap for line in merged for a, b in pairwise(line))
        padded = any(item.text[:1] == "0" for line in lines for item in _after_comma(line))
        if (tabs or listed or padded) and any(
            len(x.text) == 3 for y in lines for x in _after_comma(y)
        ):
            whole = self.lines_grid([_decimal(line, "") for line in lines])
            return _Choices(
                [(decimal, note), (whole, ("Commas part thousands.",))],
                "Commas may be decimal points here or part thousands: which is meant?",
            )
        if tabs or listed:
            return _Choices([(decimal, note)])
        if not spaced:
            single = len(lines) > 1 and decimal.even and len(decimal.rows[0]) == 1
            return _Choices([(plain, ()), *[(decimal, note)] * single])
        semicolons = any(item.text == ";" for line in lines for item in line)
        parted = plain if semicolons else self.lines_grid([_parted(line) for line in lines])
        if not decimal.even:
            return _Choices([(plain, ())])
        if not parted.even:
            return _Choices([(decimal, note)])
        both = [(decimal, note), (parted, ("Commas part the entries.",))]
        if semicolons and len(decimal.rows[0]) == 1:
            return _Choices(both)
        return _Choices(
            both, "Commas may be decimal points here or part the entries: which is meant?"
        )

    def lines_grid(self, lines: list[list[Item]]) -> Grid:
        """Rows end at lines and at semicolons; but 1;2 over 3;4 has semicolons between cells."""
        if any(item.text == "\\\\" for line in lines for item in line):
            return self.body([item for line in lines for item in line])
        pieces = [split(line, ";") for line in lines]
        pieces = [row[:-1] if len(row) > 1 and not _solid(row[-1]) else row for row in pieces]
        widths = {len(row) for row in pieces}
        if (
            len(lines) > 1
            and len(widths) == 1
            and max(widths) > 1
            and all(
                len(_cells_by_space(piece)) < 2 and not any(x.text in ",|&" for x in piece)
                for row in pieces
                for piece in row
            )
        ):
            return Grid([[_solid(piece) for piece in row] for row in pieces])
        rows = [piece for row in pieces for piece in row if _solid(piece)]
        return self.grid(_untabbed(rows))

    def equations(self, lines: list[list[Item]]) -> Reading:
        """The coefficients of linear equations, and what is right of them."""
        found = []
        for line in lines:
            for each in split(line, ";", ","):
                sides = split(_solid(each), "=")
                if len(sides) == 2:
                    found.append((Cell(self.text, sides[0]).tree, Cell(self.text, sides[1]).tree))
                elif len(sides) > 2 or sides[0]:
                    raise InputError(
                        f"“{self.source(each)}” is no equation and no row of a matrix. {ACCEPTED}"
                    )
        rows, names = coefficients(found)
        cells = tuple(tuple(cell_of(str(x)) for x in row) for row in rows)
        notes = (f"The equations are read as [A | b], with a column for {_listed(names)}.",)
        return Reading(cells, len(names), notes, names=names)

    def source(self, items: Sequence[Item]) -> str:
        """The text of some items, shortened to what a sentence can hold."""
        if not items:
            return ""
        text = " ".join(self.text[items[0].start : items[-1].end].split())
        return text if len(text) <= 24 else text[:20] + "…"

    def reading(self, grid: Grid, scale: str = "", notes: tuple[str, ...] = ()) -> Reading:
        """The cells of a grid as trees, when there are not too many of them."""
        if not grid.rows or not any(grid.rows):
            raise InputError("The matrix is empty: it needs at least one row and one column.")
        count = sum(map(len, grid.rows))
        if count > MAX_ENTRIES:
            raise InputError(f"The text has {count:,} entries; at most {MAX_ENTRIES:,} are read.")
        rows = tuple(tuple(Cell(self.text, cell, scale) for cell in row) for row in grid.rows)
        if self.decimal:
            notes = (*notes, "Commas are read as decimal points.")
        if scale:
            notes = (*notes, f"Every entry is multiplied by {scale}.")
        bar = next(iter(grid.bars), None)
        return Reading(rows, bar if bar and bar < len(rows[0]) else None, notes)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def cell_of(text: str) -> Cell:
    """The cell of a text that holds one entry; a comma in it is a decimal one."""
    plain = readable(text)
    try:
        return Cell(plain, _decimal(items_of(plain)))
    except InputError as error:
        return Cell(plain, [Item("unread", str(error), 0, len(plain), False)])


def _is_hollow(item: Item) -> bool:
    """Whether a group is only brackets, as in int[][] or double[,]."""
    return item.kind == "[" and all(each.text == "," for each in _solid(item.items))


def _is_single(table: Item) -> bool:
    return len(_solid(table.items)) < 2 and table.kind != "matrix"


def _is_type(colon: Item, tables: list[Item], stretches: list[list[Item]]) -> bool:
    """Whether the last group is what Julia prints before a colon: Matrix{Int64}:"""
    return colon.text == ":" and tables[-1].kind == "{" and not stretches[-1]


class _Choices(NamedTuple):
    grids: Sequence[tuple[Grid, tuple[str, ...]]]
    asks: str = ""


def _asked(readings: list[Reading]) -> Reading:
    """The first of several matrices, the others beside it."""
    first, *others = readings
    if not others:
        return first
    number = {2: "two", 3: "three"}.get(len(readings), str(len(readings)))
    asks = f"The text can be read as {number} different matrices: which is meant?"
    return replace(first, others=tuple(others), asks=asks)


def _is_rule(items: Sequence[Item]) -> bool:
    """Whether a line only draws: ---+---, |:--|--:|, or the bars of an empty row."""
    text = "".join(item.text if item.kind == "sign" else "x" for item in _solid(items))
    return text.count("-") > 1 and not text.strip("-+|:=")


def _decimal(line: Sequence[Item], point: str = ".") -> list[Item]:
    """The line with 1,5 as one number, where a comma stands right between two digits."""
    read: list[Item] = []
    for item in line:
        if (
            item.kind == "number"
            and not item.gap
            and len(read) > 1
            and read[-1].text == ","
            and not read[-1].gap
            and read[-2].kind == "number"
            and read[-2].text.isdecimal()
            and item.text.isdecimal()
        ):
            read.pop()
            whole = read.pop()
            read.append(whole._replace(text=f"{whole.text}{point}{item.text}", end=item.end))
        else:
            read.append(item)
    return read


def _parts_tightly(line: Sequence[Item]) -> bool:
    """Whether a comma parts two cells with no space behind it: then none is decimal."""
    return any(a.text == "," and not b.gap for a, b in pairwise(line))


def _after_comma(line: Sequence[Item]) -> list[Item]:
    """The whole numbers that stand right behind a comma and a number."""
    return [
        c
        for a, b, c in zip(line, line[1:], line[2:], strict=False)
        if b.text == "," and not b.gap and not c.gap and a.kind == "number" and c.text.isdecimal()
    ]


def _parted(line: Sequence[Item]) -> list[Item]:
    """The line with white space for every comma."""
    parted, gap = [], False
    for item in line:
        if item.text != ",":
            parted.append(item._replace(gap=item.gap or gap))
        gap = item.text == ","
    return parted


def _untabbed(rows: Sequence[list[Item]]) -> list[list[Item]]:
    """Rows whose tabs are only white space, beside a comma or bar, without them."""
    if any(item.text in (",", "&", "|") for row in rows for item in row):
        return [_solid(row) for row in rows]
    return list(rows)


def _unlabelled(lines: list[list[Item]]) -> tuple[list[list[Item]], str]:
    """The lines of the matrix itself, and the factor MATLAB prints over one."""
    scale, begun = "", False
    kept = []
    for line in lines:
        solid = _solid(line)
        ends = solid[-1].text if solid else ""
        named = solid and solid[0].text.lower() in ("columns", "column")
        if ends in ("=", ":", "←") and not named and not begun:
            continue
        if len(solid) == 2 and solid[0].kind == "number" and ends == "*":
            scale = solid[0].text
            continue
        kept.append(line)
        begun = begun or bool(solid)
    equals = sum(item.text in LABELS for line in kept for item in line)
    first = next((k for k, line in enumerate(kept) if _solid(line)), 0)
    head = _solid(kept[first]) if kept else []
    if (
        equals == 1
        and len(head) > 2
        and head[0].kind == "name"
        and head[1].text in ("=", "←", "<-")
    ):
        kept[first] = head[2:]
    elif equals == 1 and head and head[0].text == "=":
        kept[first] = head[1:]
    if kept and head and head[-1].text in (".", ","):
        last = max(k for k, line in enumerate(kept) if _solid(line))
        if last == first and head[-1].text == ".":
            kept[first] = [x for x in kept[first] if x is not head[-1]]
    return kept, scale


def _columns(lines: list[list[Item]]) -> list[list[list[Item]]]:
    """MATLAB and Octave print wide matrices in blocks, under "Columns 1 through 8"."""
    blocks: list[list[list[Item]]] = []
    for line in map(_solid, lines):
        if line and line[0].text.lower() in ("columns", "column"):
            blocks.append([])
        elif line and blocks:
            blocks[-1].append(line)
    return blocks


def _beside(grids: list[Grid]) -> Grid:
    if len({len(grid.rows) for grid in grids}) > 1:
        raise InputError("The blocks of columns do not have the same number of rows.")
    rows = zip(*(grid.rows for grid in grids), strict=True)
    return Grid([[cell for part in row for cell in part] for row in rows])


def _paragraphs(lines: list[list[Item]]) -> list[list[list[Item]]]:
    """The blocks between empty lines, if each has two lines at least."""
    blocks: list[list[list[Item]]] = [[]]
    for line in lines:
        if _solid(line):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    blocks = [block for block in blocks if block]
    return blocks if all(len(block) > 1 for block in blocks) else []


def _written(node: Node) -> str:
    """A tree in plain ASCII, with no more brackets than it needs.

    >>> _written(tree_of(items_of("-( a+1 )/2")))
    '-(a+1)/2'
    """
    if node.op in ("number", "name"):
        return node.text
    if node.op == "mixed":
        try:
            return str(evaluate(node, Rationals()))
        except Problem:
            return "+".join(map(_written, node.parts))
    if node.op == "minus":
        return "-" + _bracketed(node.parts[0], "+minus")
    if node.op == "+":
        return "+".join(map(_written, node.parts)).replace("+-", "-")
    if node.op == "call":
        return f"{node.text}({','.join(map(_written, node.parts))})"
    if node.op == "*":
        return "*".join(
            _bracketed(part, "+minus/" if k else "+") for k, part in enumerate(node.parts)
        )
    over, under = node.parts
    if node.op == "^":
        return f"{_bracketed(over, '+minus*/^')}^{_bracketed(under, '+*/^')}"
    return f"{_bracketed(over, '+')}/{_bracketed(under, '+*/')}"


def _bracketed(node: Node, loose: str) -> str:
    text = _written(node)
    return (
        f"({text})"
        if node.op in ("+", "minus", "*", "/", "^", "mixed") and node.op in loose
        else text
    )


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


def evaluated(cell: Cell, place: str, K: Numbers, accepted: str = ACCEPTED) -> Any:
    """The value of a cell.

    Raises:
        InputError: naming the place, the text, why it has no value, and what is accepted.
    """
    try:
        return evaluate(cell.tree, K)
    except Problem as problem:
        shown = cell.typed if len(cell.typed) <= 24 else cell.typed[:20] + "…"
        said = f"{place}: “{shown}”" if shown else place
        raise InputError(f"{said} {problem.said_of(cell.typed)} {accepted}") from problem
