"""Recovering the missing entries of a matrix that is nearly of low rank.

Both methods are generators: one record an iteration, so that a caller can draw progress and can
cancel by no longer asking. `finish` runs one to its end. Everything is deterministic; what needs
random numbers takes a Generator. Rows and columns are counted from 0 in every message.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.spectra.svd import checked_rank, frobenius

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

# An entry recovered to this relative error counts as recovered, in `phase` and in `verdict`.
RECOVERED = 1e-2
# A held-out error must be this much smaller than the mean fill's to count as worth anything.
MARGIN = 0.1
# The smallest penalty of each method, as a share of `largest_penalty`.
LAST_SOFT = 3e-4
LAST_ALS = 1e-5
# From this share of ||W||_F on, singular values above a penalty are read from a Gram matrix.
GRAM = 1e-5


@dataclass(frozen=True)
class Iteration:
    """One iteration: Z = left right, with left (m, rank) and right (rank, n).

    observed_error and held_out_error are ||P(Z - X)||_F / ||P(X)||_F, P keeping the observed or
    the held-out entries; change is ||Z - Z_before||_F / ||Z||_F. All without units.
    """

    iteration: int
    rank: int
    penalty: float
    objective: float
    observed_error: float
    held_out_error: float | None
    change: float
    left: Floats
    right: Floats

    def matrix(self) -> Floats:
        """Z, (m, n)."""
        return self.left @ self.right  # (m, rank), (rank, n) -> (m, n)


@dataclass(frozen=True)
class Completion:
    """Where a method ended, and what the held-out entries say of it.

    matrix (m, n) is the low-rank estimate Z in X's own dtype; mean_fill_error is the held-out error
    of `mean_fill`; determined says whether the observed entries outnumber the degrees of freedom
    of a matrix of this rank, without which many other matrices would fit as well.
    """

    matrix: Floats
    rank: int
    iterations: int
    converged: bool
    observed: int
    observed_error: float
    held_out_error: float | None
    mean_fill_error: float | None

    @property
    def degrees_of_freedom(self) -> int:
        """How many numbers a matrix of this shape and rank is made of."""
        m, n = self.matrix.shape
        return degrees_of_freedom(m, n, self.rank) if self.rank else 0

    @property
    def determined(self) -> bool:
        """Whether there are at least as many observed entries as degrees of freedom."""
        return self.observed >= self.degrees_of_freedom

    @property
    def beats_mean_fill(self) -> bool | None:
        """Whether the held-out error is at least 10 % below the mean fill's; None: not known."""
        if self.held_out_error is None or self.mean_fill_error is None:
            return None
        return self.held_out_error <= (1 - MARGIN) * self.mean_fill_error

    def verdict(self) -> str:
        """What may be believed of the result, in a sentence or two with the measured numbers."""
        if self.held_out_error is None or self.mean_fill_error is None:
            tested = "No entry was held out, so nothing tells how far the others can be trusted."
        elif self.held_out_error <= RECOVERED:
            tested = f"Recovered: held-out entries are off by {self.held_out_error:.2g} relative"
            tested += f" (mean fill: {self.mean_fill_error:.2g})."
        else:
            tested = (
                f"Held-out entries are off by {self.held_out_error:.3g} relative, those of the "
                f"mean fill by {self.mean_fill_error:.3g}: "
            )
            tested += (
                "better than the mean, but not recovered."
                if self.beats_mean_fill
                else "no better than the mean, so the result is worth nothing here."
            )
        if self.determined:
            return tested
        return tested + (
            f" A matrix of rank {self.rank} has {self.degrees_of_freedom:,} degrees of freedom "
            f"and only {self.observed:,} entries were observed: it cannot be determined by them."
        )


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


def degrees_of_freedom(m: int, n: int, r: int) -> int:
    """r (m + n - r): the dimension of the matrices of shape (m, n) and rank r.

    Fewer observed entries cannot determine one. Raises InputError unless 1 <= r <= min(m, n).
    Reference: Candès and Recht, "Exact matrix completion via convex optimization" (2009), 1.1.

    >>> degrees_of_freedom(200, 200, 5)
    1975
    """
    return checked_rank(r, min(m, n)) * (m + n - r)


