"""LoRA out of full weights: Eckart and Young's pair, and the error it is said to have."""

import numpy as np
import pytest

from lowrank.errors import InputError
from lowrank.lora.extraction import at_energy, extract, nearest, split
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


@pytest.mark.parametrize("shape", [(90, 70), (40, 300), (600, 500)])
@pytest.mark.parametrize("level", [0.3, 0.9, 0.999])
def test_the_least_rank_that_keeps_an_energy_is_found(shape, level):
    rng = np.random.default_rng(1)
    U, V = (np.linalg.qr(rng.standard_normal((side, 30)))[0] for side in shape)
    s = 0.8 ** np.arange(30)
    D = ((U * s) @ V.T).astype(np.float32)
    wanted = int((np.cumsum(s**2) < level * (s**2).sum()).sum()) + 1
    found = at_energy(D, level)
    assert len(found.A) == wanted
    assert 1 - found.relative**2 >= level - 1e-6
    assert nearest(D, wanted).error == pytest.approx(found.error, rel=1e-3)


def test_a_full_energy_takes_every_direction_and_other_levels_are_refused():
    D = np.random.default_rng(2).standard_normal((20, 24))
    assert len(at_energy(D, 1.0).A) == 20
    for level in (0, -1, 1.1, float("nan")):
        with pytest.raises(InputError, match="level"):
            at_energy(D, level)
