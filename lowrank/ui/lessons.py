"""Lessons of 45 minutes: steps that set a page up, a task above it, one key to go on.

The words and links are in text/<language>/lessons/<name>.md: a step's heading says its number, its
minutes and the address that sets the page up. `?lesson=rank.3` asks for a step, `?present=1` for a
projector: larger type and no sidebar.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from lowrank.language import current, joined, speaking
from lowrank.language import gettext as _
from lowrank.teaching.handouts import FORMATS, Paper, Part
from lowrank.teaching.typesetting import lacking
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
    parts = sections(f"lessons/{name}", current())
    steps = []
    for heading, body in parts.items():
        if found := STEP.fullmatch(heading):
            task, _gap, answers = body.partition("\n\n")
            link = dict(parse_qsl(found[4], strict_parsing=bool(found[4])))
            steps.append(Step(int(found[1]), int(found[2]), found[3], link, task, answers))
    rest = (parts[part] for part in ("facts", "homework", "worksheet"))
    return Lesson(name, parts["title"], parts["aims"], tuple(steps), *rest)


def printed(name: str) -> str:
    """The lesson plan to print: aims, minute by minute with answers, homework; Markdown."""
    found, began = lesson(name), 0
    lines = [f"# {found.title}", found.aims]
    lines.insert(1, _("A lesson of {minutes} minutes.").format(minutes=found.minutes))
    heading = _("{k}. Minutes {began} to {ended}")
    for step in found.steps:
        lines += [
            f"## {heading.format(k=step.number, began=began, ended=began + step.minutes)}",
            _("Page: `{address}`").format(address=address(name, step)),
            step.task,
            step.answers,
        ]
        began += step.minutes
    lines += ["## " + _("To remember"), found.facts, "## " + _("Homework"), found.homework]
    return "\n\n".join([*lines, _worksheet(found)]) + "\n"


def _worksheet(lesson: Lesson) -> str:
    return _("A worksheet for it: `{address}`").format(address=lesson.worksheet)


def handout(name: str) -> Paper:
    """Two pages for each student: aims, what to remember, the questions with room, homework."""
    found = lesson(name)
    facts = tuple(line.removeprefix("- ") for line in found.facts.split("\n"))
    parts = [Part(_("Afterwards you can"), (found.aims,)), Part(_("To remember"), facts)]
    for step in found.steps:
        question = re.sub(r"^\*\*[^*]*\*\* ?", "", step.task)  # that it is a task
        given = step.link.get("m", "")
        entries = _("A = [{entries}], rows apart by semicolons.")
        matrix = (entries.format(entries=PRESETS.get(given, given)),) if given else ()
        title = _("Question {number}").format(number=step.number)
        parts.append(Part(title, (question, *matrix), room=ROOM))
    parts.append(Part(_("Homework"), (found.homework, _worksheet(found))))
    return Paper(found.title, f"handout-{name}", tuple(parts))


def prints(name: str) -> None:
    """What there is to print of a lesson, and the way to its worksheet."""
    paper = handout(name)
    files = {_("Handout, HTML"): "html", _("Handout, PDF"): "pdf"}
    with st.container(horizontal=True):
        st.download_button(
            _("Plan to print"), partial(_spoken, current(), printed, name),
            f"lesson-{name}.md", "text/markdown",
            key=f"plan {name}", icon=":material/print:", on_click="ignore",
        )  # fmt: skip
        for label, kind in files.items():
            if kind == "pdf" and lacking():
                continue
            form = FORMATS[kind]
            st.download_button(
                label, partial(_spoken, current(), form.encoded, paper),
                paper.name + form.suffix, form.mime,
                key=f"{kind} {name}", icon=":material/description:", on_click="ignore",
            )  # fmt: skip
    if lack := lacking():
        st.caption(str(lack))
    words = escape(_("Worksheet for homework"))
    target = escape(_encoded(lesson(name).worksheet))
    st.html(f'<a href="{target}" target="_self">{words}</a>{LINK}')


def _spoken(language: str, make: Callable[[Any], str | bytes], of: Any) -> str | bytes:
    """A file, written only when it is asked for, outside of any page."""
    with speaking(language):
        return make(of)


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
            told = _("**{title}** {minutes} minutes. {aims}")
            st.markdown(told.format(title=found.title, minutes=found.minutes, aims=found.aims))
            st.page_link(
                folder / f"{first.page}.py",
                label=_("Begin"),
                icon=":material/arrow_forward:",
                query_params=first.link | {"lesson": f"{name}.1"},
            )
            prints(name)


def asked() -> tuple[Lesson, Step] | None:
    """The lesson and step that the address asks for; None, and a sentence, if there is none."""
    wanted = st.query_params.get("lesson")
    if not wanted:
        return None
    name, _dot, number = wanted.partition(".")
    if name in LESSONS:
        found = lesson(name)
        for step in found.steps:
            if str(step.number) == (number or "1"):
                return found, step
    steps = _("{name}.1 to {name}.{last}")
    known = (steps.format(name=name, last=len(lesson(name).steps)) for name in LESSONS)
    told = _("The link asks for lesson {asked!r}; there are {known}.")
    told = told.format(asked=wanted[:40], known=joined(known, _("{first}, {last}")))
    st.info(told, icon=":material/info:")
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
        place = _("{title} · step {k} of {count} · {minutes} min").format(
            title=lesson.title, k=step.number, count=len(lesson.steps), minutes=step.minutes
        )
        st.caption(place)
        st.markdown(step.task)
        with st.container(horizontal=True, vertical_alignment="center"):
            ways = [
                ("PageUp", _("← Back"), step.number - 1, presenting),
                ("PageDown", _("Next step →"), step.number + 1, presenting),
                ("", _("Set up again"), step.number, presenting),
                ("", _("Leave the projector") if presenting else _("Projector"),
                 step.number, not presenting),
            ]  # fmt: skip
            links = [
                f'<a href="{escape(address(lesson.name, there, present, embedded))}"'
                f' data-key="{key}" target="_self">{words}</a>'
                for key, words, number, present in ways
                for there in lesson.steps
                if there.number == number
            ]
            name = _("Lesson")
            nav = f'<nav class="lr-lesson" aria-label="{escape(name)}">{"".join(links)}</nav>'
            st.html(nav + WAYS, width="content", unsafe_allow_javascript=True)
            with st.popover(_("For the teacher"), icon=":material/school:"):
                st.markdown(step.answers)
                prints(lesson.name)
