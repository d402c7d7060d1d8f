"""How many directions a matrix really uses: four ranks read from its singular values s.

Every function takes s (min(m, n),), descending, and computes in float64. A zero matrix has rank 0
by every measure here. Only the numerical rank depends on rounding; the others are continuous in W.
"""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lowrank.errors import InputError
from lowrank.spectra.svd import checked_rank, checked_spectrum, frobenius
from lowrank.spectra.svd.checks import real_array


def default_tolerance(
    s: ArrayLike, shape: tuple[int, int], dtype: DTypeLike | None = None
) -> float:
    """s[0] max(m, n) eps: what numpy.linalg.matrix_rank calls zero, in the units of s.

    eps belongs to dtype, the precision W was computed with; without it, to that of s itself.

    >>> default_tolerance([1.0, 1e-9], (4, 2), np.float32) == 4 * 2.0**-23
    True
    """
    largest = float(checked_spectrum(s)[0])
    precision = np.asarray(s).dtype if dtype is None else np.dtype(dtype)
    if not np.issubdtype(precision, np.floating):
        precision = np.dtype(np.float64)
    return largest * max(shape) * float(np.finfo(precision).eps)


def numerical_rank(s: ArrayLike, shape: tuple[int, int], tol: float | None = None) -> int:
    """How many singular values exceed tol; tol=None is default_tolerance(s, shape).

    Raises InputError if tol is negative or NaN. Reference: numpy.linalg.matrix_rank.

    >>> numerical_rank([3.0, 1.0, 1e-17], (3, 3)), numerical_rank([3.0, 1.0, 1e-17], (3, 3), tol=2)
    (2, 1)
    """
    if tol is None:
        tol = default_tolerance(s, shape)
    if not tol >= 0:
        raise InputError(
            "tol is {tol}; expected a number of at least 0",
            tol=tol,
        )
    return int(np.count_nonzero(checked_spectrum(s) > tol))


def stable_rank(s: ArrayLike) -> float:
    """||W||_F**2 / ||W||_2**2 = sum s_i**2 / s_1**2, from 1 to the rank; small if s_1 dominates.

    Reference: Rudelson and Vershynin, "Sampling from large matrices", JACM (2007).

    >>> stable_rank([2, 2, 2]), stable_rank([2, 0, 0]), stable_rank([0, 0])
    (3.0, 1.0, 0.0)
    """
    s = checked_spectrum(s)
    return float(((s / s[0]) ** 2).sum()) if s[0] > 0 else 0.0


def effective_rank(s: ArrayLike) -> float:
    """exp(H(p)), H(p) = -sum p_i ln p_i, p = s / sum s: how many equal values are as spread out.

    Reference: Roy and Vetterli, "The effective rank", EUSIPCO (2007), definition 1. Others use
    p from s**2, or divide H by ln(rank): their numbers are not comparable with these.

    >>> round(effective_rank([2, 2, 2]), 12), effective_rank([2, 0, 0]), effective_rank([0, 0])
    (3.0, 1.0, 0.0)
    """
    s = checked_spectrum(s)
    if s[0] == 0:
        return 0.0
    p = s / s[0]
    p = p[p > 0] / p.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def rank_at_energy(s: ArrayLike, level: float) -> int:
    """The smallest k whose W_k keeps at least `level` of ||W||_F**2, for 0 < level <= 1.

    Raises InputError for any other level. level=1 asks for every value that is not zero.

    >>> rank_at_energy([2, 1, 1], 0.6), rank_at_energy([2, 1, 1], 0.7), rank_at_energy([0], 0.5)
    (1, 2, 0)
    """
    s = checked_spectrum(s)
    if not 0 < level <= 1:
        raise InputError(
            "level is {level}; expected more than 0 and at most 1",
            level=level,
        )
    if level == 1 or s[0] == 0:
        return int(np.count_nonzero(s))
    squares = (s / s[0]) ** 2
    # Summed from the tail, so that levels close to 1 do not drown in rounding.
    lost = np.append(np.cumsum(squares[::-1])[::-1][1:], 0.0)
    return int(np.argmax(lost <= (1 - level) * squares.sum())) + 1


