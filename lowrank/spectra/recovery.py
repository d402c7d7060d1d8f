"""What a completed matrix is judged by: entries held out, the mean fill, and degrees of freedom.

Rows and columns are counted from 0 in every message.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, ngettext
from lowrank.spectra.svd import Floats, checked_rank, frobenius, real_matrix
from lowrank.spectra.svd.checks import real_array
from lowrank.spectra.svd.notebook import html_table

Mask = NDArray[np.bool_]

# An entry recovered to this relative error counts as recovered, in the phase picture and `verdict`.
RECOVERED = 1e-2
# A held-out error must be this much smaller than the mean fill's to count as worth anything.
MARGIN = 0.1
# Entries whose largest is beyond 2 to this power, or its inverse, are brought near 1 to be squared.
FAR = 300

NOT_FINITE_OBSERVED = gettext_noop(
    "X[{i}, {j}] is observed and is {value}; expected a finite number"
)
NOT_FINITE_HELD_OUT = gettext_noop(
    "X[{i}, {j}] is held out and is {value}; expected a finite number"
)


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
        if self.held_out_error is None:
            said = _("No entry was held out, so nothing tells how far the others can be trusted.")
        elif self.held_out_error <= RECOVERED:
            said = _(
                "Recovered: held-out entries have a relative error of {error:.2g}, "
                "if filled with means {mean_fill:.2g}."
            )
        elif self.beats_mean_fill:
            said = _(
                "Held-out entries have a relative error of {error:.3g}, if filled "
                "with means {mean_fill:.3g}: better than the mean, but not recovered."
            )
        else:
            said = _(
                "Held-out entries have a relative error of {error:.3g}, if filled with means "
                "{mean_fill:.3g}: no better than the mean, so the result is of no use here."
            )
        tested = said.format(error=self.held_out_error, mean_fill=self.mean_fill_error)
        if self.determined:
            return tested
        return _(
            "{tested} A matrix of rank {rank} has {freedom:,} degrees of freedom "
            "and only {observed:,} entries were observed: it cannot be determined by them."
        ).format(
            tested=tested,
            rank=self.rank,
            freedom=self.degrees_of_freedom,
            observed=self.observed,
        )

    def _repr_html_(self) -> str:
        m, n = self.matrix.shape
        iterations = "{count}" if self.converged else _("{count}, not converged")
        facts = {
            _("observed"): _("{observed:,} of {all:,} entries").format(
                observed=self.observed, all=m * n
            ),
            _("relative error there"): f"{self.observed_error:.3g}",
            _("iterations"): iterations.format(count=self.iterations),
            _("verdict"): self.verdict(),
        }
        title = _("A {m} × {n} matrix completed at rank {rank}").format(m=m, n=n, rank=self.rank)
        return html_table(title, facts.items())


@dataclass(frozen=True)
class Problem:
    """What a run starts from and is judged by: X (m, n), its observed and its held-out entries.

    X is `scale` times what was given, a power of two that keeps squares within what floats hold.
    """

    X: Floats
    seen: Mask
    test: Mask | None
    scale: float = 1.0

    @cached_property
    def known(self) -> NDArray[np.float64]:
        """P(X): the observed entries in float64, the others 0."""
        return np.where(self.seen, self.X, 0.0).astype(np.float64)

    @cached_property
    def held_out(self) -> NDArray[np.float64]:
        """The held-out entries in float64, the others 0."""
        assert self.test is not None  # asked only where there are some
        return np.where(self.test, self.X, 0.0).astype(np.float64)

    @cached_property
    def norm(self) -> float:
        """That of the observed entries; 1 if they are all 0."""
        return frobenius(self.known) or 1.0

    @cached_property
    def held_out_norm(self) -> float:
        """That of the held-out entries; 1 if they are all 0."""
        return frobenius(self.held_out) or 1.0

    def record(
        self, count: int, penalty: float, price: float, left: Floats, right: Floats, before: Floats
    ) -> Iteration:
        """The record of Z = left right: `price` is the penalty's share of the objective."""
        Z = left @ right
        misfit = frobenius(np.where(self.seen, Z - self.known, 0.0))
        return Iteration(
            iteration=count,
            rank=len(right),
            penalty=float(penalty),
            objective=misfit**2 / 2 + price,
            observed_error=misfit / self.norm,
            held_out_error=self.held_out_error(Z),
            change=frobenius(Z - before) / (frobenius(Z) or 1.0),
            left=left,
            right=right,
        )

    def told(self, record: Iteration) -> Iteration:
        """A record in the units of what was given."""
        if self.scale == 1:
            return record
        c = self.scale
        penalty, objective = record.penalty / c, record.objective / c / c
        return replace(record, penalty=penalty, objective=objective, right=record.right / c)

    def held_out_error(self, Z: Floats) -> float | None:
        """||P(Z - X)||_F / ||P(X)||_F over the held-out entries; None if there are none."""
        if self.test is None:
            return None
        return frobenius(np.where(self.test, Z - self.held_out, 0.0)) / self.held_out_norm

    def completion(self, record: Iteration, converged: bool) -> Completion:
        """The result of a run whose last record this is."""
        return Completion(
            matrix=self.told(record).matrix().astype(self.X.dtype),
            rank=record.rank,
            iterations=record.iteration,
            converged=converged,
            observed=int(np.count_nonzero(self.seen)),
            observed_error=record.observed_error,
            held_out_error=record.held_out_error,
            mean_fill_error=self.held_out_error(mean_fill(self.X, self.seen)),
        )


