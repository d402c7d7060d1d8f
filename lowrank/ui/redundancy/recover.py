"""Recover what is missing: hide entries, bring them back, and compare with what they were."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from lowrank.errors import InputError, LowrankError
from lowrank.figures.completion import error_history
from lowrank.figures.numbers import three
from lowrank.figures.pictures import DRAWN, shown
from lowrank.language import current, gettext_noop, joined
from lowrank.language import gettext as _
from lowrank.readers.identity import digest
from lowrank.spectra.completion import Run, als, default_path, largest_penalty, soft_impute
from lowrank.spectra.recovery import (
    RECOVERED,
    Completion,
    Iteration,
    degrees_of_freedom,
    mean_fill,
    relative_error,
)
from lowrank.ui import cached, jobs, taking
from lowrank.ui.bound import choice, takes
from lowrank.ui.drawing import chart, table
from lowrank.ui.jobs import Job, Work
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text
from lowrank.ui.progress import begin
from lowrank.ui.redundancy import WEIGHTS
from lowrank.ui.redundancy.data import Data, hide, picture, ratings, weights
from lowrank.ui.sidebar import chosen_matrix

# The words on the buttons are the words in the link.
RATINGS = gettext_noop("ratings")
SOFT, ALTERNATING = "soft-impute", "ALS"
EVERY = 0.3  # seconds between two drawings
TOL = 1e-5
MOST_ALS, MOST_SOFT = 300, 600  # iterations
MOST_RANK = 20
SHOWN = 8  # hidden ratings listed
Mask = NDArray[np.bool_]
Key = tuple[object, ...]


@dataclass
class Course:
    """A run so far: its errors by iteration, its last record, and in the end its result."""

    observed: list[float] = field(default_factory=list)
    hidden: list[float] = field(default_factory=list)
    last: Iteration | None = None
    result: Completion | None = None
    drawn: Mapping[str, str | None] = field(default_factory=dict)  # pictures of the result


@dataclass
class View:
    """The places of the numbers and of a run that goes on, which is shown if it takes a moment."""

    head: DeltaGenerator
    place: DeltaGenerator
    going: tuple[DeltaGenerator, DeltaGenerator] | None = None  # a bar, and what fills up

    def filling_up(
        self, record: Iteration, share: float, left: float, key: Key, seen: Mask
    ) -> DeltaGenerator:
        """Say how far it is, beside a button that stops it; the place for the matrix so far."""
        if self.going is None:
            self.head = self.head.empty()
            numbers(self.head, seen, None, None)
            with self.place.container():
                bar = st.empty()
                label, icon = _("Stop"), ":material/stop:"
                st.button(label, key="stop", on_click=stop, args=(key,), icon=icon)
                self.going = bar, st.empty()
        bar, filling = self.going
        told = _("Iteration {k}, about {left:.0f} s left")
        bar.progress(share, text=told.format(k=record.iteration, left=left))
        return filling.container()

    def clear(self) -> None:
        """The run is over."""
        self.place.empty()


def recover() -> None:
    """The controls, the matrix four ways, the numbers and the errors by iteration.

    No fragment: a press in one waits for the run to end, and Stop would come too late.
    """
    data = chosen_data()
    first, second, third = st.columns([5, 5, 3], gap="medium", vertical_alignment="bottom")
    more = third.popover(_("More"), icon=":material/tune:", width="stretch")
    share, draw, whole_row = chosen_holes(first, more)
    method, rank, last = chosen_method(second, more)
    seen = hide(data.X, share, draw, whole_row)
    setting = (last, 0 if method == SOFT else rank)
    key = (
        "completion",
        current(),  # the pictures say in words what they show
        data.words,
        digest(data.X.tobytes()),
        share,
        draw,
        whole_row,
        method,
        *setting,
    )
    view = View(st.container(), st.empty())
    course = cached.results().get(key)
    if not isinstance(course, Course):
        try:
            work = partial(recovering, data, seen, method, rank, last)
            course = in_view(work, key, data, seen, method, view)
        except LowrankError as refused:
            pictures(drawn_pictures(data, seen, None), data, seen)
            told = _("**Refused.** {why}").format(why=as_text(refused))
            if data.rows and whole_row:
                whose = _("Row {row} is {person}.")
                row = len(seen) // 2
                whose = whose.format(row=row, person=data.rows[row])
                told = joined((told, whose), _("{first} {last}"))
            st.warning(told, icon=":material/block:")
            st.markdown(text("redundancy", "refused"))
            return
    show(view.head, data, seen, course, method)


def chosen_data() -> Data:
    """The matrix to hide entries of, chosen above all else."""
    name = choice(
        _("Data"),
        [*DRAWN, RATINGS, WEIGHTS],
        next(iter(DRAWN)),
        "data",
        help=text("redundancy", "help data"),
    )
    if name == RATINGS:
        return ratings()
    if name == WEIGHTS:
        return weights(*chosen_matrix())
    return picture(name)


def chosen_holes(place: DeltaGenerator, more: DeltaGenerator) -> tuple[float, int, bool]:
    """How much is hidden; in `more`, which random draw of it, and whether a whole row goes too."""
    takes("hidden", 5, 95)
    percent = place.slider(_("Hidden, %"), 5, 95, 50, 5, key="hidden", bind="query-params")
    whole = more.toggle(_("Hide a whole row"), key="whole", bind="query-params")
    draw = more.number_input(_("Draw"), 1, 99, 1, key="draw", bind="query-params")
    return percent / 100, int(draw), whole


def chosen_method(place: DeltaGenerator, more: DeltaGenerator) -> tuple[str, int, float]:
    """The rank; in `more`, the method and its last penalty as a share of the largest."""
    with more:
        method = choice(
            _("Method"),
            [ALTERNATING, SOFT],
            ALTERNATING,
            "method",
            help=text("redundancy", "help method"),
        )
    takes("rank", 1, MOST_RANK)
    rank = int(
        place.slider(
            _("Rank of C R"),
            1,
            MOST_RANK,
            6,
            key="rank",
            disabled=method == SOFT,
            help=text("redundancy", "help rank"),
            bind="query-params",
        )
    )
    power = more.slider(
        _("Penalty λ, as a power of ten of the largest"),
        -5.0,
        -0.5,
        -3.5,
        0.25,
        key="lambda",
        format="%g",
        help=text("redundancy", "help penalty"),
        bind="query-params",
    )
    return method, rank, 10.0**power


def started(X: NDArray[np.floating], seen: Mask, method: str, rank: int, last: float) -> Run:
    """The run that was asked for, down to `last` of the largest penalty.

    A generator of its own, so that nothing is computed, and nothing refused, before it is asked.
    """
    largest = largest_penalty(X, seen)
    if method == ALTERNATING:
        penalty = last * largest
        return (
            yield from als(
                X, seen, rank, held_out=~seen, penalty=penalty, tol=TOL, max_iterations=MOST_ALS
            )
        )
    path = default_path(largest, last).tolist()
    return (
        yield from soft_impute(
            X, seen, held_out=~seen, penalties=path, tol=TOL, max_iterations=MOST_SOFT
        )
    )


def recovering(data: Data, seen: Mask, method: str, rank: int, last: float) -> Iterator[Course]:
    """How far the run is, every moment, and in the end what came of it, with its pictures."""
    run, course, told = started(data.X, seen, method, rank, last), Course(), time.monotonic()
    while True:
        try:
            record = next(run)
        except StopIteration as end:
            course.result = end.value
            course.drawn = drawn_pictures(data, seen, end.value.matrix)
            yield course
            return
        course.observed.append(record.observed_error)
        course.hidden.append(record.held_out_error or 0.0)
        course.last = record
        if time.monotonic() - told > EVERY:
            yield deepcopy(course)
            told = time.monotonic()


def in_view(work: Work, key: Key, data: Data, seen: Mask, method: str, view: View) -> Course:
    """Work to the end; if that takes longer, with progress, the matrix filling up, and Stop.

    Raises InputError for what cannot be recovered.
    """
    state = st.session_state
    before, known = state.get("partial", (None, Course()))
    if before == key and state.get("stopped") == key:
        return known
    course, job = Course(), begin("completion", work, lane="short")
    state["partial"] = (key, course)
    try:
        while not job.wait(EVERY):
            if job.last is None:
                view.place.caption(_("Computing…"))  # where a visitor who leaves breaks it off
            elif job.last is not course:
                course = job.last
                state["partial"] = (key, course)
                _fill(course, job, key, data, seen, method, view)
    finally:
        job.cancel()
        jobs.POOL.forget(job)
    view.clear()
    if job.state == "failed":
        raise InputError(str(job.problem))
    course = job.last or course
    if course.result is not None:
        state.pop("partial", None)
        cached.results().put(key, course)
    return course


def _fill(
    course: Course, job: Job, key: Key, data: Data, seen: Mask, method: str, view: View
) -> None:
    """Draw how far a run is."""
    if course.last and course.result is None:
        done = progress(course.last, method)
        left = job.elapsed * (1 - done) / max(done, 0.02)
        with view.filling_up(course.last, done, left, key, seen):
            pictures(drawn_pictures(data, seen, course.last.matrix()), data, seen)


def progress(record: Iteration, method: str) -> float:
    """About how much of the work is done, 0 to 1: the change falls by much the same factor."""
    near = math.log(max(record.change, 1e-12)) / math.log(TOL)
    most = MOST_ALS if method == ALTERNATING else MOST_SOFT
    return min(max(record.iteration / most, near, 0.0), 1.0)


def stop(key: Key) -> None:
    """The visitor has seen enough: keep what there is."""
    st.session_state["stopped"] = key


def go_on() -> None:
    """Run it again, to its end."""
    st.session_state.pop("stopped", None)


def show(head: DeltaGenerator, data: Data, seen: Mask, course: Course, method: str) -> None:
    """What came of it: the numbers, the four pictures, the errors by iteration, the verdict."""
    record = course.last
    if record is None:
        st.info(_("Stopped before the first iteration."), icon=":material/stop:")
        st.button(_("Run it"), key="again", on_click=go_on)
        return
    Z = record.matrix()
    baseline = mean_fill(data.X, seen)
    baseline_error = relative_error(baseline[~seen], data.X[~seen])
    numbers(head, seen, record, baseline_error)
    if course.result is None:
        pictures(drawn_pictures(data, seen, Z), data, seen)
        stopped = _("Stopped after {count} iterations.")
        st.info(stopped.format(count=record.iteration), icon=":material/stop:")
        st.button(_("Run it to the end"), key="again", on_click=go_on)
    if course.result is not None:
        pictures(course.drawn, data, seen)
        verdict(course.result, method)
    chart(
        error_history(course.observed, course.hidden, baseline_error),
        "errors",
        _(
            "Relative error by iteration: hidden entries end at {hidden}, "
            "observed ones at {observed}, the mean fill is at {mean}"
        ).format(
            hidden=three(course.hidden[-1]),
            observed=three(course.observed[-1]),
            mean=three(baseline_error),
        ),
    )
    if data.rows:
        listed(data, seen, Z, baseline)
    if data.diverging:
        error = record.held_out_error or 0.0
        words = text("redundancy", "weights" if error > RECOVERED else "weights recovered")
        st.markdown(words.format(error=f"{error:.0%}", rank=record.rank))
    errors = list(zip(course.observed, course.hidden, strict=True))
    taking.take_home(
        taking.table(
            _("Errors"),
            "errors",
            lambda: [
                {"iteration": k, "observed": observed, "hidden": hidden}
                for k, (observed, hidden) in enumerate(errors, 1)
            ],
        ),
        taking.matrix(_("Original"), "original", data.X),
        taking.matrix(_("Recovered"), "recovered", Z),
    )


def verdict(result: Completion, method: str) -> None:
    """The result's own sentence, in the colour it deserves."""
    words = result.verdict()
    if not result.converged:
        still = _("{method} was still changing when it was stopped after {count}.")
        still = still.format(method=method, count=result.iterations)
        words = joined((words, still), _("{first} {last}"))
    if not result.determined or result.beats_mean_fill is False:
        st.error(words, icon=":material/thumb_down:")
    elif result.held_out_error is not None and result.held_out_error <= RECOVERED:
        st.success(words, icon=":material/check:")
    else:
        st.warning(words, icon=":material/warning:")


