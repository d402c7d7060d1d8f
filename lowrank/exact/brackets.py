"""Matrices in a text by their brackets: of any kind, an environment, a call; what is beside them.

table = "[" rows "]" | "[" { table } "]"
"""

from collections.abc import Sequence

from lowrank.errors import InputError
from lowrank.exact.entries import is_entry_call, last_name, split
from lowrank.exact.grids import Grid, counted, inside, is_parted, is_rule, marks, solid
from lowrank.exact.tokens import Item

GROUPS = ("[", "(", "{", "<", "matrix")
MADE = {"array", "matrix", "tensor", "asarray", "mat", "asmatrix", "list", "c", "vec", "vector"}
MADE |= {"immutablematrix", "mutabledensematrix", "densematrix", "exact", "rbind", "cbind"}
# What a name has in it that prints a matrix or asks for something of one.
COMMANDS = {"matrix", "array", "tensor", "rank", "reduce", "rref", "echelon", "form", "det", "inv"}
COMMANDS |= {"null", "solve", "space", "eig", "trace", "qr", "svd", "lu", "frame", "disp", "print"}
SEPARATORS = (",", ";", "|")
LABELS = {"=", ":", ":=", "←", "<-"}
HARMLESS = {",", ";", ".", ">", "→", "//", "\\\\", "&", "|"}


