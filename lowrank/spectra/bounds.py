"""What the top k singular values and ||W||_F say for certain about all of them: bounds, no guesses.

The n - k values not seen add up, squared, to R = ||W||_F**2 - sum s_i**2, and none exceeds s_k. Of
all that could be there, energy gathers soonest where they are as large as may be, s_k one after
the other, and latest where all are equal: what the measures say of these two bounds the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.spectra import measures
from lowrank.spectra.svd import checked_rank, checked_spectrum
from lowrank.spectra.svd import energy as energy_kept

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Bounds:
    """low <= the measure <= high."""

    low: float
    high: float


def stable_rank(s: ArrayLike, norm: float, count: int) -> Bounds:
    """||W||_F**2 / s_1**2 from the top values s (k,), ||W||_F and count = min(m, n): exact.

    Raises InputError, as do all of this module, if norm is less than that of s, or too large for
    count values of which none exceeds s_k.

    >>> round(stable_rank([2.0, 1.0], 6.0**0.5, 3).low, 9)
    1.5
    """
    value = measures.stable_rank(_completions(s, norm, count)[1])
    return Bounds(value, value)


def energy(s: ArrayLike, norm: float, count: int, k: int) -> Bounds:
    """The share of ||W||_F**2 that rank k keeps: exact up to len(s), bounds beyond.

    >>> found = energy([2.0, 1.0], 6.0**0.5, 4, 3)
    >>> round(found.low, 4), round(found.high, 4)
    (0.9167, 1.0)
    """
    checked_rank(k, count)
    return _between(lambda s: energy_kept(s, k), *_completions(s, norm, count))


def rank_at_energy(s: ArrayLike, norm: float, count: int, level: float) -> Bounds:
    """The smallest k that keeps `level` of ||W||_F**2, for 0 < level < 1: whole numbers.

    >>> rank_at_energy([2.0, 1.0], 6.0**0.5, 4, 0.6), rank_at_energy([2.0, 1.0], 6.0**0.5, 4, 0.9)
    (Bounds(low=1, high=1), Bounds(low=3, high=3))
    """
    return _between(lambda s: measures.rank_at_energy(s, level), *_completions(s, norm, count))


def effective_rank(s: ArrayLike, norm: float, count: int) -> Bounds:
    """exp of the entropy of p = s / sum s (Roy and Vetterli 2007).

    A value no larger than all others adds to the entropy as it grows, so the most comes with all
    unseen values equal, and the least with as many of size s_k as their squares allow: the sum of
    the unseen is at least R / s_k.

    >>> b = effective_rank([1.0, 1.0], 2.0, 4)
    >>> round(b.low, 6), round(b.high, 6)
    (4.0, 4.0)
    """
    large, equal = _completions(s, norm, count)
    k = np.size(s)
    # The one value between s_k and 0 is taken so small that the unseen add up to R / s_k.
    large[k:] *= large[k:] / (large[k - 1] or 1.0)
    return _between(measures.effective_rank, large, equal)


def _between(measure: Callable[[Vector], float], first: Vector, second: Vector) -> Bounds:
    a, b = measure(first), measure(second)
    return Bounds(min(a, b), max(a, b))


def _completions(s: ArrayLike, norm: float, count: int) -> tuple[Vector, Vector]:
    """s relative to s_1 and all (count,) that may follow: as large as may be, and all equal."""
    s = checked_spectrum(s)
    hidden = count - len(s)
    if hidden < 0:
        raise InputError(
            "s holds {count} values; expected no more than min(m, n) = {most}",
            count=len(s),
            most=count,
        )
    if s[0] == 0:
        if norm != 0:
            raise InputError(
                "norm is {norm} and s is 0; expected a norm of 0",
                norm=norm,
            )
        return np.zeros(count), np.zeros(count)
    seen, total = s / s[0], float(norm / s[0]) ** 2
    last = float(seen[-1])
    rest, slack = total - float((seen**2).sum()), 1e-5 * total
    if not -slack <= rest <= hidden * last**2 + slack:
        raise InputError(
            "norm is {norm}; expected that of s and {hidden} values up to {last}",
            norm=norm,
            hidden=hidden,
            last=s[-1],
        )
    # Squares, of which the first so many are last**2, one is what is left, and the others are 0.
    large = (max(rest, 0.0) - np.arange(hidden) * last**2).clip(0.0, last**2)
    equal = np.full(hidden, min(max(rest, 0.0) / max(hidden, 1), last**2))
    return np.append(seen, np.sqrt(large)), np.append(seen, np.sqrt(equal))
