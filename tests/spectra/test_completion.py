"""Completion: what is low rank comes back, what is not is said not to, and nothing is guessed."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from lowrank.errors import InputError
from lowrank.spectra.completion import (
    als,
    finish,
    fitted_values,
    largest_penalty,
    ridge_rows,
    soft_impute,
    soft_svd,
)
from lowrank.spectra.phase_transition import phase
from lowrank.spectra.recovery import (
    degrees_of_freedom,
    mean_fill,
    needed_fraction,
    relative_error,
    split,
)


def problem(m, n, r, fraction, seed, noise=0.0):
    """A rank-r matrix plus noise, and a mask of observed entries without an empty line."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, r)) @ rng.standard_normal((r, n))
    X = X + noise * rng.standard_normal((m, n))
    seen, hidden = split(np.ones((m, n), bool), 1 - fraction, rng)
    return X, seen, hidden


def run_of(method, X, seen, hidden=None, r=2, **options):
    if method == "als":
        return als(X, seen, r, held_out=hidden, **options)
    return soft_impute(X, seen, held_out=hidden, **options)


METHODS = ["soft_impute", "als"]
problems = st.tuples(
    st.integers(9, 14),
    st.integers(9, 14),
    st.integers(1, 2),
    st.floats(0.75, 0.95),
    st.integers(0, 2**31),
    st.sampled_from([0.0, 0.1]),
)


@pytest.mark.parametrize("method", METHODS)
def test_rank_5_of_200_comes_back_from_30_percent_and_beats_the_mean(method):
    X, _, _ = problem(200, 200, 5, 1.0, seed=0)
    seen = np.random.default_rng(1).random(X.shape) < 0.3
    result = finish(run_of(method, X, seen, ~seen, r=5))
    assert relative_error(result.matrix, X) <= 1e-3
    assert result.held_out_error <= 2e-3 < 0.9 < result.mean_fill_error
    assert result.rank == 5
    assert result.converged
    assert result.determined
    assert result.beats_mean_fill
    assert result.verdict().startswith("Recovered")
    assert result.mean_fill_error == relative_error(mean_fill(X, seen)[~seen], X[~seen])


@settings(deadline=None, max_examples=30)
@given(problems, st.sampled_from(METHODS))
def test_the_objective_is_what_it_says_and_never_rises(given_problem, method):
    X, seen, hidden = problem(*given_problem)
    records = list(run_of(method, X, seen, hidden, r=given_problem[2]))
    for before, after in pairwise(records):
        assert after.objective <= before.objective * (1 + 1e-9) + 1e-12
    for record in (records[0], records[-1]):
        Z = record.matrix()
        misfit = ((Z - X)[seen] ** 2).sum() / 2
        price = np.linalg.norm(Z, "nuc")
        if method == "als":  # the factors' price; at a minimum it is the nuclear norm's
            price = ((record.left**2).sum() + (record.right**2).sum()) / 2
        assert record.objective == pytest.approx(misfit + record.penalty * price)
        assert record.observed_error == pytest.approx(relative_error(Z[seen], X[seen]))
        assert record.held_out_error == pytest.approx(relative_error(Z[hidden], X[hidden]))


@settings(deadline=None, max_examples=15)
@given(problems)
def test_both_methods_reach_one_minimum_and_scipy_none_lower(given_problem):
    """min over Z of the nuclear-norm problem is that over factors (Hastie et al. 2015)."""
    m, n, *_ = given_problem
    X, seen, _ = problem(*given_problem)
    penalty = 0.1 * largest_penalty(X, seen)
    options = {"tol": 1e-10, "max_iterations": 20_000}
    *_, soft = soft_impute(X, seen, penalties=[penalty], debias=False, **options)
    r = soft.rank + 1
    assert soft.rank < min(m, n)

    def objective(flat):
        A, B = flat[: m * r].reshape(m, r), flat[m * r :].reshape(r, n)
        misfit = np.where(seen, A @ B - X, 0.0)
        value = (misfit**2).sum() / 2 + penalty / 2 * (flat**2).sum()
        slope = np.concatenate([(misfit @ B.T).ravel(), (A.T @ misfit).ravel()])
        return value, slope + penalty * flat

    start = np.random.default_rng(0).standard_normal((m + n) * r)
    oracle = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000})
    assert soft.objective == pytest.approx(oracle.fun, rel=1e-4)
    if np.count_nonzero(seen) >= degrees_of_freedom(m, n, r):
        *_, alternating = als(X, seen, r, penalty=penalty, **options)
        assert alternating.objective == pytest.approx(soft.objective, rel=1e-4)


