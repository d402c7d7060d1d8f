"""What a reduction and its floating-point rivals say, as sentences."""

from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np

from lowrank.exact.derivation import Derivation
from lowrank.exact.elimination import pivots_in_place, rank
from lowrank.exact.floating import Run, eliminate, floats, number
from lowrank.exact.matrices import Matrix, identity, transpose, written
from lowrank.exact.styles import needed
from lowrank.exact.subspaces import (
    combination,
    dependencies,
    listed,
    null_space,
    rank_nullity,
)
from lowrank.exact.systems import Solution, solve
from lowrank.figures.exact import vector
from lowrank.language import gettext as _
from lowrank.language import joined, ngettext
from lowrank.spectra.measures import numerical_rank
from lowrank.spectra.svd import full
from lowrank.ui.drawing import table as table_of
from lowrank.ui.layout import text


def conclusion(A: Matrix) -> list[str]:
    """Rank, full or not, the dependent rows and rank + nullity, a sentence each."""
    count, m, n = rank_nullity(A), len(A), len(A[0])
    most = min(m, n)
    rows = ngettext(
        "**Rank {rank}**: {rank} non-zero row in echelon form.",
        "**Rank {rank}**: {rank} non-zero rows in echelon form.",
        count.rank,
    ).format(rank=count.rank)
    full = (
        _("Full rank: {most} is the most a {m} × {n} matrix can have.")
        if count.rank == most
        else _("Not full rank: a {m} × {n} matrix could have {most}.")
    ).format(most=most, m=m, n=n)
    both = _("rank + nullity = {rank} + {nullity} = {columns}, the number of columns.")
    sum_ = [both.format(rank=count.rank, nullity=count.nullity, columns=count.columns)]
    if basis := null_space(A):
        kernel = _("The solutions of A x = 0 are all combinations of {vectors}.")
        sum_.append(kernel.format(vectors=", ".join(map(vector, basis))))
    after = _("{first} {last}")
    return [joined((rows, full), after), dependent_rows(A), joined(sum_, after)]


def determinant_so_far(d: Derivation) -> str:
    """What the steps did to the determinant, and in a triangular matrix what it is.

    Nothing, where what stands left of the bar is not square.
    """
    n = d.bar or len(d.start[0])
    if len(d.start) != n:
        return ""
    factor = "− " if d.factor == -1 else f"{written(d.factor)} · " * (d.factor != 1)
    here = _("The determinant here is {factor}det A.").format(factor=factor) if d.position else ""
    if needed(d.matrix, False, bar=d.bar):
        return here or _("Swapping two rows changes the sign of det A; scaling one scales det A.")
    diagonal = [d.matrix[i][i] for i in range(n)]
    terms = " · ".join(f"({x})" if x.startswith("−") else x for x in map(written, diagonal))
    value = prod(diagonal, start=Fraction(1))
    times = f"{terms} = {written(value)}" if n > 1 else terms
    said = _("The product of the diagonal is {times}, so **det A = {value}**.")
    found = said.format(times=times, value=written(value / d.factor))
    return joined((here, found), _("{first} {last}")) if here else found


def read_off(d: Derivation) -> list[str]:
    """What [A | B] says at the end of its reduction: the solutions of A x = b, or the inverse."""
    assert d.bar is not None
    A, B = (tuple(row[: d.bar] for row in d.start), tuple(row[d.bar :] for row in d.start))
    r, both = len(pivots_in_place(d.matrix, d.bar)), rank(d.start)
    ranks = _("rank A = {r}, rank [A | {b}] = {both}.")
    ranks = ranks.format(r=r, b="b" if len(B[0]) == 1 else "B", both=both)
    if identity(len(A)) == B and len(A[0]) == len(A):
        return [_inverse_read_off(d, r), ranks]
    said = []
    for k, column in enumerate(transpose(B)):
        said += [_("Column {k} right of the bar:").format(k=k + 1)] * (len(B[0]) > 1)
        said += solved(solve(A, column, d.names), _contradiction(d, d.bar + k))
    return [*said, ranks]


