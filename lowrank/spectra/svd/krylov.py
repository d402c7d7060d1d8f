"""A growing subspace that holds the top right singular vectors: block Golub-Kahan, one-sided.

K_j = span(X, M X, ..., M**j X) with M = W.T W and X random, b columns wide. W Q (m, p) is kept for
the orthonormal basis Q (n, p) found so far, and the singular values of W restricted to Q, which
never exceed those of W, are the answer. Only Q is made orthonormal again at each step, against
all of it and twice; the left vectors come at the end from W Q itself, in float64, so that M's
squared condition number touches the search but not the result.

Golub, Luk and Overton (1981), "A block Lanczos method for computing the singular values and
corresponding singular vectors of a matrix"; Musco and Musco (2015), arXiv 1504.05477, algorithm 2;
Duersch et al. (2018), arXiv 1704.07458, on orthonormalising a block through its Gram matrix.
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lowrank.spectra.svd import threads
from lowrank.spectra.svd.blocks import gram, top_eigen, wide_product
from lowrank.spectra.svd.checks import Floats


@dataclass(frozen=True)
class Subspace:
    """Q (n, p) orthonormal, WQ = W Q (m, p), H (p, p) near (WQ).T WQ, and X (n, b), the next block.

    `rng` goes on where the random numbers of the first block ended; whoever draws takes a copy.
    """

    Q: Floats
    WQ: Floats
    H: NDArray[np.float64]
    X: Floats
    flops: float
    rng: np.random.Generator
    most: int

    @property
    def size(self) -> int:
        """p, the columns of the basis."""
        return self.Q.shape[1]

    @property
    def full(self) -> bool:
        """Whether there is no next block, or no room for it: `most` columns are allowed."""
        return not self.X.shape[1] or self.size + self.X.shape[1] > self.most


def start(W: Floats, width: int, seed: int) -> Subspace:
    """The empty subspace of W (m, n), its first block of `width` columns random."""
    m, n = W.shape
    rng = np.random.default_rng(seed)
    empty = np.empty((n, 0), W.dtype)
    X = orthonormal(rng.standard_normal((n, width), dtype=W.dtype), empty, rng)[0]
    H = np.zeros((0, 0))
    return Subspace(empty, np.empty((m, 0), W.dtype), H, X, 0.0, rng, n)


def grow(W: Floats, space: Subspace, k: int, tol: float, most: int) -> Subspace:
    """The subspace grown until the top k values should be good to tol, or it holds `most` columns.

    Should: the changes of the Ritz values from step to step are extrapolated. What is certain is
    said by the certificate.
    """
    work = _Work(space, most)
    race = threads.Race(threads.available())
    before = work.values(k) if work.p >= k else None
    change, checked = np.inf, 0
    while work.X.shape[1] and work.p + work.X.shape[1] <= most:
        with race.run():
            work.multiply(W)
        threads.use(1)
        work.extend()
        if work.p < max(k + work.X.shape[1], 1.05 * checked):
            continue
        checked = work.p
        values = work.values(k)
        floor = np.finfo(W.dtype).eps * values[0]
        if before is not None:
            last, change = change, float((abs(values - before) / (2 * values.clip(floor))).max())
            if _remaining(change, last) <= tol and not work.widened(values, tol):
                break
        before = values
    threads.use(race.quicker)
    return work.frozen()


def _remaining(change: float, last: float) -> float:
    """How far a sequence still goes whose last two changes are these, if it goes on like that.

    After one change only, each of those to come is taken for half of the one before.
    """
    ratio = min(max(change / last if last > 0 else 0.0, 0.05), 0.9) if last < np.inf else 0.5
    return change * ratio / (1 - ratio)


class _Work:
    """The arrays of a Subspace with room to grow in."""

    def __init__(self, space: Subspace, most: int) -> None:
        (m, p), n = space.WQ.shape, len(space.Q)
        self.p, self.X, self.flops = p, space.X, space.flops
        self.rng = deepcopy(space.rng)
        # Columns lie one after the other, so that a basis of p columns is one piece of memory.
        self.Q = np.empty((n, most), space.Q.dtype, order="F")
        self.WQ = np.empty((m, most), space.Q.dtype, order="F")
        self.H = np.zeros((most, most))
        self.Q[:, :p], self.WQ[:, :p], self.H[:p, :p] = space.Q, space.WQ, space.H
        self.Z = self.X

    def multiply(self, W: Floats) -> None:
        """W X and W.T W X, nearly all of the work."""
        self.Y = W @ self.X  # (m, n), (n, b) -> (m, b)
        self.Z = W.T @ self.Y  # (n, m), (m, b) -> (n, b)
        self.flops += 4.0 * W.size * self.X.shape[1]

    def extend(self) -> None:
        """Take X into the basis, and what W.T W X adds to it as the next X."""
        b = self.X.shape[1]
        end = self.p + b
        self.Q[:, self.p : end], self.WQ[:, self.p : end] = self.X, self.Y
        Q = self.Q[:, :end]
        self.X, inside = orthonormal(self.Z, Q, self.rng)
        self.H[:end, self.p : end] = inside  # Q.T W.T W X
        self.H[self.p : end, :end] = inside.T
        self.p = end
        self.flops += 8.0 * Q.size * b

    def values(self, k: int) -> NDArray[np.float64]:
        """The k largest eigenvalues of (WQ).T WQ (p, p), as far as the precision of W told it."""
        found = np.linalg.eigvalsh(self.H[: self.p, : self.p])
        return found[::-1][:k].astype(np.float64)

    def widened(self, values: NDArray[np.float64], tol: float) -> bool:
        """Whether to go on, X wider if there is room: a value may have more copies than X columns.

        A Krylov space of b starting vectors holds b copies of a repeated value at most.
        """
        b = self.X.shape[1]
        near = values * (1 - 2 * max(tol, 1e-3))
        crowd = int((np.searchsorted(-values, -near) - np.arange(len(values))).max())
        if not b or crowd < b:
            return False
        if self.p + 2 * b > min(self.Q.shape):
            return True  # no room: let it fill up, which sends the matrix to a dense method
        fresh = self.rng.standard_normal((len(self.Q), b), dtype=self.Q.dtype)
        basis = np.hstack([self.Q[:, : self.p], self.X])
        self.X = np.hstack([self.X, orthonormal(fresh, basis, self.rng)[0]])
        return True

    def frozen(self) -> Subspace:
        """A Subspace that owns nothing but what is filled."""
        p = self.p
        parts = (self.Q[:, :p], self.WQ[:, :p], self.H[:p, :p].copy())
        return Subspace(*parts, self.X, self.flops, self.rng, self.Q.shape[1])


def orthonormal(
    Z: Floats, Q: Floats, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.float64]]:
    """An orthonormal block (n, b) orthogonal to Q, spanning with Q what Z does; and Q.T Z (p, b).

    Gram-Schmidt against Q and whitening of what is left, twice. Directions that Z does not have
    beyond Q are replaced by random ones, so the space goes on growing when W is of low rank.
    """
    eps = 8 * float(np.finfo(Z.dtype).eps)
    floor = eps * float(np.sqrt(np.square(Z).sum(axis=0).max()))
    inside = coefficients = Q.T @ Z  # (p, n), (n, b) -> (p, b)
    X, rounds, left = Z - Q @ coefficients, 2, 8
    while True:
        wide = X.astype(np.float64)
        squares, V = np.linalg.eigh(wide.T @ wide)
        lengths = np.sqrt(squares.clip(min=0.0))
        alive = lengths > max(floor, eps * lengths[-1])
        scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=alive)
        X = X @ (V * scale).astype(Z.dtype)
        # The longest come last; there is room for no more than n of all.
        room = len(Z) - Q.shape[1]
        X, alive = X[:, -room:] if room else X[:, :0], alive[-room:] if room else alive[:0]
        if not room:
            return X, inside.astype(np.float64)
        rounds, left = rounds - 1, left - 1
        if not alive.all():
            fresh = rng.standard_normal((len(Z), int((~alive).sum())), dtype=Z.dtype)
            X[:, ~alive] = fresh / Z.dtype.type(len(Z) ** 0.5)
            rounds = max(rounds, 2)
        if not rounds or not left:
            return X, inside.astype(np.float64)
        X = X - Q @ (Q.T @ X)
        floor = 0.0


def ritz(Q: Floats, WQ: Floats, k: int) -> tuple[Floats, NDArray[np.float64], Floats]:
    """The best rank-k approximation of W within span Q: U (m, k) float64, s (k,), V (n, k).

    The SVD of W Q is taken in float64: through its Gram matrix where squaring leaves the k-th value
    good to the precision of W, else through QR.
    """
    limit = 1e-4 if Q.dtype == np.float32 else np.inf
    squares, X = top_eigen(gram(WQ), k)
    s = np.sqrt(squares)
    if s[-1] > limit * s[0]:
        U = wide_product(WQ, X / s)
    else:
        Y, R = np.linalg.qr(WQ.astype(np.float64))
        small, s, Xt = np.linalg.svd(R)
        U, s, X = Y @ small[:, :k], s[:k], Xt[:k].T
    return U, s, Q @ X.astype(Q.dtype)  # (n, p), (p, k) -> (n, k)
