"""The Atlas page's survey in the background, its maps and its comparisons."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from html import escape
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from lowrank.atlas import (
    MEASURES,
    SHARES,
    Journal,
    Row,
    Saving,
    Survey,
    matrices,
    saving,
    surveyed,
)
from lowrank.atlas.differences import Compared, answer, records
from lowrank.atlas.measuring import ranks
from lowrank.atlas.report import hover, label, placed, random_value, value
from lowrank.errors import FormatError, InputError
from lowrank.figures import atlas as figures
from lowrank.figures.numbers import three
from lowrank.figures.style import Settings
from lowrank.files import as_cell, cache_folder, discard, drop_oldest
from lowrank.language import current, gettext_noop, joined
from lowrank.language import gettext as _
from lowrank.readers import Model, Remote
from lowrank.readers.difference import Difference
from lowrank.readers.offered_models import offered
from lowrank.ui import cached, jobs
from lowrank.ui.bound import choice, said
from lowrank.ui.downloads import csv_and_json
from lowrank.ui.drawing import chart
from lowrank.ui.jobs import Job
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text
from lowrank.ui.progress import outcome, progress, sought, watched
from lowrank.ui.results import Results

Found = TypeVar("Found")

AT_ONCE = 2 * 10**9  # bytes of weights that are surveyed without asking
NOTHING = gettext_noop("nothing")
OWN = gettext_noop("default"), gettext_noop("synthetic")  # models of the app's own
PATIENCE = 60.0  # seconds a survey goes on when nobody looks; it goes on from there when one does
KEPT = 2 * 10**9  # bytes of surveys kept in all
LONGEST_ID = 300  # characters


@dataclass(frozen=True)
class Total:
    """How many matrices a running survey has, beside its rows."""

    count: int


def surveys() -> Path:
    """Where surveys are kept, each in a folder."""
    return cache_folder() / "atlas"


def found(model: Model) -> Survey | None:
    """The survey of a model; None while it is being made, which is then shown in the page."""
    folder = surveys() / cached.content(model.source)
    done = _finished(folder, model)
    if done:
        return done
    key, work = f"atlas {folder}", partial(_surveying, model.source, folder)
    ask = "" if jobs.POOL.get(key) else _to_ask(model)
    job = sought(key, work, "survey", PATIENCE, ask=ask)
    watched(job, lambda job: _draw(job, model))
    return _finished(folder, model) if job and job.state == "done" else None


def _finished(folder: Path, model: Model) -> Survey | None:
    """The survey in that folder, which may have been made of the same file under another name."""
    done = cached.finished_survey(str(folder), model.title)
    if done:
        with suppress(OSError):  # now used last; where nothing may be written, nothing is dropped
            os.utime(folder)
    return done


def _to_ask(model: Model) -> str:
    """Of a large model or one elsewhere the visitor is asked first; empty: begin at once.

    So of what lies between two models: it is as much work again, and not what the page is about.
    """
    if isinstance(model, Difference):
        return _("Survey the difference")
    names = matrices(model)
    size = sum(model.tensors[name].nbytes for name in names)
    if size <= AT_ONCE and not isinstance(model, Remote):
        return ""
    st.info(text("atlas", "large").format(count=f"{len(names):,}", size=size / 1e9))
    return _("Survey {title}").format(title=as_text(model.title))


def _surveying(source: str, folder: Path) -> Iterator[Row | Total]:
    model = cached.model(source)
    names = matrices(model)
    about = model.title, names, cached.content(source)
    try:
        journal = Journal(folder, *about)
    except FormatError:  # damaged on the disk: it is made again
        discard(folder)
        journal = Journal(folder, *about)
    drop_oldest(surveys(), KEPT)  # of those begun and left, too
    yield Total(len(names))
    yield from [row for row, _ in journal.done.values()]
    for row, s in surveyed(model, [n for n in names if n not in journal.done]):
        journal.add(row, s)
        yield row
    journal.finish()
    drop_oldest(surveys(), KEPT)


def _draw(job: Job, model: Model) -> None:
    rows, total = job.all(Row), job.newest(Total)
    count = total.count if total else 1
    words = _("{title}: {done} of {count} matrices, {name}").format(
        title=model.title, done=len(rows), count=count, name=rows[-1].name if rows else ""
    )
    progress(job, len(rows) / count, words)
    outcome(job)
    there = [row for row in rows if row.layer is not None and row.projection]
    last = max((info.layer or 0 for info in model.tensors.values()), default=0)
    if there and not job.over:
        chart(
            _map(there, "effective_rank", None, None, last + 1),
            key=f"growing {job.key}",
            alt=_("{done} of {count} matrices measured so far.").format(
                done=len(there), count=count
            ),
        )


_made = Results[tuple[Survey, Any]](512)


def once(survey: Survey, *of: object, make: Callable[[], Found]) -> Found:
    """What is drawn of a survey, which never changes; kept beside it, so that its id is its own."""
    return _made.made((id(survey), current(), *of), lambda: (survey, make()))[1]


def choose_measure() -> str:
    """The measure that is drawn, kept in the address."""
    return st.selectbox(
        _("Measure"),
        list(MEASURES),
        key="measure",
        format_func=measure_said,
        help=text("atlas", "help measure"),
        bind="query-params",
        filter_mode=None,
    )


def measure_said(measure: str) -> str:
    """A measure as the visitor reads it, and as it is in the address."""
    return _(MEASURES[measure][0])


def beside(model: Model) -> Model | None:
    """The model to compare with, or None."""
    return other_model(model, _("Beside it"), "beside", text("atlas", "help beside"))


def other_model(model: Model, label: str, key: str, explained: str) -> Model | None:
    """Another model than the one in the sidebar: offered, of the hub, or None."""
    known = [NOTHING, *OWN, *offered()]
    asked = st.session_state.get(key) or st.query_params.get(key)
    typed = [asked] if asked and asked not in (*known, *map(said, (NOTHING, *OWN))) else []
    given = st.selectbox(
        label,
        [*known, *typed],
        key=key,
        format_func=lambda name: said(name) if name in (NOTHING, *OWN) else name,
        accept_new_options=True,
        help=explained,
        bind="query-params",
    )
    if not given or given == NOTHING:
        return None
    if len(given) > LONGEST_ID:
        raise InputError(
            "A model's id has at most {most} characters.",
            most=LONGEST_ID,
        )
    path = offered().get(given)
    other = cached.model(str(path) if path else given if given in known else f"hf://{given}")
    return None if other.source == model.source else other  # beside itself there is nothing to see


def _map(
    rows: Sequence[Row],
    measure: str,
    limits: tuple[float, float] | None,
    chosen: tuple[int, str] | None,
    count: int = 0,
) -> Settings:
    return figures.layer_map(
        [row.layer or 0 for row in rows],
        [row.projection or "" for row in rows],
        np.array([value(row, measure) for row in rows]),
        [hover(row, measure) for row in rows],
        label(measure),
        limits,
        chosen,
        count=count,
    )


def limits_of(surveys: Sequence[Survey], measure: str) -> tuple[float, float]:
    """One colour scale for all maps of a measure."""
    known = [end for survey in surveys for end in _ends(survey, measure)] or [0.0, 1.0]
    return min(known), max(known)


def _ends(survey: Survey, measure: str) -> list[float]:
    """The least and the greatest value of a measure; nothing if there is none."""

    def ends() -> list[float]:
        values = [value(row, measure) for row in rows_of(survey)]
        known = [v for v in values if np.isfinite(v)]
        return [min(known), max(known)] if known else []

    return once(survey, "limits", measure, make=ends)


def rows_of(survey: Survey) -> list[Row]:
    """See `placed`."""
    return once(survey, "placed", make=lambda: placed(survey))


def layer_map(
    survey: Survey,
    measure: str,
    limits: tuple[float, float],
    chosen: tuple[int, str] | None,
    key: str,
) -> None:
    """The map of a survey; a click on a cell makes that matrix the chosen one."""
    rows = rows_of(survey)

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        if points:
            kinds = figures.kinds([row.projection for row in rows])
            state = st.session_state
            state["layer"] = int(points[0]["x"])
            state["proj"] = kinds[figures.short_names(kinds).index(points[0]["y"])]

    chart(
        once(
            survey, "map", measure, limits, chosen, make=lambda: _map(rows, measure, limits, chosen)
        ),
        key=key,
        on_select=clicked,
        selection_mode="points",
        alt=_(
            "{measure} of {count} matrices of {title}, projections by layers, from {low} to {high}."
        ).format(
            measure=label(measure),
            count=len(rows),
            title=survey.title,
            low=three(limits[0]),
            high=three(limits[1]),
        ),
    )


def difference(first: Survey, second: Survey, measure: str) -> None:
    """The measure of the second model less that of the first, for the matrices both have."""
    theirs = {(row.layer, row.projection): row for row in placed(second)}
    pairs = [(a, theirs.get((a.layer, a.projection))) for a in placed(first)]
    both = [(a, b) for a, b in pairs if b is not None]
    if not both:
        st.info(_("The two models have no matrix of the same layer and projection."))
        return
    delta = np.array([value(b, measure) - value(a, measure) for a, b in both])
    most = float(np.nanmax(np.abs(delta))) or 1.0
    titles = {"second": as_text(second.title), "first": as_text(first.title)}
    st.markdown(_("**{second} less {first}**").format(**titles))
    cell = _("{cell}<br>beside: {value:.6g}")
    chart(
        figures.layer_map(
            [a.layer or 0 for a, _ in both],
            [a.projection or "" for a, _ in both],
            delta,
            [cell.format(cell=hover(a, measure), value=value(b, measure)) for a, b in both],
            _("difference"),
            (-most, most),
            diverging=True,
        ),
        key="difference",
        alt=_("Differences of {measure} between the two models, at most {most}.").format(
            measure=label(measure), most=three(most)
        ),
    )


def between(first: Survey, model: Model, other: Model, measure: str) -> None:
    """Whether what lies between two models is of low rank: a survey of their difference."""
    try:
        difference = Difference(model, other)
    except InputError as error:  # two models of other shapes have nothing between them
        st.info(as_text(str(error)))
        return
    survey = found(cached.model(difference.source))
    if survey is None:
        return
    compared = once(survey, "compared", make=lambda: _compared(survey, first))
    st.markdown(as_text(answer(compared)))
    if compared.moved:
        layer_map(survey, measure, limits_of([survey], measure), None, key="map between")
    rows = records(compared)
    csv_and_json(rows, {"title": survey.title, "matrices": rows}, "difference")


def _compared(survey: Survey, first: Survey) -> Compared:
    norms = {row.name: row.norm for row in first.rows}
    changes = {row.name: (row.norm or 0.0) / (norms[row.name] or 1.0) for row in survey.rows}
    return Compared(survey, changes)


def smaller(survey: Survey, model: Model) -> None:
    """Which matrices could be smaller: rank at a share of the energy beside break-even."""
    share = choice(_("Energy kept"), list(SHARES), "90 %", key="kept share")
    found, by_chance = once(survey, "savings", share, make=lambda: _savings(survey, share))
    if not found:
        return
    below = [each for each in found if each.saved]
    held = sum(each.row.rows * each.row.columns for each in found)
    saved = sum(each.saved for each in below)
    left, middle, right = st.columns(3)
    left.metric(
        _("Matrices below break-even"),
        _("{below:,} of {count:,}").format(below=len(below), count=len(found)),
    )
    middle.metric(_("Saved, if all those are cut"), f"{saved / held:.1%}")
    right.metric(
        _("Numbers saved"),
        f"{saved:,}",
        _("of {held:,}").format(held=held),
        delta_color="off",
        delta_arrow="off",
    )
    ratios = [each.ratio for each in found]
    chart(
        once(survey, "against break-even", share, make=lambda: _against_break_even(found, share)),
        key="against break-even",
        alt=_(
            "Rank at {share} of the energy over break-even, from {low:.2f} to {high:.2f}; "
            "{below} of {count} matrices lie below 1."
        ).format(
            share=share, low=min(ratios), high=max(ratios), below=len(below), count=len(found)
        ),
    )
    words = text("atlas", "smaller").format(random=by_chance, count=len(found))
    st.caption(f"{words} {as_text(once(survey, 'left out', make=lambda: left_out(survey, model)))}")
    every_matrix(found, share)


def _savings(survey: Survey, share: str) -> tuple[list[Saving], int]:
    """What each matrix would save, and how many random ones in their places would lie below."""
    found = [saving(row, share) for row in rows_of(survey) if not row.problem]
    return found, sum(each.k < each.break_even for each in as_random(found, share))


def _against_break_even(found: Sequence[Saving], share: str) -> Settings:
    cell = _(
        "{name}<br>rank {k:,} keeps {share}<br>break-even {even:,.1f}<br>{saved:,} numbers saved"
    )
    return figures.layer_map(
        [each.row.layer or 0 for each in found],
        [each.row.projection or "" for each in found],
        np.array([each.ratio for each in found]),
        [
            cell.format(
                name=escape(e.row.name), k=e.k, share=share, even=e.break_even, saved=e.saved
            )
            for e in found
        ],
        _("rank / break-even"),
        (0.0, 2.0),
        diverging=True,
    )


@st.fragment
def every_matrix(found: Sequence[Saving], share: str) -> None:
    """The savings as a table, which is made when it is opened."""
    with st.expander(_("Every matrix, to sort"), key="every matrix", on_change="rerun") as shown:
        if not shown.open:
            return
        even, ratio = _("break-even"), _("rank / break-even")
        columns = {
            _("matrix"): [as_cell(each.row.name) for each in found],
            "m": [each.row.rows for each in found],
            "n": [each.row.columns for each in found],
            _("rank at {share}").format(share=share): [each.k for each in found],
            even: [each.break_even for each in found],
            ratio: [each.ratio for each in found],
            _("numbers saved"): [each.saved for each in found],
        }
        digits = st.column_config.NumberColumn(format="%.3g")
        st.dataframe(
            columns,
            hide_index=True,
            height=360,
            column_config={even: digits, ratio: digits},
        )


def every_row(survey: Survey) -> list[dict[str, Any]]:
    """A row with all measures for each matrix of a survey."""
    return [asdict(row) for row in survey.rows]


def as_random(found: Sequence[Saving], share: str) -> list[Saving]:
    """What a random matrix in the place of each would save at the same share of its energy."""
    shapes = {(each.row.rows, each.row.columns) for each in found}
    known = {shape: ranks(cached.gaussian(shape)) for shape in shapes}
    rows = [replace(e.row, **known[e.row.rows, e.row.columns]) for e in found]
    return [saving(row, share) for row in rows]


def left_out(survey: Survey, model: Model) -> str:
    """Which numbers of a model the survey does not have, in a sentence; empty if it has all."""
    seen = {row.name for row in survey.rows}
    out = [t for t in model.tensors.values() if len(t.shape) == 2 and t.name not in seen]
    if not out:
        return ""
    sizes = sum(prod(t.shape) for t in out), sum(prod(t.shape) for t in model.tensors.values())
    names = joined((t.name.removesuffix(".weight") for t in out[:3]), _("{first}, {last}"))
    return _("Not surveyed: {names}, {left:,} of the model's {all:,} numbers.").format(
        names=names, left=sizes[0], all=sizes[1]
    )


def distributions(survey: Survey, measure: str) -> None:
    """Every matrix's value by projection, beside random matrices of the same shapes."""
    chart(
        once(survey, "distributions", measure, make=lambda: _distributions(survey, measure)),
        key="distributions",
        alt=_("{measure} by projection, every matrix a point, random matrices in grey.").format(
            measure=label(measure)
        ),
    )


