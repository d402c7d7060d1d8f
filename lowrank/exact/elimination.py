"""Row reduction, one operation at a time: exactly, in the order of a textbook.

>>> for step in steps([[0, 2], [1, 3]]):
...     print(step.op)
R1 ↔ R2
>>> rank([["0.1", "0.2"], ["1/2", 1]])
1
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, repeat
from typing import Any

from lowrank.exact.fraction_free import (
    Downwards,
    Move,
    Rows,
    downwards,
    operation,
    upwards,
    whole_rows,
)
from lowrank.exact.lifting import pivot_columns, reduced_rows
from lowrank.exact.matrices import Matrix, Row, RowOp, apply, exact, transpose, written
from lowrank.exact.notation import latex_step

LARGE = 32  # rows and columns from which arithmetic modulo a prime is the faster


class Step:
    """One operation of a reduction: the matrix after it, its pivot (row, column), and why.

    Fields: `op`, `matrix` (m, n), `pivot`, `why` and, longer, `detail`; none can be set. All but
    the pivot are written out when first asked for: a derivation has hundreds of steps, and a page
    shows one.
    """

    __slots__ = ("_at", "_path")

    def __init__(self, path: "_Path", at: int) -> None:
        self._path, self._at = path, at

    @property
    def op(self) -> RowOp:
        """The row operation."""
        return self._path.op(self._at)

    @property
    def matrix(self) -> Matrix:
        """The matrix after the operation."""
        return self._path.matrix(self._at + 1)

    @property
    def pivot(self) -> tuple[int, int]:
        """Row and column of the pivot that the operation serves, in the matrix after it."""
        return self._path.moves[self._at][0][1]

    @property
    def why(self) -> str:
        """The reason, in one sentence."""
        return _why(self.op, self.pivot, *self._path.entries(self._at))

    @property
    def detail(self) -> str:
        """The reason at length: the goal of the moment, the numbers, and what stays the same."""
        return _detail(self.op, self.pivot, self._path.matrix(self._at))

    def _fields(self) -> tuple[RowOp, Matrix, tuple[int, int], str]:
        return self.op, self.matrix, self.pivot, self.why

    def __eq__(self, other: object) -> bool:
        return self._fields() == other._fields() if isinstance(other, Step) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._fields())

    def _repr_latex_(self) -> str:
        return latex_step(self._path.matrix(self._at), self.op)

    def __repr__(self) -> str:
        op, matrix, pivot, why = self._fields()
        return f"Step(op={op!r}, matrix={matrix!r}, pivot={pivot!r}, why={why!r})"


class _Path:
    """A start, the moves from it, and those matrices on the way that were asked for."""

    def __init__(self, A: Rows, moves: list[Move], half: Downwards | None = None) -> None:
        self.moves, self._start, self._half = moves, A, half
        self._ops: dict[int, RowOp] = {}
        self._matrices: list[Matrix] = []

    def op(self, at: int) -> RowOp:
        if at not in self._ops:
            self._ops[at] = operation(self.moves[at])
        return self._ops[at]

    def entries(self, at: int) -> tuple[Fraction, Fraction]:
        """The entry that a move clears and its pivot, before it; 0 and 1 for a swap."""
        (kind, (row, _), p, over, _), target, x = self.moves[at]
        if kind == "swap":
            return Fraction(0), Fraction(1)
        if kind == "up" and target != row:  # the pivot has been scaled
            return Fraction(x, over[target]), Fraction(1)
        more = self._half.rows[row].over // over[row] if kind == "down" and self._half else 1
        return Fraction(x, more * over[target]), Fraction(p, more * over[row])

    def matrix(self, at: int) -> Matrix:
        """The matrix after `at` moves; rows that a move leaves alone are shared."""
        known = self._matrices
        if not known:
            known.append(exact(self._start))
        while len(known) <= at:
            A, op, move = known[-1], self.op(len(known) - 1), self.moves[len(known) - 1]
            if op.kind != "add":
                known.append(apply(op, A))
                continue
            target = op.rows[0]
            row = self._half.after(move) if self._half else None
            row = row or _cleared(A, op, move[0][1][1])
            known.append((*A[:target], row, *A[target + 1 :]))
        return known[at]


def _cleared(A: Matrix, op: RowOp, column: int) -> Row:
    """The row that `op` changes, after it, knowing that it clears the column of its pivot."""
    target, source = op.rows
    row = list(A[target])
    row[column] = Fraction(0)
    for j in range(column + 1, len(row)):
        if A[source][j]:
            row[j] += op.factor * A[source][j]
    return tuple(row)


def next_step(A: Matrix, reduced: bool = False) -> Step | None:
    """The next operation towards echelon form, or None when A is there.

    It depends on the matrix alone, however it came about, so the same function hints,
    does a step and finishes. First downwards: the leftmost column that still needs work gets a
    non-zero pivot (by a swap if it must) and zeros below. Then, if `reduced`, upwards from the
    last pivot: each is scaled to 1 and the entries above it cleared.

    >>> next_step(exact([[2, 1], [3, 4]])).why
    'Clear the 3 below the pivot 2: 3 − 3/2 · 2 = 0.'
    >>> next_step(exact([[2, 1], [0, 4]])) is None
    True

    Reference: Lay, Linear Algebra and Its Applications, section 1.2, the row reduction algorithm.
    """
    found = needed(A, reduced)
    if found is None:
        return None
    kind, (row, column), target = found
    if kind == "swap":
        return Step(_Path(A, [(("swap", (row, column), 1, (), ()), target, 0)]), 0)
    over = [line[column].denominator for line in A]
    half = "down" if target > row else "up"
    stage = (half, (row, column), A[row][column].numerator, over, ())
    return Step(_Path(A, [(stage, target, A[target][column].numerator)]), 0)


def needed(A: Matrix, reduced: bool) -> tuple[str, tuple[int, int], int] | None:
    """What the textbook does next, over any field: "swap", "scale" or "clear", and where.

    The place of the pivot, then the row that changes (of a swap, the row that comes up).
    """
    row = 0
    for column in range(len(A[0])):
        filled = [i for i in range(row, len(A)) if A[i][column]]
        if not filled:
            continue
        if filled[0] != row:
            return "swap", (row, column), filled[0]
        if len(filled) > 1:
            return "clear", (row, column), filled[1]
        row += 1
    if not reduced:
        return None
    for row, column in reversed(tuple(enumerate(leading_columns(A)))):
        if A[row][column] != 1:
            return "scale", (row, column), row
        for above in reversed(range(row)):
            if A[above][column]:
                return "clear", (row, column), above
    return None


def _why(op: RowOp, pivot: tuple[int, int], x: Fraction, p: Fraction) -> str:
    """Why a step is taken: x is what it changes in the pivot's column, p the pivot."""
    row, column = pivot
    if op.kind == "swap":
        return (
            f"Row {row + 1} has 0 in column {column + 1} and so no pivot there; "
            f"row {op.rows[1] + 1} is the first below that has one."
        )
    if op.kind == "scale":
        return f"Make the pivot 1: divide row {row + 1} by {written(p)}."
    shown, by = written(x), written(p)
    sign = "−" if op.factor.numerator < 0 else "+"
    where = "below" if op.rows[0] > row else "above"
    factor = written(abs(op.factor))
    sum_ = f"{shown} {sign} {factor} · {f'({by})' if by.startswith('−') else by} = 0"
    # Rounded numbers would not add up to 0.
    return f"Clear the {shown} {where} the pivot {by}" + ("." if "≈" in sum_ else f": {sum_}.")


