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
from typing import Any, Protocol

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
from lowrank.exact.matrices import (
    Matrix,
    Row,
    RowOp,
    apply,
    exact,
    is_rational,
    rational,
    transpose,
)
from lowrank.exact.notation import latex_step
from lowrank.exact.styles import (
    Needed,
    Style,
    check_style,
    meant,
    needed,
    operation_of,
    reason,
    reason_at_length,
    sought,
)
from lowrank.exact.surds import Surd
from lowrank.language import gettext_noop

LARGE = 32  # rows and columns from which arithmetic modulo a prime is the faster


class _Walk(Protocol):
    """Some operations one after another, of which a `Step` is the one at a place."""

    def needed(self, at: int) -> Needed: ...
    def op(self, at: int) -> RowOp: ...
    def matrix(self, at: int) -> Matrix: ...
    def entries(self, at: int) -> tuple[Fraction, Fraction]: ...


class Step:
    """One operation of a reduction: the matrix after it, its pivot (row, column), and why.

    Fields: `op`, `matrix` (m, n), `pivot`, `why` and, longer, `detail`; as hints, `sought` and
    `meant`; none can be set. All but the pivot are written out when first asked for: a derivation
    has hundreds of steps.
    """

    __slots__ = ("_at", "_path")

    def __init__(self, path: _Walk, at: int) -> None:
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
        return self._path.needed(self._at).pivot

    @property
    def why(self) -> str:
        """The reason, in one sentence."""
        return reason(self._path.needed(self._at), self.op, *self._path.entries(self._at))

    @property
    def detail(self) -> str:
        """The reason at length: the goal of the moment, the numbers, and what stays the same."""
        needed = self._path.needed(self._at)
        return reason_at_length(needed, self.op, self._path.matrix(self._at), self.why)

    @property
    def sought(self) -> str:
        """A first hint: what to look for."""
        return sought(self._path.needed(self._at))

    @property
    def meant(self) -> str:
        """A second hint: the kind of operation and its rows, without its factor."""
        return meant(self._path.needed(self._at))

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


class _One:
    """One operation of any style, over any field."""

    def __init__(self, A: Matrix, needed: Needed) -> None:
        self._before, self._needed = A, needed
        self._op = operation_of(A, needed)

    def needed(self, at: int) -> Needed:
        return self._needed

    def op(self, at: int) -> RowOp:
        return self._op

    def matrix(self, at: int) -> Matrix:
        return apply(self._op, self._before) if at else self._before

    def entries(self, at: int) -> tuple[Fraction, Fraction]:
        (row, column), target = self._needed.pivot, self._needed.target
        return self._before[target][column], self._before[row][column]


class _Path:
    """A start, the textbook's moves from it, and those matrices that were asked for."""

    def __init__(self, A: Rows, moves: list[Move], half: Downwards) -> None:
        self.moves, self._start, self._half = moves, A, half
        self._ops: dict[int, RowOp] = {}
        self._matrices: list[Matrix] = []

    def needed(self, at: int) -> Needed:
        (kind, pivot, *_), target, _ = self.moves[at]
        if kind == "swap":
            return Needed("swap", pivot, target)
        return Needed("scale" if target == pivot[0] else "clear", pivot, target)

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
        more = self._half.rows[row].over // over[row] if kind == "down" else 1
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
            row = self._half.after(move) or _cleared(A, op, move[0][1][1])
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


def next_step(
    A: Matrix, reduced: bool = False, style: Style = "textbook", bar: int | None = None
) -> Step | None:
    """The next operation towards echelon form, or None when A is there.

    It depends on the matrix alone, however it came about, so the same function hints,
    does a step and finishes. First downwards: the leftmost column that still needs work gets a
    non-zero pivot (by a swap if it must) and zeros below. Then, if `reduced`, upwards from the
    last pivot: each is scaled to 1 and the entries above it cleared.

    That is the textbook's style. With "ones" each pivot is made 1 before it clears, so the goal
    has pivots 1. With "whole" no fraction comes up: rows are multiplied until the pivot divides
    and divided by what they have in common; pivots become 1, if `reduced`, at the very end. `bar`
    columns stand left of the bar of [A | B], and only they are given pivots.

    >>> next_step(exact([[2, 1], [3, 4]])).why
    'Clear the 3 below the pivot 2: 3 − 3/2 · 2 = 0.'
    >>> str(next_step(exact([[2, 1], [3, 4]]), style="ones").op)
    'R1 ← 1/2 R1'
    >>> next_step(exact([[2, 1], [3, 4]]), style="whole").why
    'Multiply row 2 by 2: then its 3 becomes 6, a multiple of the pivot 2.'
    >>> next_step(exact([[2, 1], [0, 4]])) is None
    True

    Raises:
        InputError: an unknown style, or a bar that is not inside the matrix.

    Reference: Lay, Linear Algebra and Its Applications, section 1.2, the row reduction algorithm.
    """
    A = exact(A, "A")
    check_style(style, bar, len(A[0]))
    if style == "whole":
        rational(
            A,
            gettext_noop("Whole numbers throughout need fractions only; the matrix holds {other}."),
        )
    found = needed(A, reduced, style, bar)
    return None if found is None else Step(_One(A, found), 0)


