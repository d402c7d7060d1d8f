"""Quantizers against their definition and published levels, and rounding against ml_dtypes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lowrank.errors import InputError
from lowrank.memory.quantization import NF4_LEVELS, bfloat16, int8, nf4, roundings

MATRICES = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.floats(-1000, 1000, width=32),
)


def test_the_levels_are_those_qlora_publishes():
    # Appendix E of the QLoRA paper, to the digits that matter.
    published = [-1.0, -0.6961928, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004]
    published += [0.0, 0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617]
    published += [0.72295684, 1.0]
    np.testing.assert_allclose(NF4_LEVELS, published, atol=2e-6)


@given(MATRICES)
def test_int8_is_wrong_by_at_most_half_a_step(W):
    found = int8(W)
    steps = np.abs(W).max(axis=1, keepdims=True) / 127
    assert (np.abs(found.matrix() - W) <= steps * (0.5 + 1e-4) + 1e-30).all()
    assert np.abs(found.codes.astype(int)).max() <= 127
    assert found.nbytes == W.size + 4 * len(W)


@given(MATRICES, st.integers(1, 70))
def test_nf4_takes_the_nearest_level_of_its_block(W, block):
    found = nf4(W, block)
    flat, got = W.ravel(), found.matrix().ravel()
    for start in range(0, flat.size, block):
        part = flat[start : start + block]
        candidates = NF4_LEVELS * np.abs(part).max()
        nearest = np.abs(part[:, None] - candidates).min(axis=1)
        error = np.abs(got[start : start + block] - part)
        assert (error <= nearest + 1e-5 * np.abs(part).max()).all()
    assert found.constants.shape == (-(-W.size // block), 1)


def test_fewer_bits_are_further_off_on_normal_weights():
    W = np.random.default_rng(0).standard_normal((64, 256)).astype(np.float32)
    errors = [np.linalg.norm(q.matrix() - W) / np.linalg.norm(W) for q in (int8(W), nf4(W))]
    assert errors[0] < 0.01 < errors[1] < 0.12


@given(hnp.arrays(np.float32, 20, elements=st.floats(width=32, allow_nan=True)))
def test_bfloat16_is_the_nearest_of_its_two_neighbours_and_the_even_one_of_two_as_near(x):
    """By its bits: 16 are dropped, and the others go up by one if those were more than half."""
    bits, got = x.view(np.uint32), bfloat16(x)
    down, dropped = bits >> 16, bits & 0xFFFF
    up = (dropped > 0x8000) | ((dropped == 0x8000) & (down % 2 == 1))
    expected = ((down + up) << 16).astype(np.uint32).view(np.float32)
    np.testing.assert_array_equal(got, np.where(np.isnan(x), np.nan, expected))


def test_what_rounding_loses_is_measured_on_the_difference():
    W = np.random.default_rng(0).standard_normal((48, 64)).astype(np.float32)
    found = {each.name.partition(",")[0]: each for each in roundings(W)}
    assert list(found) == ["int8", "NF4", "bfloat16", "float16"]
    for name, Q in (
        ("int8", int8(W).matrix()),
        ("NF4", nf4(W).matrix()),
        ("bfloat16", bfloat16(W)),
    ):
        lost = (W - Q).astype(np.float64)
        share = np.linalg.norm(lost) / np.linalg.norm(W)
        assert found[name].share == pytest.approx(share, rel=1e-5)
        assert found[name].largest == np.abs(lost).max()
        if name != "bfloat16":
            s = np.linalg.svd(lost, compute_uv=False)
            np.testing.assert_allclose(found[name].spectrum, s, rtol=0, atol=1e-6 * s[0])
    assert found["int8"].bits == 8 + 32 / 64  # one float32 constant a row of 64


def test_bad_blocks_and_matrices_are_named():
    with pytest.raises(InputError, match="block is 0"):
        nf4([[1.0]], block=0)
    with pytest.raises(InputError, match="finite"):
        int8([[np.nan]])