def _detail(op: RowOp, pivot: tuple[int, int], A: Matrix) -> str:
    """Goal, operation and what it keeps, for the step from A: three or four sentences."""
    row, column = pivot
    at = f"row {row + 1}, column {column + 1}"
    if op.kind == "swap":
        done = "" if not column else f"{_columns_up_to(column)} done. "
        return (
            f"{done}The next pivot belongs in {at}, but there is a 0. Row {op.rows[1] + 1} has "
            f"{written(A[op.rows[1]][column])} in that column, so the two rows trade places. Only "
            "their order changes: the rows span the same space, and as equations they have the "
            "same solutions."
        )
    p = written(A[row][column])
    if op.kind == "scale":
        return (
            f"In reduced form every pivot is 1, and the one in {at} is {p}. Multiplying row "
            f"{row + 1} by {written(op.factor)} makes it 1. Multiplying by {p} would undo that, so "
            "no row is lost: the row space and the solutions stay the same."
        )
    target, x = op.rows[0], A[op.rows[0]][column]
    goal = "below" if target > row else "above"
    taken = "Subtracting" if op.factor < 0 else "Adding"
    back = "adding it back" if op.factor < 0 else "subtracting it"
    return (
        f"The pivot is the {p} in {at}, and every entry {goal} it should become 0. Row "
        f"{target + 1} has {written(x)} there, which is {written(-op.factor)} times the pivot. "
        f"{taken} {written(abs(op.factor))} times row {row + 1} makes it 0. "
        f"Row {row + 1} itself stays, so {back} would undo this: the row space and the solutions "
        "stay the same."
    )


