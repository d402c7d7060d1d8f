"""Row reduction over GF(p), the integers modulo a prime, where the rank can be lower.

>>> A = [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
>>> rank_mod(A, 2), rank_mod(A, 3), falling_primes(A).primes
(2, 3, (2,))
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import gcd, isqrt, lcm, prod
from typing import Any, Literal

from lowrank.errors import InputError
from lowrank.exact.arguments import whole
from lowrank.exact.elimination import echelon, leading_columns
from lowrank.exact.matrices import (
    Matrix,
    Row,
    RowOp,
    add,
    apply,
    exact,
    identity,
    rational,
    scale,
    swap,
    written,
)
from lowrank.exact.notation import latex_matrix
from lowrank.exact.styles import needed
from lowrank.exact.subspaces import null_vector
from lowrank.exact.systems import (
    NO_INVERSE,
    Solution,
    augmented,
    particular,
    right_hand_side,
    square,
    unknowns,
)
from lowrank.language import gettext as _
from lowrank.language import gettext_noop

MOST = 10**6  # the largest modulus: proving it prime by trial division takes no time
TRIED = 10**5  # primes up to here are split off a minor


def prime(p: int) -> int:
    """p itself, if it is a prime that fields are made of here.

    >>> prime(7)
    7

    Raises:
        InputError: p is below 2, above a million, or composite: its smallest factor is named.
    """
    if not 2 <= whole(p, "p") <= MOST:
        raise InputError(
            "p is {p}; expected a prime from 2 to {most:,}.",
            p=p,
            most=MOST,
        )
    factor = next((d for d in range(2, isqrt(p) + 1) if p % d == 0), None)
    if factor is not None:
        raise InputError(
            "{p} is not prime: {p} = {factor} · {p_2}, so {factor} has no inverse modulo "
            "{p} and there is nothing to divide by. Choose a prime.",
            p=p,
            factor=factor,
            p_2=p // factor,
        )
    return p


def reciprocal_mod(x: int, p: int) -> int:
    """The y with x y ≡ 1 (mod p), from 1 to p - 1.

    >>> reciprocal_mod(3, 7)
    5

    Raises:
        InputError: p is no prime, or divides x.
    """
    if x % prime(p) == 0:
        raise InputError(
            "{x} is 0 modulo {p} and has no inverse.",
            x=x,
            p=p,
        )
    return pow(x, -1, p)


def modulo(A: Any, p: int) -> Matrix:  # (m, n) -> (m, n)
    """A over GF(p): every entry from 0 to p - 1; a/b becomes a times the inverse of b.

    >>> [[int(x) for x in row] for row in modulo([[-1, "1/2"]], 5)]
    [[4, 3]]

    Raises:
        InputError: p is no prime, or divides a denominator: the entry is named.
    """
    prime(p)
    A = rational(
        exact(A), gettext_noop("Residues are of fractions only; the matrix holds {other}.")
    )
    for i, row in enumerate(A, start=1):
        for j, x in enumerate(row, start=1):
            if x.denominator % p == 0:
                raise InputError(
                    "Row {i}, column {j}: {x} does not exist modulo {p}, because its denominator "
                    "{denominator:,} is 0 there. Choose another prime.",
                    i=i,
                    j=j,
                    x=written(x),
                    p=p,
                    denominator=x.denominator,
                )
    return _residues(A, p)


def _residues(A: Matrix, p: int) -> Matrix:
    """Every entry brought back to 0 ... p - 1; no denominator is 0 modulo p."""

    def entry(x: Fraction) -> Fraction:
        if x.denominator == 1:
            return x if 0 <= x.numerator < p else Fraction(x.numerator % p)
        return Fraction(x.numerator * pow(x.denominator, -1, p) % p)

    return tuple(tuple(map(entry, row)) for row in A)


@dataclass(frozen=True)
class StepMod:
    """One operation over GF(p): the matrix after it, its pivot (row, column), and why."""

    op: RowOp
    matrix: Matrix
    pivot: tuple[int, int]
    why: str

    def _repr_latex_(self) -> str:
        return rf"$\xrightarrow{{{self.op.latex()}}} {latex_matrix(self.matrix)}$"


def next_step_mod(A: Matrix, p: int, reduced: bool = False) -> StepMod | None:
    """The next operation towards echelon form over GF(p), or None when A is there.

    The order is that of `lowrank.exact.elimination.next_step`; entries of A are 0 ... p - 1.
    """
    found = needed(A, reduced)
    if found is None:
        return None
    kind, (row, column), target = found
    b, a = int(A[row][column]), int(A[target][column])
    if kind == "swap":
        op = swap(row, target)
        why = _(
            "Row {row} has 0 in column {column}; "
            "row {target} is the first below with a non-zero entry in this column."
        ).format(row=row + 1, column=column + 1, target=target + 1)
    elif kind == "scale":
        y = reciprocal_mod(b, p)
        op, sum_ = scale(row, y), f"{b} · {y} = {b * y} ≡ 1 (mod {p})"
        why = _("Make the pivot 1: {sum}.").format(sum=sum_)
    else:
        factor = -a * reciprocal_mod(b, p) % p
        op, sum_ = (
            add(target, row, factor),
            f"{a} + {factor} · {b} = {a + factor * b} ≡ 0 (mod {p})",
        )
        why = _("Clear the {entry} with the pivot {pivot}: {sum}.").format(
            entry=a, pivot=b, sum=sum_
        )
    return StepMod(op, _residues(apply(op, A), p), (row, column), why)


def steps_mod(A: Any, p: int, reduced: bool = False) -> Iterator[StepMod]:
    """Every operation from A, taken modulo p, to an echelon form over GF(p).

    The entries of each `StepMod.matrix` and the factor of each operation are 0 ... p - 1.

    >>> [str(step.op) for step in steps_mod([[2, 1], [1, 1]], 3)]
    ['R2 ← R2 + R1']

    Raises:
        InputError: as `modulo`.
    """
    current = modulo(A, p)
    while (step := next_step_mod(current, p, reduced)) is not None:
        yield step
        current = step.matrix


def echelon_mod(A: Any, p: int, reduced: bool = False) -> Matrix:  # (m, n) -> (m, n)
    """An echelon form of A over GF(p); with `reduced` the reduced one, which is unique.

    >>> [[int(x) for x in row] for row in echelon_mod([[2, 4], [1, 1]], 5, reduced=True)]
    [[1, 0], [0, 1]]
    """
    A = modulo(A, p)
    if reduced:
        return exact(_reduced_integers(A, p)[0])
    return reduce(lambda before, step: step.matrix, steps_mod(A, p), A)


def rank_mod(A: Any, p: int) -> int:
    """The rank of A over GF(p): at most its rank over the rationals.

    >>> rank_mod([[5, 1], [1, 5]], 2), rank_mod([[5, 1], [1, 5]], 5)
    (1, 2)

    Raises:
        InputError: as `modulo`.
    """
    return len(_reduced_integers(modulo(A, p), p)[1])


def null_space_mod(A: Any, p: int) -> tuple[Row, ...]:  # (m, n) -> (n - rank) vectors of n entries
    """A basis of all x over GF(p) with A x = 0, one vector for each column without a pivot.

    >>> [[int(x) for x in v] for v in null_space_mod([[1, 2]], 5)]
    [[3, 1]]

    Raises:
        InputError: as `modulo`.
    """
    R = echelon_mod(A, p, reduced=True)
    return _null_basis(R, leading_columns(R), len(R[0]), p)


def _null_basis(R: Matrix, bound: tuple[int, ...], n: int, p: int) -> tuple[Row, ...]:
    """The null space of the first n columns of a reduced form whose pivots are all among them."""
    free = [j for j in range(n) if j not in bound]
    return tuple(_residues((null_vector(R, bound, j)[:n],), p)[0] for j in free)


@dataclass(frozen=True)
class SolutionMod(Solution):
    """All x over GF(p) with A x = b: p to the number of free columns of them, or none."""

    p: int

    @property
    def steps(self) -> tuple[StepMod, ...]:  # type: ignore[override]
        """Those on [A | b] over GF(p), to the reduced form."""
        return tuple(steps_mod(self.augmented, self.p, reduced=True))

    @property
    def count(self) -> int:
        """How many solutions there are."""
        return 0 if self.particular is None else self.p ** len(self.free)


def solve_mod(A: Any, b: Sequence[Any], p: int) -> SolutionMod:  # (m, n), (m,)
    """Every solution of A x = b over GF(p), from the reduced form of [A | b] there.

    >>> found = solve_mod([[1, 1], [1, 2]], [1, 0], 3)
    >>> str(found), found.count
    ('x1 = 2, x2 = 2', 1)
    >>> str(solve_mod([[1, 2]], [1], 3)), solve_mod([[1, 2]], [1], 3).count
    ('x1 = 1 + x2, x2 free', 3)

    Raises:
        InputError: b has not one entry for each row of A; and as `modulo`.
    """
    A = exact(A, "A")
    both, n = modulo(augmented(A, right_hand_side(A, b)), p), len(A[0])
    R = echelon_mod(both, p, reduced=True)
    bound = leading_columns(R)
    if n in bound:
        return SolutionMod("none", None, (), (), R[bound.index(n)], both, unknowns(n), p)
    free = tuple(j for j in range(n) if j not in bound)
    basis = _null_basis(R, bound, n, p)
    x = particular(R, bound)
    kind: Literal["finitely many", "unique"] = "finitely many" if free else "unique"
    return SolutionMod(kind, x, basis, free, None, both, unknowns(n), p)


def inverse_mod(A: Any, p: int) -> Matrix:  # (n, n) -> (n, n)
    """A^-1 over GF(p), by reducing [A | I] to [I | A^-1].

    >>> [[int(x) for x in row] for row in inverse_mod([[1, 2], [3, 4]], 5)]
    [[3, 1], [4, 2]]

    Raises:
        InputError: A is not square, or its rank over GF(p) is below n; and as `modulo`.
    """
    A = square(modulo(A, p), NO_INVERSE)
    n = len(A)
    R = echelon_mod(augmented(A, identity(n)), p, reduced=True)
    if leading_columns(R) != tuple(range(n)):
        raise InputError(
            "The matrix has no inverse modulo {p}: its rank there is {a}, and a {n} × {n} "
            "matrix needs {n}.",
            p=p,
            a=rank_mod(A, p),
            n=n,
        )
    return tuple(row[n:] for row in R)


@dataclass(frozen=True)
class FallingPrimes:
    """The primes modulo which a matrix has a lower rank than over the rationals.

    `undefined` divide a denominator, so that the matrix does not exist modulo them. `unsplit` is
    1, or a number whose prime factors, all above 100,000, may be falling ones too.
    """

    primes: tuple[int, ...]
    undefined: tuple[int, ...]
    unsplit: int


def falling_primes(A: Any) -> FallingPrimes:
    """Where the rank of A, r over the rationals, falls: the primes that divide every r x r minor.

    Two minors are computed; a prime that divides both is tried. These primes also divide the
    product of the invariant factors of A's Smith normal form.

    >>> falling_primes([[8, 1, 6], [3, 5, 7], [4, 9, 2]]).primes
    (2, 3, 5)

    Reference: Newman, Integral Matrices (1972), chapter II, on determinantal divisors.
    """
    A = rational(
        exact(A),
        gettext_noop("Falling primes are found for fractions only; the matrix holds {other}."),
    )
    below = lcm(*(x.denominator for row in A for x in row))
    whole = exact([[x * lcm(*(y.denominator for y in row)) for x in row] for row in A])
    turned = tuple(row[::-1] for row in whole[::-1])
    # A prime outside the denominators changes no rank by the scaling of rows just done.
    undefined, rest_below = _split(below)
    tried, rest = _split(gcd(_minor(whole), _minor(turned)))
    rank = len(leading_columns(echelon(whole)))
    fallen = tuple(p for p in tried if below % p and len(_reduced_integers(whole, p)[1]) < rank)
    if rest_below > 1:
        rest //= gcd(rest, rest_below)
    return FallingPrimes(fallen, undefined, rest)


def _minor(A: Matrix) -> int:
    """The size of a non-zero minor of the largest order, the product of the pivots; rank 0: 1."""
    E = echelon(A)
    return abs(int(prod((E[i][j] for i, j in enumerate(leading_columns(E))), start=Fraction(1))))


def _split(number: int) -> tuple[tuple[int, ...], int]:
    """The prime factors found by trial division, and what is left: 1 or a product of large ones."""
    found = []
    for d in range(2, TRIED):
        if d * d > number:
            break
        if number % d == 0:
            found.append(d)
            while number % d == 0:
                number //= d
    if 1 < number < TRIED * TRIED:  # no factor up to its root
        found.append(number)
        number = 1
    return tuple(found), number


def _reduced_integers(A: Matrix, p: int) -> tuple[list[list[int]], list[int]]:
    """The reduced form modulo a p known to be prime, however large, and its pivot columns."""
    rows, pivots = [[int(x) % p for x in row] for row in A], list[int]()
    for column in range(len(A[0])):
        top = len(pivots)
        chosen = next((i for i in range(top, len(rows)) if rows[i][column]), None)
        if chosen is None:
            continue
        rows[top], rows[chosen] = rows[chosen], rows[top]
        y = pow(rows[top][column], -1, p)
        rows[top] = [x * y % p for x in rows[top]]
        for i, row in enumerate(rows):
            if i != top and (factor := row[column]):
                rows[i] = [(x - factor * z) % p for x, z in zip(row, rows[top], strict=True)]
        pivots.append(column)
    return rows, pivots
