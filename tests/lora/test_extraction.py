"""LoRA out of full weights: Eckart and Young's pair, and the error it is said to have."""

import numpy as np
import pytest

from lowrank.errors import InputError
from lowrank.lora.extraction import extract, split
from lowrank.spectra.svd import truncation_error


@pytest.mark.parametrize("shape", [(90, 70), (40, 300)])
def test_extraction_finds_the_adapter_that_was_merged_and_its_error(shape):
    rng = np.random.default_rng(0)
    base = rng.standard_normal(shape).astype(np.float32)
    update = rng.standard_normal((shape[0], 4)) @ rng.standard_normal((4, shape[1]))
    tuned = base + update.astype(np.float32)
    exact = extract(tuned, base, r=4)
    assert exact.B.shape == (shape[0], 4)
    assert exact.A.shape == (4, shape[1])
    assert exact.A.dtype == np.float32
    assert exact.relative < 1e-5
    np.testing.assert_allclose(exact.B @ exact.A, tuned - base, atol=1e-4)
    np.testing.assert_allclose(
        np.linalg.norm(exact.B, axis=0), np.linalg.norm(exact.A, axis=1), rtol=1e-4
    )
    part = extract(tuned, base, r=2)
    D = (tuned - base).astype(float)
    least = truncation_error(np.linalg.svd(D, compute_uv=False), 2)
    assert part.error == pytest.approx(np.linalg.norm(D - part.B.astype(float) @ part.A), rel=1e-4)
    assert part.error == pytest.approx(least, rel=1e-3)
    same = extract(base, base, r=1)
    assert same.relative == same.error == 0
    W_res, pair = split(tuned, 3)
    np.testing.assert_allclose(W_res + pair.B @ pair.A, tuned, atol=1e-5)
    with pytest.raises(InputError, match="one shape"):
        extract(tuned, base.T, 1)
