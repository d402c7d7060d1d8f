"""A growing subspace that holds the top right singular vectors: block Golub-Kahan, one-sided.

K_j = span(X, M X, ..., M**j X) with M = W.T W and X random, b vectors wide. Vectors are rows, so a
basis that grows is one piece of memory. Q W.T (p, m) is kept for the orthonormal basis Q (p, n)
found so far, and the singular values of W restricted to Q, which never exceed those of W, are the
answer. Only Q is made orthonormal again at each step, against all of it and twice; the left
vectors come at the end from Q W.T itself, in float64, so that M's squared condition number touches
the search but not the result.

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
from lowrank.spectra.svd.certificate import second_order
from lowrank.spectra.svd.checks import Floats


@dataclass(frozen=True)
class Subspace:
    """Q (p, n) orthonormal, Y = Q W.T (p, m), H (p, p) near Y Y.T, and X (b, n), the next block.

    `rng` goes on where the random numbers of the first block ended; whoever draws takes a copy.
    """

    Q: Floats
    Y: Floats
    H: NDArray[np.float64]
    X: Floats
    flops: float
    rng: np.random.Generator
    most: int

    @property
    def size(self) -> int:
        """p, the vectors of the basis."""
        return len(self.Q)

    @property
    def full(self) -> bool:
        """Whether there is no next block, or no room for it: `most` vectors are allowed."""
        return not len(self.X) or self.size + len(self.X) > self.most


def start(W: Floats, width: int, seed: int) -> Subspace:
    """The empty subspace of W (m, n), its first block of `width` rows random."""
    m, n = W.shape
    rng = np.random.default_rng(seed)
    empty = np.empty((0, n), W.dtype)
    X = orthonormal(rng.standard_normal((width, n), dtype=W.dtype), empty, rng)[0]
    H = np.zeros((0, 0))
    return Subspace(empty, np.empty((0, m), W.dtype), H, X, 0.0, rng, n)


def grow(W: Floats, space: Subspace, k: int, tol: float, most: int) -> Subspace:
    """The subspace grown until the top k values should be good to tol, or it holds `most` vectors.

    Should: by the residuals that the recurrence itself tells, at no product with W. What is certain
    is said by the certificate.
    """
    work = _Work(space, most)
    race = threads.Race(threads.available())
    before = work.values(k) if work.p >= k else None
    checked = 0
    while len(work.X) and work.p + len(work.X) <= most:
        with race.run():
            work.multiply(W)
        threads.use(1)
        work.extend()
        if work.p < max(k + len(work.X), 1.05 * checked):
            continue
        checked = work.p
        values = work.values(k)
        if before is not None:
            # Residuals cost more to see: not while the values themselves still change by more.
            floor = np.finfo(W.dtype).eps * values[0]
            change = float((abs(values - before) / (2 * values.clip(floor))).max())
            near = change <= 2 * tol and work.wrong(k) <= tol
            if near and not work.widened(values, tol):
                break
        before = values
    threads.use(race.quicker)
    return work.frozen()


class _Work:
    """The arrays of a Subspace with room to grow in."""

    def __init__(self, space: Subspace, most: int) -> None:
        (p, m), n = space.Y.shape, space.Q.shape[1]
        self.p, self.X, self.flops = p, space.X, space.flops
        self.rng = deepcopy(space.rng)
        self.Q = np.empty((most, n), space.Q.dtype)
        self.Y = np.empty((most, m), space.Q.dtype)
        self.H = np.zeros((most, most))
        self.Q[:p], self.Y[:p], self.H[:p, :p] = space.Q, space.Y, space.H
        self.Z, self.beyond = self.X, np.zeros((len(self.X),) * 2)

    def multiply(self, W: Floats) -> None:
        """X W.T and X W.T W, nearly all of the work."""
        self.Y[self.p : self.p + len(self.X)] = Y = _times(self.X, W.T)  # (b, n), (n, m) -> (b, m)
        self.Z = _times(Y, W)  # (b, m), (m, n) -> (b, n)
        self.flops += 4.0 * W.size * len(self.X)

    def extend(self) -> None:
        """Take X into the basis, and what X W.T W adds to it as the next X."""
        b = len(self.X)
        end = self.p + b
        self.Q[self.p : end] = self.X
        Q = self.Q[:end]
        self.X, inside, self.beyond = orthonormal(self.Z, Q, self.rng)
        self.H[self.p : end, :end] = inside  # X W.T W Q.T
        self.H[:end, self.p : end] = inside.T
        self.p = end
        self.flops += 8.0 * Q.size * b

    def values(self, k: int) -> NDArray[np.float64]:
        """The k largest eigenvalues of Y Y.T (p, p), as far as the precision of W told it."""
        found = np.linalg.eigvalsh(self.H[: self.p, : self.p])
        return found[::-1][:k].astype(np.float64)

    def wrong(self, k: int) -> float:
        """The worst relative error of the k values, estimated as the certificate will estimate it.

        For y an eigenvector of H to s**2, v = y Q and u = W v / s leave W.T u - s v = r / s, where
        r is what lies beyond Q of the last block's part of y: its length is in `beyond`.
        """
        squares, y = top_eigen(self.H[: self.p, : self.p], k)
        s, last = np.sqrt(squares), y[self.p - len(self.beyond) :]  # (k,), (b, k)
        r = np.sqrt(np.einsum("bk,bc,ck->k", last, self.beyond, last).clip(min=0.0))
        seen = s > max(self.Q.shape[1], self.Y.shape[1]) * np.finfo(self.Q.dtype).eps * s[0]
        s, r = s[seen], r[seen]
        return float((second_order(r / (2**0.5 * s), s) / s).max(initial=0.0))

    def widened(self, values: NDArray[np.float64], tol: float) -> bool:
        """Whether to go on, X wider if there is room: a value may have more copies than X rows.

        A Krylov space of b starting vectors holds b copies of a repeated value at most.
        """
        b = len(self.X)
        near = values * (1 - 2 * max(tol, 1e-3))
        crowd = int((np.searchsorted(-values, -near) - np.arange(len(values))).max())
        if not b or crowd < b:
            return False
        if self.p + 2 * b > min(self.Q.shape):
            return True  # no room: let it fill up, which sends the matrix to a dense method
        fresh = self.rng.standard_normal((b, self.Q.shape[1]), dtype=self.Q.dtype)
        basis = np.vstack([self.Q[: self.p], self.X])
        self.X = np.vstack([self.X, orthonormal(fresh, basis, self.rng)[0]])
        return True

    def frozen(self) -> Subspace:
        """A Subspace that owns nothing but what is filled."""
        p = self.p
        parts = (self.Q[:p], self.Y[:p], self.H[:p, :p].copy())
        return Subspace(*parts, self.X, self.flops, self.rng, len(self.Q))


def _times(X: Floats, M: Floats) -> Floats:
    """X M (b, m) for few rows X (b, n): BLAS is up to 1.3 times as fast along M's own order."""
    return np.ascontiguousarray((M.T @ X.T).T) if M.flags.f_contiguous else X @ M