def numbers(
    head: DeltaGenerator, seen: Mask, record: Iteration | None, baseline_error: float | None
) -> None:
    """The numbers that change, above the pictures; dots while there are none."""
    m, n = seen.shape
    error = rank = free = mean = "…"
    if record is not None and baseline_error is not None:
        error, mean = three(record.held_out_error or 0.0), three(baseline_error)
        rank = f"{record.rank:,}"
        free = f"{degrees_of_freedom(m, n, record.rank) if record.rank else 0:,}"
    freedom = text("redundancy", "help freedom").format(m=m, n=n)
    found = {
        _("Error on hidden entries"): (error, text("redundancy", "help error")),
        _("Mean fill"): (mean, text("redundancy", "help mean")),
        _("Rank of the result"): (rank, None),
        _("Degrees of freedom"): (free, freedom),
        _("Entries observed"): (f"{np.count_nonzero(seen):,}", None),
    }
    places = head.columns(len(found), vertical_alignment="bottom")
    for place, (name, (value, meaning)) in zip(places, found.items(), strict=True):
        place.metric(name, value, help=meaning)


def drawn_pictures(data: Data, seen: Mask, Z: NDArray[np.floating] | None) -> dict[str, str | None]:
    """The matrix whole, with holes, recovered, and what is wrong with that; None if not known."""
    limits, span = data.limits, (data.limits[1] - data.limits[0]) / 2

    def drawn(name: str, values: NDArray[np.floating], hidden: Mask | None = None) -> str:
        return shown(values, limits, alt.format(name=name, picture=data.words), hidden, diverging)

    alt, diverging = _("{name}: {picture}"), data.diverging
    original, holes = _("Original"), _("With holes")
    recovered, difference = _("Recovered"), _("Difference")
    off = alt.format(name=difference, picture=data.words)
    return {
        original: drawn(original, data.X),
        holes: drawn(holes, data.X, ~seen),
        recovered: None if Z is None else drawn(recovered, Z),
        difference: None if Z is None else shown(Z - data.X, (-span, span), off, diverging=True),
    }


