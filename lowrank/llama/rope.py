"""Rotary positions: each pair of numbers of a query or key is turned by an angle that grows.

Su et al., "RoFormer", arXiv 2104.09864, in Hugging Face's layout: number i of a head is paired with
number i + head_dim/2.
"""

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.config import LlamaConfig, RopeScaling

Floats = NDArray[np.floating]
Speeds = NDArray[np.float64]  # (head_dim/2,), radians a position


def frequencies(config: LlamaConfig, length: int = 0) -> NDArray[np.float64]:
    """Radians a position by which each pair of a head turns, (head_dim/2,), scaling included.

    theta^(-2i/head_dim) for pair i, stretched as `rope_scaling` has it; "dynamic" and "longrope"
    depend on the `length` of the text.

    Raises InputError for a scaling that is not known, or whose factors do not fit. References: Su
    et al., section 3.2.2; Chen et al., arXiv 2306.15595 (linear).

    >>> from lowrank.llama.config import SMOLLM2_135M
    >>> frequencies(SMOLLM2_135M)[:2].round(4).tolist()
    [1.0, 0.6978]
    """
    half, scaling = config.head_dim // 2, config.rope_scaling
    plain = config.rope_theta ** (-np.arange(half) / half)
    if scaling is None:
        return plain
    if scaling.rope_type == "linear":
        return plain / scaling.factor
    if scaling.rope_type == "dynamic":
        return dynamic(plain, scaling, length / config.max_position_embeddings)
    if scaling.rope_type == "llama3":
        return llama3(plain, scaling)
    if scaling.rope_type == "yarn":
        return yarn(plain, scaling, config.rope_theta)
    if scaling.rope_type in ("longrope", "factors"):
        return longrope(plain, scaling, length)
    raise InputError(
        "The model scales its positions by {rope_type!r}; expected no scaling, "
        "'linear', 'dynamic', 'llama3', 'yarn' or 'longrope'.",
        rope_type=scaling.rope_type,
    )


def magnitude(scaling: RopeScaling | None) -> float:
    """What turned pairs are multiplied by: 1, but for YaRN and LongRoPE, which sharpen attention.

    0.1 ln(factor) + 1 (Peng et al., arXiv 2309.00071, eq. 22), and sqrt(1 + ln(factor) / ln L), L
    the original length (Ding et al., arXiv 2402.13753), unless `attention_factor` says otherwise.

    >>> magnitude(RopeScaling("yarn", factor=np.e))
    1.1
    """
    if scaling is None or scaling.rope_type not in ("yarn", "longrope"):
        return 1.0
    if scaling.attention_factor is not None:
        return scaling.attention_factor
    grown = np.log(max(scaling.factor, 1.0))
    if scaling.rope_type == "yarn":
        return float(0.1 * grown + 1)
    return float(np.sqrt(1 + grown / np.log(scaling.original_max_position_embeddings)))


def dynamic(plain: Speeds, scaling: RopeScaling, times: float) -> Speeds:
    """A larger theta, once a text is `times` > 1 as long as the model was made for ("NTK-aware").

    theta is multiplied by (factor * times - factor + 1)^(d / (d - 2)), d = head_dim.

    >>> dynamic(np.array([1.0, 0.01]), RopeScaling("dynamic", 2.0), times=0.5).tolist()
    [1.0, 0.01]
    """
    half = len(plain)
    grown = 1 + scaling.factor * (max(times, 1.0) - 1)
    return plain * grown ** (-np.arange(half) / max(half - 1, 1))


def llama3(plain: Speeds, scaling: RopeScaling) -> Speeds:
    """Llama 3.1's rule: slow pairs are divided by `factor`, fast ones kept, a ramp between.

    A pair is fast if it turns more than `high_freq_factor` times within the original length, slow
    if less than `low_freq_factor` times. Reference: Meta's `llama_models`, `apply_scaling`.

    >>> llama3(np.array([1.0, 1e-6]), RopeScaling("llama3", factor=8.0)).tolist()
    [1.0, 1.25e-07]
    """
    turns = scaling.original_max_position_embeddings * plain / (2 * np.pi)
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    kept = np.clip((turns - low) / (high - low), 0, 1)  # 1: as it was, 0: divided
    return kept * plain + (1 - kept) * plain / scaling.factor


def yarn(plain: Speeds, scaling: RopeScaling, theta: float) -> Speeds:
    """YaRN: slow pairs are divided by `factor`, fast ones kept, a ramp over the pairs between.

    The pair that turns n times within the original length L is i(n) = d ln(L / (2 pi n)) / (2 ln
    theta); the ramp goes from i(beta_fast) to i(beta_slow), rounded outwards if `truncate`.

    Reference: Peng et al., arXiv 2309.00071, section 3.2; transformers for the rounding.
    """
    half = len(plain)

    def pair(turns: float) -> float:
        length = scaling.original_max_position_embeddings
        return float(half * np.log(length / (2 * np.pi * turns)) / np.log(theta))

    low, high = pair(scaling.beta_fast), pair(scaling.beta_slow)
    if scaling.truncate:
        low, high = np.floor(low), np.ceil(high)
    low, high = max(low, 0), min(high, 2 * half - 1)
    high += 0.001 * (low == high)  # no ramp of no width
    divided = np.clip((np.arange(half) - low) / (high - low), 0, 1)
    return (1 - divided) * plain + divided * plain / scaling.factor


def longrope(plain: Speeds, scaling: RopeScaling, length: int) -> Speeds:
    """LongRoPE: each pair has a divisor of its own, and another in texts beyond the first length.

    Raises InputError unless there is one for each pair. Reference: Ding et al., arXiv 2402.13753.

    >>> two = RopeScaling("longrope", short_factor=(1.0,), long_factor=(4.0,))
    >>> longrope(np.ones(1), two, 8192).tolist(), longrope(np.ones(1), two, 8193).tolist()
    ([1.0], [0.25])
    """
    beyond = scaling.long_factor and length > scaling.original_max_position_embeddings
    divisors = scaling.long_factor if beyond else scaling.short_factor
    if len(divisors) != len(plain):
        raise InputError(
            "The model's positions have {count} factors; expected {plain}, one for each "
            "pair of a head.",
            count=len(divisors),
            plain=len(plain),
        )
    return plain / np.array(divisors)


def rotation(
    config: LlamaConfig, positions: NDArray[np.integer], length: int
) -> tuple[Floats, Floats]:
    """cos and sin of every pair's angle at every position, (T, head_dim/2) each, in float64.

    Both times `magnitude`. `length` is that of the text that the positions belong to.
    """
    angles = np.outer(frequencies(config, length), positions).T
    c = magnitude(config.rope_scaling)
    return c * np.cos(angles), c * np.sin(angles)


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
