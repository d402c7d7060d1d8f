"""What truncation starts from: the factors best for W, and those best for W x on a text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.generation import CHUNK
from lowrank.llama.linear import LowRank
from lowrank.llama.model import Params, hidden, observed, projections
from lowrank.llama.names import fed_first
from lowrank.spectra.svd import checked_rank, frobenius, full

Floats = NDArray[np.floating]
Wide = NDArray[np.float64]

DAMPING = 1e-3
"""The share of the mean input's size that every direction gets: a calibration text leaves some
(nearly) unused, and none is to be thought free."""


@dataclass(frozen=True, eq=False)
class Factors:
    """All that truncating one matrix at any rank takes: W = U SVt, U (m, r), SVt (r, n).

    Columns of U and rows of SVt stand in the order of their worth, U's one after the other in
    memory, so that the pair of any rank is a view of their beginning. `s` are what errors are made
    of: dropping all beyond k loses sqrt(sum of their squares), in the norm of W for plain factors,
    in that of its outputs for activation-aware ones. Rows of SVt are orthogonal for plain ones.
    """

    U: Floats
    s: NDArray[np.float64]
    SVt: Floats

    def pair(self, k: int, bias: Floats | None = None) -> LowRank:
        """The best pair of rank k; nothing is copied.

        At k = r it is all of W, but two products round otherwise than one: in float32 some 2e-4 on
        logits of size 35 with every matrix of a layer or two as such pairs, in float64 below 1e-6.

        Raises InputError if k is not from 1 to r.
        """
        k = checked_rank(k, len(self.s))
        return LowRank(self.U[:, :k], self.SVt[:k], bias)


Source = Callable[[str], Factors]
"""What gives the factors of a projection, by its name."""


def plain_factors(params: Params) -> Source:
    """The SVD of each projection's matrix, computed when asked for: best for W (Eckart-Young)."""
    held = projections(params)

    def factors(name: str) -> Factors:
        return plain(held[name].matrix())

    return factors


def plain(W: Floats) -> Factors:  # (m, n)
    """The factors of W itself."""
    return weighted(W)


def aware(W: Floats, R: Floats) -> Factors:  # (m, n), (n, n)
    """The factors that lose least of W x, for inputs x whose second moment is R^T R, R triangular.

    ||(W - W') X^T||_F = ||(W - W') R^T||_F for X = Q R, so the SVD of W R^T = U diag(s) Z^T is
    truncated, and W'_k = U_k diag(s_k) (Z_k^T R^-T). A triangular solve, no inverse.

    Raises InputError if the shapes do not fit or R is singular (see `second_moments`).
    Reference: Wang et al., arXiv 2403.07378, section 3.1 and theorem 3.2.
    """
    return weighted(W, R)


def weighted(W: Floats, R: Floats | None = None, L: Floats | None = None) -> Factors:
    """The factors of least ||L (W - W') R^T||_F, W (m, n), upper triangular R (n, n) and L (m, m).

    A triangle that is None is I. The SVD of L W R^T = P diag(s) Z^T is truncated, and
    W'_k = (L^-1 P_k) diag(s_k) (Z_k^T R^-T). With the second moment R^T R of the inputs and L^T L
    of the gradients in the outputs, half the squared norm is the loss that the Fisher information
    predicts: see `fisher`.

    Raises InputError if the shapes do not fit or a triangle is singular.
    Reference: Chekalina et al., "Generalized Fisher-Weighted SVD", arXiv 2505.17974, section 4.
    """
    M = np.asarray(W, np.float64)
    R, L = _side(R, "R", M, 1), _side(L, "L", M, 0)
    M = M if L is None else L @ M
    U, s, V = _directions(M if R is None else M @ R.T)
    if L is not None:
        U = scipy.linalg.solve_triangular(L, U)
    # diag(s) Z^T R^-T is the transpose of R^-1 Z diag(s).
    V = V if R is None else scipy.linalg.solve_triangular(R, V)
    return Factors(np.asfortranarray(U, W.dtype), s, np.ascontiguousarray(V.T, W.dtype))


def _directions(M: Wide) -> tuple[Wide, Wide, Wide]:
    """U (m, r), s (r,) and V diag(s) (n, r) of M (m, n) = U diag(s) V^T, by a Gram matrix.

    A fifth of the time of LAPACK's SVD. The side of the r short vectors is orthonormal to rounding
    and the other is M times it, so the product is M whatever squaring did to the small values:
    below some 1e-8 s_1, less than float32 can hold, they are noise of that size.
    """
    tall = M if M.shape[0] >= M.shape[1] else M.T
    short = np.linalg.eigh(tall.T @ tall)[1]  # (r, r)
    long = tall @ short
    s = np.sqrt(np.einsum("ij,ij->j", long, long))
    best = np.argsort(-s)
    short, long, s = short[:, best], long[:, best], s[best]
    if tall is not M:
        return short, s, long
    return np.divide(long, s, out=np.zeros_like(long), where=s > 0), s, short * s


def _side(T: Floats | None, what: str, W: Floats, axis: int) -> Wide | None:
    """A triangle as float64, of the size of that side of W."""
    if T is None:
        return None
    n = W.shape[axis]
    if T.shape != (n, n):
        raise InputError(
            "{what} has shape {shape}; expected ({n}, {n}), as W is {W_shape}.",
            what=what,
            shape=T.shape,
            n=n,
            W_shape=W.shape,
        )
    if not np.abs(np.diag(T)).min() > 0:
        raise InputError(
            "{what} is singular: some direction was never used. Add damping.", what=what
        )
    return np.asarray(T, np.float64)


