"""Every singular value of a matrix, with a bound on the error of each."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.spectra.svd.blocks import gram, normalised, wide_product
from lowrank.spectra.svd.checks import Floats
from lowrank.spectra.svd.notebook import ends, html_table

# The smallest values that may be found again one by one, and the spare directions beside them.
FEW = 64
SPARE = 16
# What is asked of the Gram matrix: this relative error of every value above SMALL of the largest.
WANTED = 1e-6
SMALL = 1e-6


@dataclass(frozen=True)
class Spectrum:
    """All singular values of W, and how wrong they may be.

    s       (min(m, n),) descending, float64.
    bound   (min(m, n),) |s_i - sigma_i| is at most this, in the units of s: the backward error of
            the method in float64 with a margin, in the manner of the LAPACK Users' Guide, 4.9. It
            rests on how rounding errors add up and is no proof.
    method  "gram", "gram and inverse iteration", or "lapack".
    """

    s: NDArray[np.float64]
    bound: NDArray[np.float64]
    method: str

    def _repr_html_(self) -> str:
        rows = [
            (_("values"), ends(self.s)),
            (_("error of each, at most"), f"{self.bound.max():.1e}"),
            (_("found by"), _(self.method)),
        ]
        return html_table(_("All {count} singular values").format(count=len(self.s)), rows)


def singular_values(W: ArrayLike) -> Spectrum:
    """All min(m, n) singular values of W (m, n), each with a bound on its error.

    Through the eigenvalues of the short side's Gram matrix in float64 where those give every value
    above 1e-6 s_1 to a relative error of 1e-6: at float32's own precision that is nearly
    always so, and several times quicker than bidiagonalisation. If at most 64 values miss that,
    they are found again by inverse iteration and a projection of W itself, which squares nothing;
    otherwise LAPACK takes the whole matrix in float64. Values below 1e-6 s_1 are as good as
    their bound says.

    Raises InputError if W is not a finite matrix.
    Reference: Golub and Van Loan, Matrix Computations, 4th ed., 8.6; LAPACK Users' Guide, 4.9.

    >>> found = singular_values([[3.0, 0.0], [4.0, 0.0]])
    >>> found.s.round(12).tolist(), bool((found.bound < 1e-6).all())
    ([5.0, 0.0], True)
    """
    W, c, norm = normalised(W)
    W = W if W.shape[0] >= W.shape[1] else W.T
    if norm == 0:
        zero = np.zeros(W.shape[1])
        return Spectrum(zero, zero, "gram")
    found = _gram_values(W, norm) or _lapack_values(W)
    return Spectrum(found.s / c, found.bound / c, found.method)


def _gram_values(W: Floats, norm: float) -> Spectrum | None:
    """The values through W.T W (n, n) for W (m, n), m >= n; None if that is not good enough."""
    m, n = W.shape
    G = gram(W)
    squares = np.linalg.eigvalsh(G)[::-1]
    s = np.sqrt(squares.clip(min=0.0))
    # Summing m products for n**2 entries, each error of its own sign; and the eigensolver's, which
    # grows with the order: on matrices of ones up to sqrt(n) eps s_1**2 was seen, half of this.
    own = (8 + 2 * n**0.5) * s[0] ** 2
    wrong = np.finfo(np.float64).eps * (8 * norm**2 * (m / n) ** 0.5 / n**0.5 + own)
    # |s - sigma| (s + sigma) <= wrong.
    bound = np.minimum(wrong / s.clip(min=1e-300), wrong**0.5)
    bad = (s > SMALL * s[0]) & (bound > WANTED * s)
    if not bad.any():
        return Spectrum(s, bound, "gram")
    first = int(bad.argmax())
    if n - first > FEW or n <= 2 * (FEW + SPARE):
        return None
    again = _smallest(W, G, n - first, wrong)
    if again is None:
        return None
    s[first:] = again
    bound[first:] = _backward(m, n) * s[0]
    return Spectrum(np.sort(s)[::-1], bound, gettext_noop("gram and inverse iteration"))


def _smallest(W: Floats, G: NDArray[np.float64], few: int, wrong: float) -> Floats | None:
    """The few smallest singular values of W, descending, from a subspace that holds their vectors.

    Inverse iteration with G finds the subspace; the values are then those of W within it, so G's
    rounding enters by the square of its angle to the true one. None if it does not settle.
    """
    n = len(G)
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((n, few + SPARE)))[0]
    factor = scipy.linalg.cho_factor(G + 2 * wrong * np.eye(n), check_finite=False)
    before = np.full(few, np.inf)
    for _sweep in range(30):
        for _step in range(3):
            Q = np.linalg.qr(scipy.linalg.cho_solve(factor, Q, check_finite=False))[0]
        R = np.linalg.qr(wide_product(W, Q), mode="r")
        s = np.linalg.svd(R, compute_uv=False)[-few:]
        if abs(s - before).max() <= 1e-3 * WANTED * s[-1] or (abs(s - before) <= 1e-9 * s).all():
            return np.asarray(s)
        before = s
    return None


def _lapack_values(W: Floats) -> Spectrum:
    s = np.linalg.svd(W.astype(np.float64), compute_uv=False)
    return Spectrum(s, np.full(len(s), _backward(*W.shape) * s[0]), "lapack")


def _backward(m: int, n: int) -> float:
    """The relative backward error of LAPACK in float64: modest growth with the sizes, a margin."""
    return float(16 * (m + n) ** 0.5 * np.finfo(np.float64).eps)
