"""Recovering the missing entries of a matrix that is nearly of low rank.

Both methods are generators: one record an iteration, so that a caller can draw progress and can
cancel by no longer asking. `finish` runs one to its end. Everything is deterministic.
"""

from collections.abc import Generator, Sequence

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.spectra.recovery import (
    Completion,
    Iteration,
    Mask,
    checked_problem,
    degrees_of_freedom,
)
from lowrank.spectra.svd import Floats, frobenius

# The smallest penalty of each method, as a share of `largest_penalty`.
LAST_SOFT = 3e-4
LAST_ALS = 1e-5
# From this share of ||W||_F on, singular values above a penalty are read from a Gram matrix.
GRAM = 1e-5

Run = Generator[Iteration, None, Completion]


def finish(run: Run) -> Completion:
    """Run a method to its end and return what it ended in.

    >>> X = np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 1.0])
    >>> X[2, 2] = np.nan
    >>> round(float(finish(als(X, rank=1)).matrix[2, 2]), 3)
    3.0
    """
    while True:
        try:
            next(run)
        except StopIteration as end:
            return end.value


def complete(
    X: ArrayLike,
    observed: ArrayLike | None = None,
    rank: int | None = None,
    *,
    held_out: ArrayLike | None = None,
) -> Completion:
    """X with its missing entries recovered: by `als` of that rank, or `soft_impute` without one.

    X, observed and held_out are as in soft_impute, which says what is raised; the methods
    themselves are generators, for callers that draw progress or set penalties.

    >>> X = np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 1.0])
    >>> X[2, 2] = np.nan
    >>> round(float(complete(X, rank=1).matrix[2, 2]), 3)
    3.0
    """
    if rank is None:
        return finish(soft_impute(X, observed, held_out=held_out))
    return finish(als(X, observed, rank, held_out=held_out))


