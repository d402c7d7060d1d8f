"""The singular value decomposition, and the nearest matrix of rank k with the error it costs.

Eckart and Young, "The approximation of one matrix by another of lower rank", Psychometrika (1936).

LAPACK is called through numpy where numpy has the routine: scipy holds the interpreter's lock until
it is done, so that no other thread, such as another visitor's page, goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.spectra.svd.blocks import gram, top_eigen, wide_product
from lowrank.spectra.svd.checks import (
    Floats,
    checked_matrix,
    checked_rank,
    checked_spectrum,
    frobenius,
)
from lowrank.spectra.svd.notebook import ends, html_table

Norm = Literal["fro", "spectral"]

# Beyond this ratio of sides the short side's Gram matrix costs far less than bidiagonalisation.
TALL = 8.0
# Two entries this close in size count as tied, so that rounding cannot decide a sign.
TIE = 1e-3
BLOCK = 2**22  # entries that are widened at a time
# The reciprocal condition number from which a Gram matrix in float64 serves float32.
WELL = 1e-3


@dataclass(frozen=True)
class SVD:
    """W = U diag(s) Vt, or its first terms: U (m, k), s (k,) descending float64, Vt (k, n).

    Each right singular vector points so that its entry of largest magnitude is positive; of
    entries within 0.1 % of the largest, the first decides. U takes the sign that goes with it.
    """

    U: Floats
    s: NDArray[np.float64]
    Vt: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n) of the matrix decomposed."""
        return self.U.shape[0], self.Vt.shape[1]

    def top(self, k: int) -> "SVD":
        """The first k terms, the nearest matrix of rank k, as views: nothing is copied.

        Nearest in every unitarily invariant norm (Mirsky 1960). Raises InputError if k is not a
        whole number from 1 to the number of terms.

        >>> full([[3, 0], [0, 1]]).top(1).s.tolist()
        [3.0]
        """
        k = checked_rank(k, len(self.s))
        return SVD(self.U[:, :k], self.s[:k], self.Vt[:k])

    def matrix(self) -> Floats:
        """U diag(s) Vt, (m, n), in the dtype of U.

        >>> full([[3, 0], [0, 1]]).top(1).matrix().tolist()
        [[3.0, 0.0], [0.0, 0.0]]
        """
        # s is float64: multiplied as it is, it would widen float32 factors (NEP 50).
        return (self.U * self.s.astype(self.U.dtype)) @ self.Vt  # (m, k), (k, n) -> (m, n)

    def _repr_html_(self) -> str:
        m, n = self.shape
        rows = [(_("singular values"), ends(self.s)), (_("stored as"), str(self.U.dtype))]
        title = _("{count} singular triplets of a {m} × {n} matrix")
        return html_table(title.format(count=len(self.s), m=m, n=n), rows)


def full(W: ArrayLike) -> SVD:
    """All min(m, n) singular triplets of W (m, n): W = U diag(s) Vt, U.T U = Vt Vt.T = I.

    Computed in float64 whatever W holds, so that s is good to about 1e-15 s[0] absolutely even
    for float32 weights; U and Vt come back in W's own floating dtype (integers give float64).
    float32 W at least 8 times longer than wide goes through the Gram matrix of its short side, in
    float64, if s[-1] is large enough for every value to be good to 1e-9 relative (far inside
    float32's own 6e-8); everything else goes through LAPACK's gesdd.

    Raises InputError if W is not a matrix, is empty, or holds NaN or infinity.
    Reference: Golub and Van Loan, Matrix Computations, 4th ed., 2.4 and 8.6.

    >>> full([[0, 2], [1, 0]]).s.tolist()
    [2.0, 1.0]
    """
    W = checked_matrix(W)
    m, n = W.shape
    if n > m:
        turned = full(W.T)
        return with_fixed_signs(turned.Vt.T, turned.s, turned.U.T)
    if m >= TALL * n and W.dtype == np.float32:
        squares, V = top_eigen(gram(W), n)
        s = np.sqrt(squares)
        # s**2 is good to about n eps s[0]**2, so s to half of that times (s[0] / s)**2, relatively.
        if n * np.finfo(np.float64).eps * s[0] ** 2 < 2e-9 * s[-1] ** 2:
            return with_fixed_signs(wide_product(W, V / s, W.dtype), s, V.T.astype(W.dtype))
    U, s, Vt = np.linalg.svd(W.astype(np.float64), full_matrices=False)
    return with_fixed_signs(U.astype(W.dtype), s, Vt.astype(W.dtype))


def of_product(B: ArrayLike, A: ArrayLike) -> SVD:
    """The SVD of B A from its factors B (m, r) and A (r, n), r triplets; B A is never formed.

    B = Q_B R_B and A.T = Q_A R_A, so B A = Q_B (R_B R_A.T) Q_A.T, and only r x r numbers remain to
    decompose. Computed in float64; U and Vt come back in the factors' own floating dtype. For
    float32 factors whose columns are independent enough, R is the Cholesky factor of their Gram
    matrix and Q is never formed (condition numbers up to 1000: orthonormal to about 1e-9, far
    inside float32); otherwise both come from Householder's QR.

    Raises InputError if the shapes do not fit, r exceeds m or n, or an entry is not finite.
    Reference: Golub and Van Loan, Matrix Computations, 4th ed., 5.2 and 8.6; Yamamoto, Nakatsukasa,
    Yanagisawa and Fukaya (2015), "Roundoff error analysis of the CholeskyQR2 algorithm".

    >>> of_product([[0], [2]], [[3, 4]]).s.tolist()
    [10.0]
    """
    B, A = checked_matrix(B), checked_matrix(A)
    r = len(A)
    if B.shape[1] != r or r > min(len(B), A.shape[1]):
        raise InputError(
            "B has shape {B_shape} and A {A_shape}; expected (m, r), (r, n), r thin.",
            B_shape=B.shape,
            A_shape=A.shape,
        )
    dtype = np.result_type(B, A)
    R_B, turn_B = _thin_qr(B, dtype)
    R_A, turn_A = _thin_qr(A.T, dtype)
    U, s, Vt = np.linalg.svd(R_B @ R_A.T)  # (r, r)
    return with_fixed_signs(turn_B(U), s, turn_A(Vt.T).T)


