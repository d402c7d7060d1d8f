"""Row reduction over GF(p), the integers modulo a prime, where the rank can be lower.

>>> A = [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
>>> rank_mod(A, 2), rank_mod(A, 3), falling_primes(A).primes
(2, 3, (2,))
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import gcd, isqrt, lcm, prod
from typing import Any

from lowrank.errors import InputError
from lowrank.exact.arguments import whole
from lowrank.exact.elimination import echelon, leading_columns
from lowrank.exact.matrices import Matrix, RowOp, add, apply, exact, scale, swap, written
from lowrank.exact.styles import needed

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
        raise InputError(f"p is {p}; expected a prime from 2 to {MOST:,}.")
    factor = next((d for d in range(2, isqrt(p) + 1) if p % d == 0), None)
    if factor is not None:
        raise InputError(
            f"{p} is not prime: {p} = {factor} · {p // factor}, so {factor} has no inverse "
            f"modulo {p} and there is nothing to divide by. Choose a prime."
        )
    return p


def inverse_mod(x: int, p: int) -> int:
    """The y with x y ≡ 1 (mod p), from 1 to p - 1.

    >>> inverse_mod(3, 7)
    5

    Raises:
        InputError: p is no prime, or divides x.
    """
    if x % prime(p) == 0:
        raise InputError(f"{x} is 0 modulo {p} and has no inverse.")
    return pow(x, -1, p)


def modulo(A: Any, p: int) -> Matrix:  # (m, n) -> (m, n)
    """A over GF(p): every entry from 0 to p - 1; a/b becomes a times the inverse of b.

    >>> [[int(x) for x in row] for row in modulo([[-1, "1/2"]], 5)]
    [[4, 3]]

    Raises:
        InputError: p is no prime, or divides a denominator: the entry is named.
    """
    prime(p)
    A = exact(A)
    for i, row in enumerate(A, start=1):
        for j, x in enumerate(row, start=1):
            if x.denominator % p == 0:
                raise InputError(
                    f"Row {i}, column {j}: {written(x)} does not exist modulo {p}, because its "
                    f"denominator {x.denominator:,} is 0 there. Choose another prime."
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
        why = (
            f"Row {row + 1} has 0 in column {column + 1}; "
            f"row {target + 1} is the first below that has none."
        )
    elif kind == "scale":
        y = inverse_mod(b, p)
        op, why = scale(row, y), f"Make the pivot 1: {b} · {y} = {b * y} ≡ 1 (mod {p})."
    else:
        factor = -a * inverse_mod(b, p) % p
        total = a + factor * b
        op = add(target, row, factor)
        why = f"Clear the {a} with the pivot {b}: {a} + {factor} · {b} = {total} ≡ 0 (mod {p})."
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
    return reduce(lambda _, step: step.matrix, steps_mod(A, p, reduced), modulo(A, p))


def rank_mod(A: Any, p: int) -> int:
    """The rank of A over GF(p): at most its rank over the rationals.

    >>> rank_mod([[5, 1], [1, 5]], 2), rank_mod([[5, 1], [1, 5]], 5)
    (1, 2)

    Raises:
        InputError: as `modulo`.
    """
    return _rank_of_integers(modulo(A, p), p)


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
    A = exact(A)
    below = lcm(*(x.denominator for row in A for x in row))
    whole = exact([[x * lcm(*(y.denominator for y in row)) for x in row] for row in A])
    turned = tuple(row[::-1] for row in whole[::-1])
    # A prime outside the denominators changes no rank by the scaling of rows just done.
    undefined, rest_below = _split(below)
    tried, rest = _split(gcd(_minor(whole), _minor(turned)))
    rank = len(leading_columns(echelon(whole)))
    fallen = tuple(p for p in tried if below % p and _rank_of_integers(whole, p) < rank)
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


def _rank_of_integers(A: Matrix, p: int) -> int:
    """The rank modulo a p that is known to be prime, however large."""
    rows, done = [[int(x) % p for x in row] for row in A], 0
    for column in range(len(A[0])):
        chosen = next((i for i in range(done, len(rows)) if rows[i][column]), None)
        if chosen is None:
            continue
        rows[done], rows[chosen] = rows[chosen], rows[done]
        y = pow(rows[done][column], -1, p)
        for i in range(done + 1, len(rows)):
            factor = rows[i][column] * y
            rows[i] = [(a - factor * b) % p for a, b in zip(rows[i], rows[done], strict=True)]
        done += 1
    return done
