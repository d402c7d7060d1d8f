"""Showing long work while it goes on: place in the queue, progress, time left, a way to stop it."""

from collections.abc import Callable

import streamlit as st

from lowrank.ui import cached
from lowrank.ui.jobs import Job


def watched(job: Job, draw: Callable[[Job], None], every: float = 0.5) -> None:
    """Draw the job now and every so many seconds until it is over; then the whole page once.

    `draw` may hold widgets; it is called with the job as it stands.
    """
    ended_before = job.over

    @st.fragment(run_every=None if ended_before else every)
    def live() -> None:
        job.looked_at()
        draw(job)
        if job.over and not ended_before:
            st.rerun()

    live()


def progress(job: Job, share: float, words: str) -> None:
    """How far the work is, 0 to 1, what it is doing, the time left; a button that stops it."""
    if job.over:
        return
    before = max(pool.position(job) for pool in (cached.jobs(), cached.answers()))
    if job.state == "waiting":
        words = f"Waiting for its turn: {before} before it." if before else "About to begin."
    else:
        words += time_left(job.left(share))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(max(share, 0.0), 1.0), words)
        st.button("Stop", key=f"stop-{job.key}", icon=":material/stop:", on_click=job.cancel)


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
        st.info("Stopped. What was done until then is shown.", icon=":material/stop_circle:")