def random_spectrum(
    shape: tuple[int, int], norm: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Singular values (min(m, n),) of a Gaussian matrix of this shape, scaled to ||.||_F = norm.

    Only a triangle of the short side is drawn: the R in the QR of a Gaussian (m, n) matrix has
    independent entries, chi with m - i degrees of freedom on the diagonal and normal above it.
    Reference: Bartlett, "On the theory of statistical regression" (1933).

    >>> s = random_spectrum((1000, 3), 2.0, np.random.default_rng(0))
    >>> len(s), round(float((s**2).sum()), 9)
    (3, 4.0)
    """
    m, n = max(shape), min(shape)
    checked_rank(n, m)
    s = np.linalg.svd(_random_R(m, n, rng), compute_uv=False).astype(np.float64)
    return s * (norm / frobenius(s))


def similarity(P: ArrayLike, Q: ArrayLike) -> float:
    """phi = ||P Q.T||_F**2 / min(i, j): how far two subspaces share directions, 0 to 1.

    P (i, n) and Q (j, n) hold orthonormal rows. 1 if one subspace lies in the other, 0 if they are
    orthogonal; two random ones give max(i, j) / n on average.

    Raises InputError if the shapes do not fit.
    Reference: Hu et al., arXiv 2106.09685, equation 4, with the vectors as rows.

    >>> similarity([[1.0, 0, 0]], [[1.0, 0, 0], [0, 1.0, 0]]), similarity([[1.0, 0]], [[0, 1.0]])
    (1.0, 0.0)
    """
    seen = _products(P, Q)
    return float((seen**2).sum() / min(seen.shape))


def cosines(P: ArrayLike, Q: ArrayLike) -> NDArray[np.float64]:
    """The cosines of the principal angles of two subspaces, (min(i, j),), descending, 0 to 1.

    P (i, n) and Q (j, n) hold orthonormal rows. `similarity` is the mean of their squares, and
    `random_cosines` what chance gives.

    Raises InputError if the shapes do not fit.
    Reference: Bjorck and Golub (1973), "Numerical methods for computing angles between linear
    subspaces".

    >>> cosines([[1.0, 0, 0], [0, 1.0, 0]], [[0.6, 0, 0.8]]).tolist()
    [0.6]
    """
    return np.linalg.svd(_products(P, Q), compute_uv=False).clip(max=1.0)


def random_cosines(i: int, j: int, n: int, draws: int = 20, seed: int = 0) -> NDArray[np.float64]:
    """`cosines` of random subspaces of R^n of i and j dimensions: the root mean square of draws.

    One subspace is spanned by the first i unit vectors. Of a Gaussian (n, j) that spans the other
    the first i rows are drawn, and of the rest only the R of its QR decomposition.

    Raises InputError unless i and j are from 1 to n.

    >>> random_cosines(1, 3, 3).round(6).tolist()
    [1.0]
    """
    checked_rank(i, n)
    checked_rank(j, n)
    rng = np.random.default_rng(seed)
    total = np.zeros(min(i, j))
    for _draw in range(draws):
        stacked = np.vstack([rng.standard_normal((i, j)), _random_R(n - i, j, rng)])
        total += np.linalg.svd(np.linalg.qr(stacked)[0][:i], compute_uv=False) ** 2
    return np.sqrt(total / draws).clip(max=1.0)


def _random_R(m: int, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The R (min(m, n), n) of a Gaussian (m, n) matrix, whose entries are independent (Bartlett).

    Chi with m - k degrees of freedom on the diagonal, normal above it.
    """
    R = np.triu(rng.standard_normal((min(m, n), n)), 1)
    R[np.diag_indices(len(R))] = np.sqrt(rng.chisquare(m - np.arange(len(R))))
    return R


def _products(P: ArrayLike, Q: ArrayLike) -> NDArray[np.float64]:  # (i, n), (j, n) -> (i, j)
    P, Q = (real_array(each, name).astype(np.float64) for each, name in ((P, "P"), (Q, "Q")))
    if P.ndim != 2 or Q.ndim != 2 or P.shape[1] != Q.shape[1] or 0 in P.shape + Q.shape:
        raise InputError(
            "P has shape {P_shape} and Q {Q_shape}; expected (i, n) and (j, n).",
            P_shape=P.shape,
            Q_shape=Q.shape,
        )
    return P @ Q.T
