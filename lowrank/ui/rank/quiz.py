"""Quiz: the next operation, the rank, the dependent row, and each chapter's ideas."""

import json
from functools import partial

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.operations import LONGEST
from lowrank.figures.exact import matrix_html
from lowrank.language import current, gettext_noop, speaking
from lowrank.language import gettext as _
from lowrank.teaching.chapters import MOST_CHOICES, judge_choice, make_choice, make_choices
from lowrank.teaching.choices import TITLES, Choice
from lowrank.teaching.exports import EXPORTS
from lowrank.teaching.problems import LEVELS
from lowrank.teaching.quiz import NONE, Question, judge, judge_operation, make_question
from lowrank.ui.bound import said as shown_as
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.outside import as_text
from lowrank.ui.rank.inputs import BOUND, choice
from lowrank.ui.rank.link import style, styles, unseen
from lowrank.ui.rank.view import View
from lowrank.ui.tab import kept

# The labels are what the link says.
CHAPTERS = {title: chapter for chapter, title in TITLES.items()}
LABELS = {
    gettext_noop("Next step"): "next",
    gettext_noop("Rank"): "rank",
    gettext_noop("Dependent row"): "dependent",
    gettext_noop("Ideas"): "ideas",
}
FILES = {
    "gift": gettext_noop("GIFT, for Moodle"),
    "qti": gettext_noop("QTI, for Canvas"),
    "csv": "CSV",
}
LAST_NUMBER = 9999
Name = tuple[str, str, str, int]  # of a question: its kind, difficulty, style and number
USAGE = """from lowrank import teaching

question = teaching.make_question("next", seed=1, difficulty="easy")
print(question.matrix)
print(teaching.judge(question, "R2 - 2 R1"))
idea = teaching.make_choice("lora", seed=1)
print(teaching.judge_choice(idea, idea.options[0].words))"""


@st.fragment
@errors_shown()
def quiz_view() -> None:
    """One question at a time; its chapter, kind, difficulty and number are in the link."""
    with st.container(key="intro"):
        st.markdown(text("quiz", "intro"))
    chapter = choice(_("Chapter"), list(CHAPTERS), "Rank", "q_chapter")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row if chapter == "Rank" else unseen("quiz_kinds"):
        label = choice(_("Question about"), list(LABELS), "Next step", "q_kind")
    kind = LABELS[label] if chapter == "Rank" else "ideas"
    with row if kind != "ideas" else unseen("quiz_matrices"):
        difficulty = choice(_("Difficulty"), list(LEVELS), "easy", "q_level")
        styles()
    with row:
        label = _("Question number")
        number = st.number_input(label, 1, LAST_NUMBER, key="q", **BOUND, width=150)
    asked, answering = st.columns([3, 2], gap="large")
    if kind == "ideas":
        idea = make_choice(CHAPTERS[chapter], int(number))
        with asked:
            said = _chosen(idea)
        with answering:
            _verdict(idea, said)
    else:
        question = make_question(kind, int(number), difficulty, style())
        with asked:
            st.html(matrix_html(question.matrix, _("Question {number}").format(number=number)))
        with answering:
            st.markdown(text("quiz", question.kind))
            _verdict(question, _answer(question))
    _to_take(CHAPTERS[chapter], int(number))


def _chosen(question: Choice) -> str:
    """The question in words and its answers; the one chosen, or nothing."""
    st.markdown(f"**{as_text(question.asked)}**")
    options = [option.words for option in question.options]
    key = f"quiz_{'_'.join(map(str, _name(question)))}"
    return (
        st.radio(
            _("Your answer"),
            options,
            index=None,
            key=key,
            format_func=as_text,
            persist_state="session",
        )
        or ""
    )


def _verdict(question: Question | Choice, said: str) -> None:
    """What is said of an answer, the way on, and the score."""
    with st.container(key="quiz_feedback"):
        st.html("<style>.st-key-quiz_feedback { min-height: 8rem; }</style>")
        if said:
            _feedback(question, said)
    _kept()
    st.button(
        _("Next question"),
        key="quiz_next",
        icon=":material/arrow_forward:",
        on_click=_go_on,
        type="primary" if _name(question) in _answers() else "secondary",
    )
    st.caption(_score(), help=text("quiz", "score help"))