def soft_svd(
    W: NDArray[np.float64], penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What a nuclear-norm penalty leaves of W: U (m, k), s - penalty (k,) and Vt (k, n).

    They make the matrix that minimises 1/2 ||W - Z||_F**2 + penalty ||Z||_*.

    From the eigenvalues above penalty**2 of the short side's Gram matrix, several times faster
    than a whole SVD where few remain. That costs accuracy, s being good to eps s[0]**2 / penalty
    absolutely, so it is done only from penalty = 1e-5 ||W||_F on: all is then good to 1e-10 s[0].
    Reference: Golub and Van Loan, Matrix Computations, 4th ed., 8.6.

    >>> U, s, Vt = soft_svd(np.diag([3.0, 1.0]), 2.0)
    >>> s.round(12).tolist(), abs(U @ Vt).round(12).tolist()
    ([1.0], [[1.0, 0.0], [0.0, 0.0]])
    """
    m, n = W.shape
    if m < n:
        left, s, right = soft_svd(W.T, penalty)
        return right.T, s, left.T
    if penalty < GRAM * frobenius(W) or penalty == 0.0:
        U, s, Vt = np.linalg.svd(W, full_matrices=False)
        k = int(np.count_nonzero(s > penalty))
        return U[:, :k], s[:k] - penalty, Vt[:k]
    squares, V = scipy.linalg.eigh(
        W.T @ W, subset_by_value=(penalty**2, np.inf), check_finite=False
    )
    s, V = np.sqrt(squares[::-1]), V[:, ::-1]
    return W @ V / s, (s - penalty).clip(min=0.0), V.T


def largest_penalty(X: ArrayLike, observed: ArrayLike | None = None) -> float:
    """||P(X)||_2, in the units of X: from this penalty on, soft_impute answers with zero.

    Raises InputError as soft_impute does.
    """
    problem = checked_problem(X, observed)
    return float(np.linalg.norm(problem.known, 2)) / problem.scale


def default_path(s_max: float, last: float = LAST_SOFT) -> NDArray[np.float64]:
    """Eight penalties falling from s_max / 2 to last s_max by equal ratios; 0 alone for s_max = 0.

    >>> default_path(64.0, last=1 / 256).round(9).tolist()
    [32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25]
    """
    return np.geomspace(s_max / 2, last * s_max, 8) if s_max else np.zeros(1)


def soft_impute(
    X: ArrayLike,
    observed: ArrayLike | None = None,
    *,
    held_out: ArrayLike | None = None,
    penalties: Sequence[float] | None = None,
    tol: float = 3e-6,
    max_iterations: int = 1000,
    debias: bool = True,
) -> Run:
    """Missing entries by soft-thresholded SVD: min 1/2 ||P(X - Z)||_F**2 + penalty ||Z||_*.

    Z <- S_penalty(P(X) + P_perp(Z)): fill the holes with what Z says, decompose, and lower every
    singular value by the penalty. Each penalty of the falling path starts from the Z of the one
    before, and ends when ||change|| < tol ||Z|| (10 tol before the last). The objective never
    rises. penalties=None is eight values from half of `largest_penalty` down to 3e-4 of it.

    A penalty shrinks every singular value it leaves, so Z is too small by about penalty sqrt(rank).
    With debias, one last record keeps the singular vectors of Z and fits its singular values anew
    to the observed entries by least squares (penalty 0), as the paper suggests for its results.

    X (m, n) may hold NaN where it is not observed; observed=None takes what is not NaN. Entries of
    `held_out`, none of them observed, are known but not used: only the errors look at them.
    Computed in float64. Where the rank that results has more degrees of freedom than there are
    observed entries, the result says that it is not `determined`.

    Raises InputError, as soon as it is first asked: a row or a column without an observed entry,
    a mask of another shape, an infinite or missing observed entry, penalties that do not fall.
    Reference: Mazumder, Hastie and Tibshirani, "Spectral regularization algorithms for learning
    large incomplete matrices", JMLR 11 (2010), algorithm 1.

    >>> X = np.outer(np.arange(1.0, 7), np.arange(1.0, 6))
    >>> hidden = np.eye(6, 5, dtype=bool)
    >>> result = finish(soft_impute(X, ~hidden, held_out=hidden))
    >>> result.rank, result.held_out_error < 1e-3
    (1, True)
    """
    problem = checked_problem(X, observed, held_out)
    known, seen = problem.known, problem.seen
    s_max = float(np.linalg.norm(known, 2))
    checked_limit(max_iterations)
    given = None if penalties is None else np.multiply(checked_path(penalties), problem.scale)
    path = checked_path(default_path(s_max) if given is None else given)
    Z: Floats = np.zeros_like(known)
    U, s, Vt = known[:, :0], known[0, :0], known[:0]
    record: Iteration | None = None
    count, converged = 0, False
    for penalty in path:
        last = penalty == path[-1]
        converged = False
        while count < max_iterations and not converged:
            U, s, Vt = soft_svd(np.where(seen, known, Z), penalty)
            count += 1
            record = problem.record(count, penalty, penalty * float(s.sum()), U * s, Vt, Z)
            Z = record.matrix()
            yield problem.told(record)
            converged = record.change < (tol if last else 10 * tol)
    if debias and len(s):
        count += 1
        s = fitted_values(known, seen, U, Vt)
        record = problem.record(count, 0.0, 0.0, U * s, Vt, Z)
        yield problem.told(record)
    assert record is not None  # the path has at least one penalty, and a run one iteration
    return problem.completion(record, converged)


def fitted_values(known: Floats, seen: Mask, U: Floats, Vt: Floats) -> NDArray[np.float64]:
    """The s (rank,) for which U diag(s) Vt is nearest to the observed entries: least squares.

    The normal equations, (U_i * U_j) . seen . (V_i * V_j), need rank**2 numbers rather than one
    row for each observed entry; they are solved with the smallest norm where they are singular.
    """
    rank = len(Vt)
    right = np.einsum("im,mn,in->i", U.T, known, Vt, optimize=True)
    UU = (U[:, :, None] * U[:, None, :]).reshape(len(U), rank * rank)
    VV = (Vt.T[:, :, None] * Vt.T[:, None, :]).reshape(Vt.shape[1], rank * rank)
    gram = np.einsum("ma,ma->a", UU, seen @ VV).reshape(rank, rank)
    return np.linalg.lstsq(gram, right)[0]


def als(
    X: ArrayLike,
    observed: ArrayLike | None = None,
    rank: int = 5,
    *,
    held_out: ArrayLike | None = None,
    penalty: float | None = None,
    tol: float = 1e-6,
    max_iterations: int = 500,
) -> Run:
    """Missing entries by alternating least squares, Z = C R with C (m, rank) and R (rank, n).

    min 1/2 ||P(X - C R)||_F**2 + penalty/2 (||C||_F**2 + ||R||_F**2). With R fixed, each row of C
    is a ridge regression of its own, rank x rank; all rows are solved at once, then the columns.
    The objective never rises. With the same penalty, and rank enough, its minimum is that of
    soft_impute. The start is the truncated SVD of the observed entries, scaled for the missing.
    penalty=None is 1e-5 of `largest_penalty`: enough that every small system can be solved.

    X, observed and held_out are as in soft_impute; computed in float64.

    Raises InputError, as soon as it is first asked: what soft_impute refuses, a rank out of range,
    a penalty that is not above 0, or fewer observed entries than degrees_of_freedom(m, n, rank).
    References: Zhou et al., "Large-scale parallel collaborative filtering for the Netflix Prize"
    (2008); Jain, Netrapalli and Sanghavi, "Low-rank matrix completion using alternating
    minimization" (2013), for the start; Hastie et al., JMLR 16 (2015), for the shared minimum.

    >>> X = np.outer(np.arange(1.0, 7), np.arange(1.0, 6))
    >>> hidden = np.eye(6, 5, dtype=bool)
    >>> finish(als(X, ~hidden, rank=1, held_out=hidden)).held_out_error < 1e-4
    True
    """
    problem = checked_problem(X, observed, held_out)
    known, seen = problem.known, problem.seen
    m, n = known.shape
    needed = degrees_of_freedom(m, n, rank)
    if np.count_nonzero(seen) < needed:
        raise InputError(
            "Only {seen:,} entries are observed, and a {m} × {n} matrix of rank {rank} has "
            "r(m + n − r) = {needed:,} degrees of freedom: it cannot be determined.",
            seen=np.count_nonzero(seen),
            m=m,
            n=n,
            rank=rank,
            needed=needed,
        )
    U, s, Vt = np.linalg.svd(known * (known.size / np.count_nonzero(seen)), full_matrices=False)
    if penalty is None:
        penalty = LAST_ALS * float(np.linalg.norm(known, 2)) / problem.scale or 1.0
    if not 0 < penalty < np.inf:
        raise InputError(
            "penalty is {penalty}; expected a finite number above 0",
            penalty=penalty,
        )
    penalty *= problem.scale
    C, R = U[:, :rank] * np.sqrt(s[:rank]), np.sqrt(s[:rank])[:, None] * Vt[:rank]
    Z = C @ R
    for count in range(1, checked_limit(max_iterations) + 1):
        C = ridge_rows(known, seen, R, penalty)
        R = ridge_rows(known.T, seen.T, C.T, penalty).T
        price = penalty / 2 * float((C**2).sum() + (R**2).sum())
        record = problem.record(count, penalty, price, C, R, Z)
        Z = record.matrix()
        yield problem.told(record)
        if record.change < tol:
            break
    return problem.completion(record, record.change < tol)


def ridge_rows(known: Floats, seen: Mask, R: Floats, penalty: float) -> Floats:
    """Every row c_i of C (m, r) that minimises ||seen_i (x_i - c_i R)||**2 + penalty ||c_i||**2.

    (R D_i R.T + penalty I) c_i = R x_i, D_i = diag(seen_i), x_i zero where it is not seen: one
    r x r system a row, all of them formed by one product and solved in one batch.

    >>> ridge_rows(np.array([[2.0, 0.0]]), np.array([[True, False]]), np.ones((1, 2)), 1.0)
    array([[1.]])
    """
    r, n = R.shape
    outer = (R.T[:, :, None] * R.T[:, None, :]).reshape(n, r * r)
    gram = (seen @ outer).reshape(-1, r, r) + penalty * np.eye(r)  # (m, n), (n, rr) -> (m, r, r)
    return np.linalg.solve(gram, (known @ R.T)[:, :, None])[:, :, 0]


def checked_limit(max_iterations: int) -> int:
    """max_iterations; InputError unless it is a whole number of at least 1."""
    if not isinstance(max_iterations, int) or max_iterations < 1:
        raise InputError(
            "max_iterations is {most!r}; expected a whole number above 0",
            most=max_iterations,
        )
    return max_iterations


def checked_path(penalties: ArrayLike) -> list[float]:
    """The penalties as numbers; InputError unless there is one or more, >= 0 and falling."""
    path = np.atleast_1d(np.asarray(penalties, dtype=np.float64))
    if path.ndim != 1 or not path.size or not np.isfinite(path).all() or path[-1] < 0:
        raise InputError("penalties is not a row of one or more finite numbers of at least 0")
    if (np.diff(path) >= 0).any():
        raise InputError("penalties do not fall; expected each smaller than the one before")
    return path.tolist()
