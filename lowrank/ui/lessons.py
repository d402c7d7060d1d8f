"""Lessons of 45 minutes: steps that set a page up, a task above it, one key to go on.

The words and links are in text/<language>/lessons/<name>.md: a step's heading says its number, its
minutes and the address that sets the page up. `?lesson=rank.3` asks for a step, `?present=1` for a
projector: larger type and no sidebar.
"""

import re
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from lowrank.teaching.paper import FORMATS, Paper, Part
from lowrank.teaching.typesetting import NEEDED, available
from lowrank.ui.layout import sections
from lowrank.ui.matrix_entry import PRESETS

LESSONS = ("rank", "data", "lora")
ROOM = 34  # millimetres for each answer on a handout, which has two pages
LINK = "<style>a { color: light-dark(#0059A3, #7CC4FF); }</style>"
STEP = re.compile(r"(\d+) · (\d+) min · (\w+)\??(.*)")
PROJECTOR = "<style>html { font-size: clamp(18px, 1.4vw, 26px); }</style>"
# Neither a projector nor a frame in a course's page has room for more than the page itself.
BARE = """<style>
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"],
[data-testid="stExpandSidebarButton"], .stAppHeader { display: none; }
</style>"""
# On a projector a step is its task and its picture: the page's own head and choice of view wait.
STAGE = """<style>
.stMainBlockContainer.stMainBlockContainer { padding-top: 0.8rem !important; }
.st-key-head, .st-key-view, .st-key-task, .st-key-count, .st-key-show, .st-key-intro,
.st-key-q_chapter {
  display: none; }
.st-key-lesson { padding: 0.5rem 0.9rem; gap: 0.3rem; }
.st-key-lesson p { font-size: 1.1rem; }
.st-key-lesson [data-testid="stCaptionContainer"] p, .st-key-lesson button p { font-size: 0.8rem; }
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
    facts: str
    homework: str
    worksheet: str  # the address of the worksheet that goes with it

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
    rest = (parts[part] for part in ("facts", "homework", "worksheet"))
    return Lesson(name, parts["title"], parts["aims"], tuple(steps), *rest)


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
    lines += ["## To remember", found.facts, "## Homework", found.homework]
    return "\n\n".join([*lines, f"A worksheet for it: `{found.worksheet}`"]) + "\n"


def handout(name: str) -> Paper:
    """Two pages for each student: aims, what to remember, the questions with room, homework."""
    found = lesson(name)
    facts = tuple(line.removeprefix("- ") for line in found.facts.split("\n"))
    parts = [Part("Afterwards you can", (found.aims,)), Part("To remember", facts)]
    for step in found.steps:
        question = step.task.removeprefix("**Task.** ")
        given = step.link.get("m", "")
        matrix = (f"A = [{PRESETS.get(given, given)}], rows apart by semicolons.",) if given else ()
        parts.append(Part(f"Question {step.number}", (question, *matrix), room=ROOM))
    sheet = f"A worksheet for it: `{found.worksheet}`"
    parts.append(Part("Homework", (found.homework, sheet)))
    return Paper(found.title, f"handout-{name}", tuple(parts))


def prints(name: str) -> None:
    """What there is to print of a lesson, and the way to its worksheet."""
    paper = handout(name)
    files = {"Handout, HTML": "html", "Handout, PDF": "pdf"}
    with st.container(horizontal=True):
        st.download_button(
            "Plan to print", partial(printed, name), f"lesson-{name}.md", "text/markdown",
            key=f"plan {name}", icon=":material/print:", on_click="ignore",
        )  # fmt: skip
        for label, kind in files.items():
            if kind == "pdf" and not available():
                continue
            form = FORMATS[kind]
            st.download_button(
                label, partial(form.encoded, paper), paper.name + form.suffix, form.mime,
                key=f"{kind} {name}", icon=":material/description:", on_click="ignore",
            )  # fmt: skip
    if not available():
        st.caption(NEEDED)
    target = escape(_encoded(lesson(name).worksheet))
    st.html(f'<a href="{target}" target="_self">Worksheet for homework</a>{LINK}')


def _encoded(link: str) -> str:
    """An address as a browser wants it."""
    page, _, query = link.partition("?")
    return f"{page}?{urlencode(dict(parse_qsl(query)))}"


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
            prints(name)


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


def address(name: str, step: Step, presenting: bool = False, embedded: bool = False) -> str:
    """The link, relative to any page, that sets a step up."""
    asked = {"lesson": f"{name}.{step.number}"} | ({"present": "1"} if presenting else {})
    asked |= {"embed": "true"} if embedded else {}
    return f"{step.page}?{urlencode(asked | step.link)}"


def banner() -> None:
    """Above the page, the task of the step that the address asks for and the way on; app.py's part.

    The ways are links that load the page anew: whatever was tried there, a step begins as it says.
    """
    presenting = st.query_params.get("present") == "1"
    embedded = bool(st.context.is_embedded)  # then the next step stays within the frame, too
    if presenting or embedded:
        st.html(BARE + PROJECTOR * presenting)
    found = asked()
    if found is None:
        return
    lesson, step = found
    if presenting:
        st.html(STAGE)
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
                f'<a href="{escape(address(lesson.name, there, present, embedded))}"'
                f' data-key="{key}" target="_self">{words}</a>'
                for key, words, number, present in ways
                for there in lesson.steps
                if there.number == number
            ]
            nav = f'<nav class="lr-lesson" aria-label="Lesson">{"".join(links)}</nav>'
            st.html(nav + WAYS, width="content", unsafe_allow_javascript=True)
            with st.popover("For the teacher", icon=":material/school:"):
                st.markdown(step.answers)
                prints(lesson.name)
