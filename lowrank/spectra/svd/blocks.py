"""Reading a matrix for float64 work: brought near norm 1, and multiplied a block of rows at a time,
so that it is never held twice as wide.
"""

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lowrank.spectra.svd import threads
from lowrank.spectra.svd.checks import Floats, checked_matrix, frobenius

ROWS = 512
# Up to this side an eigenproblem is done sooner by one thread than by several that wait for it.
ALONE = 1024
# Up to this side all eigenvectors in float64 are found as soon as a part of them.
WHOLE = 400


def normalised(W: ArrayLike) -> tuple[Floats, float, float]:
    """c W, c and ||c W||_F, c a power of two that brings the norm near 1; 1 if it is near enough.

    A finite sum of squares has only finite terms, so the entries are read once, not twice.
    Raises InputError if W is not a finite matrix.

    >>> normalised([[3e200, 4e200]])[2] > 0.1
    True
    """
    array = W if isinstance(W, np.ndarray) else checked_matrix(W)
    if array.ndim != 2 or array.dtype not in (np.float32, np.float64) or not array.size:
        array = checked_matrix(W)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        norm = _norm(array)
    if not np.isfinite(norm) or norm < 1e-100:
        norm = frobenius(checked_matrix(array))
    if norm == 0 or 2.0**-24 < norm < 2.0**24:
        return array, 1.0, norm
    # Two steps: the whole factor may be more than the dtype can hold.
    half = 2.0 ** float(-np.clip(np.floor(np.log2(norm)), -1000, 1000) // 2)
    scaled = array * array.dtype.type(half) * array.dtype.type(half)
    return scaled, half**2, _norm(scaled)


def _norm(W: Floats) -> float:
    """||W||_F, squares summed in float64."""
    total = 0.0
    for rows in wide_rows(W, max(1, 2**18 // W.shape[1])):
        flat = rows.ravel(order="K")
        total += float(flat @ flat)
    return float(np.sqrt(total))


def wide_rows(W: Floats, count: int = ROWS) -> Iterator[NDArray[np.float64]]:
    """Blocks of `count` rows of W in float64."""
    for i in range(0, len(W), count):
        yield W[i : i + count].astype(np.float64)


def gram(W: Floats, precision: DTypeLike = np.float64) -> NDArray[np.float64]:
    """W.T W (n, n): blocks of rows multiplied in that precision and added in float64."""
    G = np.zeros((W.shape[1], W.shape[1]))
    for i in range(0, len(W), 2 * ROWS):
        rows = W[i : i + 2 * ROWS].astype(precision, copy=False)
        G += rows.T @ rows  # (n, block), (block, n) -> (n, n)
    return G


def wide_product(W: Floats, C: NDArray[np.float64], dtype: DTypeLike = np.float64) -> Floats:
    """W C (m, k) multiplied in float64 and returned in `dtype`."""
    return np.vstack([(rows @ C).astype(dtype, copy=False) for rows in wide_rows(W)])


def top_eigen(G: Floats, k: int) -> tuple[NDArray[np.float64], Floats]:
    """The k largest eigenvalues (k,) of a Gram matrix G (n, n), descending, and vectors (n, k).

    In the precision of G. LAPACK's driver for a range of eigenvalues may give up or return fewer
    where they are equal, or lose their orthogonality: then all are computed by divide and conquer,
    as are those of a small G in float64, which takes no longer.
    """
    n, found = len(G), 0
    with threads.restored():
        if n <= ALONE:
            threads.use(1)
        if n > WHOLE or G.dtype == np.float32:
            with suppress(np.linalg.LinAlgError):
                asked = (n - k, n - 1)
                squares, V = scipy.linalg.eigh(G, subset_by_index=asked, check_finite=False)
                found = len(squares)
        if found < k or abs(V.T @ V - np.eye(k)).max() > 4 * n * np.finfo(G.dtype).eps:
            squares, V = np.linalg.eigh(G)
            squares, V = squares[-k:], V[:, -k:]
    return squares[::-1].clip(min=0.0).astype(np.float64), V[:, ::-1]
