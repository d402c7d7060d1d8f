"""What of a spectrum is noise: the Marchenko-Pastur law, and the power law that trained weights
follow instead.

A matrix (m, n) of independent entries of mean 0 and deviation sigma has singular values between
sigma |sqrt m - sqrt n| and sigma (sqrt m + sqrt n), spread by one law, as m and n grow at a fixed
ratio. Marchenko and Pastur (1967); here for singular values, not for their squares.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.spectra.svd import checked_rank, checked_spectrum

Shape = tuple[int, int]


def edges(shape: Shape, sigma: float = 1.0) -> tuple[float, float]:
    """sigma |sqrt m - sqrt n| and sigma (sqrt m + sqrt n), between which pure noise lies.

    Raises InputError if a side is not at least 1 or sigma is not positive.

    >>> edges((400, 100), 0.5)
    (5.0, 15.0)
    """
    m, n = shape
    if min(shape) < 1 or not 0 < sigma < np.inf:
        raise InputError(
            "shape is {shape} and sigma {sigma}; expected sides and sigma above 0",
            shape=shape,
            sigma=sigma,
        )
    return abs(m**0.5 - n**0.5) * sigma, (m**0.5 + n**0.5) * sigma


def density(s: ArrayLike, shape: Shape, sigma: float = 1.0) -> NDArray[np.float64]:
    """The share of singular values per unit of s: integrates to 1 between the edges, 0 outside.

    sqrt((b**2 - s**2) (s**2 - a**2)) / (pi sigma**2 min(m, n) s) with edges a and b.

    >>> density([0.0, 1.0, 30.0], (100, 100)).round(4).tolist()
    [0.0637, 0.0636, 0.0]
    """
    a, b = edges(shape, sigma)
    s = np.asarray(s, dtype=np.float64)
    inside = np.sqrt(((b - s) * (b + s)).clip(0) * ((s - a) * (s + a)).clip(0))
    scale = np.pi * sigma**2 * min(shape)
    # At s = 0 of a square matrix the square root holds a factor s that cancels.
    at_zero = b / scale if a == 0 else 0.0
    share = np.divide(inside, scale * s, out=np.full_like(inside, at_zero), where=s > 0)
    return np.asarray(np.where(s >= 0, share, 0.0))


def median(shape: Shape, sigma: float = 1.0) -> float:
    """The value that half of the singular values of pure noise lie below.

    Reference: the mu_beta of Gavish and Donoho (2014), arXiv 1305.5870, is its square over
    sigma**2 max(m, n).

    >>> round((median((100, 100)) / 10) ** 2, 3)
    0.653
    """
    return float(_below(np.array([0.5]), shape, sigma, 20_000)[0])


def quantiles(shape: Shape, sigma: float = 1.0) -> NDArray[np.float64]:
    """min(m, n) singular values as pure noise would have them, descending, without drawing any.

    Value i is the one that a share (i - 1/2) / min(m, n) of the law lies above.

    >>> s = quantiles((400, 100))
    >>> len(s), round(float((s**2).mean()) / 400, 2)
    (100, 1.0)
    """
    count = min(shape)
    return _below((np.arange(count, 0, -1) - 0.5) / count, shape, sigma, 4 * count + 1000)


def _below(
    shares: NDArray[np.float64], shape: Shape, sigma: float, steps: int
) -> NDArray[np.float64]:
    """The values that these shares of the law lie below, by the trapezoidal rule."""
    a, b = edges(shape, sigma)
    # Closer together at the edges, where the law rises like a square root.
    at = (a + b) / 2 - (b - a) / 2 * np.cos(np.linspace(0, np.pi, steps + 1))
    pieces = (density(at[1:], shape, sigma) + density(at[:-1], shape, sigma)) / 2 * np.diff(at)
    share = np.concatenate([[0.0], np.cumsum(pieces)])
    return np.interp(shares, share / (share[-1] or 1.0), at)


def noise_level(s: ArrayLike, shape: Shape) -> float:
    """sigma from the median of all min(m, n) singular values s: few strong ones do not move it.

    Raises InputError if s does not hold min(m, n) values.
    Reference: Gavish and Donoho, arXiv 1305.5870, section III-E.

    >>> round(noise_level([9.0, 2.0, 1.0], (3, 3)) * median((3, 3)), 12)
    2.0
    """
    s = checked_spectrum(s)
    if len(s) != min(shape):
        raise InputError(
            "s holds {count} values; expected all {expected} of a {shape} matrix",
            count=len(s),
            expected=min(shape),
            shape=shape,
        )
    return float(np.median(s)) / median(shape)


def beyond_bulk(s: ArrayLike, shape: Shape, sigma: float | None = None) -> int:
    """How many singular values exceed the upper edge of noise of deviation sigma.

    sigma=None takes the noise level from the median, which needs the whole spectrum. A singular
    value theta added to noise shows beyond the edge only if theta > sigma (m n)**(1/4).

    >>> beyond_bulk([30.0, 21.0, 19.0], (100, 100), sigma=1.0)
    2
    """
    s = checked_spectrum(s)
    if sigma is None:
        sigma = noise_level(s, shape)
    return int(np.count_nonzero(s > edges(shape, sigma)[1])) if sigma > 0 else int((s > 0).sum())


def beyond_random_factors(s: ArrayLike, shape: Shape) -> int:
    """How many of the r singular values s of B A, (m, n), exceed those of two random factors.

    Those of Gaussian B (m, r) and A (r, n) reach (1 + sqrt(r/m)) (1 + sqrt(r/n)) sigma sqrt(m n),
    and about half of them lie below sigma sqrt(m n), which the median of s stands for: up to half
    of s may be strong without moving it, and no more than half is ever counted.

    Raises InputError if r is larger than m or n. Reference: `edges`, for either factor.

    >>> beyond_random_factors([30.0, 4.0, 3.9, 3.8], (400, 400)), beyond_random_factors([2], (9, 9))
    (1, 0)
    """
    s = checked_spectrum(s)
    r = checked_rank(len(s), min(shape))
    m, n = shape
    edge = (1 + (r / m) ** 0.5) * (1 + (r / n) ** 0.5) * float(np.median(s))
    return int(np.count_nonzero(s > edge))


@dataclass(frozen=True)
class PowerLaw:
    """density(x) ~ x**-alpha for x = s**2 >= x_min.

    alpha      the exponent; smaller means a heavier tail.
    x_min      where the fit begins, in units of s squared; s_min is its root.
    tail       how many values the fit rests on.
    distance   Kolmogorov-Smirnov, between the tail and the fitted law, 0 to 1.
    """

    alpha: float
    x_min: float
    tail: int
    distance: float

    @property
    def s_min(self) -> float:
        """The smallest singular value in the fit."""
        return self.x_min**0.5


def power_law(s: ArrayLike, least: int = 10) -> PowerLaw:
    """The power law that fits the upper tail of s**2 best, over every place the tail may begin.

    alpha = 1 + N / sum ln(x_i / x_min) by maximum likelihood for the N values from x_min up; x_min
    is the value that brings the fitted law nearest to the tail, by the Kolmogorov-Smirnov distance.
    Tails of fewer than `least` values are not tried. It fits a law; it does not say that one holds:
    look at the distance and the range.

    Raises InputError if fewer than `least` values are above zero or all of them are equal.
    Reference: Clauset, Shalizi and Newman (2009), arXiv 0706.1062, equation 3.1 and section 3.3;
    Martin and Mahoney, arXiv 1810.01075, for its use on weights.

    >>> x = (1 - np.arange(0.5, 1000) / 1000) ** (-1 / 1.5)
    >>> round(power_law(np.sort(x**0.5)[::-1], least=500).alpha, 1)
    2.5
    """
    s = checked_spectrum(s)
    s = s[s > 0]
    if least < 2 or len(s) < least or s[0] == s[least - 1]:
        raise InputError(
            "s holds {count} values above 0; expected {least}, not all equal",
            count=len(s),
            least=max(least, 2),
        )
    logs = 2 * np.log(s)  # descending
    best: PowerLaw | None = None
    sums = np.cumsum(logs)
    for N in range(least, len(s) + 1):
        spread = sums[N - 1] - N * logs[N - 1]
        if spread <= 0 or (len(s) > N and logs[N] == logs[N - 1]):
            continue
        alpha = 1 + N / spread
        above = np.exp((1 - alpha) * (logs[:N] - logs[N - 1]))  # the law's share above each value
        ranks = np.arange(N) / N
        distance = float(np.maximum(above - ranks, ranks + 1 / N - above).max())
        if best is None or distance < best.distance:
            best = PowerLaw(float(alpha), float(s[N - 1] ** 2), N, distance)
    assert best is not None
    return best
