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

from lowrank.language import gettext as _
from lowrank.spectra.svd.checks import Floats
from lowrank.spectra.svd.dense import SVD
from lowrank.spectra.svd.notebook import ends, html_table

Vector = NDArray[np.float64]

# Terms that a product sums in float32 before the sum is taken on in float64.
PIECE = 1024
DOUBLE = 2.0**-53


@dataclass(frozen=True)
class Certificate:
    """What is known of the top k triplets of W, and whether by a proof or by an estimate.

    residuals  (k,) r_i, proof: some singular value of W lies within r_i of s_i, where r_i**2 =
               (||W v_i - s_i u_i||**2 + ||W.T u_i - s_i v_i||**2) / 2, rounding allowed for.
    errors     (k,) estimate of |s_i - sigma_i| in the units of s: second order in the residual,
               (4 + 3000 r_i / s_i) r_i**2 / s_i, at most r_i, and the rounding of the search.
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

    def facts(self) -> list[tuple[str, str]]:
        """What is proven, for a notebook's table."""
        low, high = self.lost[-1]
        within = _("{proven:.1e} of each, relatively (proof)").format(proven=self.proven)
        lost = _("{low:.6g} to {high:.6g} (proof)").format(low=low, high=high)
        return [
            (_("a value of W within"), within),
            (_("‖W − W_k‖, Frobenius"), lost),
            (_("‖W‖, Frobenius"), f"{self.norm.mean():.6g}"),
        ]

    def _repr_html_(self) -> str:
        rows = [(_("singular values"), ends(self.s)), *self.facts()]
        return html_table(_("A certificate of {k} singular values").format(k=len(self.s)), rows)

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
    s, own, double = svd.s, float(np.finfo(W.dtype).eps) / 2, np.dtype(np.float64)
    for used, u in ((W.dtype, own), (double, DOUBLE)):
        sides = _rounding(W.shape[0], u), _rounding(W.shape[1], u)
        if used == np.float32 and np.hypot(*sides) * norm > allowed > 0:
            continue
        seen = _products(W, svd, used)
        # Products, then the subtraction and the norm, each of which rounds in float64.
        more_right = sides[1] * norm * seen.V + 4 * DOUBLE * (norm + s[0])
        more_left = sides[0] * norm * seen.U + 4 * DOUBLE * (norm + s[0])
        worst = max(np.hypot(seen.right, seen.left).max(), allowed)
        if used == double or np.hypot(more_right, more_left).max() <= worst:
            break
    zero = np.array([max(W.shape) * float(np.finfo(dtype).eps) * s[0]])
    residuals = _residuals(seen, s, more_right, more_left, W.shape)
    errors = _errors(seen, s, own, single=dtype == np.float32)
    wobble = norm * W.size * DOUBLE
    slack = 2 * np.cumsum(s * more_right * seen.U) + 2 * norm * wobble
    slack += 8 * sum(W.shape) * DOUBLE * (norm + s[0]) ** 2
    lost = _lost(seen, s, norm)
    bounds = np.sqrt(np.stack([lost - slack, lost + slack], axis=1).clip(min=0.0))
    least = (lost - 2 * np.cumsum(s * errors)).clip(min=0.0)
    excess = np.sqrt(lost.clip(min=0.0)) - np.sqrt(least)
    ends = np.array([norm - wobble, norm + wobble])
    return Certificate(residuals, errors, ends, bounds, excess, s, zero)


def _residuals(
    seen: "_Products", s: Vector, more_right: Vector, more_left: Vector, shape: tuple[int, int]
) -> Vector:
    """r (k,): what was seen, and what rounding may have hidden (k,) of each side."""
    r = np.hypot(seen.right + more_right, seen.left + more_left) / np.hypot(seen.U, seen.V)
    r *= 1 + 8 * DOUBLE
    # Zeros of the augmented matrix [0 W; W.T 0] are no singular values of a W that is not square.
    m, n = shape
    if m == n:
        return r
    short = (seen.WV + more_right) / seen.V if n < m else (seen.WtU + more_left) / seen.U
    return np.where(r >= s, np.maximum(r, np.maximum(s, short)), r)


