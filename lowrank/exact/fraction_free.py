"""Gaussian elimination without fractions, a whole row at a time: what makes the exact steps fast.

Two old ideas together. Bareiss: with p the pivot and d the pivot before it, every entry of
(p R_i − a R_k) / d is an integer, a minor of the matrix, so nothing needs a common denominator.
Kronecker: a row of integers is one long integer, the last entry in its lowest so many bits and
the first in its highest, where a rounded shift reads it; then that whole row operation is two
products, a difference and one exact division of long integers. The textbook's row at the same
moment is this row over one known integer.

>>> packed([[3, -1]], bits=8), unpacked(3 * 2**8 - 1, bits=8, count=2)
([767], [3, -1])

References: Bareiss, Sylvester's identity and multistep integer-preserving Gaussian elimination,
Math. Comp. 22 (1968), equations 7 to 9; von zur Gathen and Gerhard, Modern Computer Algebra,
section 8.4 (Kronecker substitution).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from math import lcm, prod
from operator import mul
from typing import NamedTuple, TypeAlias

from lowrank.exact.matrices import Matrix, Row, RowOp

Rows: TypeAlias = Sequence[Sequence[int]] | Matrix
Stage: TypeAlias = tuple[str, tuple[int, int], int, Sequence[int], Sequence[int]]
"""What a pivot's operations of one half have in common: kind, pivot place, p, over, wholes.

`kind` is "swap", "down" or "up". Pivot p and the entries of its column are over `over`, row by
row. `wholes` holds the rows below after they are cleared, packed; going up it is empty.
"""
Move: TypeAlias = tuple[Stage, int, int]
"""An operation: its stage, the row it changes (or swaps the pivot's row with), the entry there.

Plain tuples, since making hundreds of them is a good part of the time a derivation takes.
"""


def operation(move: Move) -> RowOp:
    """The move as a row operation, its factor a fraction."""
    (kind, (row, _), p, over, _), target, x = move
    if kind == "swap":
        return RowOp("swap", (row, target))
    if target == row:
        return RowOp("scale", (row,), Fraction(over[row], p))
    if kind == "down":
        return RowOp("add", (target, row), Fraction(-x * over[row], p * over[target]))
    return RowOp("add", (target, row), Fraction(-x, over[target]))  # the pivot is 1 by now


def packed(rows: Sequence[Sequence[int]], bits: int) -> list[int]:
    """One integer for each row: the sum of row[-1 - j] 2^(bits j); bits is a multiple of 8."""
    if bits == 64:
        words = struct.Struct(f">{len(rows[0])}q").pack
        fields = [words(*row) for row in rows]
    else:
        size = bits // 8
        fields = [b"".join([x.to_bytes(size, "big", signed=True) for x in row]) for row in rows]
    signs = _sign_bits(bits, len(rows[0]))
    return [(int.from_bytes(x, "big") ^ signs) - signs for x in fields]  # from two's complement


def unpacked(whole: int, bits: int, count: int) -> Sequence[int]:
    """The entries of a packed row, if each is below 2^(bits − 1) in size."""
    size, signs = bits // 8, _sign_bits(bits, count)
    fields = ((whole + signs) ^ signs).to_bytes(size * count, "big")
    if bits == 64:
        return struct.unpack(f">{count}q", fields)
    starts = range(0, len(fields), size)
    return [int.from_bytes(fields[at : at + size], "big", signed=True) for at in starts]


@lru_cache
def _sign_bits(bits: int, count: int) -> int:
    """The highest bit of each of `count` slots."""
    return (1 << (bits - 1)) * (((1 << (bits * count)) - 1) // ((1 << bits) - 1))


def whole_rows(A: Rows) -> tuple[list[int], Sequence[Sequence[int]]]:
    """The common denominator of each row, and the row times it."""
    if set(map(type, chain.from_iterable(A))) == {int}:
        return [1] * len(A), A  # type: ignore[return-value]
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
    """Bits of a slot that holds every minor of an integer matrix, and its sign."""
    bits = minor_bits(rows, min(len(rows), len(rows[0]))) + 1
    return 64 if bits <= 64 else -(-bits // 8) * 8  # whole bytes, at best the machine's own words


def minor_bits(rows: Sequence[Sequence[int]], order: int) -> int:
    """Bits that hold every minor, up to an order, of an integer matrix.

    Hadamard: a minor is at most the product of the lengths of its rows.
    """
    squares = sorted([sum(map(mul, row, row)) or 1 for row in rows])
    return (prod(squares[-order:]).bit_length() + 1) // 2


class PivotRow(NamedTuple):
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
        if not wholes:
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
                whole -= entries[column - u.column] * below
            wholes.append((whole // u.pivot, u.column))
        return self._padded([self.written_out(x, D, column) for x, column in reversed(wholes)])

    def _padded(self, filled: list[Row]) -> Matrix:
        m, n = self.shape
        return (*filled, *[(Fraction(0),) * n] * (m - len(filled)))


def downwards(A: Rows, bar: int | None = None) -> Downwards:
    """Eliminate below the pivots, column by column, each the first non-zero at or below its row.

    Only the first `bar` columns get pivots; without it, all.

    Rows of fractions are multiplied by their common denominator first; `over` remembers it.
    """
    common, integers = whole_rows(A)
    bits = slot(integers)
    rest = packed(integers, bits)  # the rows that have no pivot yet
    m, n = len(A), len(A[0])
    moves: list[Move] = []
    done: list[PivotRow] = []
    before = 1  # the previous pivot
    for column in range(bar or n):
        row = len(done)
        if row == m:
            break
        shift = bits * (n - 1 - column)  # of the column's slot, the highest left
        half = 1 << shift >> 1  # the slots below it are less than this in size
        first = 0 if rest[0] + half >> shift else _first(rest, half, shift)
        if first is None:
            continue
        pivot = (row, column)
        if first:
            rest, common = rest.copy(), common.copy()  # earlier stages keep theirs
            rest[0], rest[first] = rest[first], rest[0]
            common[row], common[row + first] = common[row + first], common[row]
            moves.append((("swap", pivot, 1, (), ()), row + first, 0))
        top = rest[0]
        p = top + half >> shift
        done.append(PivotRow(column, p, top, before * common[row]))
        after: list[int] = []
        stage = ("down", pivot, p, common, after)
        for i, x in enumerate(rest[1:], row + 1):
            a = x + half >> shift
            after.append((p * x - a * top) // before)
            if a:
                moves.append((stage, i, a))
        rest, before = after, p
    return Downwards((m, n), bits, moves, done)


def _first(rest: list[int], half: int, shift: int) -> int | None:
    """The first row whose slot at `shift` is not 0."""
    return next((i for i, x in enumerate(rest) if x + half >> shift), None)


def upwards(half: Downwards) -> list[Move]:
    """The moves from the echelon form to the reduced one: from the last pivot, scale and clear.

    No arithmetic is needed to know them: the rows below row i are zero in the column of each
    pivot but their own by the time they are used, so what is cleared is still U_ij.
    """
    n, rows = half.shape[1], half.rows
    over = [u.over for u in rows]
    entries = [(0,) * u.column + tuple(unpacked(u.whole, half.bits, n - u.column)) for u in rows]
    columns = tuple(zip(*entries, strict=True))
    moves: list[Move] = []
    for row in reversed(range(len(rows))):
        column = columns[rows[row].column]
        p = column[row]
        stage = ("up", (row, rows[row].column), p, over, ())
        if p != over[row]:
            moves.append((stage, row, p))
        moves += [(stage, i, column[i]) for i in reversed(range(row)) if column[i]]
    return moves
