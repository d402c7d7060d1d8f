"""Which directions an update takes: the LoRA paper's measures of subspaces and of amplification.

Reference: Hu et al., "LoRA", arXiv 2106.09685, section 7.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError


def phi(A: ArrayLike, B: ArrayLike) -> NDArray[np.float64]:
    """phi(i, j) of all i and j: how much of the smaller span lies in the other, 0 to 1.

    ||U_A^i^T U_B^j||_F^2 / min(i, j), U the right singular vectors of A (r, in) and B (s, in), the
    top i and j of them: an array (r, s), phi(1, 1) first. By chance about max(i, j) / in. Running
    sums give all of them from one product, where `spectra.similarity` takes one for each (i, j).

    Raises InputError unless A and B have as many columns.
    Reference: Hu et al., equation 4.

    >>> phi([[2.0, 0, 0], [0, 1.0, 0]], [[0, 5.0, 0]]).tolist()
    [[0.0], [1.0]]
    """
    A, B = np.asarray(A, np.float64), np.asarray(B, np.float64)
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[1]:
        raise InputError(
            "A is {A_shape} and B {B_shape}; expected (r, in) and (s, in).",
            A_shape=A.shape,
            B_shape=B.shape,
        )
    U_A, U_B = (np.linalg.svd(each, full_matrices=False)[2] for each in (A, B))
    inside = np.cumsum(np.cumsum((U_A @ U_B.T) ** 2, axis=0), axis=1)
    i, j = np.arange(1, len(U_A) + 1), np.arange(1, len(U_B) + 1)
    return inside / np.minimum(i[:, None], j)


def chance(i: int, j: int, n: int) -> float:
    """The mean of phi(i, j) over random subspaces of R^n: max(i, j) / n.

    >>> chance(8, 64, 576)
    0.1111111111111111
    """
    return max(i, j) / n


def amplification(update: ArrayLike, W: ArrayLike, r: int, seed: int = 0) -> dict[str, float]:
    """Table 7 of the paper: W seen in the update's top r directions, in its own, in random ones.

    `within` ||U^T W V||_F for the update's directions U, V; `own` for W's; `random` for directions
    of a Gaussian matrix; `norm` ||update||_F; `factor` norm / within. All floats.

    >>> found = amplification(np.diag([0.0, 2.0]), np.diag([3.0, 1.0]), r=1)
    >>> found["factor"], found["own"]
    (2.0, 3.0)
    """
    D, W = np.asarray(update, np.float64), np.asarray(W, np.float64)
    G = np.random.default_rng(seed).standard_normal(W.shape)

    def seen(M: NDArray[np.float64]) -> float:
        U, _, Vt = np.linalg.svd(M, full_matrices=False)
        return float(np.linalg.norm(U[:, :r].T @ W @ Vt[:r].T))

    within, norm = seen(D), float(np.linalg.norm(D))
    return {
        "within": within,
        "own": seen(W),
        "random": seen(G),
        "norm": norm,
        "factor": norm / within if within else float("inf"),
    }
