"""LoRA's arithmetic against plain loops, and its two conventions against each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrank import lora
from lowrank.errors import InputError


@st.composite
def cases(draw):
    """x (batch, in), W0 (out, in), A (r, in), B (out, r), alpha, r."""
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    r = draw(st.integers(1, min(rows, columns)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.standard_normal((draw(st.integers(1, 4)), columns))
    W0, A = rng.standard_normal((rows, columns)), rng.standard_normal((r, columns))
    return x, W0, A, rng.standard_normal((rows, r)), draw(st.floats(-64, 64)), r


def by_loops(x, W0, A, B, alpha, r):
    """One input through W0 + (alpha/r) B A, a number at a time."""
    h = []
    for i in range(len(W0)):
        total = 0.0
        for j in range(len(x)):
            entry = 0.0
            for k in range(r):
                entry += B[i][k] * A[k][j]
            total += (W0[i][j] + alpha / r * entry) * x[j]
        h.append(total)
    return np.array(h)


@given(cases())
def test_forward_agrees_with_plain_loops(case):
    x, W0, A, B, alpha, r = case
    h = lora.forward(x, W0, A, B, alpha, r)
    expected = np.array([by_loops(row, W0, A, B, alpha, r) for row in x])
    np.testing.assert_allclose(h, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(lora.forward(x[0], W0, A, B, alpha, r), h[0], rtol=1e-9, atol=1e-9)


@given(cases())
def test_merged_equals_unmerged(case):
    x, W0, A, B, alpha, r = case
    kept = W0.copy()
    merged = lora.merge(W0, A, B, alpha, r)
    h = lora.forward(x, W0, A, B, alpha, r)
    np.testing.assert_allclose(x @ merged.T, h, rtol=1e-9, atol=1e-9)
    assert not np.shares_memory(merged, W0)
    np.testing.assert_array_equal(W0, kept)


@given(cases())
def test_both_conventions_agree_under_transposition(case):
    x, W0, A, B, alpha, r = case
    ours = lora.forward(x, W0, A, B, alpha, r)
    rows = lora.lora_forward_matmul(x, W0.T, A.T, B.T, alpha / r)
    np.testing.assert_allclose(rows, ours, rtol=1e-12, atol=1e-12)
    without = lora.lora_forward_matmul(x, W0.T, A.T, B.T, 0)
    np.testing.assert_allclose(without, lora.regular_forward_matmul(x, W0.T), rtol=1e-12)


@given(cases())
def test_update_is_what_forward_adds_and_has_rank_r(case):
    x, W0, A, B, alpha, r = case
    added = lora.forward(x, W0, A, B, alpha, r) - x @ W0.T
    np.testing.assert_allclose(lora.update(x, A, B, alpha, r), added, rtol=1e-9, atol=1e-8)
    delta = lora.merge(np.zeros_like(W0), A, B, 1.0, r)
    s = np.linalg.svd(delta, compute_uv=False)
    assert np.all(s[r:] <= 1e-12 * s[0])


@pytest.mark.parametrize("kind", ["kaiming", "gaussian"])
def test_a_fresh_pair_changes_nothing(kind):
    rng = np.random.default_rng(3)
    W0, x = rng.standard_normal((20, 30)), rng.standard_normal((5, 30))
    A, B = lora.init(20, 30, 4, rng, kind)
    assert A.shape == (4, 30)
    assert A.dtype == B.dtype == np.float32
    assert A.any()
    np.testing.assert_array_equal(lora.forward(x, W0, A, B, 8, 4), x @ W0.T)


def test_init_draws_from_the_distributions_it_names():
    uniform, _ = lora.init(64, 4096, 64, np.random.default_rng(0))
    assert np.abs(uniform).max() <= 4096**-0.5
    assert uniform.std() == pytest.approx(4096**-0.5 / 3**0.5, rel=0.01)
    gaussian, _ = lora.init(64, 4096, 64, np.random.default_rng(0), "gaussian")
    assert gaussian.std() == pytest.approx(1 / 64, rel=0.01)
    again, _ = lora.init(64, 4096, 64, np.random.default_rng(0), "gaussian")
    np.testing.assert_array_equal(gaussian, again)


def test_float32_stays_float32():
    x, W0 = np.ones(5, np.float32), np.ones((4, 5), np.float32)
    A, B = np.ones((2, 5), np.float32), np.ones((4, 2), np.float32)
    alpha = np.float64(16)
    assert lora.forward(x, W0, A, B, alpha, 2).dtype == np.float32
    assert lora.merge(W0, A, B, alpha, 2).dtype == np.float32
    assert lora.lora_forward_matmul(x, W0.T, A.T, B.T, alpha).dtype == np.float32


X, W, A, B = np.ones(5), np.ones((4, 5)), np.ones((2, 5)), np.ones((4, 2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lora.forward(np.ones(4), W, A, B, 8, 2), ["x has shape (4,)", "(..., 5)", "W0"]),
        (lambda: lora.forward(1.0, W, A, B, 8, 2), ["x has shape ()"]),
        (lambda: lora.forward(X, W, A, B, 8, 3), ["A has shape (2, 5)", "(3, 5)", "r is 3"]),
        (lambda: lora.forward(X, W, A.T, B, 8, 2), ["A has shape (5, 2)", "(2, 5)"]),
        (lambda: lora.forward(X, W, A, B.T, 8, 2), ["B has shape (2, 4)", "(4, 2)"]),
        (
            lambda: lora.forward(X, W.T, A, B, 8, 2),
            ["A has shape (2, 5)", "(2, 4)", "W0 is (5, 4)"],
        ),
        (lambda: lora.update(X, A, B, 8, 3), ["A has shape (2, 5)", "(3, 5)", "r is 3"]),
        (lambda: lora.update(X, A, B.T, 8, 2), ["B has shape (2, 4)", "(2, 2)"]),
        (lambda: lora.merge(W[0], A, B, 8, 2), ["W0 has shape (5,)", "two dimensions"]),
        (lambda: lora.merge(W, A, B, float("nan"), 2), ["alpha is nan"]),
        (lambda: lora.merge(W, A, B, 8, 0), ["r is 0", "at least 1"]),
        (lambda: lora.merge(W, A, B, 8, 1.5), ["r is 1.5"]),
        (lambda: lora.merge("word", A, B, 8, 2), ["W0 is not a matrix of real numbers"]),
        (lambda: lora.merge(1j * W, A, B, 8, 2), ["W0 is not a matrix of real numbers"]),
        (lambda: lora.forward(["1"] * 5, W, A, B, 8, 2), ["x is not an array of real numbers"]),
        (lambda: lora.regular_forward_matmul(X, W), ["x has shape (5,)", "W (4, 5) has 4 rows"]),
        (lambda: lora.lora_forward_matmul(X, W.T, A, B.T, 1), ["W_A has shape (2, 5)", "(5, 5)"]),
        (lambda: lora.lora_forward_matmul(X, W.T, A.T, B, 1), ["W_B has shape (4, 2)", "(2, 4)"]),
        (lambda: lora.init(4, 5, 6, np.random.default_rng(0)), ["r is 6", "min(out, in) = 4"]),
        (lambda: lora.init(0, 5, 1, np.random.default_rng(0)), ["out_features is 0"]),
        (lambda: lora.init(4, 5, 2, np.random.default_rng(0), "he"), ["kind is 'he'", "kaiming"]),
    ],
)
def test_a_wrong_argument_is_named(call, words):
    with pytest.raises(InputError) as raised:
        call()
    for word in words:
        assert word in str(raised.value)


def test_dora_has_rows_of_the_given_lengths_along_those_of_lora():
    rng = np.random.default_rng(3)
    W0, A, B = (rng.standard_normal(shape) for shape in ((5, 7), (2, 7), (5, 2)))
    m = rng.random(5) + 0.5
    W = lora.dora_merge(W0, A, B, m, alpha=3, r=2)
    np.testing.assert_allclose(np.linalg.norm(W, axis=1), m)
    V = lora.merge(W0, A, B, 3, 2)
    np.testing.assert_allclose(W / m[:, None], V / np.linalg.norm(V, axis=1, keepdims=True))
    untouched = lora.dora_merge(W0, A, 0 * B, np.linalg.norm(W0, axis=1), 3, 2)
    np.testing.assert_allclose(untouched, W0)


def test_dora_leaves_a_row_without_a_direction_and_refuses_another_size():
    zero = np.zeros((1, 2)), np.zeros((2, 1))
    merged = lora.dora_merge([[0.0, 0.0], [3.0, 4.0]], *zero, [2.0, 1.0], 1, 1)
    np.testing.assert_allclose(merged, [[0, 0], [0.6, 0.8]])
    with pytest.raises(InputError, match=r"magnitude has shape \(1,\)"):
        lora.dora_merge(np.eye(2), *zero, [1.0], 1, 1)