def _to_take(chapter: str, number: int) -> None:
    """The chapter's questions from this number on, as files for a class's own system."""
    label = _("Questions for your course")
    with st.expander(label, key="q_files", on_change="rerun") as shown:
        if not shown.open:
            return
        st.markdown(text("quiz", "files"))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            count = st.number_input(_("Questions"), 1, MOST_CHOICES, 20, key="q_count", width=150)
            for kind, form in EXPORTS.items():
                st.download_button(
                    _(FILES[kind]),
                    partial(_written, current(), kind, chapter, number, int(count)),
                    file_name=f"lowrank-{chapter}-{number}{form.suffix}",
                    mime=form.mime,
                    key=f"quiz_{kind}",
                    icon=":material/download:",
                    on_click="ignore",
                )


def _written(language: str, kind: str, chapter: str, number: int, count: int) -> bytes:
    """A file of questions, written only when it is asked for, outside of any page."""
    with speaking(language):
        return EXPORTS[kind].encoded(make_choices(chapter, number, count))


def _answer(question: Question) -> str:
    """The widget that fits the question; what was answered, or nothing."""
    key = f"quiz_{'_'.join(map(str, _name(question)))}"
    if question.kind == "next":
        with st.form(f"{key}_form", border=False):
            typed = st.text_input(
                _("Your operation"),
                key=key,
                max_chars=2 * LONGEST,
                help=text("quiz", "next help"),
                persist_state="session",
            )
            st.form_submit_button(_("Check"), icon=":material/check:")
        return (typed or "").strip()
    if question.kind == "rank":
        sides = len(question.matrix), len(question.matrix[0])
        options, title = [str(r) for r in range(max(sides) + 1)], _("The rank")
    else:
        options = [*(f"R{i + 1}" for i in range(len(question.matrix))), NONE]
        title = _("A combination of the others")
    found = st.segmented_control(
        title, options, key=key, format_func=shown_as, persist_state="session"
    )
    return found or ""


def _feedback(question: Question | Choice, said: str) -> None:
    """The verdict; what cannot be read as an answer is not counted."""
    try:
        if isinstance(question, Choice):
            verdict = judge_choice(question, said)
        else:
            verdict = judge(question, said)
    except InputError as error:
        st.warning(as_text(error), icon=":material/edit:")
        return
    _answers().setdefault(_name(question), verdict.right)
    why = as_text(verdict.why)
    if verdict.right:
        st.success(_("Right. {why}").format(why=why), icon=":material/check:")
    else:
        st.error(_("Not this one. {why}").format(why=why), icon=":material/close:")


def _answers() -> dict[Name, bool]:
    """Whether the first answer to each question was right, in the order answered."""
    return st.session_state.setdefault("quiz_answers", {})


def _kept() -> None:
    """The answers stay with the tab: a reload brings them back, a link sent to a class does not."""
    answers = _answers()
    given = [[*name, right] for name, right in answers.items()]
    held = kept("quiz", json.dumps(given) if given else "")
    if not answers and held:
        answers |= {tuple(name): right for *name, right in json.loads(held)}


def _name(question: Question | Choice) -> Name:
    if isinstance(question, Choice):
        return "ideas", question.chapter, "", question.seed
    return question.kind, question.difficulty, question.style, question.seed


def _score() -> str:
    given = list(_answers().values())
    if not given:
        return _("No answer yet.")
    right = sum(given)
    row = next((k for k, each in enumerate(reversed(given)) if not each), len(given))
    told = (
        _("Score: {right} of {count} right, the last {row} in a row.")
        if row > 1
        else _("Score: {right} of {count} right")
    )
    return told.format(right=right, count=len(given), row=row)


def _go_on() -> None:
    st.session_state["q"] = min(int(st.session_state["q"]) + 1, LAST_NUMBER)


VIEW = View(
    below=lambda _matrix: quiz_view(),
    draws=styles,
    code=(judge_operation, make_choice),
    usage=USAGE,
)