def soft_threshold(s: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
    """max(s - penalty, 0): the singular values of the nearest matrix under a nuclear-norm penalty.

    >>> soft_threshold(np.array([3.0, 1.0]), 2.0).tolist()
    [1.0, 0.0]
    """
    return np.maximum(s - penalty, 0.0)


def soft_svd(
    W: NDArray[np.float64], penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """U (m, k), soft_threshold(s, penalty) (k,) and Vt (k, n): only the k terms that remain.

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
        return U[:, :k], soft_threshold(s[:k], penalty), Vt[:k]
    squares, V = scipy.linalg.eigh(
        W.T @ W, subset_by_value=(penalty**2, np.inf), check_finite=False
    )
    s, V = np.sqrt(squares[::-1]), V[:, ::-1]
    return W @ V / s, soft_threshold(s, penalty), V.T


def largest_penalty(X: ArrayLike, observed: ArrayLike | None = None) -> float:
    """||P(X)||_2, in the units of X: from this penalty on, soft_impute answers with zero.

    Raises InputError as soft_impute does.
    """
    X, seen, _ = checked_problem(X, observed)
    return float(np.linalg.norm(np.where(seen, X, 0.0).astype(np.float64), 2))


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
    given, seen, test = checked_problem(X, observed, held_out)
    known = np.where(seen, given, 0.0).astype(np.float64)
    s_max = float(np.linalg.norm(known, 2))
    checked_limit(max_iterations)
    path = checked_path(default_path(s_max) if penalties is None else penalties)
    measure = Measure(given, seen, test)
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
            record = measure.record(count, penalty, penalty * float(s.sum()), U * s, Vt, Z)
            Z = record.matrix()
            yield record
            converged = record.change < (tol if last else 10 * tol)
    if debias and len(s):
        count += 1
        s = fitted_values(known, seen, U, Vt)
        record = measure.record(count, 0.0, 0.0, U * s, Vt, Z)
        yield record
    assert record is not None  # the path has at least one penalty, and a run one iteration
    return measure.completion(record, converged)


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
    """Missing entries by alternating least squares, Z = A B with A (m, rank) and B (rank, n).

    min 1/2 ||P(X - A B)||_F**2 + penalty/2 (||A||_F**2 + ||B||_F**2). With B fixed, each row of A
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
    given, seen, test = checked_problem(X, observed, held_out)
    m, n = given.shape
    needed = degrees_of_freedom(m, n, rank)
    if np.count_nonzero(seen) < needed:
        raise InputError(
            f"Only {np.count_nonzero(seen):,} entries are observed, and a {m} × {n} matrix of rank "
            f"{rank} has r(m + n − r) = {needed:,} degrees of freedom: it cannot be determined."
        )
    known = np.where(seen, given, 0.0).astype(np.float64)
    U, s, Vt = np.linalg.svd(known * (known.size / np.count_nonzero(seen)), full_matrices=False)
    if penalty is None:
        penalty = LAST_ALS * float(np.linalg.norm(known, 2)) or 1.0
    if not 0 < penalty < np.inf:
        raise InputError(f"penalty is {penalty}; expected a finite number above 0")
    A, B = U[:, :rank] * np.sqrt(s[:rank]), np.sqrt(s[:rank])[:, None] * Vt[:rank]
    measure = Measure(given, seen, test)
    Z = A @ B
    for count in range(1, checked_limit(max_iterations) + 1):
        A = ridge_rows(known, seen, B, penalty)
        B = ridge_rows(known.T, seen.T, A.T, penalty).T
        price = penalty / 2 * float((A**2).sum() + (B**2).sum())
        record = measure.record(count, penalty, price, A, B, Z)
        Z = record.matrix()
        yield record
        if record.change < tol:
            break
    return measure.completion(record, record.change < tol)


def ridge_rows(known: Floats, seen: Mask, B: Floats, penalty: float) -> Floats:
    """Every row a_i of A (m, r) that minimises ||seen_i (x_i - a_i B)||**2 + penalty ||a_i||**2.

    (B D_i B.T + penalty I) a_i = B x_i, D_i = diag(seen_i), x_i zero where it is not seen: one
    r x r system a row, all of them formed by one product and solved in one batch.

    >>> ridge_rows(np.array([[2.0, 0.0]]), np.array([[True, False]]), np.ones((1, 2)), 1.0)
    array([[1.]])
    """
    r, n = B.shape
    outer = (B.T[:, :, None] * B.T[:, None, :]).reshape(n, r * r)
    gram = (seen @ outer).reshape(-1, r, r) + penalty * np.eye(r)  # (m, n), (n, rr) -> (m, r, r)
    return np.linalg.solve(gram, (known @ B.T)[:, :, None])[:, :, 0]


@dataclass(frozen=True)
class Measure:
    """The entries a run is judged by: X (m, n), which are observed, and which are held out."""

    X: Floats
    seen: Mask
    test: Mask | None

    def record(
        self, count: int, penalty: float, price: float, left: Floats, right: Floats, before: Floats
    ) -> Iteration:
        """The record of Z = left right: `price` is the penalty's share of the objective."""
        Z = left @ right
        misfit = frobenius(Z[self.seen] - self.X[self.seen])
        return Iteration(
            iteration=count,
            rank=len(right),
            penalty=float(penalty),
            objective=misfit**2 / 2 + price,
            observed_error=misfit / (frobenius(self.X[self.seen]) or 1.0),
            held_out_error=self.held_out_error(Z),
            change=frobenius(Z - before) / (frobenius(Z) or 1.0),
            left=left,
            right=right,
        )

    def held_out_error(self, Z: Floats) -> float | None:
        """||P(Z - X)||_F / ||P(X)||_F over the held-out entries; None if there are none."""
        if self.test is None:
            return None
        return relative_error(Z[self.test], self.X[self.test])

    def completion(self, record: Iteration, converged: bool) -> Completion:
        """The result of a run whose last record this is."""
        return Completion(
            matrix=record.matrix().astype(self.X.dtype),
            rank=record.rank,
            iterations=record.iteration,
            converged=converged,
            observed=int(np.count_nonzero(self.seen)),
            observed_error=record.observed_error,
            held_out_error=record.held_out_error,
            mean_fill_error=self.held_out_error(mean_fill(self.X, self.seen)),
        )


def relative_error(Z: ArrayLike, X: ArrayLike) -> float:
    """||Z - X||_F / ||X||_F; where X is zero, ||Z||_F itself.

    >>> relative_error([1.0, 1.0], [1.0, 0.0])
    1.0
    """
    Z, X = np.asarray(Z, np.float64), np.asarray(X, np.float64)
    return frobenius(Z - X) / (frobenius(X) or 1.0)


def mean_fill(X: ArrayLike, observed: ArrayLike | None = None) -> NDArray[np.float64]:
    """X with each entry that is not observed replaced by the mean of those observed in its column.

    The baseline: what takes no algorithm. Raises InputError as soft_impute does.

    >>> mean_fill([[1.0, 2.0], [3.0, np.nan]]).tolist()
    [[1.0, 2.0], [3.0, 2.0]]
    """
    X, seen, _ = checked_problem(X, observed)
    known = np.where(seen, X, 0.0).astype(np.float64)
    means = known.sum(axis=0) / seen.sum(axis=0)  # (n,)
    return np.where(seen, known, means)


def split(observed: ArrayLike, share: float, rng: np.random.Generator) -> tuple[Mask, Mask]:
    """Some observed entries set aside to be held out: (kept, held_out), disjoint masks (m, n).

    About `share` of the entries, never the last one of a row or a column, so that what is kept can
    still be completed. Raises InputError if observed is no matrix or share is not from 0 to 1.

    >>> kept, held_out = split(np.ones((20, 30), bool), 0.25, np.random.default_rng(0))
    >>> int((kept & held_out).sum()), int((kept | held_out).sum())
    (0, 600)
    """
    seen = np.asarray(observed, dtype=bool)
    if seen.ndim != 2 or not seen.size:
        raise InputError(f"observed has shape {seen.shape}; expected a matrix that is not empty")
    if not 0 <= share <= 1:
        raise InputError(f"share is {share}; expected a number from 0 to 1")
    draw = np.where(seen, rng.random(seen.shape), -1.0)
    held_out = seen & (draw < share)
    # The largest draw of each row and column is kept, whatever its size.
    held_out[np.arange(len(draw)), draw.argmax(axis=1)] = False
    held_out[draw.argmax(axis=0), np.arange(draw.shape[1])] = False
    return seen & ~held_out, held_out


@dataclass(frozen=True)
class PhaseCell:
    """One trial: a random matrix of this rank, this fraction of its entries observed.

    error is ||Z - X||_F / ||X||_F of the whole matrix; None where the problem was refused, and
    `why` then says on what ground.
    """

    rank: int
    fraction: float
    error: float | None
    why: str = ""

    @property
    def success(self) -> bool:
        """Whether the matrix came back to a relative error of 1e-2."""
        return self.error is not None and self.error <= RECOVERED


def phase_cell(size: int, rank: int, fraction: float, seed: int = 0) -> PhaseCell:
    """Hide and recover one random size x size matrix of a rank, by als told that rank.

    X = A B with standard normal factors; each entry is observed with probability `fraction`.
    Raises InputError if rank is not from 1 to size or fraction not above 0 and at most 1.

    >>> phase_cell(30, 1, 0.6).success, phase_cell(30, 10, 0.3).success
    (True, False)
    """
    checked_rank(rank, size)
    if not 0 < fraction <= 1:
        raise InputError(f"fraction is {fraction}; expected a number above 0 and at most 1")
    rng = np.random.default_rng([seed, size, rank, round(fraction * 1e6)])
    X = rng.standard_normal((size, rank)) @ rng.standard_normal((rank, size))
    try:
        result = finish(als(X, rng.random(X.shape) < fraction, rank, tol=1e-4, max_iterations=200))
    except InputError as refused:
        return PhaseCell(rank, fraction, None, str(refused))
    return PhaseCell(rank, fraction, relative_error(result.matrix, X))


def phase(
    size: int, ranks: Iterable[int], fractions: Sequence[float], seed: int = 0
) -> Iterator[PhaseCell]:
    """Success over rank and fraction observed, a cell at a time, so that a picture can fill up.

    Reference: Candès and Recht (2009), figure 1, which draws it for the nuclear norm.

    >>> [(c.rank, c.fraction, c.success) for c in phase(20, [1], [0.1, 0.9])]
    [(1, 0.1, False), (1, 0.9, True)]
    """
    for rank in ranks:
        for fraction in fractions:
            yield phase_cell(size, rank, fraction, seed)


def needed_fraction(m: int, n: int, r: int) -> float:
    """r (m + n - r) / (m n): no method recovers a rank-r matrix from a smaller share of it.

    >>> needed_fraction(200, 200, 5)
    0.049375
    """
    return degrees_of_freedom(m, n, r) / (m * n)


def checked_problem(
    X: ArrayLike, observed: ArrayLike | None = None, held_out: ArrayLike | None = None
) -> tuple[Floats, Mask, Mask | None]:
    """X as floats (m, n), the observed mask and the held-out mask; InputError if they do not fit.

    X may be missing or infinite only where it is neither observed nor held out, and every row and
    column must have an observed entry, without which no method knows anything of it.
    """
    try:
        X = np.asarray(X)
        X = X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError("X is not a matrix of real numbers; expected rows of one length") from None
    if X.ndim != 2 or 0 in X.shape:
        raise InputError(f"X has shape {X.shape}; expected two dimensions, neither of them 0")
    seen = ~np.isnan(X) if observed is None else checked_mask(observed, X.shape, "observed")
    test = None if held_out is None else checked_mask(held_out, X.shape, "held_out")
    for mask, name in ((seen, "observed"), (test, "held out")):
        if mask is not None and not np.isfinite(X[mask]).all():
            i, j = np.argwhere(mask & ~np.isfinite(X))[0]
            raise InputError(f"X[{i}, {j}] is {name} and is {X[i, j]}; expected a finite number")
    if test is not None and (seen & test).any():
        i, j = np.argwhere(seen & test)[0]
        raise InputError(f"Entry [{i}, {j}] is both observed and held out; expected one or neither")
    if not seen.any():
        raise InputError("No entry of X is observed: nothing determines the others.")
    for axis, name in ((1, "row"), (0, "column")):
        empty = np.flatnonzero(~seen.any(axis=axis))
        if empty.size:
            raise InputError(no_entry(name, empty.tolist()))
    return X, seen, test if test is not None and test.any() else None


def no_entry(name: str, empty: Sequence[int]) -> str:
    """The sentence about rows or columns of which nothing is known.

    >>> no_entry("row", [7])
    'Row 7 has no observed entry: nothing in the data determines it.'
    """
    if len(empty) == 1:
        return f"{name.capitalize()} {empty[0]} has no observed entry: nothing in the data " + (
            "determines it."
        )
    first = ", ".join(map(str, empty[:3])) + (", …" if len(empty) > 3 else "")
    return (
        f"{len(empty):,} {name}s ({first}) have no observed entry: nothing in the data "
        "determines them."
    )


def checked_mask(mask: ArrayLike, shape: tuple[int, ...], name: str) -> Mask:
    """mask as booleans; InputError unless it has X's shape and holds booleans, or 0 and 1."""
    found = np.asarray(mask)
    if found.shape != shape:
        raise InputError(f"{name} has shape {found.shape}; expected that of X, {shape}")
    if found.dtype != np.bool_ and not np.isin(found, (0, 1)).all():
        raise InputError(f"{name} holds other values than True and False; expected a mask")
    return found.astype(np.bool_)


def checked_limit(max_iterations: int) -> int:
    """max_iterations; InputError unless it is a whole number of at least 1."""
    if not isinstance(max_iterations, int) or max_iterations < 1:
        raise InputError(f"max_iterations is {max_iterations!r}; expected a whole number above 0")
    return max_iterations


def checked_path(penalties: ArrayLike) -> list[float]:
    """The penalties as numbers; InputError unless there is one or more, >= 0 and falling."""
    path = np.atleast_1d(np.asarray(penalties, dtype=np.float64))
    if path.ndim != 1 or not path.size or not np.isfinite(path).all() or path[-1] < 0:
        raise InputError("penalties is not a row of one or more finite numbers of at least 0")
    if (np.diff(path) >= 0).any():
        raise InputError("penalties do not fall; expected each smaller than the one before")
    return path.tolist()