def _contradiction(d: Derivation, column: int) -> str:
    """That a row of the matrix at the position of d is no equation that unknowns satisfy."""
    rows = enumerate(d.matrix, start=1)
    bad = ((i, row[column]) for i, row in rows if not any(row[: d.bar]) and row[column])
    said = _("**No solution**: row {row} says **0 = {entry}**.")
    return next((said.format(row=i, entry=written(x)) for i, x in bad), "")


def solved(found: Solution, contradiction: str) -> list[str]:
    """How many solutions there are and why, and all of them; where none is, the contradiction."""
    if found.particular is None:
        return [contradiction]
    equations = ", ".join(found.equations)
    if not found.free:
        one = _(
            "**Exactly one solution**: {equations}. Every column of A has a pivot, so no unknown "
            "is free."
        )
        return [one.format(equations=equations)]
    free = ", ".join(found.names[j] for j in found.free)
    pairs = zip(found.free, found.null_basis, strict=True)
    plus = "".join(f" + {found.names[j]} {vector(v)}" for j, v in pairs)
    many = _(
        "**Infinitely many solutions**: columns without a pivot leave {free} free. {equations}."
    )
    return [
        many.format(free=free, equations=equations),
        f"({', '.join(found.names)}) = {vector(found.particular)}{plus}",
    ]


def _inverse_read_off(d: Derivation, r: int) -> str:
    """What [A | I] says: A^-1, or the combination of the rows of A that is 0."""
    n = len(d.start)
    if r == n and d.reduced:
        return _("**A⁻¹ stands right of the bar**: what turned A into I has turned I into A⁻¹.")
    if r == n:
        return _("Every row has a pivot, so **A has an inverse**. The reduced form shows it.")
    terms = [(x, f"R{i + 1}") for i, x in enumerate(d.matrix[r][n:])]
    return _(
        "**A has no inverse**: its rank is {r}, not {n}. Row {row} says which combination of "
        "the rows of A is 0: {combination}."
    ).format(r=r, n=n, row=r + 1, combination=combination(terms))


def dependent_rows(A: Matrix) -> str:
    """The rows that others make up, in bold; or that there are none."""
    found = dependencies(A)
    rows = listed(found, lambda d: f"**{d}**")
    return _("Rows of A, as entered, that others make: {rows}").format(rows=rows) if found else rows


@dataclass(frozen=True, eq=False)
class Counts:
    """The rank of one matrix, counted four ways, and what they were counted from."""

    exact: int
    naive: Run
    partial: Run
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
    naive, partial = eliminate(A, "float64", "none"), eliminate(A, "float64", "partial")
    return Counts(rank(A), naive, partial, s, shape, tol)


def table(c: Counts) -> str:
    """The four ranks as a Markdown table."""
    naive, partial = (
        each.rank if each.rank is not None else _("overflow") for each in (c.naive, c.partial)
    )
    rows = (
        (_("exact fractions"), c.exact),
        (_("float64 elimination, no pivoting"), naive),
        (_("float64 elimination, partial pivoting"), partial),
        (_("singular values above the tolerance"), c.svd),
    )
    return table_of([_("counted by"), _("rank")], [[how, f"**{found}**"] for how, found in rows])


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
    naive, partial = c.naive.rank, c.partial.rank
    if naive is None or partial is None:
        return text("rank", "lesson: overflow")
    if max(naive, partial) > c.exact:
        worst = c.naive if naive >= partial else c.partial
        crumb = number(worst.matrices[-1][c.exact][worst.pivots[c.exact]])
        words = text("rank", "lesson: crumb")
        return words.format(exact=c.exact, found=worst.rank, crumb=crumb)
    if partial < c.exact:
        return text("rank", "lesson: partial lost").format(exact=c.exact, partial=partial)
    if naive < c.exact:
        words = text("rank", "lesson: drowned")
        return words.format(exact=c.exact, found=naive, partial=partial)
    return ""
