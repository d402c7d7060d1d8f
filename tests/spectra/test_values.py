"""The whole spectrum and its bounds against LAPACK in float64."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
import scipy.linalg
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.spectra.completion import complete
from lowrank.spectra.measures import numerical_rank, similarity
from lowrank.spectra.svd import frobenius, full, residual_norm, singular_values, truncate

SPECTRA = {
    "slow": lambda n: 1 / np.arange(1, n + 1),
    "fast": lambda n: 2.0 ** -np.arange(n),
    "flat": lambda n: np.ones(n),
    "deficient": lambda n: np.where(np.arange(n) < n // 2, 1.0, 0.0),
    "tail": lambda n: np.where(np.arange(n) < n - 3, 1.0, 2e-6 + 1e-6 * (n - np.arange(n))),
    "ramp": lambda n: np.geomspace(1, 2e-6, n),
}


def matrix(kind, shape, seed, dtype, scale=1.0):
    rng = np.random.default_rng(seed)
    r = min(shape)
    U = np.linalg.qr(rng.standard_normal((shape[0], r)))[0]
    V = np.linalg.qr(rng.standard_normal((shape[1], r)))[0]
    return ((U * SPECTRA[kind](r) * scale) @ V.T).astype(dtype)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(SPECTRA)),
    st.sampled_from([(60, 50), (50, 70), (200, 190), (9, 40), (1, 4), (1, 1)]),
    st.integers(0, 2**20),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([1.0, 1e-20, 1e20]),
)
def test_bounds_hold_and_values_that_matter_are_good_to_a_millionth(
    kind, shape, seed, dtype, scale
):
    W = matrix(kind, shape, seed, dtype, scale)
    found = singular_values(W)
    expected = scipy.linalg.svd(W.astype(float), compute_uv=False, lapack_driver="gesvd")
    oracle = 2e-15 * min(shape) ** 0.5 * expected[0]
    error = abs(found.s - expected)
    assert (np.diff(found.s) <= 0).all()
    assert (error <= found.bound + oracle).all()
    matter = expected > 1e-6 * expected[0]
    assert (error[matter] <= 1e-6 * expected[matter] + oracle).all()


def test_each_way_is_taken_where_it_should_be():
    assert singular_values(matrix("slow", (200, 190), 0, np.float32)).method == "gram"
    refined = singular_values(matrix("tail", (200, 190), 0, np.float64))
    assert refined.method == "gram and inverse iteration"
    assert singular_values(matrix("ramp", (60, 50), 0, np.float64)).method == "lapack"


def test_zero_and_refusals():
    assert singular_values(np.zeros((4, 2))).s.tolist() == [0.0, 0.0]
    with pytest.raises(InputError, match=r"W\[0, 1\] is nan"):
        singular_values([[1.0, np.nan]])


DEFICIENT = st.sampled_from(
    ["ones", "constant", "equal rows", "small whole numbers", "repeated columns"]
)


@given(DEFICIENT, st.integers(1, 700), st.integers(1, 600), st.integers(0, 10**6))
@example("ones", 600, 500, 0)
@example("constant", 700, 590, 3)
def test_bounds_hold_where_most_values_are_zero(kind, m, n, seed):
    """Rounding errors of equal products have one sign, and what is zero shows all of them."""
    rng = np.random.default_rng(seed)
    if kind == "small whole numbers":
        B, A = rng.integers(-3, 4, (m, 2)), rng.integers(-3, 4, (2, n))
        W = (B @ A).astype(float)
        exact = full_of_product(B, A)
    else:
        c = 1.0 if kind == "ones" else float(rng.uniform(0.1, 10))
        u, v = np.ones(m), np.ones(n)
        if kind == "equal rows":
            v = rng.integers(-8, 9, n).astype(float)
        if kind == "repeated columns":
            u = rng.integers(-8, 9, m).astype(float)
        W = np.outer(u, v) * np.float64(np.float32(c))
        exact = np.array([math.sqrt((u @ u) * (v @ v)) * float(np.float32(c))])
    for dtype in (np.float32, np.float64):
        if (W.astype(dtype) != W).any():
            continue
        found = singular_values(W.astype(dtype))
        wanted = np.zeros(min(m, n))
        wanted[: len(exact)] = exact[: min(m, n)]
        assert (np.abs(found.s - wanted) <= found.bound + 4e-16 * wanted).all()


def full_of_product(B, A) -> np.ndarray:
    """Singular values of B A, whole numbers, from the 2 x 2 eigenvalue problem they leave."""
    P, Q = B.T @ B, A @ A.T  # exact
    M = P @ Q
    t, d = int(np.trace(M)), int(M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0])
    with localcontext() as context:
        context.prec = 60
        root = Decimal(max(t * t - 4 * d, 0)).sqrt()
        first = (Decimal(t) + root) / 2
        second = Decimal(d) / first if first else Decimal(0)
        return np.array([float(first.sqrt()), float(second.sqrt())])


NO_NUMBERS = {
    "complex": [[1j, 2.0], [0.0, 1.0]],
    "complex, real parts": np.ones((2, 2)) * (1 + 0j),
    "complex objects": np.array([[1j, 1], [1, 1]], dtype=object),
    "ragged": [[1.0, 2.0], [3.0]],
    "words": [["1", "2"], ["3", "4"]],
    "words among numbers": np.array([[1, "2"], [3, 4]], dtype=object),
    "dates": np.array([["2020-01-01"] * 2] * 2, "M8[D]"),
    "lengths of time": np.ones((2, 2), "m8[D]"),
    "nothing": [[None, 1.0], [2.0, 3.0]],
}
TAKERS = {
    "full": full,
    "singular_values": singular_values,
    "truncate": lambda W: truncate(W, 1),
    "frobenius": frobenius,
    "numerical_rank": lambda s: numerical_rank(s, (2, 2)),
    "similarity": lambda P: similarity(P, P),
    "complete": lambda X: complete(X, rank=1),
    "residual_norm": lambda W: residual_norm(W, full(np.eye(2))),
}


@pytest.mark.parametrize("what", NO_NUMBERS)
@pytest.mark.parametrize("taker", TAKERS)
def test_what_are_no_real_numbers_is_refused_and_never_halved(taker, what):
    with pytest.raises(InputError, match=r"real numbers|two dimensions"):
        TAKERS[taker](NO_NUMBERS[what])
