"""The top k singular triplets of a large matrix, to a tolerance, with a certificate."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.spectra.svd import krylov, threads
from lowrank.spectra.svd.blocks import gram, normalised, top_eigen, wide_product
from lowrank.spectra.svd.certificate import Certificate, certify
from lowrank.spectra.svd.checks import Floats, checked_rank
from lowrank.spectra.svd.dense import SVD, with_fixed_signs
from lowrank.spectra.svd.notebook import ends, html_table

# Below this short side, or when k is more than this share of it, the whole decomposition costs no
# more than a part of it: measured on two cores with float32.
SMALL = 256
SHARE = 0.2
# Wide blocks make products quick, narrow ones make the search short: where the entries no longer
# fit the caches, reading them once for 32 columns costs little more than for 16.
LARGE = 2**22
# Up to this short side float32 goes through its Gram matrix, which costs less than a search; SPARE
# vectors beyond the k-th go along.
NARROW = 1024
SPARE = 16
# What a search in float32 rounds by: a smaller tolerance is out of its reach from the outset.
LEAST = 2.0**-22


@dataclass(frozen=True)
class Truncation:
    """W ~ U diag(s) Vt to rank k, as good as `certificate` says.

    svd          the triplets: U (m, k), s (k,) descending float64, Vt (k, n), W's own dtype.
    certificate  bounds and estimates of what is wrong with them.
    tol          the relative error of each singular value that was asked for.
    method       "krylov", "gram" or "dense".
    flops        operations of all matrix products and factorisations done so far.
    seed         of the random starting block.
    """

    svd: SVD
    certificate: Certificate
    tol: float
    method: str
    flops: float
    seed: int
    space: krylov.Subspace | None = field(repr=False)

    @property
    def k(self) -> int:
        """How many triplets there are."""
        return len(self.svd.s)

    @property
    def reached(self) -> float:
        """The estimate of the worst relative error; `certificate.proven` is of first order."""
        return self.certificate.estimated

    @property
    def met(self) -> bool:
        """Whether the estimate meets the tolerance asked for."""
        return self.reached <= self.tol

    def top(self, k: int) -> "Truncation":
        """The best k of these triplets with their part of the certificate: views, no arithmetic.

        Raises InputError if there are fewer than k.
        """
        return replace(self, svd=self.svd.top(k), certificate=self.certificate.top(k))

    def grown(self, W: ArrayLike, k: int | None = None, tol: float | None = None) -> "Truncation":
        """truncate(W, k, tol) going on from here: k and tol are as they were unless given."""
        return truncate(W, k or self.k, tol or self.tol, seed=self.seed, start=self)

    def _repr_html_(self) -> str:
        m, n = self.svd.shape
        reached = _("estimated {reached:.1e}, asked for {tol:.1e}")
        rows = [
            (_("singular values"), ends(self.svd.s)),
            (_("their relative error"), reached.format(reached=self.reached, tol=self.tol)),
            *self.certificate.facts(),
            (_("found by"), f"{self.method}, {self.flops / 1e9:.3g} GFLOP"),
        ]
        return html_table(_("Rank {k} of a {m} × {n} matrix").format(k=self.k, m=m, n=n), rows)


def truncate(
    W: ArrayLike,
    k: int,
    tol: float = 1e-4,
    *,
    seed: int = 0,
    start: Truncation | None = None,
) -> Truncation:
    """The top k singular triplets of W (m, n), each value to a relative error of about tol.

    "About": the search stops by an estimate of second order (`reached`), which the certificate
    accompanies with proofs of first order. Values below max(m, n) eps s_1 are held to tol relative
    to that instead. float32 stays float32; if its rounding stands in the way of tol the search
    goes on in float64, and at last by a dense factorisation. Small matrices, and k that is a large
    part of min(m, n), are dense from the outset; float32 with a short side up to 1024 goes through
    its Gram matrix where that meets tol.

    `start` is an earlier truncation of the same W: its subspace, if it has one ("krylov"), is kept,
    and only what a larger k or a smaller tol needs beyond it is computed. Same W, k, tol and seed
    give the same result on the same machine up to rounding.

    Raises InputError if k is not a whole number from 1 to min(m, n), tol is not between 0 and 1,
    W is not a finite matrix, or start is of another matrix.
    Reference: Musco and Musco, "Randomized block Krylov methods", arXiv 1504.05477; Halko,
    Martinsson and Tropp (2011), arXiv 0909.4061.

    >>> W = np.diag(np.arange(300.0, 0, -1))
    >>> found = truncate(W, 3, tol=1e-6)
    >>> found.svd.s.round(1).tolist(), found.met
    ([300.0, 299.0, 298.0], True)
    """
    W, c, norm = normalised(W)
    k = checked_rank(k, min(W.shape))
    if not 0 < tol < 1:
        raise InputError(
            "tol is {tol}; expected a relative error between 0 and 1",
            tol=tol,
        )
    if start is not None:
        _check_start(start, W, norm / c)
        if start.k >= k and start.reached <= tol:
            return replace(start.top(k), tol=tol)
    turned = W.shape[0] < W.shape[1]
    found = _Search(W.T if turned else W, norm, k, tol, seed).found(start)
    svd, certificate = found.svd, found.certificate
    if turned:
        svd = SVD(svd.Vt.T, svd.s, svd.U.T)
    svd = with_fixed_signs(svd.U, svd.s / c, svd.Vt)
    return replace(found, svd=svd, certificate=certificate.times(1 / c))


@dataclass(frozen=True, eq=False)
class _Search:
    """truncate for W (m, n), m >= n, of ||W||_F = norm near 1."""

    W: Floats
    norm: float
    k: int
    tol: float
    seed: int

    def found(self, start: Truncation | None) -> Truncation:
        """The first attempt that meets the tolerance, or the last; flops are those of all."""
        flops = start.flops if start else 0.0
        for found in self.attempts(start.space if start else None):
            flops += found.flops
            if found.met and not (found.space and found.space.full):
                break
        return replace(found, flops=flops)

    def attempts(self, space: krylov.Subspace | None) -> Iterator[Truncation]:
        """By ever dearer and surer means; the last is dense."""
        W, k, n = self.W, self.k, self.W.shape[1]
        single, zero = W.dtype == np.float32, self.norm == 0
        precisions: list[type[np.floating]] = [np.float64]
        if single and n <= NARROW:  # whose Gram matrix in float64 costs less than such a search
            precisions = []
        if single and self.tol > LEAST:
            precisions = [np.float32, *precisions]
            if SMALL < n <= NARROW and k + SPARE <= n and not zero:
                yield self.by_gram()
        if n > SMALL and k <= SHARE * n and not zero:
            width = min(32 if W.size >= LARGE else 16, max(8, k))
            for dtype in precisions:
                work: Floats = W.astype(dtype, copy=False)
                if space is None or space.Q.dtype != dtype:
                    space = krylov.start(work, width, self.seed)
                with threads.restored():
                    found = self.by_krylov(work, space)
                yield found
                space = None
        yield self.by_dense()

    def by_krylov(self, W: Floats, space: krylov.Subspace) -> Truncation:
        """Grow the space and certify what it holds until tol is met or growing no longer helps."""
        (m, n), k = W.shape, self.k
        most = min(n, max(8 * k + 512, n // 2))
        before, goal = np.inf, self.tol
        flops = -space.flops
        while True:
            space = krylov.grow(W, space, k, goal, most)
            flops += 4.0 * m * n * k + 2.0 * m * space.size * (space.size + k)
            top = krylov.ritz(space.Q, space.Y, k)
            found = self.certified(W, *top, "krylov", flops + space.flops, space)
            if found.met or space.full or found.reached > 0.7 * before:
                return found
            before, goal = found.reached, goal / 4

    def by_gram(self) -> Truncation:
        """The best within the top eigenvectors of W.T W (n, n), all in float32.

        Its rounding turns those vectors a little; the values are then taken from W itself, where
        the angle enters by its square, and certified. The vectors' lengths would enter as they
        are, so they are made 1 again.
        """
        W, k, (m, n) = self.W, self.k, self.W.shape
        X = top_eigen(gram(W, W.dtype).astype(W.dtype), k + SPARE)[1]
        lengths = np.sqrt(np.einsum("ij,ij->j", X, X, dtype=np.float64))
        Q = (X / lengths).T.astype(W.dtype)
        flops = m * n * (n + 2.0 * (k + SPARE) + 4.0 * k) + 4 / 3 * n**3 + 4.0 * n * n * k
        return self.certified(W, *krylov.ritz(Q, Q @ W.T, k), "gram", flops)

    def by_dense(self) -> Truncation:
        """From all of W in float64.

        float32: through the Gram matrix in float64 where that leaves s_k good to about 1e-7.
        """
        W, k, (m, n) = self.W, self.k, self.W.shape
        wide, certifying = W.astype(np.float64), 4.0 * m * n * k
        if self.norm == 0:
            return self.certified(wide, np.eye(m, k), np.zeros(k), np.eye(n, k), "dense", 0.0)
        if W.dtype == np.float32:
            squares, V = top_eigen(gram(W), k)
            if squares[-1] > 1e-8 * squares[0]:
                s = np.sqrt(squares)
                flops = m * n * (n + 2.0 * k) + 4 / 3 * n**3 + 4.0 * n * n * k + certifying
                return self.certified(wide, wide_product(W, V / s), s, V, "dense", flops)
        U, s, Vt = np.linalg.svd(wide, full_matrices=False)
        flops = 4.0 * m * n * n + 8.0 * n**3 + certifying
        return self.certified(wide, U[:, :k], s[:k], Vt[:k].T, "dense", flops)

    def certified(
        self,
        W: Floats,
        U: Floats,
        s: NDArray[np.float64],
        V: Floats,
        method: str,
        flops: float,
        space: krylov.Subspace | None = None,
    ) -> Truncation:
        """The triplets rounded to W's own dtype, with their certificate; W as they were found in.

        Residuals near sqrt(tol) / 2 are to be expected, so what float32 may add to them may be as
        large. Triplets found in float64 for a float32 matrix are certified twice: what is said of
        s holds for the vectors before rounding, what is said of W_k for those handed out.
        """
        dtype, allowed = self.W.dtype, self.tol**0.5 * float(s[-1])
        svd = SVD(U.astype(dtype), s, V.T.astype(dtype))
        certificate = certify(W, svd, self.norm, allowed, dtype)
        if W.dtype != dtype:
            sharp = certify(W, SVD(U, s, V.T), self.norm, allowed, dtype)
            certificate = replace(certificate, residuals=sharp.residuals, errors=sharp.errors)
        return Truncation(svd, certificate, self.tol, method, flops, self.seed, space)


def _check_start(start: Truncation, W: Floats, norm: float) -> None:
    if start.svd.shape != W.shape or start.svd.U.dtype != W.dtype:
        raise InputError(
            "start is of a {start_dtype} matrix {start_shape}; W is {dtype} {shape}",
            start_dtype=start.svd.U.dtype,
            start_shape=start.svd.shape,
            dtype=W.dtype,
            shape=W.shape,
        )
    low, high = start.certificate.norm
    if not low <= norm <= high:
        raise InputError(
            "start is of a matrix of norm {expected:.9g}; that of W is {norm:.9g}",
            expected=low,
            norm=norm,
        )
