"""What truncation starts from: the factors best for W, and those best for W x on a text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.generate import CHUNK
from lowrank.llama.model import Params, forward, observed, projections
from lowrank.llama.projections import LowRank
from lowrank.svd import SVD, checked_rank, frobenius, full

Floats = NDArray[np.floating]

# A calibration text leaves some directions of the inputs (nearly) unused. Each gets this share of
# the mean input's size, so that none is thought to be free.
DAMPING = 1e-3


@dataclass(frozen=True, eq=False)
class Factors:
    """All that truncating one matrix at any rank takes: W = U diag(s) Vt, U (m, r), Vt (r, n).

    `s` are what the errors are made of: dropping all beyond k loses sqrt(sum of their squares), in
    the norm of W for plain factors, in that of its outputs for activation-aware ones. Rows of Vt
    are orthonormal for plain factors only.
    """

    U: Floats
    s: NDArray[np.float64]
    Vt: Floats

    def pair(self, k: int, bias: Floats | None = None) -> LowRank:
        """The best pair of rank k. Raises InputError if k is not from 1 to r."""
        k = checked_rank(k, len(self.s))
        s = self.s[:k].astype(self.U.dtype)
        # Contiguous copies, so that the thin products read no more than they use.
        return LowRank(
            np.ascontiguousarray(self.U[:, :k]),
            np.ascontiguousarray(s[:, None] * self.Vt[:k]),
            bias,
        )


Source = Callable[[str], Factors]


def plain_factors(params: Params) -> Source:
    """The SVD of each projection's matrix, computed when asked for: best for W (Eckart-Young)."""
    held = projections(params)

    def factors(name: str) -> Factors:
        return plain(held[name].matrix())

    return factors


def plain(W: Floats) -> Factors:  # (m, n)
    """The factors of W itself."""
    svd: SVD = full(W)
    return Factors(svd.U, svd.s, svd.Vt)


def aware(W: Floats, R: Floats) -> Factors:  # (m, n), (n, n)
    """The factors that lose least of W x, for inputs x whose second moment is R^T R, R triangular.

    ||(W - W') X^T||_F = ||(W - W') R^T||_F for X = Q R, so the SVD of W R^T = U diag(s) Z^T is
    truncated, and W'_k = U_k diag(s_k) (Z_k^T R^-T). A triangular solve, no inverse.

    Raises InputError if the shapes do not fit or R is singular (see `second_moments`).
    Reference: Wang et al., arXiv 2403.07378, section 3.1 and theorem 3.2.
    """
    if R.shape != (W.shape[1], W.shape[1]):
        raise InputError(f"R has shape {R.shape}; expected {(W.shape[1],) * 2}, as W is {W.shape}.")
    if not np.abs(np.diag(R)).min() > 0:
        raise InputError("R is singular: some input direction was never used. Add damping.")
    wide = np.asarray(W, np.float64)
    svd = full(wide @ np.asarray(R, np.float64).T)  # (m, n)
    # Vt R^-T is the transpose of R^-1 V.
    Vt = scipy.linalg.solve_triangular(np.asarray(R, np.float64), svd.Vt.T).T
    return Factors(svd.U.astype(W.dtype), svd.s, Vt.astype(W.dtype))


def aware_factors(params: Params, moments: Mapping[str, Floats]) -> Source:
    """Activation-aware factors of each projection, from the triangular factors of its inputs.

    Raises InputError for a projection whose inputs were not observed.
    """
    held = projections(params)

    def factors(name: str) -> Factors:
        if name not in moments:
            raise InputError(f"The inputs of {name} were not observed; see `second_moments`.")
        return aware(held[name].matrix(), moments[name])

    return factors


def second_moments(
    params: Params,
    texts: Sequence[Sequence[int]],
    names: Sequence[str],
    damping: float = DAMPING,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """For each projection the triangular R (n, n), R^T R = mean x x^T + damping mean|x|^2/n I.

    x are the projection's inputs while the model reads the texts (token ids). R is kept up to date
    by a QR of R and the new inputs, one below the other, so X^T X is never formed. Projections that
    read the same vector (q, k, v; gate, up) share one array. `progress` hears tokens done and all.

    Raises InputError for a name that the model does not have, or texts without a token.
    """
    readers = {name: _reader(name) for name in names}
    total = sum(len(ids) for ids in texts)
    if total == 0:
        raise InputError("The calibration text is empty; expected at least one token.")
    R: dict[str, NDArray[np.float64]] = {}
    size: dict[str, float] = {}

    def look(name: str, x: Floats) -> None:
        wide = x.reshape(-1, x.shape[-1]).astype(np.float64)
        stacked = np.concatenate([R[name], wide]) if name in R else wide
        R[name] = scipy.linalg.qr(stacked, mode="r", check_finite=False)[0][: x.shape[-1]]
        size[name] = size.get(name, 0.0) + float((wide**2).sum())

    watched = observed(params, look, sorted(set(readers.values())))
    done = 0
    for ids in texts:
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            forward(watched, part, positions=[-1])
            done += len(part)
            if progress:
                progress(done, total)
    whole = {}
    for name, found in R.items():
        n = found.shape[1]
        extra = np.sqrt(damping * size[name] / n) * np.eye(n)
        upper = scipy.linalg.qr(np.concatenate([found, extra]), mode="r", check_finite=False)[0][:n]
        whole[name] = upper / np.sqrt(total)
    return {name: whole[reader] for name, reader in readers.items()}


def _reader(name: str) -> str:
    """The first projection that reads the same vector as this one."""
    first = {"k_proj": "q_proj", "v_proj": "q_proj", "up_proj": "gate_proj"}
    head, _, kind = name.rpartition(".")
    return f"{head}.{first.get(kind, kind)}"


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
        raise InputError(f"R has shape {R.shape}; expected {(W.shape[1],) * 2}, as W is {W.shape}.")
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
