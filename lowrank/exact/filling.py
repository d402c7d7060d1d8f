"""Missing entries of a matrix of known rank: those that the rank alone determines, exactly."""

from collections.abc import Sequence
from fractions import Fraction

from lowrank.exact.elimination import rank
from lowrank.exact.systems import solve

Holed = tuple[tuple[Fraction | None, ...], ...]  # (m, n), None where nothing is known


def filled(A: Sequence[Sequence[Fraction | None]], r: int) -> Holed:  # (m, n) -> (m, n)
    """A of rank r with every entry filled in that whole rows or whole columns determine.

    Once r independent rows are known whole, each other row is a combination of them, and r
    independent columns of it say which; the same with rows and columns exchanged, again and again.
    What stays None this way is not determined by it, though more than one row at a time might be.

    >>> [[str(x) for x in row] for row in filled([[1, 2, 3], [2, None, None]], r=1)]
    [['1', '2', '3'], ['2', '4', '6']]
    """
    before, found = None, tuple(tuple(row) for row in A)
    while found != before:
        before = found
        found = _turned(_by_rows(_turned(_by_rows(found, r)), r))
    return found


def _turned(A: Holed) -> Holed:
    return tuple(zip(*A, strict=True))


def _by_rows(A: Holed, r: int) -> Holed:
    whole = [row for row in A if None not in row]
    if not whole or rank(whole) != r:
        return A
    return tuple(row if None not in row else _combined(whole, row, r) for row in A)


def _combined(whole: Sequence[Sequence], row: Sequence, r: int) -> tuple:
    """The row as a combination of whole ones, if the entries known of it say which."""
    seen = [j for j, x in enumerate(row) if x is not None]
    columns = [[each[j] for each in whole] for j in seen]
    if not seen or rank(columns) != r:
        return tuple(row)
    c = solve(columns, [row[j] for j in seen]).particular
    if c is None:  # the rank is a larger one
        return tuple(row)
    return tuple(
        sum((ci * each[j] for ci, each in zip(c, whole, strict=True)), start=Fraction(0))
        for j in range(len(row))
    )