def test_the_soft_impute_result_is_stationary():
    """Z = S_penalty(P(X) + P_perp(Z)): one more iteration changes nothing."""
    X, seen, _ = problem(30, 20, 3, 0.6, seed=5, noise=0.1)
    penalty = 0.05 * largest_penalty(X, seen)
    run = soft_impute(X, seen, penalties=[penalty], debias=False, tol=1e-12, max_iterations=5000)
    Z = finish(run).matrix
    U, s, Vt = np.linalg.svd(np.where(seen, X, Z), full_matrices=False)
    np.testing.assert_allclose((U * np.maximum(s - penalty, 0)) @ Vt, Z, atol=1e-9)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30)])
@pytest.mark.parametrize("share", [0.0, 1e-7, 1e-4, 0.1, 0.9, 1.5])
def test_the_thresholded_decomposition_is_lapacks(shape, share):
    W = np.random.default_rng(15).standard_normal(shape) * np.logspace(0, -6, shape[1])
    U, s, Vt = np.linalg.svd(W, full_matrices=False)
    penalty = share * s[0]
    ours = soft_svd(W, penalty)
    assert len(ours[1]) == np.count_nonzero(s > penalty)
    np.testing.assert_allclose(ours[1], (s - penalty)[: len(ours[1])], atol=1e-9 * s[0])
    kept = (U * np.maximum(s - penalty, 0)) @ Vt
    np.testing.assert_allclose((ours[0] * ours[1]) @ ours[2], kept, atol=1e-9 * s[0])


def test_the_als_result_is_a_fixed_point_of_each_rows_own_regression():
    X, seen, _ = problem(25, 20, 3, 0.6, seed=6, noise=0.1)
    penalty = 0.3
    *_, last = als(X, seen, 3, penalty=penalty, tol=1e-13, max_iterations=20_000)
    A, B = last.left, last.right
    for i in range(len(X)):
        kept = B[:, seen[i]]
        row = np.linalg.solve(kept @ kept.T + penalty * np.eye(3), kept @ X[i, seen[i]])
        np.testing.assert_allclose(A[i], row, atol=1e-6)
    known = np.where(seen, X, 0.0)
    np.testing.assert_allclose(ridge_rows(known, seen, B, penalty), A, atol=1e-6)


def test_debiasing_is_the_least_squares_fit_of_the_singular_values():
    X, seen, _ = problem(20, 15, 3, 0.7, seed=7)
    *_, biased, fitted = soft_impute(X, seen, penalties=[0.2 * largest_penalty(X, seen)])
    assert fitted.penalty == 0
    assert fitted.observed_error < biased.observed_error
    U, _, Vt = np.linalg.svd(biased.matrix(), full_matrices=False)
    U, Vt = U[:, : biased.rank], Vt[: biased.rank]
    i, j = np.nonzero(seen)
    oracle = np.linalg.lstsq(U[i] * Vt.T[j], X[i, j])[0]
    np.testing.assert_allclose(fitted_values(np.where(seen, X, 0), seen, U, Vt), oracle, rtol=1e-8)
    np.testing.assert_allclose(fitted.matrix(), (U * oracle) @ Vt, atol=1e-8)


@settings(deadline=None, max_examples=15)
@given(problems, st.sampled_from(METHODS))
def test_reordering_rows_and_columns_reorders_the_result(given_problem, method):
    X, seen, _ = problem(*given_problem)
    rng = np.random.default_rng(given_problem[4])
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    order = np.ix_(rows, columns)
    options = {"penalty": 0.5} if method == "als" else {}
    plain = finish(run_of(method, X, seen, r=given_problem[2], max_iterations=40, **options))
    turned = finish(
        run_of(method, X[order], seen[order], r=given_problem[2], max_iterations=40, **options)
    )
    np.testing.assert_allclose(turned.matrix, plain.matrix[order], atol=1e-5 * np.abs(X).max())


