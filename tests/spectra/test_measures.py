"""Four ranks that agree where they must, differ where they should, and one exact way to draw."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.spectra.measures import (
    cosines,
    default_tolerance,
    effective_rank,
    numerical_rank,
    random_cosines,
    random_spectrum,
    rank_at_energy,
    similarity,
    stable_rank,
)
from lowrank.spectra.svd import energy, full

spectra = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30).map(lambda s: sorted(s)[::-1])


@settings(deadline=None)
@given(spectra, st.sampled_from([1e-150, 1.0, 1e150]))
def test_ranks_do_not_exceed_one_another_nor_depend_on_scale(s, c):
    scaled = [c * value for value in s]
    assert 1 <= stable_rank(s) <= len(s) * (1 + 1e-12)
    assert stable_rank(scaled) == pytest.approx(stable_rank(s))
    assert effective_rank(scaled) == pytest.approx(effective_rank(s))
    # Renyi entropies fall with their order: H_0 >= H_1 of p = s / sum s.
    assert 1 - 1e-12 <= effective_rank(s) <= len(s) * (1 + 1e-12)


@settings(deadline=None)
@given(spectra, st.floats(0.01, 0.999))
def test_rank_at_energy_is_the_first_that_keeps_the_level(s, level):
    k = rank_at_energy(s, level)
    assert energy(s, k) >= level - 1e-12
    if k > 1:
        assert energy(s, k - 1) < level + 1e-12


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 12), st.integers(0, 2**31))
@settings(deadline=None)
def test_numerical_rank_is_numpys(m, n, inner, seed):
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((m, inner)) @ rng.standard_normal((inner, n))
    assert numerical_rank(full(W).s, W.shape) == np.linalg.matrix_rank(W)


def test_equal_values_count_fully_and_a_zero_matrix_has_no_rank():
    assert effective_rank(np.ones(7)) == pytest.approx(7)
    assert stable_rank(np.ones(7)) == pytest.approx(7)
    # p = (1/2, 1/4, 1/4): H = 1.5 ln 2.
    assert effective_rank([2, 1, 1]) == pytest.approx(2**1.5)
    zero = np.zeros(3)
    assert stable_rank(zero) == effective_rank(zero) == numerical_rank(zero, (3, 3)) == 0
    assert rank_at_energy(zero, 0.9) == rank_at_energy(zero, 1) == 0


def test_the_tolerance_follows_the_precision_the_matrix_was_stored_in():
    s = np.array([1.0, 1e-5])
    shape = (4096, 4096)
    assert default_tolerance(s, shape) == 4096 * 2.0**-52
    assert default_tolerance(s, shape, np.float32) == 4096 * 2.0**-23
    assert default_tolerance([2, 1], (2, 2)) == 4 * 2.0**-52
    assert numerical_rank(s, shape) == 2
    # The full-rank matrix that float32's tolerance calls deficient.
    assert numerical_rank(s, shape, tol=default_tolerance(s, shape, np.float32)) == 1
    assert numerical_rank(s, shape, tol=0) == 2


@pytest.mark.parametrize("shape", [(4, 40), (400, 30), (12, 12)])
def test_drawing_a_triangle_is_drawing_the_whole_gaussian_matrix(shape):
    draws = 200
    rng = np.random.default_rng(3)
    drawn = [random_spectrum(shape, 1.0, rng) for _ in range(draws)]
    whole = [full(rng.standard_normal(shape)).s for _ in range(draws)]
    whole = [s / np.linalg.norm(s) for s in whole]
    spread = np.hypot(np.std(drawn, axis=0), np.std(whole, axis=0)) / np.sqrt(draws)
    assert (abs(np.mean(drawn, axis=0) - np.mean(whole, axis=0)) < 5 * spread).all()
    assert np.linalg.norm(drawn[0]) == pytest.approx(1)
    again = random_spectrum(shape, 1.0, np.random.default_rng(3))
    assert np.array_equal(again, drawn[0])


def test_bad_levels_and_tolerances_are_refused():
    for level in (0, -0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="level"):
            rank_at_energy([1.0], level)
    for tol in (-1e-9, float("nan")):
        with pytest.raises(InputError, match="tol"):
            numerical_rank([1.0], (1, 1), tol=tol)


def test_the_cosines_are_those_of_scipy_and_their_squares_mean_the_similarity():
    rng = np.random.default_rng(0)
    P, Q = (np.linalg.qr(rng.standard_normal((30, k)))[0].T for k in (4, 7))
    found = cosines(P, Q)
    expected = np.sort(np.cos(scipy.linalg.subspace_angles(P.T, Q.T)))[::-1]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert (found**2).mean() == pytest.approx(similarity(P, Q))
    np.testing.assert_allclose(cosines(P, P), np.ones(4))
    with pytest.raises(InputError, match="P has shape"):
        cosines(P, Q[:, 1:])


@pytest.mark.parametrize(("i", "j", "n"), [(3, 5, 20), (4, 4, 9), (5, 18, 20), (20, 3, 20)])
def test_random_cosines_are_those_of_random_subspaces(i, j, n):
    draws = 400
    rng = np.random.default_rng(1)
    seen = []
    for _draw in range(draws):
        P, Q = (np.linalg.qr(rng.standard_normal((n, k)))[0].T for k in (i, j))
        seen.append(cosines(P, Q) ** 2)
    found = random_cosines(i, j, n, draws) ** 2
    spread = np.std(seen, axis=0) * (2 / draws) ** 0.5
    assert (abs(found - np.mean(seen, axis=0)) <= 5 * spread + 1e-9).all()
    assert found.mean() == pytest.approx(max(i, j) / n, abs=0.02)
    assert found[: max(0, i + j - n)] == pytest.approx(1)  # what they must share
    with pytest.raises(InputError, match=f"k is {n + 1}"):
        random_cosines(i, n + 1, n)