def pictures(drawn: Mapping[str, str | None], data: Data, seen: Mask) -> None:
    """Pictures side by side, and what they are of."""
    for place, (name, html) in zip(st.columns(len(drawn)), drawn.items(), strict=True):
        place.markdown(f"**{name}**")
        if html is None:
            place.caption("—")
        else:
            place.html(html)
    told = _("{words}. {hidden:,} of {count:,} entries are hidden.")
    hidden = np.count_nonzero(~seen)
    st.caption(told.format(words=as_text(data.words), hidden=hidden, count=seen.size))


def listed(data: Data, seen: Mask, Z: NDArray[np.floating], baseline: NDArray[np.floating]) -> None:
    """A few hidden ratings: what they were, what came back, what the film's mean says."""
    hidden = np.argwhere(~seen)
    chosen = hidden[np.linspace(0, len(hidden) - 1, min(SHOWN, len(hidden))).astype(int)]
    head = [_("person"), _("film"), _("hidden"), _("recovered"), _("film's mean")]
    rows = [
        [data.rows[i], data.columns[j], *(f"{M[i, j]:.1f}" for M in (data.X, Z, baseline))]
        for i, j in chosen
    ]
    off = {name: rms(values[~seen] - data.X[~seen]) for name, values in (("r", Z), ("m", baseline))}
    st.markdown(table(head, rows, left=2))
    st.caption(
        _(
            "Root mean square over all {count:,} hidden ratings: recovered {recovered:.2f} "
            "stars off, the film's mean {mean:.2f}. Rounding to half stars alone is 0.14."
        ).format(count=len(hidden), recovered=off["r"], mean=off["m"])
    )


def rms(values: NDArray[np.floating] | Sequence[float]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
