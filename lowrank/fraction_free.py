"""Gaussian elimination without fractions, a whole row at a time: what makes the exact steps fast.

Two old ideas together. Bareiss: with p the pivot and d the pivot before it, every entry of
(p R_i − a R_k) / d is an integer, a minor of the matrix, so nothing needs a common denominator.
Kronecker: a row of integers is one long integer, entry j in slot j of so many bits; then that
whole row operation is two products, a difference and one exact division of long integers. The
textbook's row at the same moment is this row over one known integer.

>>> [unpacked(packed([3, -1, 0], bits=8), bits=8, count=3)]
[[3, -1, 0]]

References: Bareiss, Sylvester's identity and multistep integer-preserving Gaussian elimination,
Math. Comp. 22 (1968), equations 7 to 9; von zur Gathen and Gerhard, Modern Computer Algebra,
section 8.4 (Kronecker substitution).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import nlargest
from math import lcm, prod
from operator import mul
from typing import Literal, NamedTuple, TypeAlias

from lowrank.rows import Matrix, Row, RowOp, add, scale, swap


class Stage(NamedTuple):
    """What a pivot's operations of one kind have in common.

    `entries` over `over` are the numbers of the pivot's column, row by row; `wholes` are the
    packed rows after the operations, if they are known.
    """

    kind: Literal["swap", "scale", "add"]
    pivot: tuple[int, int]
    p: int
    over: Sequence[int]
    wholes: Sequence[int] | None = None


Move: TypeAlias = tuple[Stage, int, int]
"""An operation: its stage, the row it changes (or swaps the pivot's row with), the entry there."""


def operation(move: Move) -> RowOp:
    """The move as a row operation, its factor a fraction."""
    (kind, (row, _), p, over, _), target, x = move
    if kind == "swap":
        return swap(row, target)
    if kind == "scale":
        return scale(row, Fraction(over[row], p))
    return add(target, row, Fraction(-x * over[row], p * over[target]))


def packed(row: Sequence[int], bits: int) -> int:
    """One integer holding the row: the sum of row[j] 2^(bits j)."""
    whole = 0
    for x in reversed(row):
        whole = (whole << bits) + x
    return whole


def unpacked(whole: int, bits: int, count: int) -> list[int]:
    """The entries of a packed row, if each is below 2^(bits − 1) in size."""
    half, mask = 1 << (bits - 1), (1 << bits) - 1
    lifted = whole + half * (((1 << (bits * count)) - 1) // mask)  # makes every slot positive
    return [((lifted >> at) & mask) - half for at in range(0, bits * count, bits)]


def whole_rows(A: Matrix) -> tuple[list[int], list[Sequence[int]]]:
    """The common denominator of each row, and the row times it."""
    common: list[int] = []
    integers: list[Sequence[int]] = []
    for row in A:
        over, under = zip(*[x.as_integer_ratio() for x in row], strict=True)
        s = lcm(*set(under))
        common.append(s)
        integers.append(
            over if s == 1 else [x * (s // y) for x, y in zip(over, under, strict=True)]
        )
    return common, integers


def slot(rows: Sequence[Sequence[int]]) -> int:
    """Bits of a slot that holds every minor of an integer matrix, and its sign.

    Hadamard: a minor is at most the product of the lengths of its rows.
    """
    squares = (max(1, sum(map(mul, row, row))) for row in rows)
    squared = prod(nlargest(min(len(rows), len(rows[0])), squares))
    return (squared.bit_length() + 1) // 2 + 1


@dataclass(frozen=True)
class PivotRow:
    """A finished row of the echelon form: packed from its pivot's column on, over an integer."""

    column: int
    pivot: int
    whole: int
    over: int


@dataclass(frozen=True)
class Downwards:
    """The downward half of a reduction of an (m, n) matrix: its moves and its pivot rows."""

    shape: tuple[int, int]
    bits: int
    moves: list[Move]
    rows: list[PivotRow]

    def written_out(self, whole: int, over: int, column: int) -> Row:
        """The packed row as n fractions."""
        entries = unpacked(whole, self.bits, self.shape[1] - column)
        zero = Fraction(0)
        return (zero,) * column + tuple([Fraction(x, over) if x else zero for x in entries])

    def after(self, move: Move) -> Row | None:
        """The row that the move changes, after it; None if it was not computed on the way."""
        (_, (row, column), p, over, wholes), target, _ = move
        if wholes is None:
            return None
        return self.written_out(wholes[target - row - 1], p * over[target], column + 1)

    def echelon(self) -> Matrix:  # -> (m, n)
        """The echelon form the moves lead to."""
        return self._padded([self.written_out(u.whole, u.over, u.column) for u in self.rows])

    def reduced(self) -> Matrix:  # -> (m, n)
        """The reduced echelon form, by substituting back without fractions.

        With D the last pivot, the rows D R_i of the reduced form R are integers (Cramer), and
        D R_i = (D U_i − sum over j > i of U_ij D R_j) / U_ii.
        """
        D = self.rows[-1].pivot if self.rows else 1
        wholes: list[tuple[int, int]] = []  # D R_j and its column, from the last j
        for u in reversed(self.rows):
            entries = unpacked(u.whole, self.bits, self.shape[1] - u.column)
            whole = D * u.whole
            for below, column in wholes:
                shift = column - u.column
                if entries[shift]:
                    whole -= entries[shift] * below << (self.bits * shift)
            wholes.append((whole // u.pivot, u.column))
        return self._padded([self.written_out(x, D, column) for x, column in reversed(wholes)])

    def _padded(self, filled: list[Row]) -> Matrix:
        m, n = self.shape
        return (*filled, *[(Fraction(0),) * n] * (m - len(filled)))


def downwards(A: Matrix) -> Downwards:
    """Eliminate below the pivots, column by column, each the first non-zero at or below its row.

    Rows of fractions are multiplied by their common denominator first; `over` remembers it.
    """
    common, integers = whole_rows(A)
    bits = slot(integers)
    mask, half = (1 << bits) - 1, 1 << (bits - 1)
    rest = [packed(row, bits) for row in integers]  # the rows from the current column on
    m, n = len(A), len(A[0])
    moves: list[Move] = []
    done: list[PivotRow] = []
    before = 1  # the previous pivot
    for column in range(n):
        row = len(done)
        if row == m:
            break
        lifted = [x + half for x in rest]
        leading = [(x & mask) - half for x in lifted]
        tails = [x >> bits for x in lifted]
        first = next((i for i, a in enumerate(leading) if a), None)
        if first is None:
            rest = tails
            continue
        pivot = (row, column)
        whole = rest[first]
        if first:
            for values in (leading, tails):
                values[0], values[first] = values[first], values[0]
            moves.append((Stage("swap", pivot, 1, ()), row + first, 0))
            common = common.copy()  # earlier stages keep theirs
            common[row], common[row + first] = common[row + first], common[row]
        p, tail = leading[0], tails[0]
        done.append(PivotRow(column, p, whole, before * common[row]))
        del leading[0], tails[0]
        rest = [(p * t - a * tail) // before for a, t in zip(leading, tails, strict=True)]
        stage = Stage("add", pivot, p, common, rest)
        moves += [(stage, i, a) for i, a in enumerate(leading, row + 1) if a]
        before = p
    return Downwards((m, n), bits, moves, done)


def upwards(half: Downwards) -> list[Move]:
    """The moves from the echelon form to the reduced one: from the last pivot, scale and clear.

    No arithmetic is needed to know them: the rows below row i are zero in the column of each
    pivot but their own by the time they are used, so what is cleared is still U_ij.
    """
    n, rows = half.shape[1], half.rows
    over = [u.over for u in rows]
    columns = [u.column for u in rows]
    entries = [[0] * u.column + unpacked(u.whole, half.bits, n - u.column) for u in rows]
    moves: list[Move] = []
    for row in reversed(range(len(rows))):
        pivot = (row, columns[row])
        p, one = rows[row].pivot, over[row]
        if p != one:
            moves.append((Stage("scale", pivot, p, over), row, p))
        stage = Stage("add", pivot, one, over)  # by now the pivot is 1
        above = [x[columns[row]] for x in entries[:row]]
        moves += [(stage, i, above[i]) for i in reversed(range(row)) if above[i]]
    return moves
