"""A prompt asked of the whole model and of the cut one on the Surgery page."""

from dataclasses import dataclass

import streamlit as st

from lowrank.language import gettext as _
from lowrank.ui import cached
from lowrank.ui.answering import Said, side_by_side
from lowrank.ui.jobs import Job
from lowrank.ui.layout import errors_shown
from lowrank.ui.outside import as_text
from lowrank.ui.progress import latest, outcome, progress, watched
from lowrank.ui.surgery import cutting
from lowrank.ui.surgery.choice import Choice

PROMPT = 300  # tokens of a prompt


@dataclass(frozen=True)
class Asked:
    """A prompt as it was asked of both models."""

    choice: Choice
    prompt: str
    length: int


@st.fragment
@errors_shown()
def two_answers(source: str, choice: Choice, ready: bool) -> None:
    """A prompt, and both models' answers side by side, token by token, once factors are ready."""
    given = st.text_area(
        _("Prompt"),
        "What is the capital of France?",
        key="prompt",
        height=80,
        max_chars=1500,
        bind="query-params",
    )
    first, second, third = st.columns(3, vertical_alignment="bottom")
    length = int(first.slider(_("At most, tokens"), 8, 200, 48, key="length", bind="query-params"))
    warmth = second.slider(_("Temperature"), 0.0, 1.5, 0.0, 0.1, key="warmth", bind="query-params")
    now = Asked(choice, (given or "").strip(), length)
    state, below = st.session_state, st.container()
    if third.button(
        _("Ask both"),
        key="ask both",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not ready,
    ):
        state.pop("asked", None)
        if not now.prompt:
            below.info(_("Write a prompt first."), icon=":material/info:")
        else:
            ids = cached.chat_ids(source, now.prompt)[:PROMPT]
            cutting.ask_both(source, choice, tuple(ids), length, float(warmth))
            state["asked"] = now
    asked: Asked | None = state.get("asked")
    job = latest("answer") if asked else None
    with st.container():
        if asked and job:
            watched(job, lambda job: _draw_answers(job, source, asked, now))
        else:
            side_by_side(_titles(choice), cached.words(source), None)


def _titles(choice: Choice) -> dict[str, str]:
    after = _("After: {cut}").format(cut=choice.words())
    return {"before": _("Before: the whole model"), "after": after}


def _draw_answers(job: Job, source: str, asked: Asked, now: Asked) -> None:
    side_by_side(_titles(asked.choice), cached.words(source), job)
    count = len(job.all(Said))
    words = _("Answering: {count} tokens").format(count=count)
    progress(job, count / (2 * asked.length), words)
    outcome(job)
    if job.over and (asked.choice, asked.prompt) != (now.choice, now.prompt):
        st.caption(
            _("These answered “{prompt}”, cut as said above them. Ask again for more.").format(
                prompt=as_text(asked.prompt[:80])
            )
        )
