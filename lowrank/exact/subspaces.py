"""What a reduction tells about a matrix: dependent rows, the null space, rank + nullity = n.

>>> for dependency in dependencies([[1, 2], [0, 1], [2, 3]]):
...     print(dependency)
R3 = 2 R1 − R2
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lowrank.exact.elimination import leading_columns, pivots, rank, reduced_echelon
from lowrank.exact.matrices import Matrix, Row, exact, grouped, signed, transpose, written
from lowrank.language import gettext as _
from lowrank.language import joined


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
        return f"R{self.row + 1} = {combination([(c, f'R{i + 1}') for c, i in self.terms])}"


def combination(
    terms: Iterable[tuple[Fraction, str]],
    number: Callable[[Fraction], str] = written,
    minus: str = "−",
) -> str:
    """A sum of multiples, as on the blackboard; a term without a name is a plain number.

    >>> combination([(Fraction(3), ""), (Fraction(-1), "x2"), (Fraction(0), "x3")])
    '3 − x2'
    """
    words = ""
    for coefficient, name in terms:
        if not coefficient:
            continue
        negative, size = signed(coefficient)
        written_ = grouped(number(size)) if name else number(size)
        term = name if name and size == 1 else f"{written_} {name}".rstrip()
        sign = minus if negative else "+"
        words += f" {sign} {term}" if words else f"{minus * negative}{term}"
    return words or "0"


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


def listed(found: Collection[Dependency], form: Callable[[Dependency], str] = str) -> str:
    """Dependent rows written out in one sentence; or that there are none.

    >>> listed(dependencies([[1, 1], [2, 2]]))
    'R2 = 2 R1.'
    """
    if not found:
        return _("No row is a combination of the others.")
    return _("{equations}.").format(equations=joined(map(form, found), _("{first}, {last}")))


def null_space(A: Any) -> tuple[Row, ...]:  # (m, n) -> (n - rank) vectors of n entries
    """A basis of all x with A x = 0, one vector for each column without a pivot.

    In its vector that free column is 1, every other free column is 0.

    >>> [[int(x) for x in v] for v in null_space([[1, 2, 0], [0, 0, 1]])]
    [[-2, 1, 0]]
    """
    R = reduced_echelon(A)
    bound = leading_columns(R)
    return tuple(null_vector(R, bound, free) for free in range(len(R[0])) if free not in bound)


def null_vector(R: Matrix, bound: tuple[int, ...], free: int) -> Row:
    """The x with R x = 0 whose free entry is 1 and the other free ones 0; R is reduced echelon."""
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


@dataclass(frozen=True)
class Subspace:
    """A subspace of R^ambient by a basis of it: vectors of that many entries, maybe none."""

    name: str
    basis: tuple[Row, ...]
    ambient: int

    @property
    def dimension(self) -> int:
        """The number of vectors in a basis."""
        return len(self.basis)

    def __str__(self) -> str:
        said = _("{space} has dimension {dimension} in {whole}")
        return said.format(space=self.name, dimension=self.dimension, whole=f"R^{self.ambient}")


@dataclass(frozen=True)
class FourSubspaces:
    """The four fundamental subspaces of A (m, n): two in R^m, two in R^n, in orthogonal pairs."""

    column: Subspace
    left_null: Subspace
    row: Subspace
    null: Subspace

    @property
    def rank(self) -> int:
        """dim Col A = dim Row A."""
        return self.column.dimension

    @property
    def orthogonal_pairs(self) -> tuple[tuple[Subspace, Subspace], ...]:
        """In R^m and in R^n: two subspaces, each all that is orthogonal to the other."""
        return (self.column, self.left_null), (self.row, self.null)

    @property
    def identities(self) -> tuple[str, ...]:
        """How the dimensions add up.

        >>> print(*fundamental([[1, 2, 3]]).identities, sep="\\n")
        dim Col A + dim Null A^T = 1 + 0 = 1 = m
        dim Row A + dim Null A = 1 + 2 = 3 = n
        dim Col A = dim Row A = 1 = rank A
        """
        sums = [
            f"dim {U.name} + dim {V.name} = {U.dimension} + {V.dimension} = {U.ambient} = {size}"
            for (U, V), size in zip(self.orthogonal_pairs, "mn", strict=True)
        ]
        return (*sums, f"dim Col A = dim Row A = {self.rank} = rank A")


def fundamental(A: Any) -> FourSubspaces:  # (m, n)
    """Col A and Null A^T, which live in R^m, and Row A and Null A, which live in R^n.

    Col A has the pivot columns of A itself as basis (not those of its echelon form, which span
    another space), Row A the non-zero rows of the reduced form, which has the same row space.

    >>> found = fundamental([[1, 2], [2, 4], [3, 6]])
    >>> print(found.column, found.null, sep="; ")
    Col A has dimension 1 in R^3; Null A has dimension 1 in R^2

    Reference: Strang, Introduction to Linear Algebra, section 3.5.
    """
    A = exact(A)
    m, n = len(A), len(A[0])
    R = reduced_echelon(A)
    columns, bound = transpose(A), leading_columns(R)
    return FourSubspaces(
        Subspace("Col A", tuple(columns[j] for j in bound), m),
        Subspace("Null A^T", null_space(columns), m),
        Subspace("Row A", R[: len(bound)], n),
        Subspace("Null A", tuple(null_vector(R, bound, j) for j in range(n) if j not in bound), n),
    )