@pytest.mark.parametrize("method", METHODS)
def test_precision_scale_and_what_lies_in_the_holes_do_not_matter(method):
    X, seen, hidden = problem(30, 25, 2, 0.6, seed=8)
    plain = finish(run_of(method, X, seen, hidden))
    assert plain.matrix.dtype == np.float64
    holes = np.where(seen, X, np.nan)
    for other in (holes, np.where(seen, X, np.inf)):
        np.testing.assert_array_equal(finish(run_of(method, other, seen)).matrix, plain.matrix)
    np.testing.assert_array_equal(finish(run_of(method, holes, None)).matrix, plain.matrix)
    assert finish(run_of(method, holes, None)).held_out_error is None
    single = finish(run_of(method, X.astype(np.float32), seen, hidden))
    assert single.matrix.dtype == np.float32
    assert relative_error(single.matrix, plain.matrix) < 1e-4
    scaled = finish(run_of(method, 1e6 * X, seen, hidden))
    assert relative_error(scaled.matrix, 1e6 * plain.matrix) < 1e-4
    assert finish(run_of(method, X, seen.astype(int))).matrix.tolist() == plain.matrix.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_row_or_column_is_refused_by_name(method):
    X, seen, _ = problem(20, 20, 2, 0.8, seed=9)
    one, several = seen.copy(), seen.copy()
    one[7] = False
    several[:, [1, 3, 4, 8]] = False
    with pytest.raises(InputError, match=r"Row 8 has no observed entry: nothing in the data"):
        next(run_of(method, X, one))
    with pytest.raises(InputError, match=r"4 columns \(2, 4, 5, …\) have no observed entry"):
        next(run_of(method, X, several))
    with pytest.raises(InputError, match="No entry of X"):
        next(run_of(method, X, np.zeros_like(seen)))


def test_too_few_entries_are_reported_and_never_answered():
    X, seen, hidden = problem(30, 30, 10, 0.4, seed=10)
    with pytest.raises(InputError, match=r"= 500 degrees of freedom: it cannot be determined"):
        next(als(X, seen, 10))
    result = finish(soft_impute(X, seen, held_out=hidden, penalties=[1e-3]))
    assert not result.determined
    assert result.degrees_of_freedom == degrees_of_freedom(30, 30, result.rank)
    assert "cannot be determined" in result.verdict()


@pytest.mark.parametrize("method", METHODS)
def test_full_rank_data_is_said_to_be_no_better_than_the_mean(method):
    X = np.random.default_rng(11).standard_normal((60, 60)) + 1.0
    seen, hidden = split(np.ones_like(X, bool), 0.5, np.random.default_rng(12))
    result = finish(run_of(method, X, seen, hidden, r=5))
    assert result.held_out_error > 0.9 * result.mean_fill_error
    assert result.beats_mean_fill is False
    assert "no better than the mean" in result.verdict()
    untested = finish(run_of(method, X, seen, r=5))
    assert untested.beats_mean_fill is None
    assert "No entry was held out" in untested.verdict()


@pytest.mark.parametrize("method", METHODS)
def test_stopping_to_ask_is_cancelling_and_arguments_stay_as_they_were(method):
    X, seen, hidden = problem(20, 15, 2, 0.7, seed=13)
    before = X.copy(), seen.copy()
    run = run_of(method, X, seen, hidden)
    first = next(run)
    run.close()
    assert first.iteration == 1
    assert np.isfinite(first.matrix()).all()
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(seen, before[1])
    capped = run_of(method, X, seen, hidden, max_iterations=2)
    assert finish(capped).converged is False


@pytest.mark.parametrize("method", METHODS)
def test_a_zero_matrix_and_a_full_mask_are_ordinary_cases(method):
    seen = np.ones((6, 5), bool)
    assert not finish(run_of(method, np.zeros((6, 5)), seen, r=1)).matrix.any()
    X = np.outer(np.arange(1.0, 7), np.arange(1.0, 6))
    # The default penalty of als takes 1e-5 of the only singular value; soft_impute gives it back.
    shrunk = 1e-5 if method == "als" else 0.0
    error = relative_error(finish(run_of(method, X, seen, r=1)).matrix, X)
    assert error == pytest.approx(shrunk, abs=1e-7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"X": [[1.0, 2.0], [3.0]]}, "rows of one length"),
        ({"X": np.ones(4)}, "two dimensions"),
        ({"X": np.ones((0, 4))}, "neither of them 0"),
        ({"X": np.array([[1.0, np.nan], [1, 1]]), "observed": np.ones((2, 2))}, r"X\[0, 1\]"),
        ({"X": np.array([[1.0, np.inf], [1, 1]])}, "is observed and is inf"),
        ({"observed": np.ones((3, 3))}, "expected that of X"),
        ({"observed": np.full((4, 4), 0.5)}, "expected a mask"),
        ({"held_out": np.ones((4, 4))}, "both observed and held out"),
        ({"max_iterations": 0}, "above 0"),
        ({"max_iterations": 1.5}, "above 0"),
    ],
)
@pytest.mark.parametrize("method", [soft_impute, als])
def test_bad_input_is_named(method, change, words):
    arguments = {"X": np.ones((4, 4)), "observed": None} | change
    if method is als:
        arguments["rank"] = 1
    with pytest.raises(InputError, match=words):
        next(method(**arguments))


