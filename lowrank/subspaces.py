"""What a reduction tells about a matrix: dependent rows, the null space, rank + nullity = n.

>>> for dependency in dependencies([[1, 2], [0, 1], [2, 3]]):
...     print(dependency)
R3 = 2 R1 − R2
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lowrank.elimination import leading_columns, pivots, rank, reduced_echelon
from lowrank.rows import Row, exact, transpose, written


def independent_rows(A: Any) -> tuple[int, ...]:
    """The rows of A that are not combinations of rows above them: a basis of the row space.

    >>> independent_rows([[0, 0], [1, 2], [2, 4], [0, 1]])
    (1, 3)
    """
    return pivots(transpose(exact(A)))


@dataclass(frozen=True)
class Dependency:
    """A row of A as a combination of others: row = sum of coefficient times row, over terms."""

    row: int
    terms: tuple[tuple[Fraction, int], ...]

    def __str__(self) -> str:
        words = [_term(c, i, first=k == 0) for k, (c, i) in enumerate(self.terms)]
        return f"R{self.row + 1} = {' '.join(words) or '0'}"


def _term(coefficient: Fraction, row: int, first: bool) -> str:
    size = abs(coefficient)
    name = f"R{row + 1}" if size == 1 else f"{written(size)} R{row + 1}"
    if first:
        return f"−{name}" if coefficient < 0 else name
    return f"− {name}" if coefficient < 0 else f"+ {name}"


def dependencies(A: Any) -> tuple[Dependency, ...]:
    """Every row outside `independent_rows(A)`, written with those rows; m − rank of them.

    Column j of the reduced echelon form of A^T holds the coefficients of row j of A, since row
    operations on A^T keep the relations between its columns.

    >>> dependencies([[1, 1], [2, 2]])
    (Dependency(row=1, terms=((Fraction(2, 1), 0),)),)
    """
    R = reduced_echelon(transpose(exact(A)))  # (n, m)
    basis = leading_columns(R)
    return tuple(
        Dependency(row, tuple((R[k][row], i) for k, i in enumerate(basis) if R[k][row]))
        for row in range(len(R[0]))
        if row not in basis
    )


def null_space(A: Any) -> tuple[Row, ...]:  # (m, n) -> (n - rank) vectors of n entries
    """A basis of all x with A x = 0, one vector for each column without a pivot.

    In its vector that free column is 1, every other free column is 0.

    >>> [[int(x) for x in v] for v in null_space([[1, 2, 0], [0, 0, 1]])]
    [[-2, 1, 0]]
    """
    R = reduced_echelon(A)
    bound = leading_columns(R)
    return tuple(_null_vector(R, bound, free) for free in range(len(R[0])) if free not in bound)


def _null_vector(R: tuple[Row, ...], bound: tuple[int, ...], free: int) -> Row:
    x = [Fraction(0)] * len(R[0])
    x[free] = Fraction(1)
    for row, column in enumerate(bound):
        x[column] = -R[row][free]
    return tuple(x)


@dataclass(frozen=True)
class RankNullity:
    """rank + nullity = columns: each column either has a pivot or is free."""

    rank: int
    nullity: int
    columns: int


def rank_nullity(A: Any) -> RankNullity:
    """Rank, dimension of the null space, and their sum, the number of columns.

    >>> rank_nullity([[1, 2, 3]])
    RankNullity(rank=1, nullity=2, columns=3)
    """
    A = exact(A)
    r, n = rank(A), len(A[0])
    return RankNullity(r, n - r, n)
