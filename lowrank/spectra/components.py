"""Principal components as the SVD of centred data: what a few directions say of many vectors.

Pearson, "On lines and planes of closest fit to systems of points in space" (1901); Jolliffe,
"Principal Component Analysis", 2nd ed., 3.5, for the SVD.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.spectra.measures import random_spectrum
from lowrank.spectra.svd import SVD, checked_matrix, frobenius, full
from lowrank.spectra.svd.notebook import ends, html_table


@dataclass(frozen=True)
class PCA:
    """X = mean + U diag(s) Vt: `svd` is that of the centred rows, mean (n,) what was taken off."""

    mean: NDArray[np.floating]
    svd: SVD

    @property
    def explained(self) -> NDArray[np.float64]:
        """The share of the variance along each direction, descending; zeros if there is none."""
        squares = self.svd.s**2
        return squares / (float(squares.sum()) or 1.0)

    def scores(self, k: int = 2) -> NDArray[np.floating]:
        """Where each row lies along the first k directions, (m, k): U_k diag(s_k)."""
        top = self.svd.top(k)
        return top.U * top.s.astype(top.U.dtype)

    def _repr_html_(self) -> str:
        m, n = self.svd.shape
        title = _("Principal components of a {m} × {n} matrix").format(m=m, n=n)
        return html_table(title, [(_("share of variance"), ends(self.explained))])


def pca(X: ArrayLike) -> PCA:
    """The principal components of the rows of X (m, n), by the SVD of X less its mean row.

    The variance along direction i is s_i**2 / (m - 1); m centred rows span m - 1 directions at
    most. Computed in float64, returned in X's own floating dtype.
    Raises InputError if X is not a finite matrix or has fewer than two rows.

    >>> found = pca([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
    >>> found.mean.tolist(), found.explained.tolist(), found.scores(1).ravel().round(9).tolist()
    ([2.0, 0.0], [1.0, 0.0], [-2.0, 0.0, 2.0])
    """
    X = checked_matrix(X)
    if len(X) < 2:
        raise InputError(
            "X has shape {shape}; expected at least two rows to compare",
            shape=X.shape,
        )
    mean = X.mean(axis=0, dtype=np.float64)
    svd = full(X.astype(np.float64) - mean)
    return PCA(mean.astype(X.dtype), SVD(svd.U.astype(X.dtype), svd.s, svd.Vt.astype(X.dtype)))


def random_explained(
    shape: tuple[int, int], rng: np.random.Generator, count: int
) -> NDArray[np.float64]:
    """`explained` of m random rows of n numbers, (count,): what directions without meaning get.

    m centred Gaussian rows have the spectrum of m - 1 that are not centred, with a zero after it.

    >>> random_explained((3, 10**6), np.random.default_rng(0), 3).round(1).tolist()
    [0.5, 0.5, 0.0]
    """
    m, n = shape
    s = random_spectrum((m - 1, n), 1.0, rng)
    squares = np.zeros(max(count, len(s)))
    squares[: len(s)] = (s / frobenius(s)) ** 2
    return squares[:count]
