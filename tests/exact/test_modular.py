"""GF(p) against sympy's DomainMatrix, the Smith normal form, and counting by brute force."""

from fractions import Fraction
from itertools import product as grid

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import GF, QQ, ZZ
from sympy import Matrix as SympyMatrix
from sympy.matrices.normalforms import smith_normal_form
from sympy.polys.matrices import DomainMatrix

from lowrank.errors import InputError
from lowrank.exact.elimination import rank
from lowrank.exact.matrices import exact, product
from lowrank.exact.modular import (
    echelon_mod,
    falling_primes,
    inverse_mod,
    modulo,
    next_step_mod,
    null_space_mod,
    prime,
    rank_mod,
    reciprocal_mod,
    solve_mod,
    steps_mod,
)
from lowrank.exact.moves import is_echelon, is_reduced_echelon

ENTRIES = st.integers(-9, 9)
PRIMES = st.sampled_from([2, 3, 5, 7, 11, 13, 101, 65537])


def matrices(entries=ENTRIES, most=5):
    sizes = st.tuples(st.integers(1, most), st.integers(1, most))
    return sizes.flatmap(
        lambda size: st.lists(
            st.lists(entries, min_size=size[1], max_size=size[1]),
            min_size=size[0],
            max_size=size[0],
        )
    )


def oracle(A, p):
    field = GF(p, symmetric=False)
    entries = [[field(x) for x in row] for row in A]
    R, columns = DomainMatrix(entries, (len(A), len(A[0])), field).rref()
    return exact([[int(x) % p for x in row] for row in R.to_list()]), columns


@settings(max_examples=300, deadline=None)
@given(matrices(), PRIMES)
def test_the_reduced_form_and_rank_are_sympys(A, p):
    R, columns = oracle(A, p)
    assert echelon_mod(A, p, reduced=True) == R
    assert rank_mod(A, p) == len(columns)


@settings(max_examples=150, deadline=None)
@given(matrices(), PRIMES, st.booleans())
def test_every_step_is_its_elementary_matrix_modulo_p(A, p, reduced):
    before = modulo(A, p)
    for step in steps_mod(A, p, reduced):
        assert modulo(product(step.op.elementary(len(A)), before), p) == step.matrix
        assert all(0 <= x < p and x.denominator == 1 for row in step.matrix for x in row)
        assert step.op.factor.denominator == 1
        assert "≡" in step.why or step.op.kind == "swap"
        before = step.matrix
    assert next_step_mod(before, p, reduced) is None
    assert is_reduced_echelon(before) if reduced else is_echelon(before)


@settings(max_examples=60, deadline=None)
@given(matrices(st.integers(0, 4), most=3), st.sampled_from([2, 3, 5]))
def test_the_row_space_has_p_to_the_rank_vectors(A, p):
    reached = {
        tuple(sum(c * row[j] for c, row in zip(cs, A, strict=True)) % p for j in range(len(A[0])))
        for cs in grid(range(p), repeat=len(A))
    }
    assert len(reached) == p ** rank_mod(A, p)


@settings(max_examples=100, deadline=None)
@given(matrices(st.fractions(-9, 9, max_denominator=12)), PRIMES)
def test_fractions_are_quotients_in_the_field(A, p):
    A = exact(A)
    if any(x.denominator % p == 0 for row in A for x in row):
        with pytest.raises(InputError, match="does not exist modulo"):
            modulo(A, p)
        return
    for row, kept in zip(A, modulo(A, p), strict=True):
        for x, y in zip(row, kept, strict=True):
            assert (x.denominator * y - x.numerator) % p == 0
    assert rank_mod(A, p) <= rank(A)


@settings(max_examples=60, deadline=None)
@given(matrices(most=4))
def test_the_rank_falls_where_an_invariant_factor_is_divided(A):
    S = smith_normal_form(SympyMatrix(A), domain=ZZ)
    diagonal = [int(S[i, i]) for i in range(min(len(A), len(A[0])))]
    found = falling_primes(A)
    assert found.unsplit == 1
    for p in [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, *found.primes]:
        divides = any(d and d % p == 0 for d in diagonal)
        assert (p in found.primes) == divides == (rank_mod(A, p) < rank(A) if p < 10**6 else True)


