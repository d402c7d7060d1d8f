"""A visitor's long work: begun, found again, shown while it goes on, stopped, and how it ended."""

import uuid
from collections.abc import Callable

import streamlit as st

from lowrank.ui import jobs
from lowrank.ui.jobs import Doing, Job, Lane, Work


def visitor() -> str:
    """A name for this session, so that its newer work replaces its older."""
    return str(st.session_state.setdefault("visitor", uuid.uuid4().hex))


def begin(what: str, work: Work, patience: float | None = None, lane: Lane = "long") -> Job:
    """Begin work in place of what this visitor began before under that word; see `latest`.

    Raises InputError if the server is busy.
    """
    name = st.session_state[f"{what} run"] = uuid.uuid4().hex[:12]
    return jobs.POOL.start(f"{what} {name}", work, f"{what} {visitor()}", patience, lane)


def latest(what: str, linked: str = "") -> Job | None:
    """What this visitor began last under that word, or a link names, if the server remembers it."""
    name = st.session_state.get(f"{what} run") or linked
    job = jobs.POOL.get(f"{what} {name}")
    if job:
        st.session_state[f"{what} run"] = name
    return job


def sought(
    key: str,
    work: Work,
    what: str = "",
    patience: float | None = None,
    lane: Lane = "long",
    ask: str = "",
) -> Job | None:
    """The job of that key, begun by whoever comes first; with `ask`, who presses that button.

    It takes the place of what this visitor sought before as the same `what`; without a `what` it
    is everyone's. One that was stopped by hand, or failed, begins again when asked to.

    Raises InputError if the server is busy.
    """
    job = jobs.POOL.get(key)
    if job is not None:
        ask = "Go on" if job.stays else ""
    if ask and not st.button(ask, key=f"begin {key}", icon=":material/play_arrow:"):
        return job
    owner = what and f"{what} {visitor()}"
    return jobs.POOL.start(key, work, owner, patience, lane, again=bool(ask))


def watched(job: Job | None, draw: Callable[[Job], None] | None = None, every: float = 0.5) -> None:
    """Draw the job now and every so many seconds until it is over; then the whole page once.

    `draw` may hold widgets; it is called with the job as it stands. Without one it is `shown`.
    """
    if job is None:
        return
    ended_before = job.over

    @st.fragment(run_every=None if ended_before else every)
    def live() -> None:
        job.looked_at()
        (draw or shown)(job)
        if job.over and not ended_before:
            st.rerun()

    live()


def shown(job: Job) -> None:
    """How far a job is that yields `Doing`, or why it has no result."""
    doing = job.newest(Doing) or Doing(0.0, "Beginning")
    progress(job, doing.share, doing.words)
    outcome(job)


def progress(job: Job, share: float, words: str) -> None:
    """How far the work is, 0 to 1, what it is doing, the time left; a button that stops it."""
    if job.over:
        return
    if job.state == "waiting":
        before = jobs.POOL.position(job)
        words = f"Waiting for its turn: {before} before it." if before else "About to begin."
    else:
        words += time_left(job.left(share))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(max(share, 0.0), 1.0), words)
        st.button(
            "Stop",
            key=f"stop-{job.key}",
            icon=":material/stop:",
            on_click=job.cancel,
            kwargs={"by_hand": True},
        )


def time_left(seconds: float | None) -> str:
    """The end of a sentence about progress.

    >>> time_left(4.2), time_left(140), time_left(None)
    (' · 5 s left', ' · 2 min left', '')
    """
    if seconds is None:
        return ""
    return f" · {seconds / 60:.0f} min left" if seconds > 99 else f" · {int(seconds) + 1} s left"


def outcome(job: Job) -> None:
    """Why the work has no result, where that is so."""
    if job.state == "failed":
        st.error(job.problem.replace("](", "]\\("), icon=":material/error:")
    elif job.state == "cancelled":
        found = any(not isinstance(record, Doing) for record in job.records)
        there = "What was done until then is shown." if found else "There is no result yet."
        st.info(f"Stopped. {there}", icon=":material/stop_circle:")