def checked_problem(
    X: ArrayLike, observed: ArrayLike | None = None, held_out: ArrayLike | None = None
) -> Problem:
    """X (m, n) with its masks; InputError if they do not fit.

    X may be missing or infinite only where it is neither observed nor held out, and every row and
    column must have an observed entry, without which no method knows anything of it.
    """
    X = real_matrix(X, "X")
    seen = ~np.isnan(X) if observed is None else checked_mask(observed, X.shape, "observed")
    test = None if held_out is None else checked_mask(held_out, X.shape, "held_out")
    for mask, message in ((seen, NOT_FINITE_OBSERVED), (test, NOT_FINITE_HELD_OUT)):
        if mask is not None and not np.isfinite(X[mask]).all():
            i, j = np.argwhere(mask & ~np.isfinite(X))[0]
            raise InputError(message, i=i, j=j, value=X[i, j])
    if test is not None and (seen & test).any():
        i, j = np.argwhere(seen & test)[0]
        raise InputError(
            "Entry [{i}, {j}] is both observed and held out; expected one or neither",
            i=i,
            j=j,
        )
    if not seen.any():
        raise InputError("No entry of X is observed: nothing determines the others.")
    rows, columns = ((np.flatnonzero(~seen.any(axis=axis)) + 1).tolist() for axis in (1, 0))
    if rows:  # people count from 1
        message = ngettext(
            "Row {numbers} has no observed entry: nothing in the data determines it.",
            "{count:,} rows ({numbers}) have no observed entry: nothing in the data "
            "determines them.",
            len(rows),
        )
        raise InputError(message, count=len(rows), numbers=_first(rows))
    if columns:
        message = ngettext(
            "Column {numbers} has no observed entry: nothing in the data determines it.",
            "{count:,} columns ({numbers}) have no observed entry: nothing in the data "
            "determines them.",
            len(columns),
        )
        raise InputError(message, count=len(columns), numbers=_first(columns))
    largest = float(np.abs(X[seen]).max())
    scale = 1.0
    if largest and not 2.0**-FAR < largest < 2.0**FAR:
        scale = 2.0 ** -float(np.clip(np.floor(np.log2(largest)), -1000, 1000))
    return Problem(X * scale, seen, test if test is not None and test.any() else None, scale)


def _first(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:3])) + (", …" if len(numbers) > 3 else "")


def checked_mask(mask: ArrayLike, shape: tuple[int, ...], name: str) -> Mask:
    """mask as booleans; InputError unless it has X's shape and holds booleans, or 0 and 1."""
    found = np.asarray(mask)
    if found.shape != shape:
        raise InputError(
            "{name} has shape {shape}; expected that of X, {expected}",
            name=name,
            shape=found.shape,
            expected=shape,
        )
    if found.dtype != np.bool_ and not np.isin(found, (0, 1)).all():
        raise InputError(
            "{name} holds other values than True and False; expected a mask",
            name=name,
        )
    return found.astype(np.bool_)


def relative_error(Z: ArrayLike, X: ArrayLike) -> float:
    """||Z - X||_F / ||X||_F; where X is zero, ||Z||_F itself.

    >>> relative_error([1.0, 1.0], [1.0, 0.0])
    1.0
    """
    Z, X = (real_array(each, name).astype(np.float64) for each, name in ((Z, "Z"), (X, "X")))
    return frobenius(Z - X) / (frobenius(X) or 1.0)


def mean_fill(X: ArrayLike, observed: ArrayLike | None = None) -> NDArray[np.float64]:
    """X with each entry that is not observed replaced by the mean of those observed in its column.

    The baseline: what takes no algorithm. Raises InputError as soft_impute does.

    >>> mean_fill([[1.0, 2.0], [3.0, np.nan]]).tolist()
    [[1.0, 2.0], [3.0, 2.0]]
    """
    problem = checked_problem(X, observed)
    means = problem.known.sum(axis=0) / problem.seen.sum(axis=0)  # (n,)
    return np.where(problem.seen, problem.known, means) / problem.scale


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
        raise InputError(
            "observed has shape {shape}; expected a matrix that is not empty",
            shape=seen.shape,
        )
    if not 0 <= share <= 1:
        raise InputError(
            "share is {share}; expected a number from 0 to 1",
            share=share,
        )
    draw = np.where(seen, rng.random(seen.shape), -1.0)
    held_out = seen & (draw < share)
    # The largest draw of each row and column is kept, whatever its size.
    held_out[np.arange(len(draw)), draw.argmax(axis=1)] = False
    held_out[draw.argmax(axis=0), np.arange(draw.shape[1])] = False
    return seen & ~held_out, held_out


def degrees_of_freedom(m: int, n: int, r: int) -> int:
    """r (m + n - r): the dimension of the matrices of shape (m, n) and rank r.

    Fewer observed entries cannot determine one. Raises InputError unless 1 <= r <= min(m, n).
    Reference: Candès and Recht, "Exact matrix completion via convex optimization" (2009), 1.1.

    >>> degrees_of_freedom(200, 200, 5)
    1975
    """
    return checked_rank(r, min(m, n)) * (m + n - r)


def needed_fraction(m: int, n: int, r: int) -> float:
    """r (m + n - r) / (m n): no method recovers a rank-r matrix from a smaller share of it.

    >>> needed_fraction(200, 200, 5)
    0.049375
    """
    return degrees_of_freedom(m, n, r) / (m * n)
