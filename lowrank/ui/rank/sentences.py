"""What a reduction and its floating-point rivals say, as sentences."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lowrank.errors import InputError
from lowrank.exact.elimination import FloatingEchelon, floating_echelon, floats, rank
from lowrank.exact.floating import number
from lowrank.exact.matrices import Matrix
from lowrank.exact.subspaces import dependencies, null_space, rank_nullity
from lowrank.figures.exact import vector
from lowrank.spectra.measures import numerical_rank
from lowrank.spectra.svd import full
from lowrank.ui.layout import text


def conclusion(A: Matrix) -> list[str]:
    """Rank, full or not, the dependent rows and rank + nullity, a sentence each."""
    count, most = rank_nullity(A), min(len(A), len(A[0]))
    rows = "1 non-zero row" if count.rank == 1 else f"{count.rank} non-zero rows"
    full = (
        f"Full rank: {most} is the most a {len(A)} × {len(A[0])} matrix can have."
        if count.rank == most
        else f"Not full rank: a {len(A)} × {len(A[0])} matrix could have {most}."
    )
    written = [f"**{d}**" for d in dependencies(A)]
    combined = (
        f"Rows made of others: {', '.join(written)}."
        if written
        else "No row is a combination of the others."
    )
    basis = null_space(A)
    kernel = f" A x = 0 for x = {', '.join(vector(v) for v in basis)}, and combinations." * bool(
        basis
    )
    return [
        f"**Rank {count.rank}**: {rows} in echelon form. {full}",
        combined,
        f"rank + nullity = {count.rank} + {count.nullity} = {count.columns}, "
        f"the number of columns.{kernel}",
    ]


@dataclass(frozen=True, eq=False)
class Counts:
    """The rank of one matrix, counted four ways, and what they were counted from."""

    exact: int
    naive: FloatingEchelon | None  # None where the numbers grew beyond float64
    partial: FloatingEchelon | None
    s: np.ndarray
    shape: tuple[int, int]
    tol: float

    @property
    def svd(self) -> int:
        """Singular values above `tol` times the largest."""
        return numerical_rank(self.s, self.shape, self.tol * float(self.s[0]))


def counts(A: Matrix, tol: float) -> Counts:
    """Exact, floating without and with pivoting (no tolerance), and by singular values."""
    s, shape = full(floats(A)).s, (len(A), len(A[0]))
    return Counts(rank(A), _floating(A, "none"), _floating(A, "partial"), s, shape, tol)


def _floating(A: Matrix, pivoting: Literal["partial", "none"]) -> FloatingEchelon | None:
    try:
        return floating_echelon(A, tol=0.0, pivoting=pivoting)
    except InputError:
        return None


def table(c: Counts) -> str:
    """The four ranks as a Markdown table."""
    naive, partial = (str(e.rank) if e else "overflow" for e in (c.naive, c.partial))
    return (
        "| counted by | rank |\n|:--|--:|\n"
        f"| exact fractions | **{c.exact}** |\n"
        f"| float64 elimination, no pivoting | **{naive}** |\n"
        f"| float64 elimination, partial pivoting | **{partial}** |\n"
        f"| singular values above the tolerance | **{c.svd}** |"
    )


def lessons(c: Counts) -> list[str]:
    """Why the counts differ, where they do."""
    found = [sentence for sentence in [_about_elimination(c)] if sentence]
    if c.svd != c.exact:
        k = min(c.svd, c.exact)
        words = text("rank", "lesson: high" if c.svd < c.exact else "lesson: low")
        found.append(words.format(k=k + 1, share=number(c.s[k] / c.s[0]), svd=c.svd))
    return found or [text("rank", "lesson: agree")]


def _about_elimination(c: Counts) -> str:
    """What went wrong in floating-point elimination, or nothing."""
    if c.naive is None or c.partial is None:
        return text("rank", "lesson: overflow")
    worst = max((c.naive, c.partial), key=lambda e: e.rank)
    if worst.rank > c.exact:
        crumb = number(worst.matrix[c.exact, worst.pivots[c.exact]])
        words = text("rank", "lesson: crumb")
        return words.format(exact=c.exact, found=worst.rank, crumb=crumb)
    if c.partial.rank < c.exact:
        return text("rank", "lesson: partial lost").format(exact=c.exact, partial=c.partial.rank)
    if c.naive.rank < c.exact:
        words = text("rank", "lesson: drowned")
        return words.format(exact=c.exact, found=c.naive.rank, partial=c.partial.rank)
    return ""
