"""What the top k singular values and ||W||_F say for certain about all of them: bounds, no guesses.

The n - k values not seen add up, squared, to R = ||W||_F**2 - sum s_i**2, and none exceeds s_k.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.spectra.svd import checked_spectrum


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
    s, rest, _ = _checked(s, norm, count)
    value = float(((s / s[0]) ** 2).sum() + rest) if s[0] > 0 else 0.0
    return Bounds(value, value)


def energy(s: ArrayLike, norm: float, count: int, k: int) -> Bounds:
    """The share of ||W||_F**2 that rank k keeps: exact up to len(s), bounds beyond.

    Beyond, the unseen are either as large as may be, s_k one after the other, or all equal.

    >>> found = energy([2.0, 1.0], 6.0**0.5, 4, 3)
    >>> round(found.low, 4), round(found.high, 4)
    (0.9167, 1.0)
    """
    s, rest, last = _checked(s, norm, count)
    if not 1 <= k <= count:
        raise InputError(f"rank k is {k}; expected 1 to {count}")
    if s[0] == 0:
        return Bounds(1.0, 1.0)
    squares = (s / s[0]) ** 2
    total = squares.sum() + rest
    seen = squares[:k].sum()
    more = max(k - len(s), 0)
    if not more:
        return Bounds(float(seen / total), float(seen / total))
    low = rest * more / (count - len(s))
    high = min(rest, more * last**2)
    return Bounds(float((seen + low) / total), float((seen + high) / total))


def rank_at_energy(s: ArrayLike, norm: float, count: int, level: float) -> Bounds:
    """The smallest k that keeps `level` of ||W||_F**2, for 0 < level < 1: whole numbers.

    >>> rank_at_energy([2.0, 1.0], 6.0**0.5, 4, 0.6), rank_at_energy([2.0, 1.0], 6.0**0.5, 4, 0.9)
    (Bounds(low=1, high=1), Bounds(low=3, high=3))
    """
    s, rest, last = _checked(s, norm, count)
    if not 0 < level < 1:
        raise InputError(f"level is {level}; expected more than 0 and less than 1")
    if s[0] == 0:
        return Bounds(0, 0)
    squares = (s / s[0]) ** 2
    total = squares.sum() + rest
    kept = np.cumsum(squares)
    # A level that is met but for rounding counts as met.
    wanted = level * total * (1 - 1e-12)
    if kept[-1] >= wanted:
        k = int(np.argmax(kept >= wanted)) + 1
        return Bounds(k, k)
    missing = wanted - kept[-1]
    soonest = len(s) + int(np.ceil(missing / last**2))
    latest = len(s) + int(np.ceil(missing / (rest / (count - len(s)))))
    return Bounds(soonest, min(latest, count))


def effective_rank(s: ArrayLike, norm: float, count: int) -> Bounds:
    """exp of the entropy of p = s / sum s (Roy and Vetterli 2007).

    A value no larger than all others adds to the entropy as it grows, so the most comes with all
    unseen values equal, and the least with as many of size s_k as their squares allow: the sum of
    the unseen is at least R / s_k.

    >>> b = effective_rank([1.0, 1.0], 2.0, 4)
    >>> round(b.low, 6), round(b.high, 6)
    (4.0, 4.0)
    """
    s, rest, last = _checked(s, norm, count)
    if s[0] == 0:
        return Bounds(0.0, 0.0)
    seen, hidden = s / s[0], count - len(s)
    if not hidden or rest == 0:
        value = _effective(seen)
        return Bounds(value, value)
    copies, part = divmod(rest, last**2)
    concentrated = np.append(np.full(min(int(copies), hidden), last), part / last)
    spread = np.full(hidden, (rest / hidden) ** 0.5)
    low, high = (_effective(np.append(seen, unseen)) for unseen in (concentrated, spread))
    return Bounds(min(low, high), high)


def _effective(s: NDArray[np.float64]) -> float:
    p = s / s.sum()
    p = p[p > 0]
    return float(np.exp(-(p * np.log(p)).sum()))


def _checked(s: ArrayLike, norm: float, count: int) -> tuple[NDArray[np.float64], float, float]:
    """s, and relative to s_1: the sum of squares not seen, and the largest a value not seen is."""
    s = checked_spectrum(s)
    if len(s) > count:
        raise InputError(f"s holds {len(s)} values; expected no more than min(m, n) = {count}")
    if s[0] == 0:
        if norm != 0:
            raise InputError(f"norm is {norm} and s is 0; expected a norm of 0")
        return s, 0.0, 0.0
    rest = (norm / s[0]) ** 2 - float(((s / s[0]) ** 2).sum())
    last = float(s[-1] / s[0])
    slack = 1e-5 * (norm / s[0]) ** 2
    if not -slack <= rest <= (count - len(s)) * last**2 + slack:
        raise InputError(
            f"norm is {norm}; expected that of s and {count - len(s)} values of at most {s[-1]}"
        )
    return s, min(max(rest, 0.0), (count - len(s)) * last**2), last
