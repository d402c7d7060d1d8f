"""A finished survey as one HTML file: the pictures of the Atlas page and the table behind them."""

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from html import escape

import numpy as np

from lowrank.atlas.journal import Survey
from lowrank.atlas.measuring import MEASURES, Row, Spectrum, label, ranks
from lowrank.figures import atlas as figures
from lowrank.figures.style import Settings
from lowrank.language import again
from lowrank.language import gettext as _
from lowrank.llama.names import within
from lowrank.readers.labels import LABELS
from lowrank.spectra.measures import random_spectrum

DRAWN = ("effective_rank", "rank_90", "stable_rank")
IN_TABLE = (
    *("effective_rank", "stable_rank", "rank_50", "rank_90", "rank_99"),
    *("beyond_bulk", "alpha", "norm", "largest"),
)


def value(row: Row, measure: str) -> float:
    """A measure of a row as it is drawn: a rank as a share of the most it could be."""
    found = getattr(row, measure)
    if found is None:
        return float("nan")
    return found / row.least if MEASURES[measure][1] else float(found)


def random_value(s: Spectrum, measure: str) -> float | None:
    """The same for a random matrix with these singular values; None where scale decides it."""
    found = ranks(s).get(measure)
    return found / len(s) if found and MEASURES[measure][1] else found


@lru_cache(maxsize=16)  # half a minute for 4096 x 4096, and wanted again for each sentence
def random_peer(shape: tuple[int, int]) -> Spectrum:
    """Singular values of a Gaussian matrix of that shape, Frobenius norm 1, read-only."""
    found = random_spectrum(shape, 1.0, np.random.default_rng(0))
    found.setflags(write=False)
    return found


def hover(row: Row, measure: str) -> str:
    """What a cell of the map says: the matrix and its value, exactly."""
    name, share = MEASURES[measure]
    found = getattr(row, measure)
    if found is None:
        return f"{escape(row.name)}<br>{escape(row.why)}"
    words = _("{measure}: {number} of {most:,}") if share else _("{measure}: {number}")
    if measure == "alpha" and row.alpha_distance is not None:
        words = _("{measure}: {number}, fitted to {values} values, off by {distance:.2f} at most")
    said = words.format(
        measure=_(name),
        number=f"{found:,}" if isinstance(found, int) else f"{found:,.6g}",
        most=row.least,
        values=row.alpha_tail,
        distance=row.alpha_distance,
    )
    return f"{escape(row.name)}<br>{row.rows:,} × {row.columns:,}<br>{said}"


def placed(survey: Survey) -> list[Row]:
    """The rows that the map has a place for, each with its own: a layer, and a projection in it.

    Of what a layer has several, as experts, each is called by its name within the layer. Of a file
    without layers all matrices stand in one column, by name.
    """
    rows = [row for row in survey.rows if row.layer is not None]
    if not rows:
        return [replace(row, layer=0, projection=row.name) for row in survey.rows]
    there = Counter((row.layer, row.projection) for row in rows)
    return [
        row
        if row.projection and there[row.layer, row.projection] == 1
        else replace(row, projection=within(row.name, row.layer or 0))
        for row in rows
    ]


def sections(survey: Survey) -> list[tuple[str, Settings]]:
    """A map of each main measure, and the spectra of each projection, with their titles."""
    rows = [row for row in placed(survey) if row.norm != 0]  # of two models' difference some are
    found = []
    for measure in DRAWN if rows else ():
        drawn = figures.layer_map(
            [r.layer or 0 for r in rows],
            [r.projection or "" for r in rows],
            np.array([value(r, measure) for r in rows]),
            [hover(r, measure) for r in rows],
            label(measure),
        )
        found.append((label(measure), drawn))
    for projection in figures.kinds([r.projection for r in rows]):
        there = [r for r in rows if r.projection == projection and not r.problem]
        if not there:
            continue
        shape = there[0].rows, there[0].columns
        spectra = [survey.spectra[r.name] for r in there]
        names = [_("layer {layer}").format(layer=r.layer) for r in there]
        drawn = figures.all_spectra(spectra, names, random_peer(shape))
        title = _("Spectra of {projection}, every layer, and a random matrix")
        found.append((title.format(projection=projection), drawn))
    return found


def report(survey: Survey) -> str:
    """The report as one self-contained HTML text."""
    bad = sum(bool(r.problem) for r in survey.rows)
    lead = _("{count:,} matrices, all their singular values computed.").format(
        count=len(survey.rows)
    )
    if bad:
        lead = _("{lead} {bad:,} could not be measured; the table says why.").format(
            lead=lead, bad=bad
        )
    lead = _(
        "{lead} Energy is the sum of the squared entries, ‖W‖². Ranks are drawn as shares of "
        "min(m, n), the most that a matrix of that shape can have. Grey lines are random matrices "
        "of the same shape and norm, in which nothing was learned."
    ).format(lead=lead)
    title = _("Atlas of {title}").format(title=survey.title)
    return figures.page(title, lead, sections(survey), table(survey))


def table(survey: Survey) -> str:
    """Every matrix's measures as a table in HTML."""
    head = [_("matrix"), _("shape"), _("stored"), *(_(MEASURES[m][0]) for m in IN_TABLE), ""]
    lines = []
    for row in survey.rows:
        numbers = [getattr(row, m) for m in IN_TABLE]
        shown = [
            "" if x is None else f"{x:,}" if isinstance(x, int) else f"{x:,.4g}" for x in numbers
        ]
        cells = [
            row.name,
            f"{row.rows:,} × {row.columns:,}",
            again(row.dtype, LABELS),
            *shown,
            row.why,
        ]
        lines.append("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>")
    titles = "".join(f"<th>{escape(t)}</th>" for t in head)
    return f"<table><tr>{titles}</tr>{''.join(lines)}</table>"
