"""What elimination gives: P A = L U, A = C R, determinant, inverse, and every solution of A x = b.

>>> str(solve([[1, 2], [2, 4]], [3, 6]))
'x1 = 3 − 2 x2, x2 free'
>>> determinant([[0, 2], [3, 4]]).how
'det A = −1 · 3 · 2 = −6 (1 swap)'
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import prod
from typing import Any, Literal

from lowrank.errors import InputError
from lowrank.exact.arguments import fraction, several, vector
from lowrank.exact.elimination import Step, echelon, leading_columns, rank, reduced_echelon, steps
from lowrank.exact.matrices import Matrix, Row, RowOp, apply, exact, identity, transpose, written
from lowrank.exact.notation import latex_matrix
from lowrank.exact.subspaces import combination, null_vector
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined, ngettext

NO_INVERSE = gettext_noop("The matrix is {rows} × {columns}: only a square one has an inverse.")


def elementary_product(ops: Iterable[RowOp], m: int) -> Matrix:  # -> (m, m)
    """E = E_k ... E_2 E_1, so that E A is A after all the operations, for every A of m rows.

    >>> from lowrank.exact.matrices import add, scale
    >>> E = elementary_product([add(1, 0, -3), scale(0, 2)], 2)
    >>> [[int(x) for x in row] for row in E]
    [[2, 0], [-3, 1]]

    Raises:
        InputError: an operation names a row beyond m.
    """
    return reduce(lambda E, op: apply(op, E), ops, identity(m))


@dataclass(frozen=True)
class PLU:
    """P A = L U: row i of P A is row permutation[i] of A; L is unit lower triangular, U echelon."""

    permutation: tuple[int, ...]
    L: Matrix  # (m, m)
    U: Matrix  # (m, n)
    swaps: int

    @property
    def P(self) -> Matrix:  # (m, m)
        """The permutation as a matrix."""
        eye = identity(len(self.permutation))
        return tuple(eye[i] for i in self.permutation)


def plu(A: Any) -> PLU:  # (m, n) -> (m, m), (m, m), (m, n)
    """P A = L U for any A: the multipliers of the downward half, kept where their zeros are.

    L[i][k] is what pivot row k was multiplied by to clear row i; a later swap takes it along.
    U is `echelon(A)`. Rows are swapped only where a pivot is 0, as by hand.

    >>> found = plu([[0, 2], [3, 4]])
    >>> found.permutation, [[int(x) for x in row] for row in found.U]
    ((1, 0), [[3, 4], [0, 2]])

    Reference: Strang, Introduction to Linear Algebra, sections 2.6 and 2.7.
    """
    U = exact(A)
    order, multipliers, swaps = list(range(len(U))), [list(row) for row in identity(len(U))], 0
    for step in steps(U):
        U, (i, j) = step.matrix, step.op.rows
        if step.op.kind == "swap":
            order[i], order[j] = order[j], order[i]
            above, below = multipliers[i], multipliers[j]
            above[:i], below[:i] = below[:i], above[:i]
            swaps += 1
        else:
            multipliers[i][j] = -step.op.factor
    return PLU(tuple(order), tuple(map(tuple, multipliers)), U, swaps)


@dataclass(frozen=True)
class CR:
    """A = C R: C has the pivot columns of A, R says how every column of A is made of them.

    With r the rank, C is (m, r) and R (r, n); of a zero matrix C has no columns and R no rows.
    """

    C: Matrix  # (m, r)
    R: Matrix  # (r, n)
    columns: tuple[int, ...]  # of A that stand in C, from 0


def cr(A: Any) -> CR:  # (m, n) -> (m, r), (r, n)
    """A = C R, the pivot columns of A times the non-zero rows of its reduced echelon form.

    Row operations keep the relations between columns, so column j of R holds the coefficients that
    make column j of A from the pivot columns. r (m + n) numbers say all that m n said.

    >>> found = cr([[1, 2, 3], [2, 4, 7]])
    >>> [[int(x) for x in row] for row in found.C], [[int(x) for x in row] for row in found.R]
    ([[1, 3], [2, 7]], [[1, 2, 0], [0, 0, 1]])

    Reference: Strang, Introduction to Linear Algebra, 6th edition, section 1.4.
    """
    A = exact(A)
    R = reduced_echelon(A)
    columns = leading_columns(R)
    return CR(tuple(tuple(row[j] for j in columns) for row in A), R[: len(columns)], columns)


@dataclass(frozen=True)
class Determinant:
    """det A = (−1)^swaps times the diagonal of U, and that sum written out."""

    value: Fraction
    diagonal: Row
    swaps: int

    @property
    def how(self) -> str:
        """How the value comes about, on one line."""
        if not self.value:
            return _("det A = 0: a column has no pivot, so the rows are dependent")
        sign = ["−1"] if self.swaps % 2 else []
        factors = [*sign, *(written(x) for x in self.diagonal)]
        shown = [f"({x})" if k and x.startswith("−") else x for k, x in enumerate(factors)]
        value = written(self.value)
        line = " · ".join(shown)
        product = line if line == value else f"{line} = {value}"
        said = (
            ngettext("det A = {product} ({n} swap)", "det A = {product} ({n} swaps)", self.swaps)
            if self.swaps
            else _("det A = {product} (no swaps)")
        )
        return said.format(product=product, n=self.swaps)


def determinant(A: Any) -> Determinant:  # (n, n)
    """The determinant: each swap turns its sign, adding a multiple of a row leaves it.

    Raises:
        InputError: A is not square.
    """
    A = square(
        A,
        gettext_noop("The matrix is {rows} × {columns}: only a square one has a determinant."),
    )
    found = plu(A)
    diagonal = tuple(found.U[i][i] for i in range(len(A)))
    return Determinant((-1) ** found.swaps * prod(diagonal), diagonal, found.swaps)


def augmented(A: Any, B: Any) -> Matrix:  # (m, n), (m, k) -> (m, n + k)
    """[A | B], the two matrices side by side: one reduction serves both.

    Raises:
        InputError: A and B have not as many rows.
    """
    A, B = exact(A, "A"), exact(B, "B")
    if len(A) != len(B):
        raise InputError(
            "[A | B] needs equally many rows, not {rows} and {rows_2}.",
            rows=len(A),
            rows_2=len(B),
        )
    return tuple(a + b for a, b in zip(A, B, strict=True))


def inverse(A: Any) -> Matrix:  # (n, n) -> (n, n)
    """A^-1, by reducing [A | I] to [I | A^-1]; `steps(augmented(A, identity(n)), True)` shows how.

    >>> [[str(x) for x in row] for row in inverse([[2, 1], [4, 4]])]
    [['1', '-1/4'], ['-1', '1/2']]

    Raises:
        InputError: A is not square, or its rank is below n.
    """
    A = square(A, NO_INVERSE)
    n = len(A)
    R = reduced_echelon(augmented(A, identity(n)))
    if leading_columns(R) != tuple(range(n)):
        raise InputError(
            "The matrix has no inverse: its rank is {a}, and a {n} × {n} matrix needs {n}.",
            a=rank(A),
            n=n,
        )
    return tuple(row[n:] for row in R)


def square(A: Any, refusal: str) -> Matrix:  # (n, n)
    """A, if it is square.

    Raises:
        InputError: the refusal, with {rows} and {columns}, if it is not.
    """
    A = exact(A)
    if len(A) != len(A[0]):
        raise InputError(refusal, rows=len(A), columns=len(A[0]))
    return A


@dataclass(frozen=True)
class Solution:
    """All x with A x = b: none, one, or `particular` plus any combination of `null_basis`.

    `free` are the columns without a pivot, counted from 0, one for each vector of `null_basis`;
    in `particular` they are 0. If there is none, `contradiction` is the row (0 ... 0 | c) of the
    echelon form of [A | b] that no x satisfies, and `particular` is None.
    """

    kind: Literal["unique", "none", "infinitely many", "finitely many"]  # the last over GF(p)
    particular: Row | None  # (n,)
    null_basis: tuple[Row, ...]
    free: tuple[int, ...]
    contradiction: Row | None  # (n + 1,)
    augmented: Matrix  # [A | b], (m, n + 1)
    names: tuple[str, ...]  # of the unknowns, (n,)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Those on [A | b]: to the reduced form, or to the contradiction's echelon form."""
        return tuple(steps(self.augmented, reduced=self.particular is not None))

    @property
    def equations(self) -> tuple[str, ...]:
        """Each unknown by the free ones: x1 = 3 − 2 x2; or the row that cannot hold: 0 = 1."""
        if self.particular is None:
            return (f"0 = {written((self.contradiction or (Fraction(1),))[-1])}",)
        return tuple(self._equation(i, x) for i, x in enumerate(self.particular))

    def _equation(self, i: int, constant: Fraction) -> str:
        if i in self.free:
            return _("{name} free").format(name=self.names[i])
        terms = [(v[i], self.names[j]) for v, j in zip(self.null_basis, self.free, strict=True)]
        return f"{self.names[i]} = {combination([(constant, ''), *terms])}"

    def __str__(self) -> str:
        return joined(self.equations, _("{first}, {last}"))

    def _repr_latex_(self) -> str:
        """All unknowns as a vector, plus each free one times its own."""
        if self.particular is None:
            said = _("{equation}, so there is no solution")
            return said.format(equation=f"${self.equations[0]}$")
        columns = [latex_matrix(transpose((x,))) for x in (self.particular, *self.null_basis)]
        names = [re.sub("([0-9]+)$", r"_{\1}", self.names[j]) for j in self.free]
        free = (f" + {name} {v}" for name, v in zip(names, columns[1:], strict=True))
        return f"$x = {columns[0]}{''.join(free)}$"


