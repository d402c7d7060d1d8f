"""LoRA out of full weights: the rank-r pair nearest to the difference of two matrices.

B A = U_r diag(s_r) Vt_r is the best of rank r (Eckart and Young); each side takes sqrt(s), so that
neither dwarfs the other. B is (out, r), A (r, in), as in lowrank.lora.equations, with alpha = r.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.spectra.svd import (
    Floats,
    Truncation,
    checked_matrix,
    residual_norm,
    truncate,
)
from lowrank.spectra.svd.notebook import html_table

PRECISE = 2e-3  # how far apart the bounds of an error may be that is not measured
FIRST = 16  # the rank tried first where energy decides


@dataclass(frozen=True)
class Extraction:
    """B (out, r) and A (r, in) with B A near D (out, in), and how near.

    error      ||D - B A||_F in the units of W, to a part in a thousand: as the certificate proves
               it, or measured where that says less.
    relative   error / ||D||_F, 0 where D is 0.
    truncation where the pair comes from, with its certificate.
    """

    B: Floats
    A: Floats
    error: float
    relative: float
    truncation: Truncation

    def _repr_html_(self) -> str:
        (m, r), n = self.B.shape, self.A.shape[1]
        rows = [("‖D − B A‖", f"{self.error:.4g}"), ("‖D − B A‖ / ‖D‖", f"{self.relative:.4g}")]
        return html_table(_("Rank {k} of a {m} × {n} matrix").format(k=r, m=m, n=n), rows)


def extract(
    tuned: ArrayLike, base: ArrayLike, r: int, tol: float = 1e-4, seed: int = 0
) -> Extraction:
    """The best B, A of rank r for tuned - base, both (out, in): base + B A is nearest to tuned.

    Raises InputError if the shapes differ, r is out of range, or an entry is not finite.
    Reference: mergekit's extract-lora; Eckart and Young (1936).

    >>> found = extract([[3.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 2.0]], r=1)
    >>> (found.B @ found.A).round(12).tolist(), found.relative < 1e-7
    ([[2.0, 0.0], [0.0, 0.0]], True)
    """
    tuned, base = checked_matrix(tuned), checked_matrix(base)
    if tuned.shape != base.shape:
        raise InputError(
            "tuned is {tuned} and base {base}; expected one shape",
            tuned=tuned.shape,
            base=base.shape,
        )
    return nearest(tuned - base, r, tol, seed)


def split(W: ArrayLike, r: int, tol: float = 1e-4, seed: int = 0) -> tuple[Floats, Extraction]:
    """W (out, in) = W_res + B A, B A its best approximation of rank r: PiSSA's starting point.

    Raises InputError as truncate does. Reference: Meng, Wang and Zhang, arXiv 2404.02948, 2 to 4.

    >>> W_res, pair = split([[4.0, 0.0], [0.0, 1.0]], r=1)
    >>> W_res.round(12).tolist(), pair.B.tolist()
    ([[0.0, 0.0], [0.0, 1.0]], [[2.0], [0.0]])
    """
    W = checked_matrix(W)
    pair = nearest(W, r, tol, seed)
    return W - pair.B @ pair.A, pair  # (out, r), (r, in) -> (out, in)


def nearest(D: Floats, r: int, tol: float = 1e-4, seed: int = 0) -> Extraction:
    """The pair of rank r nearest to D (out, in), a change that is held already.

    Raises InputError if r is out of range, or an entry is not finite.

    >>> nearest(np.diag([3.0, 4.0]), 1).relative
    0.6
    """
    return _pair(D, truncate(D, r, tol, seed=seed))


def at_energy(D: Floats, level: float, tol: float = 1e-4, seed: int = 0) -> Extraction:
    """The pair of least rank that keeps at least `level` of ||D||_F**2, 0 < level <= 1.

    The rank tried grows by two until it is enough, each search going on from the one before.

    Raises InputError for any other level, or if an entry is not finite.

    >>> at_energy(np.diag([3.0, 4.0, 0.1]), 0.9).A.shape, at_energy(np.diag([3.0, 4.0]), 0.6).error
    ((2, 3), 3.0)
    """
    if not 0 < level <= 1:
        raise InputError("level is {level}; expected more than 0 and at most 1", level=level)
    most = min(D.shape)
    found = truncate(D, min(FIRST, most), tol, seed=seed)
    wanted = level * float(found.certificate.norm.mean()) ** 2
    while (found.svd.s**2).sum() < wanted and found.k < most:
        found = found.grown(D, min(2 * found.k, most))
    kept = np.cumsum(found.svd.s**2) >= wanted
    return _pair(D, found.top(int(kept.argmax()) + 1 if kept.any() else found.k))


def _pair(D: Floats, found: Truncation) -> Extraction:
    svd, norm = found.svd, float(found.certificate.norm.mean())
    root = np.sqrt(svd.s).astype(svd.U.dtype)
    low, high = found.certificate.lost[-1]
    # Looking at every entry costs about as much as the search did.
    told = high - low <= PRECISE * high
    error = float(low + high) / 2 if told else residual_norm(D, svd)
    relative = error / norm if norm > 0 else 0.0
    return Extraction(svd.U * root, root[:, None] * svd.Vt, error, relative, found)
