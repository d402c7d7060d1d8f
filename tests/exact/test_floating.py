"""Floating elimination beside the exact one, against LAPACK, fractions and Wilkinson's matrix."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import lu

from lowrank.errors import InputError
from lowrank.exact.elimination import echelon, rank
from lowrank.exact.floating import ARITHMETICS, PIVOTINGS, drift, eliminate, number, parting
from lowrank.exact.matrices import exact

ENTRIES = st.builds(Fraction, st.integers(-9, 9), st.sampled_from([1, 1, 2, 3, 10]))
KINDS = st.sampled_from(ARITHMETICS[1:])
PIVOTING = st.sampled_from(PIVOTINGS)
TENTHS = [["0.1", "0.2", "0.3"], ["0.4", "0.5", "0.6"], ["0.7", "0.8", "0.9"]]


def grids(most=5):
    sizes = st.tuples(st.integers(1, most), st.integers(1, most))
    return sizes.flatmap(
        lambda size: st.lists(
            st.lists(ENTRIES, min_size=size[1], max_size=size[1]),
            min_size=size[0],
            max_size=size[0],
        )
    )


def wilkinson(n):
    """1 on the diagonal and in the last column, -1 below."""
    return [[1 if j in (i, n - 1) else -1 if j < i else 0 for j in range(n)] for i in range(n)]


@settings(max_examples=100, deadline=None)
@given(grids(), PIVOTING)
def test_the_exact_run_has_the_exact_rank_in_any_order_of_pivots(A, pivoting):
    done = eliminate(A, "exact", pivoting)
    assert done.rank == rank(A)
    assert len(done.matrices) == len(done.operations) + 1
    if pivoting == "none":
        assert done.matrices[-1] == echelon(A)


@settings(max_examples=100, deadline=None)
@given(grids(), PIVOTING, KINDS)
def test_the_parting_is_the_first_difference(A, pivoting, arithmetic):
    E, F = eliminate(A, "exact", pivoting), eliminate(A, arithmetic, pivoting)
    found = parting(E, F)
    until = found.step if found else len(E.matrices)
    for step in range(until):
        zeros = [[[x == 0 for x in row] for row in M[step]] for M in (E.matrices, F.matrices)]
        assert zeros[0] == zeros[1]
        if step:
            assert E.operations[step - 1].same_as(F.operations[step - 1])
    if found is None:
        assert len(E.operations) == len(F.operations)
        assert E.rank == F.rank
    for i, j in found.places if found else ():
        assert (E.matrices[found.step][i][j] == 0) != (F.matrices[found.step][i][j] == 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10**6))
def test_partial_pivoting_in_float64_is_lapacks(n, seed):
    A = np.random.default_rng(seed).standard_normal((n, n))
    done = eliminate(A, "float64", "partial")
    U = np.array(done.matrices[-1], dtype=float)
    np.testing.assert_allclose(U, lu(A)[2], rtol=1e-9, atol=1e-11)


@settings(max_examples=60, deadline=None)
@given(grids(), PIVOTING, KINDS)
def test_every_step_is_rounded_once_an_operation(A, pivoting, arithmetic):
    kind = np.dtype(arithmetic).type
    done = eliminate(A, arithmetic, pivoting)
    for before, after, op in zip(done.matrices, done.matrices[1:], done.operations, strict=False):
        assert all(isinstance(x, kind) for row in after for x in row)
        if op.kind == "add":
            (i, r), column = op.lines, op.pivot[1]
            for j in range(column + 1, len(before[0])):
                assert after[i][j] == before[i][j] - op.factor * before[r][j]
            assert after[i][column] == 0


@settings(max_examples=60, deadline=None)
@given(grids(4), st.sampled_from([1e-1, 1e-3, 1e-5, 1e-8]), KINDS)
def test_the_drift_is_the_first_error_above_the_tolerance(A, tol, arithmetic):
    E, F = eliminate(A, "exact", "none"), eliminate(A, arithmetic, "none")
    found = drift(E, F, tol)
    for step, (X, Y) in enumerate(zip(E.matrices, F.matrices, strict=False)):
        if step and not E.operations[step - 1].same_as(F.operations[step - 1]):
            break
        error = max(
            abs(Fraction(float(y)) - x)
            for row, its_row in zip(X, Y, strict=True)
            for x, y in zip(row, its_row, strict=True)
        )
        size = max(abs(x) for row in X for x in row)
        if found and step == found[0]:
            assert error > Fraction(tol) * size
            return
        assert error <= Fraction(tol) * size
    assert found is None


@pytest.mark.parametrize("n", [2, 5, 8, 12])
def test_wilkinsons_matrix_reaches_the_bound_of_partial_pivoting(n):
    for arithmetic in ("exact", "float64", "float32"):
        assert eliminate(wilkinson(n), arithmetic, "partial").growth == 2 ** (n - 1)
    assert eliminate(wilkinson(n), "exact", "complete").growth <= 2
    assert not [
        op for op in eliminate(wilkinson(n), "exact", "partial").operations if op.kind == "rows"
    ]


@pytest.mark.parametrize(
    ("A", "pivoting", "ranks"),
    [
        (TENTHS, "none", [2, 3, 3, 3]),
        (TENTHS, "complete", [2, 3, 3, 3]),
        (
            [["0.8", "-0.3", "-0.5"], ["-0.5", "0.8", "-0.3"], ["-0.3", "-0.5", "0.8"]],
            "partial",
            [2, 3, 2, 3],
        ),
        ([["1e-20", 1, 1], [1, 1, 2], [1, 2, 4]], "none", [3, 2, 2, 3]),
        ([["1e-20", 1, 1], [1, 1, 2], [1, 2, 4]], "partial", [3, 3, 3, 3]),
        ([[10, 3, 7], [3, 1, 4], [13, 4, 11]], "none", [2, 3, 3, 3]),
        ([[1, 1], [1, "1.000000001"]], "none", [2, 2, 1, 1]),
        ([[0, 0]], "none", [0, 0, 0, 0]),
    ],
)
def test_well_known_wrong_answers(A, pivoting, ranks):
    assert [eliminate(A, arithmetic, pivoting).rank for arithmetic in ARITHMETICS] == ranks


def test_whole_numbers_leave_a_crumb():
    A = [[10, 3, 7], [3, 1, 4], [13, 4, 11]]
    E, F = eliminate(A, "exact", "none"), eliminate(A, "float64", "none")
    found = parting(E, F)
    assert found.places == ((2, 2),)
    assert 1e-16 < abs(F.matrices[found.step][2][2]) < 1e-13
    assert "exactly 0, but float64 is left with" in found.why


def test_an_overflow_is_said_and_stops_the_run():
    done = eliminate([[70000, 1], [1, 1]], "float16", "none")
    assert done.overflowed
    assert done.rank is None
    E = eliminate([[70000, 1], [1, 1]], "exact", "none")
    assert parting(E, done).step == 0
    assert "float16 overflows: it holds nothing beyond 6.55 × 10⁴" in parting(E, done).why
    assert drift(E, done, 1e-2) == (0, float("inf"))
    on_the_way = eliminate([["1e-3", 300], [300, 1]], "float16", "none")
    assert on_the_way.overflowed
    assert on_the_way.operations
    assert not eliminate([[10**400, 1]], "float64").rank


def test_no_argument_changes_and_the_same_comes_out_twice():
    rows = [list(row) for row in exact(TENTHS)]
    first, second = eliminate(rows, "float32", "partial"), eliminate(rows, "float32", "partial")
    assert exact(rows) == exact(TENTHS)
    assert first.matrices == second.matrices


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: eliminate([[1]], "float8"), "arithmetic is 'float8'"),
        (lambda: eliminate([[1]], "exact", "rook"), "pivoting is 'rook'"),
        (lambda: drift(eliminate([[1]], "exact"), eliminate([[1]], "float16"), 0), "tol is 0"),
        (lambda: eliminate([], "exact"), "empty"),
    ],
)
def test_errors_name_what_was_wrong(make, said):
    with pytest.raises(InputError, match=said):
        make()


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (Fraction(1, 3), "1/3"),
        (Fraction(10**9, 7), "1.4 × 10⁸"),
        (Fraction(10) ** 400, "∞"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
        (np.float32(0.25), "0.25"),
        (1234.5, "1234"),
        (np.float16(-4.9e-4), "−4.9 × 10⁻⁴"),
    ],
)
def test_numbers_for_people(x, shown):
    assert number(x) == shown