def orthonormal(
    Z: Floats, Q: Floats, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.float64], NDArray[np.float64]]:
    """An orthonormal block (b, n) orthogonal to Q (p, n), spanning with Q what Z (c, n) does.

    Also Z Q.T (c, p), and the Gram matrix (c, c) of what Z has beyond Q.

    Gram-Schmidt against Q and whitening of what is left, twice. Directions that Z does not have
    beyond Q are replaced by random ones, so the space goes on growing when W is of low rank.
    """
    eps = 8 * float(np.finfo(Z.dtype).eps)
    floor = eps * float(np.sqrt(np.square(Z).sum(axis=1).max()))
    inside = coefficients = Z @ Q.T  # (b, n), (n, p) -> (b, p)
    X, rounds, left = Z - coefficients @ Q, 2, 8
    room = Z.shape[1] - len(Q)
    G = beyond = gram(X.T)
    while room:
        squares, V = np.linalg.eigh(G)
        lengths = np.sqrt(squares.clip(min=0.0))
        alive = lengths > max(floor, eps * lengths[-1])
        scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=alive)
        X = (V * scale).T.astype(Z.dtype) @ X
        # The longest come last; there is room for no more than n of all.
        X, alive = X[-room:], alive[-room:]
        rounds, left = rounds - 1, left - 1
        if not alive.all():
            fresh = rng.standard_normal((int((~alive).sum()), Z.shape[1]), dtype=Z.dtype)
            X[~alive] = fresh / Z.dtype.type(Z.shape[1] ** 0.5)
            rounds = max(rounds, 2)
        if not rounds or not left:
            break
        X = X - (X @ Q.T) @ Q
        G, floor = gram(X.T), 0.0
    return X[:room], inside.astype(np.float64), beyond


def ritz(Q: Floats, Y: Floats, k: int) -> tuple[Floats, NDArray[np.float64], Floats]:
    """The best rank-k approximation of W within the rows of Q: U (m, k) float64, s (k,), V (n, k).

    The SVD of W Q.T = Y.T is taken in float64: through its Gram matrix where squaring leaves the
    k-th value good to the precision of W, else through QR.
    """
    limit = 1e-4 if Q.dtype == np.float32 else np.inf
    squares, X = top_eigen(gram(Y.T), k)
    s = np.sqrt(squares)
    if s[-1] > limit * s[0]:
        U = wide_product(Y.T, X / s)
    else:
        left, R = np.linalg.qr(Y.T.astype(np.float64))
        small, s, Xt = np.linalg.svd(R)
        U, s, X = left @ small[:, :k], s[:k], Xt[:k].T
    return U, s, (X.T.astype(Q.dtype) @ Q).T  # (k, p), (p, n) -> (k, n)
