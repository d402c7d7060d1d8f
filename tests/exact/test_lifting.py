"""Pivots and reduced form through a prime: proved ones, also where the prime misleads."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import ZZ
from sympy.polys.matrices import DomainMatrix

from lowrank.exact import lifting
from lowrank.exact.elimination import leading_columns, pivots, rank, reduced_echelon
from lowrank.exact.fraction_free import downwards
from lowrank.exact.matrices import exact, product
from lowrank.exact.subspaces import null_space


def drawn(seed, m, n, r, most=9):
    """A product through an inner size r, with repeated, zero and dependent columns in front."""
    rng = np.random.default_rng(seed)
    A = rng.integers(-most, most + 1, (m, r)) @ rng.integers(-most, most + 1, (r, n))
    A[:, : n // 4] *= rng.integers(0, 2, n // 4)
    return A.tolist()


@pytest.fixture
def small_primes(monkeypatch):
    """Primes that divide many minors, so that most first findings are wrong."""
    primes = [3, 5, 7, 11, 13, 10007, 67108859]
    monkeypatch.setattr(lifting, "primes", lambda: iter(primes))


SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 7))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), SHAPES)
def test_what_is_found_is_what_fraction_free_elimination_finds(seed, shape):
    A = drawn(seed, *shape)
    half = downwards(A)
    assert lifting.reduced_rows(A) == half.reduced()
    assert lifting.pivot_columns(A) == tuple(row.column for row in half.rows)


@pytest.mark.parametrize("seed", range(100))
def test_primes_that_divide_minors_are_found_out(seed, small_primes):
    A = drawn(seed, 2 + seed % 5, 2 + seed % 6, 1 + seed % 4, most=30)
    half = downwards(A)
    assert lifting.reduced_rows(A) == half.reduced()
    assert lifting.pivot_columns(A) == tuple(row.column for row in half.rows)


def test_the_first_prime_misleads_about_rank_and_about_pivots():
    p = next(lifting.primes())
    A = [[8192, 5, 1], [1, 8192, 1]]
    assert p == 8192 * 8192 - 5
    assert lifting.eliminated(lifting.residues(A, p), p)[1] == [0, 2]
    assert lifting.pivot_columns(A) == (0, 1)
    assert lifting.pivot_columns([row[:2] for row in A]) == (0, 1)


@pytest.mark.parametrize(("m", "n", "r"), [(40, 40, 40), (40, 60, 33), (60, 40, 39), (64, 64, 32)])
def test_large_forms_span_the_rows_they_came_from(m, n, r):
    A = drawn(m + n + r, m, n, r)
    R, columns = reduced_echelon(A), pivots(A)
    assert leading_columns(R) == columns
    assert rank(A) == len(columns)
    chosen = exact([[row[j] for j in columns] for row in A])
    assert product(chosen, R[: len(columns)]) == exact(A)
    assert all(R[k][j] == (i == k) for i, j in enumerate(columns) for k in range(len(columns)))
    theirs, columns_of_theirs = (
        DomainMatrix([[ZZ(x) for x in row] for row in A], (m, n), ZZ).to_field().rref()
    )
    assert columns == columns_of_theirs
    assert all(
        Fraction(int(y.numerator), int(y.denominator)) == x
        for row, its in zip(R, theirs.to_list(), strict=True)
        for x, y in zip(row, its, strict=True)
    )


def test_rows_of_fractions_and_entries_of_any_length():
    A = drawn(1, 40, 44, 20)
    thirds = [[Fraction(x, 1 + i % 7) for x in row] for i, row in enumerate(A)]
    assert reduced_echelon(thirds) == reduced_echelon(A)
    long = [[x * 10**30 for x in row] for row in A]
    assert lifting.reduced_rows(long) is None
    assert reduced_echelon(long) == reduced_echelon(A)
    assert pivots(long) == pivots(A)
    nothing = [[0] * 40] * 40
    assert reduced_echelon(nothing) == exact(nothing)
    assert rank(nothing) == 0


def test_the_rank_of_300_by_300_and_a_null_space_that_proves_it():
    A = drawn(2, 300, 300, 290, most=3)
    vectors = null_space(A)
    assert rank(A) == 300 - len(vectors)
    assert rank(A[:200]) == 200
    for v in vectors[:2]:
        assert all(sum(a * x for a, x in zip(row, v, strict=True)) == 0 for row in A[:50])
