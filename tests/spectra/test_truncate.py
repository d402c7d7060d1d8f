"""A truncation is as good as its certificate says, on every kind of spectrum."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.spectra.svd import (
    SVD,
    krylov,
    residual_norm,
    threads,
    truncate,
    truncation,
    truncation_error,
)
from lowrank.spectra.svd.blocks import top_eigen
from lowrank.spectra.svd.certificate import certify

SPECTRA = {
    "fast": lambda n: 2.0 ** -np.arange(n),
    "slow": lambda n: 1 / np.arange(1, n + 1),
    "slower": lambda n: np.arange(1, n + 1) ** -0.3,
    "flat": lambda n: np.ones(n),
    "gapped": lambda n: np.where(np.arange(n) < 7, 1.0, 1e-3),
    "clustered": lambda n: np.repeat([1.0, 0.5, 0.49999, 0.1], -(-n // 4))[:n],
    "crowded": lambda n: np.where(np.arange(n) < 37, 1.0, 0.5 / np.arange(1, n + 1)),
    "deficient": lambda n: np.where(np.arange(n) < 5, 3.0 - 0.5 * np.arange(n), 0.0),
}
SHAPES = [(120, 100), (100, 110), (300, 90), (90, 260), (40, 30), (9, 70), (1, 5), (6, 1), (1, 1)]


@pytest.fixture(autouse=True)
def _small_matrices_take_the_way_of_large_ones(monkeypatch):
    monkeypatch.setattr(truncation, "SMALL", 24)
    monkeypatch.setattr(truncation, "SHARE", 0.3)
    monkeypatch.setattr(truncation, "NARROW", 0)
    with threads.restored():
        threads.use(1)
        yield


def allowed(found):
    """The errors that a tolerance allows."""
    return np.maximum(found.tol * found.svd.s, found.certificate.zero)


def matrix(kind, shape, seed, dtype, scale=1.0):
    """A matrix of this spectrum between random orthonormal sides, and what LAPACK finds in it."""
    rng = np.random.default_rng(seed)
    r = min(shape)
    U = np.linalg.qr(rng.standard_normal((shape[0], r)))[0]
    V = np.linalg.qr(rng.standard_normal((shape[1], r)))[0]
    W = ((U * SPECTRA[kind](r) * scale) @ V.T).astype(dtype)
    return W, scipy.linalg.svdvals(W.astype(np.float64))


cases = st.tuples(
    st.sampled_from(sorted(SPECTRA)),
    st.sampled_from(SHAPES),
    st.integers(0, 2**20),
    st.sampled_from([np.float32, np.float32, np.float64]),
    st.sampled_from([1.0, 1.0, 1e-20, 1e20]),
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases, st.sampled_from([1e-2, 1e-4, 1e-5]), st.data())
def test_a_certificate_is_never_smaller_than_the_true_error(case, tol, data):
    W, sigma = matrix(*case)
    k = data.draw(st.integers(1, min(24, *W.shape)))
    truncation.NARROW = data.draw(st.sampled_from([0, 0, 1024]))  # given back by the fixture
    found = truncate(W, k, tol)
    svd, certificate = found.svd, found.certificate
    lapack = 1e-14 * sigma[0]
    assert svd.U.dtype == svd.Vt.dtype == W.dtype
    assert svd.s.dtype == np.float64
    # Proofs: a value within r_i; the i-th one, as the subspace misses none here.
    nearest = abs(svd.s[:, None] - sigma).min(axis=1)
    assert (nearest <= certificate.residuals + lapack).all()
    error = abs(svd.s - sigma[:k])
    assert (error <= certificate.residuals + lapack).all()
    # The estimate: what tol is about.
    if case[0] in {"fast", "slow", "slower"}:
        assert (error <= certificate.errors + lapack).all()
    assert found.met
    assert (error <= allowed(found) + lapack).all()
    norm = np.linalg.norm(W.astype(np.float64) / sigma[0]) * sigma[0]
    assert certificate.norm[0] <= norm * (1 + 1e-12)
    assert norm <= certificate.norm[1] * (1 + 1e-12)
    rebuilt = (svd.U.astype(float) * svd.s) @ svd.Vt.astype(float)
    lost = np.linalg.norm((W - rebuilt) / sigma[0]) * sigma[0]
    low, high = certificate.lost[-1]
    assert low * (1 - 1e-12) - lapack <= lost <= high * (1 + 1e-12) + lapack
    least = truncation_error(sigma, k)
    assert lost - least <= certificate.excess[-1] + (high - low) + 1e-6 * sigma[0]
    identity = np.eye(k)
    assert abs(svd.U.T @ svd.U - identity).max() < 1e-5
    assert abs(svd.Vt @ svd.Vt.T - identity).max() < 1e-5


@pytest.mark.parametrize("shape", [(300, 90), (90, 260)])
def test_values_through_the_gram_matrix_are_within_their_estimate(shape, monkeypatch):
    """They were up to 1.6 times as far off: eigenvectors in float32 are not quite of length 1."""
    monkeypatch.setattr(truncation, "NARROW", 1024)
    for seed in range(30):
        W, sigma = matrix("slower", shape, seed, np.float32)
        found = truncate(W, 24, 1e-2)
        assert found.method == "gram"
        assert (abs(found.svd.s - sigma[:24]) <= found.certificate.errors).all()


@pytest.mark.parametrize("kind", sorted(SPECTRA))
def test_a_tolerance_is_met_on_a_matrix_of_some_size(kind):
    W, sigma = matrix(kind, (420, 330), 3, np.float32)
    found = truncate(W, 40, 1e-4)
    assert (abs(found.svd.s - sigma[:40]) <= allowed(found)).all()
    assert found.met
    if kind in {"slow", "slower"}:
        assert found.method == "krylov"
        assert found.space.Q.dtype == np.float32


@pytest.mark.parametrize("kind", sorted(SPECTRA))
@pytest.mark.parametrize("shape", [(1300, 290), (270, 280)])
def test_a_narrow_matrix_goes_through_its_gram_matrix_to_any_tolerance(kind, shape, monkeypatch):
    monkeypatch.setattr(truncation, "NARROW", 1024)
    W, sigma = matrix(kind, shape, 3, np.float32)
    for tol in (1e-3, 1e-5, 1e-6):
        found = truncate(W, 40, tol)
        assert found.met
        assert (abs(found.svd.s - sigma[:40]) <= allowed(found)).all()
        assert (abs(found.svd.s - sigma[:40]) <= found.certificate.residuals).all()
        if kind in {"slow", "slower"} and tol > 2e-6:
            assert found.method == "gram"


def _gives_up(G, **_):
    raise np.linalg.LinAlgError("Internal Error.")


def _loses_one(G, **_):
    squares, V = np.linalg.eigh(G)
    return squares[-2:], V[:, -2:]


def _is_not_orthogonal(G, **_):
    squares, V = np.linalg.eigh(G)
    return squares[-3:], V[:, -3:] + 0.1


@pytest.mark.parametrize("driver", [_gives_up, _loses_one, _is_not_orthogonal])
def test_where_lapack_fails_on_a_part_all_eigenvectors_are_computed(driver, monkeypatch):
    monkeypatch.setattr(scipy.linalg, "eigh", driver)
    X = np.random.default_rng(0).standard_normal((60, 40)).astype(np.float32)
    G = X.T @ X
    squares, V = top_eigen(G, 3)
    assert np.allclose(squares, np.linalg.eigvalsh(G)[:-4:-1], rtol=1e-5)
    assert np.allclose(G @ V, V * squares, atol=1e-3)


@pytest.mark.parametrize("kind", ["slow", "slower"])
@pytest.mark.parametrize("shape", [(500, 300), (310, 300)])
def test_the_search_knows_its_error_as_the_certificate_measures_it(kind, shape):
    W, k = matrix(kind, shape, 3, np.float64)[0], 12
    for tol in (1e-2, 1e-4, 1e-6):
        space = krylov.grow(W, krylov.start(W, 12, 0), k, tol, 300)
        U, s, V = krylov.ritz(space.Q, space.Y, k)
        found = certify(W, SVD(U, s, V.T), float(np.linalg.norm(W)), 0.0, W.dtype)
        # The certificate adds what rounding may have done; the search stops at its first success.
        assert tol / 1e6 < found.estimated <= tol * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(420, 330), (330, 420)])
def test_a_restart_equals_a_fresh_run_and_costs_less(shape):
    W, sigma = matrix("slow", shape, 5, np.float32)
    first = truncate(W, 16, 1e-3)
    for k, tol in [(24, 1e-3), (16, 1e-5), (30, 1e-5)]:
        grown, fresh = first.grown(W, k, tol), truncate(W, k, tol)
        assert grown.met
        assert grown.k == k
        assert (abs(grown.svd.s - sigma[:k]) <= allowed(grown)).all()
        assert abs(grown.svd.s - fresh.svd.s).max() <= 2 * tol * sigma[0]
        assert grown.flops - first.flops < fresh.flops
        assert abs(abs((grown.svd.Vt * fresh.svd.Vt).sum(axis=1)) - 1).max() < 0.05
    assert truncate(W, 8, 1e-2, start=first).flops == first.flops


def test_moving_k_within_what_is_there_gives_views_and_their_own_certificate():
    W, sigma = matrix("slower", (420, 330), 6, np.float32)
    found = truncate(W, 40)
    for k in (1, 7, 39):
        part = found.top(k)
        assert np.shares_memory(part.svd.U, found.svd.U)
        low, high = part.certificate.lost[-1]
        assert low <= residual_norm(W.astype(float), part.svd) * (1 + 1e-6)
        assert truncation_error(sigma, k) <= high
        assert part.reached <= found.reached
    with pytest.raises(InputError, match="41"):
        found.top(41)


def test_the_same_seed_gives_the_same_answer_and_signs_are_fixed():
    W, _ = matrix("slow", (420, 330), 8, np.float32)
    first, second = truncate(W, 12, seed=4), truncate(W.copy(), 12, seed=4)
    np.testing.assert_allclose(first.svd.s, second.svd.s, rtol=1e-6)
    other = truncate(W, 12, seed=5)
    np.testing.assert_allclose(first.svd.Vt, other.svd.Vt, atol=2e-2)
    Vt = first.svd.Vt
    assert (Vt[np.arange(12), abs(Vt).argmax(axis=1)] > 0).all()


def test_a_zero_matrix_has_zero_values_and_orthonormal_vectors():
    for shape in [(300, 270), (3, 5)]:
        found = truncate(np.zeros(shape, np.float32), 3)
        assert found.svd.s.tolist() == [0.0] * 3
        assert np.array_equal(found.svd.U.T @ found.svd.U, np.eye(3))
        assert found.certificate.lost.max() == 0
        assert found.met


def test_what_cannot_be_truncated_is_refused_by_name():
    W = np.ones((300, 280), np.float32)
    W[7, 3] = np.nan
    with pytest.raises(InputError, match=r"W\[7, 3\] is nan"):
        truncate(W, 2)
    W[7, 3] = np.inf
    with pytest.raises(InputError, match=r"W\[7, 3\] is inf"):
        truncate(W, 2)
    for k in (0, 281, 2.5):
        with pytest.raises(InputError, match=f"{k}"):
            truncate(np.ones((300, 280)), k)
    for tol in (0, 1, -1e-3, np.nan):
        with pytest.raises(InputError, match="tol"):
            truncate(np.ones((3, 2)), 1, tol)
    start = truncate(np.ones((3, 2)), 1)
    with pytest.raises(InputError, match="start"):
        truncate(np.ones((4, 2)), 1, start=start)
    with pytest.raises(InputError, match="start"):
        truncate(2 * np.ones((3, 2)), 2, start=start)


@given(
    st.sampled_from([1e-2, 3e-3, 1e-3]),
    st.sampled_from(["even", "half", "slow"]),
    st.integers(1, 12),
    st.integers(0, 10**6),
)
@settings(max_examples=25)
def test_a_loose_tolerance_is_met_where_it_is_said_to_be(tol, kind, k, seed):
    """Values close together are what a search that stops early gets wrong."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(260, 400))
    i = np.arange(1, n + 1)
    s = {"even": 1 - 0.99 * i / n, "half": i**-0.5, "slow": i**-0.2}[kind]
    U = np.linalg.qr(rng.standard_normal((n + 50, n)))[0]
    V = np.linalg.qr(rng.standard_normal((n, n)))[0]
    found = truncate((U * s) @ V.T, k, tol=tol, seed=seed % 7)
    assert found.met
    assert (np.abs(found.svd.s - s[:k]) <= 1.1 * tol * s[:k]).all()


@pytest.mark.parametrize("tol", [1e-7, 1e-9, 1e-12, 1e-15])
def test_a_tolerance_beyond_float32_costs_no_more_than_a_dense_decomposition(tol, monkeypatch):
    monkeypatch.setattr(truncation, "NARROW", 1024)
    rng = np.random.default_rng(0)
    W = rng.standard_normal((700, 600)).astype(np.float32)
    found = truncate(W, 100, tol=tol)
    assert found.method == "dense"
    assert found.flops < 4 * 700 * 600**2 + 8 * 600**3
    assert found.met == (tol > 1e-14)
