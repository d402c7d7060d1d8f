"""Quantizers against their definition, bitsandbytes and published levels; rounding against bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import ndtri

from lowrank.errors import InputError
from lowrank.memory.quantization import (
    DYNAMIC_LEVELS,
    NF4_LEVELS,
    bfloat16,
    int8,
    nf4,
    nf4_double,
    roundings,
)
from tests.oracles.quantized_data import SHAPES, random_matrix

RECORDED = np.load(Path(__file__).parents[1] / "fixtures" / "quantized.npz")
MATRICES = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.floats(-1000, 1000, width=32),
)


def test_the_levels_are_quantiles_of_a_normal_distribution():
    """Section 3 of the QLoRA paper: eight positive, seven negative, 0, both ends as likely."""
    offset = (1 - 1 / (2 * 15) + 1 - 1 / (2 * 16)) / 2
    positive, negative = (ndtri(np.linspace(offset, 0.5, n)[:-1]) for n in (9, 8))
    levels = np.sort([*-negative, 0.0, *positive])
    np.testing.assert_allclose(NF4_LEVELS, levels / levels.max(), atol=2e-6)


def test_the_dynamic_levels_are_finer_the_larger():
    sizes = DYNAMIC_LEVELS[DYNAMIC_LEVELS > 0]
    assert len(DYNAMIC_LEVELS) == 256
    # All but the 1 stand on both sides of 0.
    np.testing.assert_array_equal(-DYNAMIC_LEVELS[DYNAMIC_LEVELS < 0][::-1], sizes[:-1])
    decades = np.floor(np.log10(sizes[:-1])).astype(int)
    assert [(decades == d).sum() for d in range(-7, 0)] == [1, 2, 4, 8, 16, 32, 64]
    for decade in range(-7, 0):
        edges = np.linspace(0.1, 1, 2 ** (decade + 7) + 1) * 10.0 ** (decade + 1)
        inside = sizes[:-1][decades == decade]
        np.testing.assert_allclose(inside, (edges[1:] + edges[:-1]) / 2, rtol=1e-6)


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


@given(MATRICES)
def test_double_quantization_errs_in_the_constants_alone(W):
    """The codes are those of NF4; a constant is off by half a step of the dynamic code at most."""
    once, twice = nf4(W), nf4_double(W)
    constants = once.constants.astype(np.float64).ravel()
    widest = np.diff(DYNAMIC_LEVELS).max() / 2
    off = widest * np.abs(constants - constants.mean()).max() + 1e-6 * constants.max()
    levels = np.abs(once.levels[once.codes])
    assert (np.abs(twice.matrix() - once.matrix()) <= levels * off + 1e-30).all()
    assert twice.shape == W.shape


@pytest.mark.parametrize("name", SHAPES)
def test_nf4_is_that_of_bitsandbytes_bit_for_bit(name):
    """Recorded with bitsandbytes on a CPU: oracles/make_quantized.py."""
    theirs = {k.split(".", 1)[1]: a for k, a in RECORDED.items() if k.startswith(f"{name}.")}
    W = random_matrix(name)
    once, twice = nf4(W), nf4_double(W)
    np.testing.assert_array_equal(once.constants.ravel(), theirs["nf4.absmax"])
    np.testing.assert_array_equal(once.matrix(), theirs["nf4.matrix"])
    np.testing.assert_array_equal(DYNAMIC_LEVELS, theirs["double.map"])
    np.testing.assert_array_equal(twice.packed.ravel()[: W.size // 2], theirs["double.codes"])
    # torch adds float32 up in another order, so that its mean may be the next float32, and
    # bitsandbytes' kernel for a CPU may take either of two levels where they are as near.
    parts = {"constants": "absmax", "mean": "offset", "scales": "nested"}
    given = {part: theirs[f"double.{name}"] for part, name in parts.items()}
    given["scales"] = given["scales"][:, None]
    np.testing.assert_array_equal(replace(twice, **given).matrix(), theirs["double.matrix"])
    assert twice.mean == pytest.approx(given["mean"], rel=2e-7)
    np.testing.assert_allclose(twice.scales, given["scales"], rtol=1e-6)
    count = len(once.constants)
    share = (once.constants.ravel() - twice.mean) / np.repeat(twice.scales, 256)[:count]
    apart = twice.constants != given["constants"]
    middle = (DYNAMIC_LEVELS[twice.constants] + DYNAMIC_LEVELS[given["constants"]]) / 2
    assert (np.abs(share - middle)[apart] < 2**-15).all()
    assert apart.mean() < 0.01


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