class Brackets:
    """The tables among the items of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.known: dict[tuple[str, int, int], bool] = {}

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
        signs = marks(item.items)
        if item.kind == "{" and "\\" in self.text:
            return not signs.isdisjoint(("&", "\\\\"))
        if item.kind in ("[", "{") and not item.text:
            return True
        if not signs.isdisjoint(SEPARATORS):
            return len(item.text) != 1 or item.text == "c"
        return any(map(self.is_table, item.items)) or is_parted(item.items)

    def is_row(self, item: Item) -> bool:
        """Whether a table is one row, to be put under others."""
        if item.kind == "matrix" or (item.text and last_name(item) not in MADE):
            return False
        whole = marks(item.items).isdisjoint((";", "\\\\", "line"))
        return whole and not any(map(self.is_table, item.items))

    def tables(self, items: list[Item]) -> tuple[list[Item], bool]:
        """The matrices in a text, and whether words stand between them."""
        if marks(items).isdisjoint(GROUPS):
            return [], False
        filled = [item for item in items if not _is_hollow(item)]
        if any(map(self.is_table, filled)):
            items = filled
        tables: list[Item] = []
        stretches: list[list[Item]] = [[]]  # what stands before, between and behind them
        labelled = False
        for item in items:
            if item.kind == "sign" and item.text in LABELS:
                while tables and not stretches[-1] and _is_named(tables[-1], item):
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
                said = (item.text or item.kind)[:20]
                if dotted and following is not None:
                    said += following.text
                if after and not table:
                    raise InputError(
                        "“{said}” stands behind the matrix, which would make it another one: "
                        "paste the matrix alone.",
                        said=said,
                    )
                raise InputError(
                    "“{said}” stands beside the matrix, which would make it another one: paste "
                    "the matrix alone.",
                    said=said,
                )

    def table(self, item: Item, outer: bool = False) -> Grid:
        """The cells of one table; `outer`, where the ends of its lines end rows."""
        if item.kind == "<":
            return self.angles(item)
        if item.text:
            return self.call(item)
        return self.body(item, outer)

    def body(self, item: Item, outer: bool = False) -> Grid:
        """What stands in the brackets themselves: rows in brackets of their own, or cells."""
        items, environment = item.items, item.kind == "matrix"
        rows = [each for each in items if self.is_table(each)]
        if rows and not environment:
            return self.nested(self.only(rows, items))
        grid = inside(items, environment, outer, whole=environment and "&" in self.text)
        columns = item.columns.strip("|")
        left, bar, _ = columns.partition("|")
        return grid._replace(bars=(len(left),)) if environment and bar else grid

    def only(self, rows: list[Item], items: Sequence[Item]) -> list[Item]:
        """The rows, if nothing else stands among these items; without those that only draw."""
        between = [x for x in solid(items) if not self.is_table(x) and x.text not in SEPARATORS]
        if len(between) > 1 and between[0].kind == "name" and between[1].text in LABELS:
            between = between[2:]  # {"matrix": [[1, 2], [3, 4]]}
        if between:
            raise InputError(
                "“{between}” stands outside the rows. Write [[1, 2], [3, 4]].",
                between=self.source(between[:1]),
            )
        if "," in marks(items):
            return rows
        return [x for x in rows if solid(x.items) and not is_rule(x.items)] or rows

    def nested(self, tables: Sequence[Item]) -> Grid:
        """Rows that stand in brackets of their own."""
        if len(tables) == 1:
            return self.table(tables[0])
        counted(len(tables))
        grids = [self.table(table) for table in tables]
        if any(len(grid.rows) > 1 for grid in grids):
            raise InputError("The brackets nest deeper than the rows of a matrix do.")
        rows = [row for grid in grids for row in grid.rows]
        bars = grids[0].bars if len({grid.bars for grid in grids}) == 1 else ()
        return Grid(rows, bars, max(grid.said for grid in grids))

    def call(self, item: Item) -> Grid:
        """A matrix made by a function: matrix(c(1, 2), nrow = 2), mat(1, 2; 3, 4), rref(…)."""
        name = last_name(item)
        parts = [solid(part) for part in split(item.items, ",")]
        keywords = {
            part[0].text.lower(): part[2:]
            for part in parts
            if len(part) > 1 and part[0].kind == "name" and part[1].text in ("=", ":")
        }
        given = [p for p in parts if not (len(p) > 1 and p[1].text in ("=", ":"))]
        data = [part[0] for part in given if len(part) == 1 and self.is_table(part[0])]
        if not data and name in MADE:
            kept = solid(item.items)
            if keywords:
                first = next(k for k, p in enumerate(parts) if p and p[0].text.lower() in keywords)
                gone = {id(x) for p in parts for x in p if p[0].text.lower() in keywords}
                kept = [x for x in kept if id(x) not in gone]
                kept = kept[1:] if first == 0 else kept
            return self.body(item._replace(items=tuple(kept)))
        if not data or not (name in MADE or any(word in name for word in COMMANDS)):
            raise InputError(
                "“{text}(…)” around a matrix is not read: paste it alone.",
                text=item.text[:30],
            )
        if name in ("rbind", "cbind") or len(data) > 1:
            grid = self.nested(data)
            turned = [list(x) for x in zip(*grid.rows, strict=False)]
            return Grid(turned) if name[0] == "c" else grid
        grid = self.table(data[0])
        sizes = [int(p[0].text[:4]) for p in given if len(p) == 1 and p[0].text.isdecimal()]
        named = [key for key in ("nrow", "ncol") if key in keywords]
        named = [key for key in named if keywords[key][0].text.isdecimal()]
        behind = bool(named) or (bool(sizes) and given[0] == [data[0]])
        sizes += [int(keywords[key][0].text[:4]) for key in named]
        if len(grid.rows) > 1 or not sizes:
            return grid
        across = "byrow" in keywords and keywords["byrow"][0].text.upper() in ("TRUE", "T")
        wide = "ncol" in keywords and "nrow" not in keywords
        return Grid(_shaped(grid.rows[0], max(sizes[0], 1), wide, down=behind and not across))

    def angles(self, item: Item) -> Grid:
        """Maple: a comma goes down, a bar goes to the right."""
        if any(each.text == ";" for each in item.items):
            return self.body(item)
        blocks = []
        for part in split(solid(item.items), "|"):
            below: list[list[list[Item]]] = []
            for each in split(part, ","):
                one = len(each) == 1 and each[0].kind == "<"
                below += self.angles(each[0]).rows if one else [[each]]
            blocks.append(below)
        if len({len(block) for block in blocks}) > 1:
            raise InputError("The columns between < and > are not equally long.")
        return Grid([[cell for part in row for cell in part] for row in zip(*blocks, strict=True)])

    def source(self, items: Sequence[Item]) -> str:
        """The text of some items, shortened to what a sentence can hold."""
        if not items:
            return ""
        text = " ".join(self.text[items[0].start : items[-1].end].split())
        return text if len(text) <= 24 else text[:20] + "…"


def _is_hollow(item: Item) -> bool:
    """Whether a group is only brackets, as in int[][] or double[,]."""
    return item.kind == "[" and all(each.text == "," for each in solid(item.items))


def _is_named(table: Item, label: Item) -> bool:
    """Whether what stands right before a label is part of a name: m[0] =, Matrix{Int64}:"""
    single = len(solid(table.items)) < 2 and table.kind != "matrix"
    return single or (label.text == ":" and table.kind == "{")


def _shaped(
    flat: list[list[Item]], size: int, wide: bool, down: bool
) -> list[list[list[Item]]]:  # mn -> (m, n)
    """A list of entries as rows; `size` of them, or columns if `wide`; `down`, as R fills them."""
    if len(flat) % size:
        raise InputError(
            "{flat} entries do not fill rows or columns of {size}.",
            flat=len(flat),
            size=size,
        )
    n = size if wide else len(flat) // size
    m = len(flat) // max(n, 1)
    return [flat[i::m] if down else flat[i * n : (i + 1) * n] for i in range(m)]
