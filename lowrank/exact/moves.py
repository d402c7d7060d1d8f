"""A student's own moves: typed row operations, and whether the matrix they lead to is the goal.

Any legal path is right, so nothing here compares with one answer: the goal is a property of the
matrix (echelon form) together with what row operations keep (the row space).

>>> from lowrank.exact.matrices import apply, exact
>>> A = exact([[2, 4], [3, 7]])
>>> B = apply(parse_operation("R2 - 3/2 R1", rows=2), A)
>>> is_echelon(B), same_row_space(A, B)
(True, True)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from lowrank.exact.elimination import leading_columns, reduced_echelon
from lowrank.exact.matrices import (
    Matrix,
    Row,
    RowOp,
    add,
    apply,
    exact,
    scale,
    swap,
    transpose,
    written,
)
from lowrank.exact.operations import parse_operation
from lowrank.language import gettext as _
from lowrank.language import joined

__all__ = ["Verdict", "explain_next", "is_echelon", "is_reduced_echelon", "parse_operation"]
__all__ += ["same_row_space"]


def is_echelon(A: Matrix) -> bool:
    """Whether each row of A starts further right than the one above, zero rows last.

    >>> from lowrank.exact.matrices import exact
    >>> is_echelon(exact([[0, 2], [1, 0]])), is_echelon(exact([[1, 2], [0, 0]]))
    (False, True)
    """
    rows = enumerate(exact(A))
    starts = [next((j for j, x in enumerate(row) if x), len(row) + i) for i, row in rows]
    return all(a < b for a, b in pairwise(starts))


def is_reduced_echelon(A: Matrix) -> bool:
    """Whether A is in echelon form with every pivot 1 and alone in its column."""
    A = exact(A)
    leads = leading_columns(A)
    alone = all(A[i][j] == int(i == row) for row, j in enumerate(leads) for i in range(len(A)))
    return is_echelon(A) and alone


def same_row_space(A: Matrix, B: Matrix) -> bool:  # (m, n), (k, n)
    """Whether the rows of A and of B span the same space: row operations never change it.

    Their reduced echelon forms, which are unique, have the same non-zero rows.
    Reference: Lay, Linear Algebra and Its Applications, section 1.2, theorem 1.
    """
    E, F = ([row for row in reduced_echelon(M) if any(row)] for M in (A, B))
    return len(A[0]) == len(B[0]) and E == F


@dataclass(frozen=True)
class Verdict:
    """What turns one matrix into the next, or the first row that is wrong and why.

    `ops` is empty if no single operation (nor one pivot row's multiples added to several rows)
    leads there; then `row` is the first wrong row, counted from 0, or None if none is to blame,
    `why` says it in words, and `same_space` whether the row space was kept all the same.
    """

    ops: tuple[RowOp, ...]
    row: int | None
    why: str
    same_space: bool

    @property
    def right(self) -> bool:
        """Whether the next matrix is reached by legal moves."""
        return bool(self.ops)


def explain_next(before: Matrix, after: Matrix) -> Verdict:  # (m, n), (m, n)
    """Which operation turns `before` into `after`; if none does, the first wrong row and why.

    Besides one elementary operation, multiples of one unchanged row added to several others
    count as right, since books clear a column in one go; `ops` then lists them in order.

    >>> from lowrank.exact.matrices import exact
    >>> A = exact([[1, 2], [3, 4]])
    >>> [str(op) for op in explain_next(A, exact([[1, 2], [0, -2]])).ops]
    ['R2 ← R2 − 3 R1']
    >>> explain_next(A, exact([[1, 2], [0, 2]])).why.partition(" The row space")[0]
    'Row 2 is wrong in column 2: R2 ← R2 − 3 R1 gives −2 there, not 2.'
    """
    before, after = exact(before, "before"), exact(after, "after")
    m, n = len(before), len(before[0])
    if (len(after), len(after[0])) != (m, n):
        why = _(
            "The matrix is {rows} × {columns}, but the next one is {rows_after} × {columns_after}. "
            "Row operations never change the size."
        ).format(rows=m, columns=n, rows_after=len(after), columns_after=len(after[0]))
        return Verdict((), None, why, False)
    changed = [i for i in range(m) if before[i] != after[i]]
    if not changed:
        return Verdict((), None, _("Nothing changed: the two matrices are the same."), True)
    ops = _one_operation(before, after, changed) or _cleared_at_once(before, after, changed)
    if ops:
        return Verdict(ops, None, "", True)
    row, why = _first_wrong(before, after, changed)
    same = same_row_space(before, after)
    more = (
        _("The row space is still the same: if you took several operations, show them one by one.")
        if same
        else _("The row space is not the same any more, so no row operations lead here.")
    )
    return Verdict((), row, joined((why, more), _("{first} {last}")), same)


def _one_operation(A: Matrix, B: Matrix, changed: list[int]) -> tuple[RowOp, ...]:
    """The elementary operation from A to B, or nothing."""
    if len(changed) == 2:
        i, j = changed
        return (swap(i, j),) if (A[i], A[j]) == (B[j], B[i]) else ()
    if len(changed) > 2:
        return ()
    (i,) = changed
    factor = _multiple(B[i], A[i])
    if factor:
        return (scale(i, factor),)
    found = ((j, _multiple(_less(B[i], A[i]), A[j])) for j in range(len(A)) if j != i)
    return next(((add(i, j, factor),) for j, factor in found if factor), ())


def _cleared_at_once(A: Matrix, B: Matrix, changed: list[int]) -> tuple[RowOp, ...]:
    """Multiples of one unchanged row that, added to the changed ones, lead from A to B."""
    for j in (j for j in range(len(A)) if j not in changed):
        factors = [_multiple(_less(B[i], A[i]), A[j]) for i in changed]
        if all(factors):
            return tuple(add(i, j, f) for i, f in zip(changed, factors, strict=True) if f)
    return ()


def _multiple(x: Row, y: Row) -> Fraction | None:
    """The factor with x = factor y, if there is one; None for a zero row y."""
    factor = next((a / b for a, b in zip(x, y, strict=True) if b), None)
    if factor is None or any(a != factor * b for a, b in zip(x, y, strict=True)):
        return None
    return factor


def _less(x: Row, y: Row) -> Row:
    return tuple(a - b for a, b in zip(x, y, strict=True))


def _first_wrong(A: Matrix, B: Matrix, changed: list[int]) -> tuple[int, str]:
    """The first row of B that no legal move explains together with the others, and why."""
    swapped = [(i, j) for i in changed for j in changed if i != j and B[i] == A[j] != A[i]]
    if len(changed) == 2 and swapped:
        i, j = swapped[0]
        at = _differs(B[j], A[i])
        return j, _(
            "Row {row} is now what row {other} was, so row {other} must become what row {row} "
            "was; in column {column} that is {right}, not {wrong}."
        ).format(
            row=i + 1,
            other=j + 1,
            column=at + 1,
            right=written(A[i][at]),
            wrong=written(B[j][at]),
        )
    alone = {i: _one_operation(A, (*A[:i], B[i], *A[i + 1 :]), [i]) for i in changed}
    wrong = next((i for i in changed if not alone[i]), None)
    if wrong is None:
        i, j = changed[:2]
        return j, _(
            "Rows {row} and {other} each took an operation of their own "
            "({first} and {second}): take one at a time."
        ).format(row=i + 1, other=j + 1, first=alone[i][0], second=alone[j][0])
    # A row that the others were cleared with is the likeliest to have been meant.
    used = [op.rows[1] for ops in alone.values() for op in ops if op.kind == "add"]
    sources = [j for j in dict.fromkeys([*used, *range(len(A))]) if j != wrong and any(A[j])]
    return wrong, _why_wrong(A, B[wrong], wrong, sources)


def _why_wrong(A: Matrix, new: Row, i: int, sources: list[int]) -> str:
    """What is wrong with row i of A becoming `new`: lost, two operations, or a slip in a column."""
    if not any(new):
        said = _("Row {row} became zero, but it is no multiple of another row.")
        return said.format(row=i + 1)
    for j in sources:
        if _multiple(new, A[j]):
            said = _("Row {row} became a multiple of row {other}: what it was is lost.")
            return said.format(row=i + 1, other=j + 1)
        both = _scaled_and_added(A[i], A[j], new)
        if both and len(new) > 2:  # two rows of two entries combine to anything
            first, then = scale(i, both[0]), add(i, j, both[1])
            said = _("Row {row} took two operations at once: {first}, then {second}.")
            return said.format(row=i + 1, first=first, second=then)
    meant = max(
        _candidates(A, new, i, sources),
        key=lambda op: _agreeing(apply(op, A)[i], new),
        default=None,
    )
    row = apply(meant, A)[i] if meant else A[i]
    if _agreeing(row, new) <= _agreeing(A[i], new):
        said = _(
            "Row {row} is no multiple of what it was, nor that plus a multiple of another row."
        )
        return said.format(row=i + 1)
    at = _differs(row, new)
    return _(
        "Row {row} is wrong in column {column}: {operation} gives {right} there, not {wrong}."
    ).format(
        row=i + 1,
        column=at + 1,
        operation=meant,
        right=written(row[at]),
        wrong=written(new[at]),
    )


def _candidates(A: Matrix, new: Row, i: int, sources: list[int]) -> Iterator[RowOp]:
    """Operations on row i of A that give at least one entry of the new row that it had not."""
    for j in sources:
        for a, b, x in zip(A[i], new, A[j], strict=True):
            if x and a != b:
                yield add(i, j, (b - a) / x)
    yield from (scale(i, b / a) for a, b in zip(A[i], new, strict=True) if a and b and a != b)


def _agreeing(x: Row, y: Row) -> int:
    return sum(a == b for a, b in zip(x, y, strict=True))


def _differs(x: Row, y: Row) -> int:
    return next(j for j, (a, b) in enumerate(zip(x, y, strict=True)) if a != b)


def _scaled_and_added(x: Row, y: Row, z: Row) -> tuple[Fraction, Fraction] | None:
    """The factors with z = c x + f y, c not 0, if there are such (and x, y are independent)."""
    E = reduced_echelon(transpose((x, y, z)))  # (n, 3): columns x, y, z
    if leading_columns(E) != (0, 1) or not E[0][2]:
        return None
    return E[0][2], E[1][2]
