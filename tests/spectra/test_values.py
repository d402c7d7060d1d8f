"""The whole spectrum and its bounds against LAPACK in float64."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.spectra.svd import singular_values

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
