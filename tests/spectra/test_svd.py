"""The decomposition holds, its signs are fixed, and Eckart-Young's predictions come true."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.spectra.svd import (
    break_even_rank,
    energy,
    full,
    of_product,
    parameters,
    residual_norm,
    truncation_error,
)

REAL = ["model.layers.0.self_attn.q_proj.weight", "model.layers.14.mlp.down_proj.weight"]
REAL += ["model.layers.29.self_attn.v_proj.weight"]


@st.composite
def matrices(draw, dtype=np.float64):
    """Tall, wide, square, rank-deficient, zero and oddly scaled matrices."""
    m, n, inner = (draw(st.integers(1, 12)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.0, 1e-15, 1.0, 1e15]))
    m *= draw(st.sampled_from([1, 1, 20]))
    W = rng.standard_normal((m, inner)) @ rng.standard_normal((inner, n)) * scale
    return W.astype(dtype)


@settings(max_examples=150, deadline=None)
@given(matrices() | matrices(np.float32))
def test_factors_are_orthonormal_and_rebuild_the_matrix(W):
    svd = full(W)
    eps = np.finfo(W.dtype).eps
    identity = np.eye(len(svd.s))
    assert svd.U.dtype == svd.Vt.dtype == W.dtype
    assert svd.s.dtype == np.float64
    assert abs(svd.U.T @ svd.U - identity).max() < 100 * eps
    assert abs(svd.Vt @ svd.Vt.T - identity).max() < 100 * eps
    assert abs(svd.matrix() - W).max() <= 100 * eps * svd.s[0]
    assert (np.diff(svd.s) <= 0).all()
    assert svd.s[-1] >= 0


@settings(max_examples=100, deadline=None)
@given(matrices())
def test_singular_values_agree_with_lapack_and_with_the_transpose(W):
    s = full(W).s
    expected = scipy.linalg.svd(W, compute_uv=False, lapack_driver="gesvd")
    np.testing.assert_allclose(s, expected, rtol=1e-9, atol=1e-14 * expected[0])
    np.testing.assert_allclose(full(W.T).s, s, rtol=1e-9, atol=1e-14 * expected[0])


@settings(max_examples=100, deadline=None)
@given(matrices(), st.integers(0, 2**32 - 1), st.data())
def test_no_competitor_of_rank_k_is_nearer(W, seed, data):
    svd = full(W)
    k = data.draw(st.integers(1, len(svd.s)))
    rng = np.random.default_rng(seed)
    slack = 1e-12 * svd.s[0]
    best = svd.top(k)
    # The hardest competitors: the best left factor disturbed, with the best right factor for it.
    for size in (1e-3, 0.1, 10.0):
        basis, _ = np.linalg.qr(best.U + size * rng.standard_normal(best.U.shape))
        remainder = W - basis @ (basis.T @ W)
        assert np.linalg.norm(remainder) >= truncation_error(svd.s, k) - slack
        assert np.linalg.norm(remainder, 2) >= truncation_error(svd.s, k, "spectral") - slack


@settings(max_examples=100, deadline=None)
@given(matrices(), st.data())
def test_measured_errors_equal_the_predicted(W, data):
    svd = full(W)
    k = data.draw(st.integers(1, len(svd.s)))
    W_k = svd.top(k).matrix()
    slack = 1e-12 * svd.s[0]
    assert np.linalg.norm(W - W_k) == pytest.approx(truncation_error(svd.s, k), abs=slack)
    assert residual_norm(W, svd.top(k)) == pytest.approx(truncation_error(svd.s, k), abs=slack)
    spectral = truncation_error(svd.s, k, norm="spectral")
    assert np.linalg.norm(W - W_k, 2) == pytest.approx(spectral, abs=slack)


@settings(max_examples=100, deadline=None)
@given(matrices(), st.sampled_from([2.0**-60, 0.5, 2.0**70]), st.data())
def test_scaling_a_matrix_scales_its_error_and_leaves_its_energy(W, c, data):
    s, scaled = full(W).s, full(c * W).s
    k = data.draw(st.integers(1, len(s)))
    error, slack = c * truncation_error(s, k), 1e-12 * c * s[0]
    assert truncation_error(scaled, k) == pytest.approx(error, rel=1e-9, abs=slack)
    assert energy(scaled, k) == pytest.approx(energy(s, k))
    assert full(-W).s == pytest.approx(s)


def test_the_rule_for_signs_decides_and_ties_go_to_the_first():
    rng = np.random.default_rng(1)
    for W in (rng.standard_normal((9, 5)), rng.standard_normal((5, 90)), np.diag([-2.0, 1.0])):
        Vt = full(W).Vt
        assert (Vt[np.arange(len(Vt)), abs(Vt).argmax(axis=1)] > 0).all()
        assert np.array_equal(full(W).U, full(W.copy()).U)
    assert full([[1.0, -1.0]]).Vt[0, 0] > 0
    assert full([[-1.0, 1.0]]).Vt[0, 0] > 0


@pytest.mark.parametrize("smallest", [1e-2, 1e-7, 0.0])
def test_long_matrices_keep_their_accuracy_however_small_the_last_value(smallest):
    rng = np.random.default_rng(2)
    s = np.array([3.0, 2.0, 1.0, smallest])
    U, _ = np.linalg.qr(rng.standard_normal((10_000, 4)))
    V, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    W = (U * s @ V.T).astype(np.float32)
    svd = full(W)
    expected = scipy.linalg.svd(W.astype(np.float64), compute_uv=False, lapack_driver="gesvd")
    np.testing.assert_allclose(svd.s, expected, rtol=1e-9, atol=1e-15)
    assert abs(svd.U.T @ svd.U - np.eye(4)).max() < 2e-6
    assert residual_norm(W, svd) < 1e-6


def test_a_tail_of_tiny_values_is_not_lost_beside_a_large_head():
    s = np.array([1e8, 4e-6, 3e-6])
    assert truncation_error(s, 1) == pytest.approx(5e-6, rel=1e-15)
    assert truncation_error(np.array([1.0, 3e-200, 3e-200]), 1) == pytest.approx(3e-200 * 2**0.5)


def test_inputs_are_left_alone():
    W = np.arange(12.0).reshape(3, 4)
    before = W.copy()
    full(W)
    assert np.array_equal(W, before)


def test_counting_parameters():
    assert break_even_rank(4096, 4096) == 2048
    assert break_even_rank(4096, 11008) == pytest.approx(2985.2, abs=0.05)
    assert break_even_rank(1024, 4096) == pytest.approx(819.2)
    for m, n in [(576, 576), (3, 50), (192, 576)]:
        cheaper = [k for k in range(1, min(m, n) + 1) if parameters(m, n, k) < m * n]
        assert len(cheaper) == np.ceil(break_even_rank(m, n)) - 1


@pytest.mark.parametrize("k", [0, -1, 4, 2.5, "2", None])
def test_a_rank_out_of_range_names_itself_and_the_limit(k):
    W = np.ones((3, 5))
    for call in (
        lambda: full(W).top(k),
        lambda: truncation_error([3, 2, 1], k),
        lambda: energy([3, 2, 1], k),
        lambda: parameters(3, 5, k),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert repr(k) in str(caught.value)
        assert "3" in str(caught.value)


@pytest.mark.parametrize(
    ("W", "named"),
    [
        ([[1.0, np.nan]], r"W\[0, 1\] is nan"),
        ([[1.0], [-np.inf]], r"W\[1, 0\] is -inf"),
        ([1.0, 2.0], r"\(2,\)"),
        (np.ones((0, 3)), r"\(0, 3\)"),
        ([[1.0], [1.0, 2.0]], "rows of one length"),
        ([["a"]], "real numbers"),
    ],
)
def test_what_is_not_a_finite_matrix_is_refused_by_name(W, named):
    with pytest.raises(InputError, match=named):
        full(W)


def test_bad_spectra_norms_and_shapes_are_refused():
    for s in ([], [[1.0]], [1.0, np.nan], [1.0, 2.0], [1.0, -1.0]):
        with pytest.raises(InputError, match="s "):
            truncation_error(s, 1)
    with pytest.raises(InputError, match="nuclear"):
        truncation_error([2, 1], 1, norm="nuclear")
    with pytest.raises(InputError, match=r"\(2, 3\)"):
        residual_norm(np.ones((2, 3)), full(np.ones((3, 3))).top(1))


@pytest.mark.parametrize("name", REAL)
def test_real_weights_agree_with_lapack_in_float64_and_with_eckart_young(default_model, name):
    W = default_model.read(name)
    svd = full(W)
    expected = scipy.linalg.svd(W.astype(np.float64), compute_uv=False, lapack_driver="gesvd")
    np.testing.assert_allclose(svd.s, expected, rtol=1e-6)
    for k in (1, 8, 64, 150):
        measured = np.linalg.norm(W.astype(np.float64) - svd.top(k).matrix())
        assert measured == pytest.approx(truncation_error(svd.s, k), rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("condition", [1.0, 100.0, 1e6, np.inf])
def test_a_product_is_decomposed_from_its_factors_whatever_their_condition(dtype, condition):
    rng = np.random.default_rng(int(min(condition, 1e6)))
    scales = np.geomspace(1, 1 / condition if condition < np.inf else 1e-300, 12)
    B = (rng.standard_normal((90, 12)) * scales).astype(dtype)
    A = (rng.standard_normal((12, 12)) @ (rng.standard_normal((12, 150)) * scales[:, None])).astype(
        dtype
    )
    svd = of_product(B, A)
    expected = scipy.linalg.svdvals(B.astype(float) @ A.astype(float))[:12]
    eps = np.finfo(dtype).eps
    assert svd.U.dtype == svd.Vt.dtype == dtype
    assert abs(svd.s - expected).max() <= 1e-13 * expected[0]
    assert abs(svd.U.T @ svd.U - np.eye(12)).max() < 50 * eps
    assert abs(svd.Vt @ svd.Vt.T - np.eye(12)).max() < 50 * eps
    assert abs(svd.matrix() - B.astype(float) @ A).max() <= 50 * eps * expected[0]
