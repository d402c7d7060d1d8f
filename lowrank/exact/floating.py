"""The same elimination in exact fractions and in floating point, step by step: where they part.

>>> A = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]
>>> exact_run, double = eliminate(A, "exact"), eliminate(A, "float64")
>>> exact_run.rank, double.rank
(2, 3)
>>> parting(exact_run, double).why
'Row 3, column 3 is exactly 0, but float64 is left with 1.1 × 10⁻¹⁶.'

Reference: Wilkinson, Error analysis of direct methods of matrix inversion, J. ACM 8 (1961), for the
growth of the entries; Higham, Accuracy and Stability of Numerical Algorithms, chapter 9.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Any, Literal

import numpy as np

from lowrank.errors import InputError
from lowrank.exact.arguments import instance, one_of, tolerance
from lowrank.exact.matrices import exact, raised, rational, written
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, pgettext_noop

Arithmetic = Literal["exact", "float64", "float32", "float16"]
Pivoting = Literal["none", "partial", "complete"]
ARITHMETICS: tuple[Arithmetic, ...] = (gettext_noop("exact"), "float64", "float32", "float16")
PIVOTINGS: tuple[Pivoting, ...] = (
    pgettext_noop("pivoting", "none"),
    pgettext_noop("pivoting", "partial"),
    pgettext_noop("pivoting", "complete"),
)

Grid = tuple[tuple[Any, ...], ...]  # fractions, or numpy scalars of one floating type


@dataclass(frozen=True)
class Operation:
    """What a step did: a swap of rows or columns (i, j), or row i less a multiple of row j."""

    kind: Literal["rows", "columns", "add"]
    lines: tuple[int, int]
    pivot: tuple[int, int]
    factor: Any = None

    def __str__(self) -> str:
        i, j = (line + 1 for line in self.lines)
        if self.kind == "rows":
            return f"R{i} ↔ R{j}"
        if self.kind == "columns":
            return f"C{i} ↔ C{j}"
        sign = "+" if self.factor < 0 else "−"
        size = abs(self.factor)
        term = "" if size == 1 else f"{number(size)} "
        return f"R{i} ← R{i} {sign} {term}R{j}"

    def same_as(self, other: "Operation") -> bool:
        """Whether both do the same to the same rows, however the factor was rounded."""
        return (self.kind, self.lines, self.pivot) == (other.kind, other.lines, other.pivot)


@dataclass(frozen=True, eq=False)
class Run:
    """One elimination in one arithmetic: the matrix at the start and after every operation.

    `growth` is the largest entry met on the way over the largest at the start (Wilkinson's growth
    factor; 1 where all entries are 0). A run that overflowed stops there and has no rank.
    """

    arithmetic: Arithmetic
    matrices: tuple[Grid, ...]  # one more than the operations
    operations: tuple[Operation, ...]
    pivots: tuple[int, ...]
    growth: float
    overflowed: bool

    @property
    def rank(self) -> int | None:
        """The number of pivots found."""
        return None if self.overflowed else len(self.pivots)


def eliminate(
    A: Any, arithmetic: Arithmetic, pivoting: Pivoting = "partial", tol: float = 0.0
) -> Run:  # (m, n)
    """Eliminate A to echelon form with one rounding an operation, as naive code does.

    A pivot counts if its size is above `tol`; 0 trusts every rounding error. "none" takes
    the first candidate of a column as pivot, "partial" the largest of the column, "complete" the
    largest of all that is left (and swaps columns). An eliminated entry is set to 0 outright, as
    all codes do.

    >>> eliminate([["1e-20", 1, 1], [1, 1, 2], [1, 2, 4]], "float64", "none").rank
    2
    >>> eliminate([["1e-20", 1, 1], [1, 1, 2], [1, 2, 4]], "float64", "partial").rank
    3
    >>> tenths = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]
    >>> eliminate(tenths, "float64").rank, eliminate(tenths, "float64", tol=1e-15).rank
    (3, 2)

    Raises:
        InputError: an arithmetic or a pivoting that there is none of; a negative or infinite tol.
    """
    one_of(arithmetic, ARITHMETICS, "arithmetic")
    one_of(pivoting, PIVOTINGS, "pivoting")
    tol = tolerance(tol, "tol")
    rows = _rounded(A, arithmetic)
    matrices, operations = [_frozen(rows)], list[Operation]()
    pivots: list[int] = []
    start = largest = _largest(rows)
    column = 0
    with np.errstate(all="ignore"):
        while column < len(rows[0]) and len(pivots) < len(rows) and _finite(rows):
            top = len(pivots)
            chosen = _pivot(rows, top, column, pivoting, tol)
            if chosen is None:
                column += 1
                continue
            for made in _operations(rows, (top, column), chosen):
                operations.append(made)
                matrices.append(_frozen(rows, matrices[-1], made))
                changed = rows[made.lines[0]]
                largest = max(largest, max(map(abs, changed)))
                if not _finite([changed]):
                    break
            pivots.append(column)
            column += 1
    overflowed = not _finite(rows)
    growth = float("inf") if overflowed else _ratio(largest, start) if start else 1.0
    return Run(arithmetic, tuple(matrices), tuple(operations), tuple(pivots), growth, overflowed)


def floats(A: Any) -> np.ndarray:  # (m, n) -> (m, n) float64
    """The float64 nearest to each entry.

    Raises:
        InputError: an entry is beyond the range of float64.
    """
    rational(
        exact(A),
        gettext_noop("Floating point is compared on fractions only; the matrix holds {other}."),
    )
    try:
        return np.array([[float(x) for x in row] for row in A], dtype=np.float64)
    except OverflowError as error:
        raise InputError("An entry is too large for floating point (over 1.8e308).") from error


def _rounded(A: Any, arithmetic: Arithmetic) -> list[list[Any]]:
    """The entries in the arithmetic; what is beyond its range becomes infinite."""
    rows = rational(
        exact(A),
        gettext_noop("Floating point is compared on fractions only; the matrix holds {other}."),
    )
    if arithmetic == "exact":
        return [list(row) for row in rows]
    kind = np.dtype(arithmetic).type
    with np.errstate(all="ignore"):
        return [[kind(_float(x)) for x in row] for row in rows]


def _ratio(x: Any, y: Any) -> float:
    """x / y in float64 whatever they are; infinite beyond its range."""
    return _float(x / y) if isinstance(x, Fraction) else float(x) / float(y)


def _float(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def _pivot(
    rows: list[list[Any]], top: int, column: int, pivoting: Pivoting, tol: float
) -> tuple[int, int] | None:
    """The place of the pivot, or None if the column (or, complete, all that is left) has none."""
    columns = range(column, len(rows[0])) if pivoting == "complete" else [column]
    places = [(i, j) for j in columns for i in range(top, len(rows)) if abs(rows[i][j]) > tol]
    if not places or pivoting == "none":
        return places[0] if places else None
    return max(places, key=lambda place: abs(rows[place[0]][place[1]]))  # the first of equals


def _operations(rows: list[list[Any]], pivot: tuple[int, int], chosen: tuple[int, int]) -> Any:
    """Swap the chosen entry into place and clear below it, in place, yielding each operation."""
    top, column = pivot
    if chosen[0] != top:
        rows[top], rows[chosen[0]] = rows[chosen[0]], rows[top]
        yield Operation("rows", (top, chosen[0]), pivot)
    if chosen[1] != column:
        for row in rows:
            row[column], row[chosen[1]] = row[chosen[1]], row[column]
        yield Operation("columns", (column, chosen[1]), pivot)
    for i in range(top + 1, len(rows)):
        if rows[i][column] == 0:
            continue
        factor = rows[i][column] / rows[top][column]
        rest = range(column + 1, len(rows[0]))
        for j in rest:
            rows[i][j] = rows[i][j] - factor * rows[top][j]
        rows[i][column] = rows[i][column] * 0 if abs(rows[i][column]) < float("inf") else factor * 0
        yield Operation("add", (i, top), pivot, factor)


def _frozen(rows: list[list[Any]], before: Grid = (), made: Operation | None = None) -> Grid:
    """The rows as they are now; unchanged ones are those of the matrix before."""
    if made is None or made.kind == "columns":
        return tuple(map(tuple, rows))
    changed = made.lines if made.kind == "rows" else made.lines[:1]
    return tuple(tuple(row) if i in changed else before[i] for i, row in enumerate(rows))


def _largest(rows: Sequence[Sequence[Any]]) -> Any:
    return max(abs(x) for row in rows for x in row)


def _finite(rows: Sequence[Sequence[Any]]) -> bool:
    return all(isinstance(x, Fraction) or isfinite(x) for row in rows for x in row)


@dataclass(frozen=True)
class Parting:
    """The first step (0: the matrix as entered) at which a floating run leaves the exact one."""

    step: int
    why: str
    places: tuple[tuple[int, int], ...] = ()  # entries that are 0 in one run only


def parting(reference: Run, other: Run) -> Parting | None:
    """Where the other run first decides differently from the exact one, or None if nowhere.

    That is the first step at which an entry is 0 in one and not in the other, or the operation is
    not the same (another pivot), or one of them has ended or overflowed.
    """
    name = instance(other, Run, "other").arithmetic
    instance(reference, Run, "reference")
    for step in range(max(len(reference.matrices), len(other.matrices))):
        if step >= len(other.matrices):
            said = _("{name} stops here: it finds nothing left to clear.")
            return Parting(step - 1, said.format(name=name))
        if step >= len(reference.matrices):
            said = _("{name} goes on: {operation}.")
            return Parting(step, said.format(name=name, operation=other.operations[step - 1]))
        if step:
            mine, its = reference.operations[step - 1], other.operations[step - 1]
            if not mine.same_as(its):
                said = _("{name} does {its} where exact arithmetic does {exact}.")
                return Parting(step, said.format(name=name, its=its, exact=mine))
        E, F = reference.matrices[step], other.matrices[step]
        if other.overflowed and step == len(other.operations):
            said = _("{name} overflows: it holds nothing beyond {most}.")
            return Parting(step, said.format(name=name, most=number(np.finfo(name).max, 3)))
        places = tuple(
            (i, j)
            for i, (row, its_row) in enumerate(zip(E, F, strict=True))
            if not step or row is not reference.matrices[step - 1][i]
            for j, (x, y) in enumerate(zip(row, its_row, strict=True))
            if bool(x) != bool(y)
        )
        if places:
            i, j = places[0]
            exact_entry, its_entry = number(E[i][j]), number(F[i][j])
            said = (
                _("Row {row}, column {column} is exactly 0, but {name} is left with {entry}.")
                if E[i][j] == 0
                else _("Row {row}, column {column} is {exact}, but {name} has 0.")
            ).format(row=i + 1, column=j + 1, name=name, exact=exact_entry, entry=its_entry)
            return Parting(step, said, places)
    return None


def drift(reference: Run, other: Run, tol: float) -> tuple[int, float] | None:
    """The first step at which the relative error is above `tol`, and the error there; or None.

    The error of a step is max |f - e| / max |e|, over the entries e of the exact matrix and f of
    the floating one; only steps before their parting by a different operation are compared.

    >>> A = [["1/3", 1], [1, 2]]
    >>> drift(eliminate(A, "exact"), eliminate(A, "float16"), 1e-5)[0]
    0

    Raises:
        InputError: a `tol` that is not a number above 0.
    """
    if not tol > 0:
        raise InputError(
            "tol is {tol}; expected a number above 0.",
            tol=tol,
        )
    errors = [Fraction(0)] * len(reference.matrices[0])
    sizes = list(errors)
    before: tuple[Grid, Grid] = ((), ())
    for step, (E, F) in enumerate(zip(reference.matrices, other.matrices, strict=False)):
        if step and not reference.operations[step - 1].same_as(other.operations[step - 1]):
            return None
        if other.overflowed and step == len(other.operations):
            return step, float("inf")
        for i, (row, its_row) in enumerate(zip(E, F, strict=True)):
            if not step or row is not before[0][i] or its_row is not before[1][i]:
                errors[i] = max(
                    abs(Fraction(float(y)) - x) for x, y in zip(row, its_row, strict=True)
                )
                sizes[i] = max(map(abs, row))
        before = (E, F)
        error, size = max(errors), max(sizes)
        if error > Fraction(tol) * size:
            return step, _float(error / size) if size else float("inf")
    return None


def number(x: Any, digits: int = 2) -> str:
    """A number as people write it: short fractions as they are, others to so many digits.

    >>> number(Fraction(-3, 2)), number(np.float64(1.1e-16)), number(65504.0, 3), number(2.0)
    ('−3/2', '1.1 × 10⁻¹⁶', '6.55 × 10⁴', '2')
    """
    if isinstance(x, Fraction):
        if len(words := written(x)) <= 7 or not _float(x):  # nothing that is not 0 is called 0
            return words
        x = _float(x)
    value = float(x)
    if not np.isfinite(value):
        return "NaN" if value != value else "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 10_000:
        return f"{int(value)}".replace("-", "−")
    if 1e-3 <= abs(value) < 10_000:
        shown = digits if abs(value) < 100 else max(digits, 4)
        return f"{value:.{shown}g}".replace("-", "−")
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10{raised(int(power))}".replace("-", "−")
