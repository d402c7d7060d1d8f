"""Quiz: predict the next operation, tell the rank, find the dependent row."""

import json

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.operations import LONGEST
from lowrank.figures.exact import matrix_html
from lowrank.teaching.problems import LEVELS
from lowrank.teaching.quiz import NONE, Question, judge, judge_operation, make_question
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.outside import as_text
from lowrank.ui.rank.inputs import BOUND, choice
from lowrank.ui.rank.link import style, styles
from lowrank.ui.rank.view import View
from lowrank.ui.tab import kept

# The kind's label is what the link says.
LABELS = {"Next step": "next", "Rank": "rank", "Dependent row": "dependent"}
LAST_NUMBER = 9999
Name = tuple[str, str, str, int]  # of a question: its kind, difficulty, style and number
USAGE = """from lowrank import teaching

question = teaching.make_question("next", seed=1, difficulty="easy")
print(question.matrix)
print(teaching.judge(question, "R2 - 2 R1"))"""


@st.fragment
@errors_shown()
def quiz_view() -> None:
    """One question at a time; its kind, difficulty and number are in the link."""
    st.markdown(text("quiz", "intro"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = choice("Question about", list(LABELS), "Next step", "q_kind")
        difficulty = choice("Difficulty", list(LEVELS), "easy", "q_level")
        number = st.number_input("Question number", 1, LAST_NUMBER, key="q", **BOUND, width=150)
        styles()
    question = make_question(LABELS[label], int(number), difficulty, style())
    picture, answering = st.columns([3, 2], gap="large")
    with picture:
        st.html(matrix_html(question.matrix, f"Question {number}"))
    with answering:
        st.markdown(text("quiz", question.kind))
        said = _answer(question)
        with st.container(key="quiz_feedback"):
            st.html("<style>.st-key-quiz_feedback { min-height: 8rem; }</style>")
            if said:
                _feedback(question, said)
        _kept()
        st.button(
            "Next question",
            key="quiz_next",
            icon=":material/arrow_forward:",
            on_click=_go_on,
            type="primary",
        )
        st.caption(_score(), help=text("quiz", "score help"))


def _answer(question: Question) -> str:
    """The widget that fits the question; what was answered, or nothing."""
    key = f"quiz_{'_'.join(map(str, _name(question)))}"
    if question.kind == "next":
        with st.form(f"{key}_form", border=False):
            typed = st.text_input(
                "Your operation",
                key=key,
                max_chars=2 * LONGEST,
                help=text("quiz", "next help"),
                persist_state="session",
            )
            st.form_submit_button("Check", icon=":material/check:")
        return (typed or "").strip()
    if question.kind == "rank":
        sides = len(question.matrix), len(question.matrix[0])
        options, title = [str(r) for r in range(max(sides) + 1)], "The rank"
    else:
        options = [*(f"R{i + 1}" for i in range(len(question.matrix))), NONE]
        title = "A combination of the others"
    return st.segmented_control(title, options, key=key, persist_state="session") or ""


def _feedback(question: Question, said: str) -> None:
    """The verdict; what cannot be read as an answer is not counted."""
    try:
        verdict = judge(question, said)
    except InputError as error:
        st.warning(as_text(error), icon=":material/edit:")
        return
    _answers().setdefault(_name(question), verdict.right)
    if verdict.right:
        st.success(f"Right. {verdict.why}", icon=":material/check:")
    else:
        st.error(f"Not this one. {verdict.why}", icon=":material/close:")


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


def _name(question: Question) -> Name:
    return question.kind, question.difficulty, question.style, question.seed


def _score() -> str:
    given = list(_answers().values())
    if not given:
        return "No answer yet."
    right = sum(given)
    row = next((k for k, each in enumerate(reversed(given)) if not each), len(given))
    return f"Score: {right} of {len(given)} right" + (f", the last {row} in a row." * (row > 1))


def _go_on() -> None:
    st.session_state["q"] = min(int(st.session_state["q"]) + 1, LAST_NUMBER)


VIEW = View(below=lambda _: quiz_view(), draws=styles, code=(judge_operation,), usage=USAGE)
