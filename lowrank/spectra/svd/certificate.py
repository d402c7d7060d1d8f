"""How good a truncated SVD is, computed from the matrix and the triplets, whoever found them.

A float32 product of length K is wrong by at most g ||W||_F, g = K u / (1 - K u), u = 2**-24, in
whatever order it was summed (Higham, Accuracy and Stability of Numerical Algorithms, 2002, 3.5).
So long products are made in pieces of 1024, added in float64: by Cauchy and Schwarz the pieces
together are wrong by no more than g ||W||_F with K = 1024. Where that allowance would still drown
what is to be seen, the products are made in float64.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from lowrank.spectra.svd.checks import Floats
from lowrank.spectra.svd.dense import SVD

Vector = NDArray[np.float64]

# Terms that a product sums in float32 before the sum is taken on in float64.
PIECE = 1024


@dataclass(frozen=True)
class Certificate:
    """What is known of the top k triplets of W, and whether by a proof or by an estimate.

    residuals  (k,) r_i, proof: some singular value of W lies within r_i of s_i, where r_i**2 =
               (||W v_i - s_i u_i||**2 + ||W.T u_i - s_i v_i||**2) / 2, rounding allowed for.
    errors     (k,) estimate of |s_i - sigma_i| in the units of s: second order in the residual,
               (4 + 100 r_i / s_i) r_i**2 / s_i, at most r_i, and the rounding of the search.
               Among values closer together than r_i it may be too small; r_i then bounds it.
    norm       (2,) proof: ||W||_F lies between these.
    lost       (k, 2) proof: ||W - W_j||_F for ranks j = 1 to k lies between these, by the identity
               ||W||_F**2 - 2 sum s_i u_i.T W v_i + ||W_j||_F**2, rounding allowed for.
    excess     (k,) estimate of how far ||W - W_j||_F is above the least possible, in units of W.
    s          (k,) the values it is about.
    zero       (1,) max(m, n) eps s_1: values up to this cannot be told from zero in W's precision.
    """

    residuals: Vector
    errors: Vector
    norm: Vector
    lost: Vector
    excess: Vector
    s: Vector
    zero: Vector

    @property
    def estimated(self) -> float:
        """The worst relative error of the k values, by the estimate: what a tolerance asks about.

        Values up to `zero` do not count, as long as their errors are no larger than that too.
        """
        return self._worst(self.errors)

    @property
    def proven(self) -> float:
        """The worst of r_i / s_i: a proof, and much larger, being of first order."""
        return self._worst(self.residuals)

    def _worst(self, errors: Vector) -> float:
        zero = float(self.zero[0])
        if zero == 0:
            return 0.0
        unseen = (self.s <= zero) & (errors <= zero)
        return float((errors / np.maximum(self.s, zero)).max(where=~unseen, initial=0.0))

    def times(self, c: float) -> "Certificate":
        """The certificate of c W, for c > 0 a power of two."""
        return Certificate(*(getattr(self, f.name) * c for f in fields(self)))

    def top(self, k: int) -> "Certificate":
        """The certificate of the first k triplets."""
        first = (self.residuals[:k], self.errors[:k], self.norm, self.lost[:k], self.excess[:k])
        return Certificate(*first, self.s[:k], self.zero)


def certify(
    W: Floats, svd: SVD, norm: float, allowed: float, dtype: np.dtype[np.floating]
) -> Certificate:
    """The certificate of `svd` (m, n, k) for W (m, n) with ||W||_F = norm.

    4 m n k flops, in W's own precision where its rounding allowance is below the largest residual
    or `allowed`, else in float64. W is in the precision the triplets were found with; `dtype` is
    the one it came in.
    """
    (m, n), s = W.shape, svd.s
    V = svd.Vt.T.astype(np.float64)
    double, own = 2.0**-53, float(np.finfo(W.dtype).eps) / 2
    for used, u in ((W.dtype, own), (np.dtype(np.float64), double)):
        if used == np.float32 and np.hypot(_rounding(m, u), _rounding(n, u)) * norm > allowed > 0:
            continue
        seen_by = _products(W, svd, used)
        WtU, UtU = seen_by.WtU, seen_by.UtU
        lengths = np.sqrt(UtU.diagonal()), _norms(V)
        right, left = np.sqrt(seen_by.right), _norms(WtU - V * s)
        # Products, then the subtraction and the norm, each of which rounds in float64.
        more_right = _rounding(n, u) * norm * lengths[1] + 4 * double * (norm + s[0])
        more_left = _rounding(m, u) * norm * lengths[0] + 4 * double * (norm + s[0])
        worst = max(np.hypot(right, left).max(), allowed)
        if used == np.float64 or np.hypot(more_right, more_left).max() <= worst:
            break
    seen = np.hypot(right, left) / np.hypot(*lengths)
    r = np.hypot(right + more_right, left + more_left) / np.hypot(*lengths) * (1 + 8 * double)
    # Zeros of the augmented matrix [0 W; W.T 0] are no singular values of a W that is not square.
    short, length = (
        (np.sqrt(seen_by.WV) + more_right, lengths[1])
        if n <= m
        else (_norms(WtU) + more_left, lengths[0])
    )
    r = np.where((r >= s) & (m != n), np.maximum(r, np.maximum(s, short / length)), r)
    zero = np.array([max(m, n) * float(np.finfo(dtype).eps) * s[0]])
    # The search's own rounding, and that of the float64 Gram matrix that float32 may go through,
    # which grows as s_1 / s_i and is taken down to 1e-4 only.
    single = dtype == np.float32
    squared = double * np.minimum(s[0] / s.clip(min=1e-300), 1e4) * single
    rounding = (4 * own + 16 * squared) * s[0]
    # Far from convergence the residual lies among near neighbours, which multiply its effect.
    ratio = seen / s.clip(min=1e-300)
    errors = np.minimum(seen, (4 + 100 * ratio) * ratio * seen) + rounding
    wobble = norm * m * n * double
    inner = np.outer(s, s) * UtU * (V.T @ V)
    squares = inner.cumsum(axis=0).cumsum(axis=1).diagonal()  # ||W_j||_F**2
    lost = norm**2 - 2 * np.cumsum(s * seen_by.along) + squares
    slack = 2 * np.cumsum(s * more_right * lengths[0]) + 2 * norm * wobble
    slack += 8 * (m + n) * double * (norm + s[0]) ** 2
    bounds = np.sqrt(np.stack([lost - slack, lost + slack], axis=1).clip(min=0.0))
    least = (lost - 2 * np.cumsum(s * errors)).clip(min=0.0)
    excess = np.sqrt(lost.clip(min=0.0)) - np.sqrt(least)
    ends = np.array([norm - wobble, norm + wobble])
    return Certificate(r, errors, ends, bounds, excess, s, zero)


def _gamma(length: int, unit: float) -> float:
    return length * unit / (1 - length * unit)


def _rounding(length: int, unit: float) -> float:
    """The error of _products as a part of ||W||_F: float32 is summed piece by piece."""
    if unit < 2.0**-40:
        return _gamma(length, unit)
    pieces = -(-length // PIECE)
    return _gamma(min(length, PIECE), unit) + 2 * _gamma(pieces, 2.0**-53)


def _norms(columns: Vector) -> Vector:
    return np.asarray(np.sqrt(np.einsum("ij,ij->j", columns, columns)))


@dataclass
class _Products:
    """What the certificate needs of W V and W.T U, summed in float64.

    WtU (n, k) and UtU (k, k) whole; of W V only the squared norms (k,) of its columns and of those
    of W V - U S, and u_i.T W v_i (k,).
    """

    WtU: Vector
    UtU: Vector
    WV: Vector
    right: Vector
    along: Vector


def _products(W: Floats, svd: SVD, dtype: np.dtype[np.floating]) -> _Products:
    """Multiplied in `dtype` by pieces of 1024 rows and, if it is float32, columns."""
    (m, n), k = W.shape, len(svd.s)
    V = svd.Vt.T.astype(dtype)
    found = _Products(np.zeros((n, k)), np.zeros((k, k)), *np.zeros((3, k)))
    step = PIECE if dtype == np.float32 else n
    for i in range(0, m, PIECE):
        rows, U = W[i : i + PIECE].astype(dtype, copy=False), svd.U[i : i + PIECE]
        found.WtU += rows.T @ U.astype(dtype, copy=False)  # (n, piece), (piece, k) -> (n, k)
        WV = np.zeros((len(rows), k))
        for j in range(0, n, step):
            WV += rows[:, j : j + step] @ V[j : j + step]  # (piece, step), (step, k) -> (piece, k)
        U = U.astype(np.float64, copy=False)
        apart = WV - U * svd.s
        found.UtU += U.T @ U
        found.WV += np.einsum("ij,ij->j", WV, WV)
        found.right += np.einsum("ij,ij->j", apart, apart)
        found.along += np.einsum("ij,ij->j", U, WV)
    return found