def aware_factors(params: Params, moments: Mapping[str, Floats]) -> Source:
    """Activation-aware factors of each projection, from the triangular factors of its inputs.

    Raises InputError for a projection whose inputs were not observed.
    """
    held = projections(params)

    def factors(name: str) -> Factors:
        if name not in moments:
            raise InputError(
                "The inputs of {name} were not observed; see `second_moments`.",
                name=name,
            )
        return aware(held[name].matrix(), moments[name])

    return factors


def second_moments(
    params: Params,
    texts: Sequence[Sequence[int]],
    names: Sequence[str],
    damping: float = DAMPING,
) -> dict[str, NDArray[np.float64]]:
    """For each projection the triangular R (n, n), R^T R = mean x x^T + damping mean|x|^2/n I.

    x are the projection's inputs while the model reads the texts (token ids). Projections that read
    the same vector (q, k, v; gate, up) share one array. Texts are read in windows of 128 tokens
    (`lowrank.llama.generation.CHUNK`), each as a text of its own: what came before a window is not
    seen from it.

    Raises InputError for a name that the model does not have, or texts without a token.
    """
    if not any(len(ids) for ids in texts):
        raise InputError("The calibration text is empty; expected at least one token.")
    inputs = Inputs(params, names)
    for ids in texts:
        inputs.read(ids)
    return inputs.triangles(damping)


class Inputs:
    """What goes into projections while the model reads: the sums of x x^T, in float64."""

    def __init__(self, params: Params, names: Sequence[str]) -> None:
        self.first = {name: fed_first(name) for name in names}
        self.tokens = 0
        self._seen: dict[str, _Sum] = {}
        watched = observed(params, self._look, sorted(set(self.first.values())))
        # What comes after the last of them need not be computed.
        last = max((int(name.split(".")[2]) for name in self.first), default=0)
        self._watched = replace(watched, layers=watched.layers[: last + 1])

    def _look(self, name: str, x: Floats) -> None:
        self._seen.setdefault(name, _Sum(x.shape[-1])).add(x.reshape(-1, x.shape[-1]))

    def read(self, ids: Sequence[int]) -> None:
        """Take in one more text."""
        self.tokens += len(ids)
        for start in range(0, len(ids), CHUNK):
            hidden(self._watched, ids[start : start + CHUNK])

    def triangles(self, damping: float = DAMPING) -> dict[str, Wide]:
        """R (n, n) of each projection, which ends the reading."""
        found = {
            name: triangle(self._seen.pop(name).whole() / self.tokens, damping)
            for name in list(self._seen)
        }
        return {name: found[first] for name, first in self.first.items()}


class _Sum:
    """X^T X (n, n) of the rows seen, and the few rows that came since."""

    def __init__(self, n: int) -> None:
        self._sum, self._rows = np.zeros((n, n)), list[Floats]()

    def add(self, x: Floats) -> None:
        self._rows.append(x.copy())
        if sum(map(len, self._rows)) >= 8 * CHUNK:
            self.whole()

    def whole(self) -> Wide:
        if self._rows:
            X = np.concatenate(self._rows, dtype=np.float64)
            self._sum += X.T @ X
            self._rows.clear()
        return self._sum


def triangle(moment: Wide, damping: float) -> Wide:
    """The upper triangular T with T^T T = moment + damping * mean of its diagonal * I, (n, n).

    No eigenvalue is above the trace, so what is decomposed has a condition of at most
    1 + n / damping: of float64's 16 digits at least eight are left at n = 50000.

    Raises InputError if there is no damping and the moment is singular.
    """
    n = len(moment)
    try:
        damped = moment + damping * np.trace(moment) / n * np.eye(n)
        return np.asarray(scipy.linalg.cholesky(damped, check_finite=False))
    except np.linalg.LinAlgError as error:
        raise InputError(
            "{what} is singular: some direction was never used. Add damping.",
            what="A second moment",
        ) from error


@dataclass(frozen=True, eq=False)
class Usage:
    """How a text uses the directions of a matrix W = U diag(s) Vt, all (r,).

    `inputs` is the share of the inputs' mean square along each right singular vector, `outputs`
    that of W x along each left one: inputs times s^2, made to sum to 1. `spectrum` are the
    singular values of the inputs, as a share of their norm.
    """

    s: NDArray[np.float64]
    inputs: NDArray[np.float64]
    outputs: NDArray[np.float64]
    spectrum: NDArray[np.float64]


def usage(W: Floats, R: Floats) -> Usage:  # (m, n), (n, n)
    """Which directions of W inputs of second moment R^T R use. See `second_moments` for R.

    Raises InputError if the shapes do not fit.
    """
    if R.shape != (W.shape[1], W.shape[1]):
        raise InputError(
            "R has shape {shape}; expected ({n}, {n}), as W is {W_shape}.",
            shape=R.shape,
            n=W.shape[1],
            W_shape=W.shape,
        )
    svd = full(np.asarray(W, np.float64))
    along = ((R @ svd.Vt.T) ** 2).sum(axis=0)  # (n, n), (n, r) -> (r,): mean (v_i . x)^2
    outputs = along * svd.s**2
    spectrum = full(np.asarray(R, np.float64)).s
    return Usage(
        svd.s,
        along / frobenius(R) ** 2,
        outputs / (outputs.sum() or 1.0),
        spectrum / frobenius(spectrum),
    )