def _columns_up_to(column: int) -> str:
    return "Column 1 is" if column == 1 else f"Columns 1 to {column} are"


def steps(A: Any, reduced: bool = False) -> Iterator[Step]:
    """Every operation from A to an echelon form, in the textbook's order.

    The steps of the plain form come first in those of the reduced form. Applying the operations
    in order gives every `Step.matrix` exactly, and E A = A' for each elementary matrix E. They
    are those of `next_step` taken again and again, computed without fractions.

    >>> [str(step.op) for step in steps([[1, 2], [3, 6]], reduced=True)]
    ['R2 ← R2 − 3 R1']
    """
    start = _whole_numbers(A) or exact(A)
    half = downwards(start)
    path = _Path(start, half.moves + upwards(half) if reduced else half.moves, half)
    return map(Step, repeat(path), range(len(path.moves)))


def _whole_numbers(A: Any) -> tuple[tuple[int, ...], ...] | None:
    """A copy of A if it is a list of equally long rows of int: those need no fractions."""
    if type(A) is not list or {type(row) for row in A} != {list}:
        return None
    rows = tuple(map(tuple, A))
    whole = set(map(type, chain.from_iterable(rows))) == {int}
    return rows if whole and len(set(map(len, rows))) == 1 else None


def echelon(A: Any) -> Matrix:  # (m, n) -> (m, n)
    """An echelon form of A: each row starts further right than the one above, zero rows last."""
    return downwards(exact(A)).echelon()


def reduced_echelon(A: Any) -> Matrix:  # (m, n) -> (m, n)
    """The reduced echelon form of A, which is unique: pivots 1, alone in their columns.

    >>> [[int(x) for x in row] for row in reduced_echelon([[2, 4], [1, 3]])]
    [[1, 0], [0, 1]]
    """
    A = exact(A)
    found = reduced_rows(whole_rows(A)[1]) if _is_large(A) else None
    return downwards(A).reduced() if found is None else found


def _is_large(A: Matrix) -> bool:
    return min(len(A), len(A[0])) >= LARGE


def leading_columns(E: Matrix) -> tuple[int, ...]:
    """The column of the first non-zero of each non-zero row; of an echelon form, its pivots."""
    firsts = (next((j for j, x in enumerate(row) if x), None) for row in E)
    return tuple(j for j in firsts if j is not None)


def pivots_in_place(A: Matrix) -> set[tuple[int, int]]:
    """The pivots (row, column) that elimination downwards has finished with: zeros below them.

    >>> from lowrank.exact.matrices import exact
    >>> sorted(pivots_in_place(exact([[1, 2, 3], [0, 0, 4], [0, 5, 6]])))
    [(0, 0)]
    """
    found: set[tuple[int, int]] = set()
    for column in range(len(A[0])):
        row = len(found)
        filled = [i for i in range(row, len(A)) if A[i][column]]
        if filled and filled != [row]:
            break
        found |= {(row, column)} if filled else set()
    return found


def pivots(A: Any) -> tuple[int, ...]:
    """The pivot columns of A, left to right: the k-th pivot stands in row k of the echelon form.

    >>> pivots([[0, 1, 2], [0, 2, 5]])
    (1, 2)
    """
    A = exact(A)
    found = pivot_columns(whole_rows(A)[1]) if _is_large(A) else None
    return tuple(row.column for row in downwards(A).rows) if found is None else found


def rank(A: Any) -> int:
    """The rank of A, exactly: the number of non-zero rows of an echelon form.

    >>> rank([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
    2
    """
    A = exact(A)
    # Independent columns need no proof beyond the prime's, so the longer side stands up.
    return len(pivots(A if len(A) >= len(A[0]) else transpose(A)))