def _distributions(survey: Survey, measure: str) -> Settings:
    rows = [row for row in rows_of(survey) if not row.problem]
    shapes = {row.projection or "": (row.rows, row.columns) for row in rows}
    random = {kind: random_value(cached.gaussian(s), measure) for kind, s in shapes.items()}
    return figures.distributions(
        [row.projection or "" for row in rows],
        np.array([value(row, measure) for row in rows]),
        [_("layer {layer}").format(layer=row.layer) for row in rows],
        label(measure),
        {kind: v for kind, v in random.items() if v is not None},
    )


def chosen_row(survey: Survey, name: str) -> Row | None:
    """The row of a tensor of that name, with its place on the map; None if it has none."""
    return next((row for row in rows_of(survey) if row.name == name), None)


def spectra(survey: Survey, projection: str) -> None:
    """The spectra of one projection in every layer, beside a random matrix."""
    rows = [r for r in rows_of(survey) if r.projection == projection and not r.problem]
    if not rows:
        return
    chart(
        once(
            survey,
            "spectra",
            projection,
            make=lambda: figures.all_spectra(
                [survey.spectra[row.name] for row in rows],
                [_("layer {layer}").format(layer=row.layer) for row in rows],
                cached.gaussian((rows[0].rows, rows[0].columns)),
            ),
        ),
        key="spectra",
        alt=_("Singular values of {projection} in {count} layers as shares of the norm.").format(
            projection=projection, count=len(rows)
        ),
    )
