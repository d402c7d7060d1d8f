"""The x that come closest to A x = b where none solves it, and b's shadow on the column space.

>>> found = least_squares([[1, 0], [1, 1], [1, 2]], [6, 0, 0])
>>> str(found.minimisers), [int(x) for x in found.projection], [int(x) for x in found.residual]
('x1 = 5, x2 = −3', [5, 2, -1], [1, -2, 1])
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lowrank.exact.matrices import Matrix, Row, exact, product, transpose
from lowrank.exact.notation import latex_matrix
from lowrank.exact.surds import conjugate
from lowrank.exact.systems import Solution, right_hand_side, solve


@dataclass(frozen=True)
class LeastSquares:
    """All x for which |b − A x| is least, and what they have in common: A x and b − A x.

    `projection` is the vector of the column space nearest to b; `residual`, the rest, is
    orthogonal to every column. If the columns of A are dependent, `minimisers` are many.
    """

    minimisers: Solution  # of the normal equations
    projection: Row  # p = A x, (m,)
    residual: Row  # b − p, (m,)

    @property
    def normal(self) -> Matrix:
        """The normal equations, [A^T A | A^T b], (n, n + 1)."""
        return self.minimisers.augmented

    @property
    def distance_squared(self) -> Fraction:
        """|b − A x|², 0 exactly if A x = b has a solution."""
        return sum((conjugate(x) * x for x in self.residual), Fraction(0))

    def _repr_latex_(self) -> str:
        """Every x, then what they share: A x and b − A x."""
        p, r = (latex_matrix(transpose((x,))) for x in (self.projection, self.residual))
        return f"{self.minimisers._repr_latex_()}, $A x = {p}$, $b - A x = {r}$"


def least_squares(A: Any, b: Sequence[Any]) -> LeastSquares:  # (m, n), (m,)
    """Every x that minimises |b − A x|, from A^T A x = A^T b, which always has a solution.

    Raises:
        InputError: b has not one entry for each row of A, or an entry is not a number.

    Reference: Strang, Introduction to Linear Algebra, 6th edition, sections 4.2 and 4.3.
    """
    A = exact(A)
    column = right_hand_side(A, b)
    At = tuple(tuple(map(conjugate, row)) for row in transpose(A))
    found = solve(product(At, A), [row[0] for row in product(At, column)])
    assert found.particular is not None
    p = tuple(row[0] for row in product(A, transpose((found.particular,))))
    return LeastSquares(found, p, tuple(x - y for (x,), y in zip(column, p, strict=True)))