def _thin_qr(
    B: Floats, dtype: np.dtype[np.floating]
) -> tuple[NDArray[np.float64], Callable[[Floats], Floats]]:
    """R (r, r) of B = Q R (m, r) in float64, and the product C (r, r) -> Q C (m, r) in `dtype`."""
    if dtype == np.float32:
        R, failed = scipy.linalg.lapack.dpotrf(gram(B))  # upper, zeros below
        if not failed and scipy.linalg.lapack.dtrcon(R)[0] > WELL:
            solve = scipy.linalg.solve_triangular
            return R, lambda C: wide_product(B, solve(R, C, check_finite=False), dtype)
    Q, R = np.linalg.qr(B.astype(np.float64))
    return R, lambda C: (Q @ C).astype(dtype)


def with_fixed_signs(U: Floats, s: NDArray[np.float64], Vt: Floats) -> SVD:
    """The same decomposition with the signs that class SVD promises.

    >>> with_fixed_signs(np.eye(1), np.ones(1), -np.eye(1)).Vt.tolist()
    [[1.0]]
    """
    size = np.abs(Vt)
    largest = np.argmax(size >= (1.0 - TIE) * size.max(axis=1, keepdims=True), axis=1)
    signs = np.where(Vt[np.arange(len(s)), largest] < 0, -1, 1).astype(Vt.dtype)
    return SVD(U * signs, s, Vt * signs[:, None])


def truncation_error(s: ArrayLike, k: int, norm: Norm = "fro") -> float:
    """||W - W_k|| predicted from all singular values s of W, in the units of W's entries.

    Frobenius: sqrt(sum of s_i**2 for i > k), the tail summed by itself in float64, never as a
    difference of two large sums. Spectral: s_{k+1}. Zero when k = len(s): nothing is dropped.

    Raises InputError if k is not from 1 to len(s) or norm is neither "fro" nor "spectral".
    Reference: Eckart and Young (1936); Golub and Van Loan, theorem 2.4.8.

    >>> truncation_error([5, 4, 3], 1), truncation_error([5, 4, 3], 1, norm="spectral")
    (5.0, 4.0)
    """
    s = checked_spectrum(s)
    tail = s[checked_rank(k, len(s)) :]
    if norm == "spectral":
        return float(tail.max(initial=0.0))
    if norm != "fro":
        raise InputError(
            'norm is {norm!r}; expected "fro" or "spectral"',
            norm=norm,
        )
    return frobenius(tail)


def residual_norm(W: ArrayLike, factors: SVD) -> float:
    """||W - U diag(s) Vt||_F measured entry by entry in blocks of rows, summed in float64.

    Costs 2 m n k flops. Where truncation_error predicts, this subtracts and looks.
    Raises InputError if W is not a finite matrix of the factors' shape.

    >>> residual_norm([[3, 0], [0, 1]], full([[3, 0], [0, 1]]).top(1))
    1.0
    """
    W = checked_matrix(W)
    if W.shape != factors.shape:
        raise InputError(
            "W is {shape}; its factors make a matrix of shape {made}",
            shape=W.shape,
            made=factors.shape,
        )
    s = factors.s.astype(factors.U.dtype)
    rows = max(1, BLOCK // W.shape[1])
    blocks = [slice(i, i + rows) for i in range(0, len(W), rows)]
    return frobenius([frobenius(W[b] - (factors.U[b] * s) @ factors.Vt) for b in blocks])


def energy(s: ArrayLike, k: int) -> float:
    """The share of ||W||_F**2 that rank k keeps: sum_{i<=k} s_i**2 / sum_i s_i**2, from 0 to 1.

    A zero matrix keeps all it has: 1. Raises InputError if k is not from 1 to len(s).

    >>> energy([2, 1, 1], 1)
    0.6666666666666666
    """
    s = checked_spectrum(s)
    return float(energies(s)[checked_rank(k, len(s)) - 1])


def energies(s: ArrayLike) -> NDArray[np.float64]:
    """`energy` at every rank, from 1 on: (r,) -> (r,), ascending, 1 at last.

    >>> energies([2, 1, 1]).round(4).tolist(), energies([0, 0]).tolist()
    ([0.6667, 0.8333, 1.0], [1.0, 1.0])
    """
    s = checked_spectrum(s)
    if s[0] == 0.0:
        return np.ones(len(s))
    sums = np.cumsum((s / s[0]) ** 2)
    return sums / sums[-1]


def break_even_rank(m: int, n: int) -> float:
    """mn / (m + n): below it, U_k (m, k) and V_k (n, k) hold fewer numbers than W (m, n).

    >>> break_even_rank(4096, 4096)
    2048.0
    """
    return m * n / (m + n)


def parameters(m: int, n: int, k: int) -> int:
    """k (m + n): numbers in a rank-k factorisation of an (m, n) matrix, s folded into one side.

    Raises InputError if k is not a whole number from 1 to min(m, n).

    >>> parameters(576, 1536, 64)
    135168
    """
    return checked_rank(k, min(m, n)) * (m + n)