def test_bad_ranks_and_penalties_are_named():
    X = np.ones((4, 4))
    for rank in (0, 5, 1.5, "two"):
        with pytest.raises(InputError, match="rank"):
            next(als(X, rank=rank))
    for penalty in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="penalty"):
            next(als(X, rank=1, penalty=penalty))
    for penalties in ([], [1, 2], [1, 1], [-1], [float("nan")]):
        with pytest.raises(InputError, match="penalties"):
            next(soft_impute(X, penalties=penalties))
    with pytest.raises(InputError, match="share"):
        split(np.ones((2, 2), bool), 1.5, np.random.default_rng(0))


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**31))
def test_a_split_keeps_an_entry_of_every_line(m, n, share, seed):
    rng = np.random.default_rng(seed)
    observed = rng.random((m, n)) < 0.7
    kept, held_out = split(observed, share, rng)
    assert not (kept & held_out).any()
    np.testing.assert_array_equal(kept | held_out, observed)
    for axis in (0, 1):
        np.testing.assert_array_equal(kept.any(axis=axis), observed.any(axis=axis))


def test_the_mean_fill_is_the_column_mean():
    X, seen, _ = problem(9, 7, 2, 0.6, seed=14)
    filled = mean_fill(X, seen)
    means = np.nanmean(np.where(seen, X, np.nan), axis=0)
    np.testing.assert_allclose(filled, np.where(seen, X, means))


def test_degrees_of_freedom_are_the_dimension_of_the_tangent_space():
    for m, n, r in [(5, 4, 1), (6, 6, 3), (4, 7, 4)]:
        rng = np.random.default_rng(m)
        A, B = rng.standard_normal((m, r)), rng.standard_normal((r, n))
        moves = [np.kron(np.eye(m), B.T), np.kron(A, np.eye(n))]  # d(AB) = dA B + A dB
        assert degrees_of_freedom(m, n, r) == np.linalg.matrix_rank(np.hstack(moves))


def test_the_phase_picture_parts_at_the_theory_line_and_is_the_same_each_time():
    ranks, fractions = range(1, 12, 2), [0.1, 0.3, 0.5, 0.7, 0.9]
    cells = list(phase(30, ranks, fractions))
    assert [(c.rank, c.fraction) for c in cells] == [(r, f) for r in ranks for f in fractions]
    assert cells == list(phase(30, ranks, fractions))
    for cell in cells:
        needed = needed_fraction(30, 30, cell.rank)
        if cell.fraction < 0.9 * needed:
            assert not cell.success
            said = "no observed entry" if cell.fraction == 0.1 else "cannot be determined"
            assert said in cell.why
        elif cell.fraction > 2 * needed and cell.fraction > 0.3:
            assert cell.success
    assert 5 < sum(c.success for c in cells) < 25
    with pytest.raises(InputError, match="fraction"):
        next(phase(10, [1], [0.0]))
    with pytest.raises(InputError, match="rank"):
        next(phase(10, [11], [0.5]))


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e150, 1e200, 1e300])
@pytest.mark.parametrize("method", [als, soft_impute])
def test_numbers_whose_squares_no_float_holds_are_completed_alike(method, scale):
    X, hidden = np.outer(np.arange(1.0, 9), np.arange(1.0, 7)), np.eye(8, 6, dtype=bool)
    options = {"rank": 1} if method is als else {}
    usual = finish(method(X, ~hidden, held_out=hidden, **options))
    found = finish(method(X * scale, ~hidden, held_out=hidden, **options))
    np.testing.assert_allclose(found.matrix / scale, usual.matrix, rtol=1e-6)
    assert found.held_out_error == pytest.approx(usual.held_out_error, rel=1e-6)
    records = list(method(X * scale, ~hidden, held_out=hidden, **options))
    np.testing.assert_allclose(records[-1].matrix() / scale, usual.matrix, rtol=1e-6)
    assert records[-1].penalty <= largest_penalty(X * scale, ~hidden)
