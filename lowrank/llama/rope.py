"""Rotary positions: each pair of numbers of a query or key is turned by an angle that grows.

Su et al., "RoFormer", arXiv 2104.09864, in Hugging Face's layout: number i of a head is paired with
number i + head_dim/2.
"""

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.config import LlamaConfig, RopeScaling

Floats = NDArray[np.floating]


def frequencies(config: LlamaConfig) -> NDArray[np.float64]:
    """Radians a position by which each pair of a head turns, (head_dim/2,), scaling included.

    theta^(-2i/head_dim) for pair i; divided by `factor` for "linear" scaling; for "llama3" only
    where a wave is long. "dynamic" changes nothing within the model's own length.

    Raises InputError for a scaling that is not known. References: Su et al., section 3.2.2; Chen et
    al., arXiv 2306.15595 (linear); "The Llama 3 Herd of Models" and `llama_models` (llama3).

    >>> from lowrank.llama.config import SMOLLM2_135M
    >>> frequencies(SMOLLM2_135M)[:2].round(4).tolist()
    [1.0, 0.6978]
    """
    half = config.head_dim // 2
    plain = config.rope_theta ** (-np.arange(half) / half)
    scaling = config.rope_scaling
    if scaling is None or scaling.rope_type == "dynamic":
        return plain
    if scaling.rope_type == "linear":
        return plain / scaling.factor
    if scaling.rope_type == "llama3":
        return llama3(plain, scaling)
    raise InputError(
        f"The model scales its positions by {scaling.rope_type!r}; expected no scaling, "
        "'linear', 'dynamic' or 'llama3'."
    )


def llama3(plain: NDArray[np.float64], scaling: RopeScaling) -> NDArray[np.float64]:
    """Llama 3.1's rule: slow pairs are divided by `factor`, fast ones kept, a ramp between.

    A pair is fast if it turns more than `high_freq_factor` times within the original length, slow
    if less than `low_freq_factor` times.

    >>> llama3(np.array([1.0, 1e-6]), RopeScaling("llama3", factor=8.0)).tolist()
    [1.0, 1.25e-07]
    """
    turns = scaling.original_max_position_embeddings * plain / (2 * np.pi)
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    kept = np.clip((turns - low) / (high - low), 0, 1)  # 1: as it was, 0: divided
    return kept * plain + (1 - kept) * plain / scaling.factor


def rotation(speeds: Floats, positions: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """cos and sin of every pair's angle at every position, (T, head_dim/2) each, in float64."""
    angles = np.outer(speeds, positions).T
    return np.cos(angles), np.sin(angles)


def rotated(x: Floats, cos: Floats, sin: Floats) -> Floats:  # (heads, T, head_dim)
    """Every pair (a, b) of x turned: (a cos - b sin, b cos + a sin), (heads, T, head_dim).

    The transpose of this map, which a gradient needs, is the same with -sin.

    >>> rotated(np.array([[[1.0, 0.0]]]), np.array([[0.0]]), np.array([[1.0]])).tolist()
    [[[0.0, 1.0]]]
    """
    half = x.shape[-1] // 2
    a, b, y = x[..., :half], x[..., half:], np.empty_like(x)
    np.multiply(a, cos, out=y[..., :half])
    np.multiply(b, cos, out=y[..., half:])
    y[..., :half] -= b * sin
    y[..., half:] += a * sin
    return y
