"""A visitor's long work: begun, found again, shown while it goes on, stopped, and how it ended."""

import secrets
import uuid
from collections.abc import Callable

import streamlit as st

from lowrank.language import Sentence
from lowrank.language import gettext as _
from lowrank.ui import jobs
from lowrank.ui.jobs import Doing, Job, Lane, Work
from lowrank.ui.outside import as_text, as_told


def visitor() -> str:
    """A name for this session, so that its newer work replaces its older."""
    return str(st.session_state.setdefault("visitor", uuid.uuid4().hex))


def mine(job: Job) -> bool:
    """Whether this visitor began it, or came with the link of who did: may stop it, and take what
    comes of it."""
    return job.visitor == visitor() or job.secret in st.session_state.get("given work", ())


def link_of(job: Job, name: str) -> str:
    """What the address says of a run: its name, and to whom it belongs also its secret."""
    return f"{name}-{job.secret}" if mine(job) else name


def _address() -> str:
    """Where the visitor asks from, for a fair share of the queue; empty if that is not known."""
    return st.context.ip_address or ""


def _page() -> str:
    """The page that the visitor is on: what it asks for together waits together."""
    return str((st.session_state.get("visited") or [""])[-1])


def begin(what: str, work: Work, patience: float | None = None, lane: Lane = "long") -> Job:
    """Begin work in place of what this visitor began before under that word; see `latest`.

    Raises InputError if the server is busy.
    """
    name = st.session_state[f"{what} run"] = uuid.uuid4().hex[:12]
    owner = f"{what} {visitor()}"
    return jobs.POOL.start(
        f"{what} {name}", work, owner, patience, lane,
        visitor=visitor(), page=_page(), address=_address(),
    )  # fmt: skip


def latest(what: str, linked: str = "") -> Job | None:
    """What this visitor began last under that word, or a link names, if the server remembers it.

    A link is a name, and shows the run; or, as its owner's address is, a name, a dash and the
    secret, and makes the run the visitor's own too.
    """
    named, _, secret = linked.partition("-")
    name = st.session_state.get(f"{what} run") or named
    job = jobs.POOL.get(f"{what} {name}")
    if job:
        st.session_state[f"{what} run"] = name
        if name == named and secrets.compare_digest(secret, job.secret):
            given = st.session_state.get("given work", frozenset())
            st.session_state["given work"] = given | {secret}
    return job


def sought(
    key: str,
    work: Work,
    what: str,
    patience: float | None = None,
    lane: Lane = "long",
    ask: str = "",
) -> Job | None:
    """The job of that key, begun by whoever comes first; with `ask`, who presses that button.

    It takes the place of what this visitor sought before as the same `what`, unless another wants
    that too. One that was stopped by hand, or failed, begins again when asked to.

    Raises InputError if the server is busy.
    """
    job = jobs.POOL.get(key)
    if job is not None:
        ask = _("Go on") if job.stays else ""
    if ask and not st.button(ask, key=f"begin {key}", icon=":material/play_arrow:"):
        return job
    owner = f"{what} {visitor()}"
    return jobs.POOL.start(
        key, work, owner, patience, lane, again=bool(ask),
        visitor=visitor(), page=_page(), address=_address(),
    )  # fmt: skip


def soon(job: Job | None, seconds: float) -> Job | None:
    """The same job, after a moment in which it may end: then its result is drawn at once."""
    if job and not job.over:
        with st.spinner(_("Computing…")):
            job.wait(seconds)
    return job


def watched(job: Job | None, draw: Callable[[Job], None] | None = None, every: float = 0.5) -> None:
    """Draw the job now and every so many seconds until it is over; then the whole page once.

    `draw` may hold widgets; it is called with the job as it stands. Without one it is `shown`.
    What the job found is read after this: before, it may end in between, and nobody draws again.
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
    doing = job.newest(Doing) or Doing(0.0, Sentence("Beginning"))
    progress(job, doing.share, str(doing.words))
    outcome(job)


def progress(job: Job, share: float, words: str) -> None:
    """How far the work is, 0 to 1, what it is doing, the time left; to its owner also a button that
    stops it."""
    if job.over:
        return
    if job.state == "waiting":
        before = jobs.POOL.position(job)
        waiting = _("Waiting for its turn: {before} before it.").format(before=before)
        words = waiting if before else _("About to begin.")
    else:
        words = with_time_left(words, job.left(share))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(max(share, 0.0), 1.0), as_text(words))
        if mine(job):
            st.button(
                _("Stop"),
                key=f"stop-{job.key}",
                icon=":material/stop:",
                on_click=job.cancel,
                kwargs={"by_hand": True},
            )


def with_time_left(doing: str, seconds: float | None) -> str:
    """What is being done, and how much longer, if that is known.

    >>> with_time_left("Cutting", 4.2), with_time_left("Cutting", 140)
    ('Cutting · 5 s left', 'Cutting · 2 min left')
    """
    if seconds is None:
        return doing
    if seconds > 99:
        return _("{doing} · {minutes:.0f} min left").format(doing=doing, minutes=seconds / 60)
    return _("{doing} · {seconds} s left").format(doing=doing, seconds=int(seconds) + 1)


def outcome(job: Job) -> None:
    """Why the work has no result, where that is so."""
    if job.state == "failed":
        st.error(as_told(job.problem), icon=":material/error:")
    elif job.state == "cancelled":
        found = any(not isinstance(record, Doing) for record in job.records)
        shown = _("Stopped. What was done until then is shown.")
        said = shown if found else _("Stopped. There is no result yet.")
        st.info(said, icon=":material/stop_circle:")