@settings(max_examples=100, deadline=None)
@given(matrices(st.fractions(-9, 9, max_denominator=12), most=3))
def test_with_fractions_the_primes_of_denominators_are_left_out(A):
    A = exact(A)
    found = falling_primes(A)
    assume(found.unsplit == 1)
    below = [x.denominator for row in A for x in row]
    for p in [2, 3, 5, 7, 11, 13]:
        if any(d % p == 0 for d in below):
            assert p in found.undefined
            assert p not in found.primes
        else:
            assert (p in found.primes) == (rank_mod(A, p) < rank(A))


def test_large_primes_are_found_or_owned_up_to():
    assert falling_primes([[1_000_003, 0], [0, 1]]).primes == (1_000_003,)
    product_of_two = 1_000_003 * 1_000_033
    found = falling_primes([[product_of_two]])
    assert found.primes == ()
    assert found.unsplit == product_of_two
    assert falling_primes([[0, 0]]).primes == ()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: prime(1), "p is 1; expected a prime"),
        (lambda: prime(-7), "p is -7"),
        (lambda: prime(10**6 + 3), "expected a prime from 2 to 1,000,000"),
        (lambda: prime(91), "91 = 7 · 13"),
        (lambda: rank_mod([[1]], 4), "4 = 2 · 2"),
        (lambda: reciprocal_mod(14, 7), "14 is 0 modulo 7"),
        (lambda: modulo([[1, Fraction(2, 15)]], 5), "Row 1, column 2: 2/15 .* denominator 15"),
    ],
)
def test_errors_say_what_was_wrong(make, said):
    with pytest.raises(InputError, match=said):
        make()


@given(st.integers(1, 10**5), PRIMES)
def test_an_inverse_undoes_its_number(x, p):
    if x % p:
        assert x * reciprocal_mod(x, p) % p == 1


def test_the_rationals_are_what_qq_says():
    A = [[2, 1, 1], [1, 2, 1], [1, 1, 2]]
    over_q = DomainMatrix([[QQ(x) for x in r] for r in A], (3, 3), QQ).rank()
    assert (rank(A), rank_mod(A, 2), rank_mod(A, 3)) == (over_q, 2, 3)


LARGE = st.sampled_from([2, 3, 5, 101, 65537, 999983])


def times_mod(A, x, p):
    return [sum(int(a) * int(y) for a, y in zip(row, x, strict=True)) % p for row in A]


@settings(max_examples=150, deadline=None)
@given(matrices(), LARGE)
def test_the_null_space_is_all_of_it(A, p):
    basis = null_space_mod(A, p)
    assert len(basis) == len(A[0]) - rank_mod(A, p)
    assert all(not any(times_mod(A, v, p)) for v in basis)
    assert not basis or rank_mod(basis, p) == len(basis)
    assert all(0 <= x < p for v in basis for x in v)


@settings(max_examples=150, deadline=None)
@given(matrices(), st.lists(ENTRIES, min_size=5, max_size=5), LARGE)
def test_solutions_solve_and_there_are_none_only_where_the_rank_says_so(A, b, p):
    b = b[: len(A)]
    found = solve_mod(A, b, p)
    with_b = rank_mod([[*row, x] for row, x in zip(A, b, strict=True)], p)
    assert (found.kind == "none") == (with_b > rank_mod(A, p))
    if found.particular is None:
        assert found.count == 0
        assert found.contradiction[:-1] == (0,) * len(A[0])
        return
    assert times_mod(A, found.particular, p) == [x % p for x in b]
    assert found.count == p ** (len(A[0]) - rank_mod(A, p))
    assert len(found.null_basis) == len(found.free)
    assert echelon_mod(found.augmented, p, reduced=True) == (
        found.steps[-1].matrix if found.steps else found.augmented
    )


@pytest.mark.parametrize("p", [2, 3])
def test_solutions_counted_by_trying_every_vector(p):
    A, b = [[1, 2, 1], [2, 1, 0]], [1, 1]
    tried = [x for x in grid(range(p), repeat=3) if times_mod(A, x, p) == [y % p for y in b]]
    found = solve_mod(A, b, p)
    assert found.count == len(tried)
    assert tuple(map(int, found.particular)) in tried


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(ENTRIES, min_size=n, max_size=n), min_size=n, max_size=n)
    ),
    LARGE,
)
def test_the_inverse_is_there_exactly_at_full_rank(A, p):
    n = len(A)
    if rank_mod(A, p) < n:
        with pytest.raises(InputError, match="no inverse modulo"):
            inverse_mod(A, p)
    else:
        assert modulo(product(exact(A), inverse_mod(A, p)), p) == exact(
            [[int(i == j) for j in range(n)] for i in range(n)]
        )
