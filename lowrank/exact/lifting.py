"""Pivots and reduced form of large matrices of small integers: one prime, then its powers.

Elimination modulo a prime p costs no growing numbers and finds the pivots, unless p is one of the
few primes that divide a minor. What it found is then proved. The other columns are solved for in
terms of the pivot columns, modulo p^k, a digit at a time (Dixon). If that can be done on every
row, with 0 wherever an echelon form has 0, every minor that should be 0 is so modulo p^k; once p^k
is above Hadamard's bound for minors, they are 0, and the pivots are the true ones. With p^k above
twice the bound's square, the digits also say which fractions the reduced form is made of.

All arithmetic modulo p is on whole matrices of float64, exact because no number reaches 2^53.

>>> A = [[1, 2, 3], [2, 4, 7], [3, 6, 10]]
>>> pivot_columns(A), reduced_rows(A)[1]
((0, 2), (Fraction(0, 1), Fraction(0, 1), Fraction(1, 1)))

References: Dixon, Exact solution of linear equations using p-adic expansions, Numer. Math. 40
(1982); von zur Gathen and Gerhard, Modern Computer Algebra, sections 5.10 (rational
reconstruction) and 5.5; Storjohann, Algorithms for Matrix Canonical Forms (2000), chapter 2.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

import numpy as np

from lowrank.exact.fraction_free import minor_bits
from lowrank.exact.matrices import Matrix

Integers = Sequence[Sequence[int]]
LARGEST = 1 << 26  # a product of two residues, from -p/2 to p/2, stays below 2^50


def primes() -> Iterator[int]:
    """The primes below 2^26, from the largest down.

    >>> next(primes())
    67108859
    """
    odd = range(LARGEST - 1, 2, -2)
    return (p for p in odd if all(p % d for d in range(3, isqrt(p) + 1, 2)))


class Solved(NamedTuple):
    """Each column without a pivot by the pivot columns, modulo p to the number of digits."""

    pivots: tuple[int, ...]
    free: tuple[int, ...]
    p: int
    digits: list[np.ndarray]  # X_i (r, n - r), A[:, free] ≡ A[:, pivots] (X_0 + p X_1 + ...)


def pivot_columns(A: Integers) -> tuple[int, ...] | None:
    """The pivot columns, proved; None if the entries are too large for this way."""
    found = solved(A, squared=False)
    return found and found.pivots


def reduced_rows(A: Integers) -> Matrix | None:  # (m, n) -> (m, n)
    """The reduced echelon form, proved; None if the entries are too large for this way."""
    found = solved(A, squared=True)
    if found is None:
        return None
    modulus = found.p ** len(found.digits)
    N, d = over_one(combined(found.digits, found.p), modulus)
    m, n, zero = len(A), len(A[0]), Fraction(0)
    rows = []
    for pivot, numerators in zip(found.pivots, N, strict=True):
        row = [zero] * n
        row[pivot] = Fraction(1)
        for j, x in zip(found.free, numerators, strict=True):
            row[j] = Fraction(x, d) if x else zero
        rows.append(tuple(row))
    return (*rows, *[(zero,) * n] * (m - len(rows)))


def solved(A: Integers, squared: bool) -> Solved | None:
    """The pivots of A, and the other columns by them, to a power of p that proves them.

    The power is above the bound for the minors or, `squared`, above twice its square.
    """
    m, n = len(A), len(A[0])
    for p in primes():
        rows, pivots = eliminated(residues(A, p), p)
        r = len(pivots)
        free = [j for j in range(n) if j not in set(pivots)]
        if not free:
            return Solved(tuple(pivots), (), p, [np.empty((r, 0))])
        if max(max(map(abs, row)) for row in A) * (r + 1) >= LARGEST:
            return None
        bits = minor_bits(A, min(r + 1, m, n))
        above = 2 * bits + 1 if squared else bits
        count = -(-above // (p.bit_length() - 1))
        whole = np.array(A, dtype=np.float64)
        after = np.array(pivots, dtype=int)[:, None] > np.array(free)  # 0 in an echelon form
        digits = lifted(whole[:, pivots], whole[:, free], rows, p, count, after)
        if digits is not None:
            return Solved(tuple(pivots), tuple(free), p, digits)
    return None


def lifted(
    C: np.ndarray, F: np.ndarray, rows: np.ndarray, p: int, count: int, zeros: np.ndarray
) -> list[np.ndarray] | None:  # (m, r), (m, n - r) -> count of (r, n - r)
    """The digits X_i of F ≡ C (X_0 + p X_1 + p² X_2 ...); None if no X is 0 where `zeros` is.

    C[rows] is invertible modulo p, so that its inverse gives each digit from what is left.
    """
    inverse = inverted(centred(C[rows], p), p)
    digits = []
    for _ in range(count):
        X = times(inverse, centred(F[rows], p), p)
        rest = F - C @ X
        F = np.rint(rest / p)
        if (F * p != rest).any() or X[zeros].any():
            return None
        digits.append(X)
    return digits


def combined(digits: list[np.ndarray], p: int) -> list[list[int]]:
    """X_0 + p X_1 + p² X_2 ... as integers, by halves so that few are long."""
    parts = [X.astype(np.int64).astype(object) for X in digits]
    while len(parts) > 1:
        odd = [parts.pop()] if len(parts) % 2 else []
        parts = [low + p * high for low, high in zip(parts[::2], parts[1::2], strict=True)] + odd
        p *= p
    return parts[0].tolist()


def over_one(X: list[list[int]], modulus: int) -> tuple[list[list[int]], int]:
    """N and d with X ≡ N / d and all of N, and d, at most sqrt(modulus / 2): there is one N / d.

    The denominators divide one minor, so that few entries need Euclid's algorithm.
    """
    most, half, d = isqrt(modulus // 2), modulus // 2, 1
    for row in X:
        for x in row:
            y = (d * x + half) % modulus - half
            if abs(y) > most:
                d *= denominator(y % modulus, modulus)
    return [[(d * x + half) % modulus - half for x in row] for row in X], d


def denominator(x: int, modulus: int) -> int:
    """The b of the a/b ≡ x with a and b at most sqrt(modulus / 2): Euclid, stopped half way.

    >>> denominator(5 * pow(7, -1, 1009) % 1009, 1009)
    7
    """
    most = isqrt(modulus // 2)
    a, b, y, z = modulus, x, 0, 1
    while b > most:
        q = a // b
        a, b, y, z = b, a - q * b, z, y - q * z
    return abs(z)


def residues(A: Integers, p: int) -> np.ndarray:  # (m, n) -> (m, n) float64
    """A modulo p, from -p/2 to p/2; the entries of A may be of any length."""
    return centred(np.array([[x % p for x in row] for row in A], dtype=np.float64), p)


def centred(x: np.ndarray, p: int) -> np.ndarray:
    """x modulo p, from about -p/2 to p/2, for whole numbers below 2^52 in size."""
    return x - np.rint(x * (1 / p)) * p


def times(A: np.ndarray, B: np.ndarray, p: int) -> np.ndarray:  # (m, k), (k, n) -> (m, n)
    """A B modulo p; A in two halves of 13 bits, so that sums of k products stay exact."""
    high = np.rint(A * 2.0**-13)
    low = A - high * 2.0**13
    return centred(centred(high @ B, p) * 2.0**13 + low @ B, p)


def eliminated(A: np.ndarray, p: int) -> tuple[np.ndarray, list[int]]:  # (m, n)
    """The rows that hold the pivots modulo p, in the order of the pivot columns, and those."""
    A, order, pivots = A.copy(), np.arange(len(A)), list[int]()
    for column in range(A.shape[1]):
        top = len(pivots)
        filled = np.flatnonzero(A[top:, column])
        if not filled.size:
            continue
        swapped = [top, top + filled[0]]
        A[swapped], order[swapped] = A[swapped[::-1]], order[swapped[::-1]]
        y = np.array([[float(pow(int(A[top, column]), -1, p))]])
        below, right = A[top + 1 :, column:], A[top, column:]
        factors = times(below[:, :1], y, p)
        below[:] = centred(below - factors * right, p)
        pivots.append(column)
    return order[: len(pivots)], pivots


def inverted(B: np.ndarray, p: int) -> np.ndarray:  # (r, r) -> (r, r)
    """The inverse of B modulo p, by blocks; no leading minor of B is 0 modulo p.

    Reference: Golub and Van Loan, Matrix Computations, section 3.2.11 (the Schur complement).
    """
    half = len(B) // 2
    if not half:
        return centred(np.array([[float(pow(int(B[0, 0]), -1, p))]]), p) if len(B) else B
    P, Q, R, S = B[:half, :half], B[:half, half:], B[half:, :half], B[half:, half:]
    P = inverted(P, p)
    PQ, RP = times(P, Q, p), times(R, P, p)
    S = inverted(centred(S - times(R, PQ, p), p), p)
    right = centred(-times(PQ, S, p), p)
    left = centred(P - times(right, RP, p), p)
    return np.block([[left, right], [centred(-times(S, RP, p), p), S]])
