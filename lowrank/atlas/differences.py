"""Two models of one shape: is what lies between them of low rank?

This is the claim behind LoRA, asked of a fine-tune that is there: the singular values of every
tuned - base, beside those of random matrices of the same shapes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from statistics import median
from typing import Any

import numpy as np

from lowrank.atlas.journal import Survey
from lowrank.atlas.measuring import Row, matrices
from lowrank.atlas.report import placed, random_peer, sections, table
from lowrank.atlas.surveying import surveyed
from lowrank.figures import atlas as figures
from lowrank.language import gettext as _
from lowrank.readers.difference import Difference
from lowrank.readers.interface import Model
from lowrank.spectra.svd import energy
from lowrank.spectra.svd.threads import available

LORA_RANKS = (4, 16, 64)  # at which the energy of a change is told
TOLD = 16


@dataclass(frozen=True)
class Compared:
    """The survey of tuned - base, and for each matrix ||tuned - base||_F / ||base||_F."""

    survey: Survey
    changes: Mapping[str, float]

    @property
    def moved(self) -> list[Row]:
        """The rows of what differs and could be measured."""
        return [row for row in self.survey.rows if row.norm]


def compare(
    base: Model, tuned: Model, progress: Callable[[int, int, str], None] | None = None
) -> Compared:
    """All singular values of every tuned - base, matrix by matrix, with every measure of a survey.

    `progress` hears how many matrices are done, of how many, and the last one's name. One matrix
    is in memory at a time. Raises InputError if the models have other matrices in their layers.
    """
    difference = Difference(base, tuned)
    names, rows, spectra = matrices(difference), [], {}
    changes = {}
    for row, s in surveyed(difference, names, threads=available()):
        rows.append(row)
        spectra[row.name] = s
        before = float(np.linalg.norm(base.read(row.name))) if row.norm else 0.0
        changes[row.name] = (row.norm or 0.0) / before if before else 0.0
        if progress:
            progress(len(rows), len(names), row.name)
    return Compared(Survey(difference.title, tuple(rows), spectra), changes)


def kept(s: np.ndarray[Any, Any], r: int) -> float:
    """The share of a change's energy that its best pair of rank r holds; 1 where r is the most."""
    return energy(s, min(r, len(s)))


def records(found: Compared) -> list[dict[str, Any]]:
    """A line for each matrix, as a table or JSON takes it."""
    return [
        {
            "matrix": row.name,
            "rows": row.rows,
            "columns": row.columns,
            "norm": row.norm,
            "change": found.changes[row.name],
            "effective_rank": row.effective_rank,
            "stable_rank": row.stable_rank,
            **{f"rank_{share}": getattr(row, f"rank_{share}") for share in (50, 90, 99)},
            "beyond_bulk": row.beyond_bulk,
            **{
                f"energy_at_{r}": None if row.problem else kept(found.survey.spectra[row.name], r)
                for r in LORA_RANKS
            },
            "problem": row.why,
        }
        for row in found.survey.rows
    ]


def answer(found: Compared) -> str:
    """Whether the change is of low rank, in a sentence or two."""
    moved = found.moved
    if not moved:
        return _("No matrix differs.")
    shares = [kept(found.survey.spectra[row.name], TOLD) for row in moved]
    shapes = {(row.rows, row.columns) for row in moved}
    chance = {shape: kept(random_peer(shape), TOLD) for shape in shapes}
    return _(
        "{moved:,} of {count:,} matrices differ, by {least:.2%} to {most:.2%} of their norm. At "
        "rank {r} the changes keep {low:.1%} to {high:.1%} of their energy, half of them at least "
        "{middle:.1%}; random matrices of these shapes keep {chance:.1%}."
    ).format(
        moved=len(moved),
        count=len(found.survey.rows),
        least=min(found.changes[row.name] for row in moved),
        most=max(found.changes[row.name] for row in moved),
        r=TOLD,
        low=min(shares),
        high=max(shares),
        middle=median(shares),
        chance=median(chance[row.rows, row.columns] for row in moved),
    )


def comparison_report(found: Compared) -> str:
    """The comparison as one self-contained HTML text."""
    rows = [row for row in placed(found.survey) if row.norm]
    first = []
    if rows:
        cell = _("{name}<br>{change:.3%} of ‖W₀‖")
        drawn = figures.layer_map(
            [row.layer or 0 for row in rows],
            [row.projection or "" for row in rows],
            np.array([100 * found.changes[row.name] for row in rows]),
            [cell.format(name=escape(r.name), change=found.changes[r.name]) for r in rows],
            _("change, % of ‖W₀‖"),
        )
        first = [(_("How much was changed"), drawn), *sections(found.survey)]
    lead = _(
        "{answer} Every measure below is one of the difference of two matrices. Grey lines are "
        "random matrices of the same shape and norm, in which nothing was learned."
    ).format(answer=answer(found))
    return figures.page(found.survey.title, lead, first, table(found.survey))