def right_hand_side(A: Matrix, b: Sequence[Any]) -> Matrix:  # (m, n), (m,) -> (m, 1)
    """b as a column, exactly.

    Raises:
        InputError: b has not one entry for each row of A, or an entry is not a number.
    """
    b = vector(b, "b")
    if len(b) != len(A):
        raise InputError(
            "b has {count} of the {rows} entries it needs, one for each row of A.",
            count=len(b),
            rows=len(A),
        )
    where = _("Entry {i} of {name}")
    return tuple((fraction(x, where.format(i=i, name="b")),) for i, x in enumerate(b, start=1))


def unknowns(n: int) -> tuple[str, ...]:
    """x1 to xn."""
    return tuple(f"x{j + 1}" for j in range(n))


def particular(R: Matrix, bound: tuple[int, ...]) -> Row:  # (m, n + 1) -> (n,)
    """The x with 0 for each free unknown that [A | b] has, from its reduced form R."""
    x = [Fraction(0)] * (len(R[0]) - 1)
    for row, column in zip(R, bound, strict=False):
        x[column] = row[-1]
    return tuple(x)


def solve(A: Any, b: Sequence[Any], names: Sequence[str] = ()) -> Solution:  # (m, n), (m,)
    """Every solution of A x = b, from the reduced form of [A | b].

    There is none exactly if the last column of [A | b] has a pivot; otherwise one solution has
    the free unknowns 0, and the null space of A gives the others. The unknowns are called x1, x2
    and so on, unless they have `names`.

    >>> found = solve([[1, 1], [1, -1]], [4, 2])
    >>> found.kind, [int(x) for x in found.particular]
    ('unique', [3, 1])
    >>> str(solve([[1, 1], [2, 2]], [1, 3]))
    '0 = 1'

    Raises:
        InputError: b has not one entry for each row of A, or an entry is not a number.
    """
    A = exact(A)
    both, n = augmented(A, right_hand_side(A, b)), len(A[0])
    called = several(names, str, "names") or unknowns(n)
    if len(called) != n:
        raise InputError(
            "names are {called}; A has {n} columns, and each is an unknown.",
            called=len(called),
            n=n,
        )
    E = echelon(both)
    bound = leading_columns(E)
    if n in bound:
        return Solution("none", None, (), (), E[bound.index(n)], both, called)
    R = reduced_echelon(both)
    x = particular(R, bound)
    free = tuple(j for j in range(n) if j not in bound)
    basis = tuple(null_vector(R, bound, j)[:n] for j in free)
    kind: Literal["infinitely many", "unique"] = "infinitely many" if free else "unique"
    return Solution(kind, x, basis, free, None, both, called)