def _errors(seen: "_Products", s: Vector, unit: float, single: bool) -> Vector:
    """The estimates (k,) of |s_i - sigma_i|, for triplets found with that unit roundoff."""
    residual = np.hypot(seen.right, seen.left) / np.hypot(seen.U, seen.V)
    # The search's own rounding, and that of the float64 Gram matrix that float32 may go through,
    # which grows as s_1 / s_i and is taken down to 1e-4 only.
    squared = DOUBLE * np.minimum(s[0] / s.clip(min=1e-300), 1e4) * single
    rounding = (4 * unit + 16 * squared) * s[0]
    return second_order(residual, s) + rounding


def second_order(residual: Vector, s: Vector) -> Vector:
    """What triplets with these residuals (k,) are estimated to be wrong by in their values s (k,).

    Far from convergence the residual lies among near neighbours, which multiply its effect.
    """
    ratio = residual / s.clip(min=1e-300)
    return np.asarray(np.minimum(residual, (4 + 3000 * ratio) * ratio * residual))


def _lost(seen: "_Products", s: Vector, norm: float) -> Vector:
    """||W - W_j||_F**2 for j = 1 to k: ||W||_F**2 - 2 sum s_i u_i.T W v_i + ||W_j||_F**2."""
    inner = np.outer(s, s) * seen.UtU * seen.VtV
    squares = inner.cumsum(axis=0).cumsum(axis=1).diagonal()  # ||W_j||_F**2
    return np.asarray(norm**2 - 2 * np.cumsum(s * seen.along) + squares)


def _gamma(length: int, unit: float) -> float:
    return length * unit / (1 - length * unit)


def _rounding(length: int, unit: float) -> float:
    """The error of _products as a part of ||W||_F: float32 is summed piece by piece."""
    if unit < 2.0**-40:
        return _gamma(length, unit)
    pieces = -(-length // PIECE)
    return _gamma(min(length, PIECE), unit) + 2 * _gamma(pieces, DOUBLE)


def _norms(columns: Vector) -> Vector:
    return np.asarray(np.sqrt(np.einsum("ij,ij->j", columns, columns)))


@dataclass(frozen=True)
class _Products:
    """What the certificate needs of W V and W.T U, summed in float64.

    UtU and VtV are (k, k), all else (k,): u_i.T W v_i along each triplet, and the lengths of the
    columns of W V, W.T U, W V - U S (right), W.T U - V S (left), U and V.
    """

    UtU: Vector
    VtV: Vector
    along: Vector
    WV: Vector
    WtU: Vector
    right: Vector
    left: Vector

    @property
    def U(self) -> Vector:
        return np.sqrt(self.UtU.diagonal())

    @property
    def V(self) -> Vector:
        return np.sqrt(self.VtV.diagonal())


def _products(W: Floats, svd: SVD, dtype: np.dtype[np.floating]) -> _Products:
    """Multiplied in `dtype` by pieces of 1024 rows and, if it is float32, columns."""
    (m, n), k = W.shape, len(svd.s)
    V, wide_V = svd.Vt.T.astype(dtype), svd.Vt.T.astype(np.float64)
    WtU, UtU, (along, squares, apart) = np.zeros((n, k)), np.zeros((k, k)), np.zeros((3, k))
    step = PIECE if dtype == np.float32 else n
    for i in range(0, m, PIECE):
        rows, U = W[i : i + PIECE].astype(dtype, copy=False), svd.U[i : i + PIECE]
        WtU += rows.T @ U.astype(dtype, copy=False)  # (n, piece), (piece, k) -> (n, k)
        WV = np.zeros((len(rows), k))
        for j in range(0, n, step):
            WV += rows[:, j : j + step] @ V[j : j + step]  # (piece, step), (step, k) -> (piece, k)
        U = U.astype(np.float64, copy=False)
        UtU += U.T @ U
        along += np.einsum("ij,ij->j", U, WV)
        squares += np.einsum("ij,ij->j", WV, WV)
        right = WV - U * svd.s
        apart += np.einsum("ij,ij->j", right, right)
    left = _norms(WtU - wide_V * svd.s)
    lengths = np.sqrt(squares), _norms(WtU), np.sqrt(apart), left
    return _Products(UtU, wide_V.T @ wide_V, along, *lengths)
