"""Llama 3's scaling of positions, found again in the divisors that a GGUF file keeps of it."""

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.config import RopeScaling
from lowrank.llama.rope import llama3

CLOSE = 1e-5  # of a divisor: what float32 leaves of it
LENGTHS = tuple(2**n for n in range(4, 20))


def scaling_of(divisors: NDArray[np.floating], theta: float) -> RopeScaling | None:
    """The "llama3" scaling whose divisors these are, (head_dim/2,); None where all are 1.

    A divisor is 1 where a pair turns fast, `factor` where it turns slowly, and between them
    1 / ((1 - s)/factor + s), where s grows evenly with the speed (`lowrank.llama.rope.llama3`). Of
    original length and the two frequency factors only two are determined: the usual low and high
    factors, 1 and 4, are taken where they fit, and a low factor of 1 where they do not.

    Raises InputError for divisors that no such scaling has.

    >>> plain = 500_000.0 ** (-np.arange(64) / 64)
    >>> known = RopeScaling("llama3", 8.0, 1.0, 4.0, 8192)
    >>> scaling_of(plain / llama3(plain, known), 500_000.0) == known
    True
    """
    d = divisors.astype(np.float64)
    plain = theta ** (-np.arange(len(d)) / len(d))
    if (d == 1).all():
        return None
    factor = float(f"{d.max():.6g}")
    candidates = [RopeScaling("llama3", factor, 1.0, 4.0, length) for length in LENGTHS]
    for found in [*candidates, *_fitted(d, plain, factor)]:
        if np.allclose(plain / llama3(plain, found), d, rtol=CLOSE, atol=0):
            return found
    raise InputError(
        "The model divides the speeds of its positions by numbers that no scaling of type llama3 "
        "gives: transformers has no configuration for it."
    )


def _fitted(d: NDArray[np.float64], plain: NDArray[np.float64], factor: float) -> list[RopeScaling]:
    """The scaling whose ramp passes through the divisors between 1 and `factor`, if two are."""
    s = (1 / d - 1 / factor) / (1 - 1 / factor)
    ramp = (s > CLOSE) & (s < 1 - CLOSE)
    if ramp.sum() < 2:
        return []
    slope, start = np.polyfit(plain[ramp], s[ramp], 1)  # s = L/(2 pi (high - low)) f - low/(...)
    if start >= 0 or slope <= 0:
        return []
    width = -1 / start  # high - low, where low is 1
    length = round(2 * np.pi * slope * width)
    high = float(f"{1 + width:.4g}")
    return [RopeScaling("llama3", factor, 1.0, high, length)] if length > 0 else []
