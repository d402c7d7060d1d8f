"""A pair trained on one matrix: its optimum is known in closed form."""

import numpy as np
import pytest

from lowrank.errors import InputError
from lowrank.lora.equations import merge
from lowrank.lora.one_matrix import fit_pair

RNG = np.random.default_rng(3)
W0 = RNG.standard_normal((9, 12))


def orthonormal(count: int) -> np.ndarray:
    return np.linalg.qr(RNG.standard_normal((12, count)))[0].T


@pytest.mark.parametrize("r", [1, 2, 4])
def test_the_loss_goes_down_to_what_rank_r_allows(r):
    """For orthonormal x the best rank-r change is that of Eckart and Young."""
    X = orthonormal(4)
    D = RNG.standard_normal((4, 9))
    found = fit_pair(W0, X, X @ W0.T + D, r, alpha=2.0, steps=3000, rate=1e-2)
    s = np.linalg.svd(D, compute_uv=False)
    assert found.losses[0] == pytest.approx((s**2).sum() / D.size)
    assert found.losses[-1] == pytest.approx((s[r:] ** 2).sum() / D.size, abs=1e-4)


def test_it_starts_where_w0_is_and_leaves_w0_alone():
    X, before = orthonormal(3), W0.copy()
    found = fit_pair(W0, X, X @ W0.T, r=2, alpha=4.0, steps=5)
    assert found.losses[0] == pytest.approx(0, abs=1e-25)
    np.testing.assert_array_equal(W0, before)
    np.testing.assert_allclose(merge(W0, found.A, found.B, 4.0, 2), W0, atol=1e-2)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(InputError, match="expected rows of 12 and of 9"):
        fit_pair(W0, np.ones((2, 12)), np.ones((2, 8)), 1, 1.0)