def steps(
    A: Any, reduced: bool = False, style: Style = "textbook", bar: int | None = None
) -> Iterator[Step]:
    """Every operation from A to an echelon form, in the order of a style.

    The steps of the plain form come first in those of the reduced form. Applying the operations
    in order gives every `Step.matrix` exactly, and E A = A' for each elementary matrix E. They
    are those of `next_step` taken again and again; the textbook's are computed without fractions.

    >>> [str(step.op) for step in steps([[1, 2], [3, 6]], reduced=True)]
    ['R2 ← R2 − 3 R1']
    >>> [str(step.op) for step in steps([[2, 1], [3, 4]], style="whole")]
    ['R2 ← 2 R2', 'R2 ← R2 − 3 R1']

    Raises:
        InputError: as `next_step`.
    """
    start = _whole_numbers(A) or exact(A)
    check_style(style, bar, len(start[0]))
    if style != "textbook" or _has_surds(start):
        return _taken_again(exact(start), reduced, style, bar)
    half = downwards(start, bar)
    path = _Path(start, half.moves + upwards(half) if reduced else half.moves, half)
    return map(Step, repeat(path), range(len(path.moves)))


def _has_surds(A: Rows) -> bool:
    return any(Surd in set(map(type, row)) for row in A)


def _taken_again(A: Matrix, reduced: bool, style: Style, bar: int | None) -> Iterator[Step]:
    """`next_step` again and again."""
    while (step := next_step(A, reduced, style, bar)) is not None:
        yield step
        A = step.matrix


def _whole_numbers(A: Any) -> tuple[tuple[int, ...], ...] | None:
    """A copy of A if it is a list of equally long rows of int: those need no fractions."""
    if type(A) is not list or {type(row) for row in A} != {list}:
        return None
    rows = tuple(map(tuple, A))
    whole = set(map(type, chain.from_iterable(rows))) == {int}
    return rows if whole and len(set(map(len, rows))) == 1 else None


def echelon(A: Any) -> Matrix:  # (m, n) -> (m, n)
    """An echelon form of A: each row starts further right than the one above, zero rows last."""
    A = exact(A)
    return downwards(A).echelon() if is_rational(A) else _last(A, reduced=False)


def _last(A: Matrix, reduced: bool) -> Matrix:
    """The matrix at the end of the textbook's steps, over any field."""
    return next((step.matrix for step in reversed(list(steps(A, reduced)))), A)


def reduced_echelon(A: Any) -> Matrix:  # (m, n) -> (m, n)
    """The reduced echelon form of A, which is unique: pivots 1, alone in their columns.

    >>> [[int(x) for x in row] for row in reduced_echelon([[2, 4], [1, 3]])]
    [[1, 0], [0, 1]]
    """
    A = exact(A)
    if not is_rational(A):
        return _last(A, reduced=True)
    found = reduced_rows(whole_rows(A)[1]) if _is_large(A) else None
    return downwards(A).reduced() if found is None else found


def _is_large(A: Matrix) -> bool:
    return min(len(A), len(A[0])) >= LARGE


def leading_columns(E: Matrix) -> tuple[int, ...]:
    """The column of the first non-zero of each non-zero row; of an echelon form, its pivots."""
    firsts = (next((j for j, x in enumerate(row) if x), None) for row in exact(E, "E"))
    return tuple(j for j in firsts if j is not None)


def pivots_in_place(A: Matrix, bar: int | None = None) -> set[tuple[int, int]]:
    """The pivots (row, column) that elimination downwards has finished with: zeros below them.

    >>> from lowrank.exact.matrices import exact
    >>> sorted(pivots_in_place(exact([[1, 2, 3], [0, 0, 4], [0, 5, 6]])))
    [(0, 0)]
    """
    found: set[tuple[int, int]] = set()
    for column in range(bar or len(A[0])):
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
    if not is_rational(A):
        return leading_columns(_last(A, reduced=False))
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
