"""Lessons of 45 minutes: steps that set a page up, a task above it, one key to go on.

The words and links are in text/<language>/lessons/<name>.md: a step's heading says its number, its
minutes and the address that sets the page up. `?lesson=rank.3` asks for a step, `?present=1` for a
projector: larger type and no sidebar.
"""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from lowrank.ui.layout import sections

LESSONS = ("rank", "data", "lora")
STEP = re.compile(r"(\d+) · (\d+) min · (\w+)\??(.*)")
PROJECTOR = """<style>
html { font-size: 21px; }
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"],
[data-testid="stExpandSidebarButton"], .stAppHeader { display: none; }
</style>"""


# A presenter's clicker presses PageDown and PageUp. Pages are left as by any other link.
WAYS = """<style>
.lr-lesson { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; }
.lr-lesson a { color: light-dark(#0059A3, #7CC4FF); }
</style><script>
window.lowrankLesson ??= document.addEventListener("keydown", (event) => {
  const way = document.querySelector(`.lr-lesson a[data-key="${event.key}"]`);
  if (way && !event.target.closest("input, textarea, [contenteditable]")) {
    event.preventDefault();
    way.click();
  }
}) ?? true;
</script>"""


@dataclass(frozen=True)
class Step:
    """One step of a lesson: a page with its parameters, and the words in paragraphs."""

    number: int
    minutes: int
    page: str
    link: dict[str, str]
    task: str
    answers: str


@dataclass(frozen=True)
class Lesson:
    """A lesson by its name in the address."""

    name: str
    title: str
    aims: str
    steps: tuple[Step, ...]
    homework: str

    @property
    def minutes(self) -> int:
        return sum(step.minutes for step in self.steps)


def lesson(name: str) -> Lesson:
    """A lesson of LESSONS, read from its Markdown."""
    parts = sections(f"lessons/{name}")
    steps = []
    for heading, body in parts.items():
        if found := STEP.fullmatch(heading):
            task, _, answers = body.partition("\n\n")
            link = dict(parse_qsl(found[4], strict_parsing=bool(found[4])))
            steps.append(Step(int(found[1]), int(found[2]), found[3], link, task, answers))
    return Lesson(name, parts["title"], parts["aims"], tuple(steps), parts["homework"])


def printed(name: str) -> str:
    """The lesson plan to print: aims, minute by minute with answers, homework; Markdown."""
    found, began = lesson(name), 0
    lines = [f"# {found.title}", f"A lesson of {found.minutes} minutes.", found.aims]
    for step in found.steps:
        lines += [
            f"## {step.number}. Minutes {began} to {began + step.minutes}",
            f"Page: `{address(name, step)}`",
            step.task,
            step.answers,
        ]
        began += step.minutes
    return "\n\n".join([*lines, "## Homework", found.homework]) + "\n"


def doors(folder: Path) -> None:
    """A way into each lesson, for the page that lists them."""
    for place, name in zip(st.columns(len(LESSONS), border=True), LESSONS, strict=True):
        found = lesson(name)
        first = found.steps[0]
        with place:
            st.markdown(f"**{found.title}** {found.minutes} minutes. {found.aims}")
            st.page_link(
                folder / f"{first.page}.py",
                label="Begin",
                icon=":material/arrow_forward:",
                query_params=first.link | {"lesson": f"{name}.1"},
            )
            st.download_button(
                "Plan to print", printed(name), f"lesson-{name}.md", "text/markdown",
                key=f"plan {name}", icon=":material/print:",
            )  # fmt: skip


def asked() -> tuple[Lesson, Step] | None:
    """The lesson and step that the address asks for; None, and a sentence, if there is none."""
    wanted = st.query_params.get("lesson")
    if not wanted:
        return None
    name, _, number = wanted.partition(".")
    if name in LESSONS:
        found = lesson(name)
        for step in found.steps:
            if str(step.number) == (number or "1"):
                return found, step
    known = ", ".join(f"{name}.1 to {name}.{len(lesson(name).steps)}" for name in LESSONS)
    st.info(f"The link asks for lesson {wanted[:40]!r}; there are {known}.", icon=":material/info:")
    return None


def address(name: str, step: Step, presenting: bool = False) -> str:
    """The link, relative to any page, that sets a step up."""
    asked = {"lesson": f"{name}.{step.number}"} | ({"present": "1"} if presenting else {})
    return f"{step.page}?{urlencode(asked | step.link)}"


def banner() -> None:
    """Above the page, the task of the step that the address asks for and the way on; app.py's part.

    The ways are links that load the page anew: whatever was tried there, a step begins as it says.
    """
    presenting = st.query_params.get("present") == "1"
    if presenting:
        st.html(PROJECTOR)
    found = asked()
    if found is None:
        return
    lesson, step = found
    with st.container(border=True, key="lesson"):
        place = f"step {step.number} of {len(lesson.steps)}"
        st.caption(f"{lesson.title} · {place} · {step.minutes} min")
        st.markdown(step.task)
        with st.container(horizontal=True, vertical_alignment="center"):
            ways = [
                ("PageUp", "← Back", step.number - 1, presenting),
                ("PageDown", "Next step →", step.number + 1, presenting),
                ("", "Set up again", step.number, presenting),
                ("", "Leave the projector" if presenting else "Projector", step.number,
                 not presenting),
            ]  # fmt: skip
            links = [
                f'<a href="{escape(address(lesson.name, there, present))}" data-key="{key}"'
                f' target="_self">{words}</a>'
                for key, words, number, present in ways
                for there in lesson.steps
                if there.number == number
            ]
            nav = f'<nav class="lr-lesson" aria-label="Lesson">{"".join(links)}</nav>'
            st.html(nav + WAYS, width="content", unsafe_allow_javascript=True)
            with st.popover("For the teacher", icon=":material/school:"):
                st.markdown(step.answers)
