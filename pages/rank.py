"""Rank: row operations, one at a time, until the non-zero rows can be counted."""

import streamlit as st

from lowrank.elimination import next_step
from lowrank.figures.tolerance import singular_values_against_tolerance
from lowrank.parsing import compact
from lowrank.rows import Matrix, apply
from lowrank.subspaces import dependencies
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.matrix_entry import PRESETS, matrix_entry
from lowrank.ui.own_moves import own_moves
from lowrank.ui.rank_words import conclusion, counts, lessons, table
from lowrank.ui.stepper import stepper

PLAIN, REDUCED = "Echelon", "Reduced echelon"
USAGE = """from lowrank.elimination import rank, steps
from lowrank.parsing import parse_matrix

A = parse_matrix("{matrix}")
for step in steps(A, reduced={reduced}):
    print(step.op, step.why)
print(rank(A))"""


@st.fragment
@errors_shown()
def reduction(A: Matrix, form: str) -> None:
    """The matrix at one step, and at the last one what it shows."""
    finished = stepper(A, reduced=form == REDUCED)
    with st.container(key="conclusion"):
        st.html("<style>.st-key-conclusion { min-height: 11rem; }</style>")
        for sentence in conclusion(A) if finished else [text("rank", "conclusion waits")]:
            st.markdown(sentence)


@st.fragment
@errors_shown()
def do_it(A: Matrix, form: str) -> None:
    """The same matrix, reduced by the visitor."""
    st.subheader("Do it yourself", anchor=False)
    st.markdown(text("rank", "do it"))
    own_moves(A, reduced=form == REDUCED)


@st.fragment
@errors_shown()
def numbers_lie(A: Matrix) -> None:
    """The rank counted four ways, with a tolerance on the singular values."""
    st.subheader("Numbers lie", anchor=False)
    st.markdown(text("rank", "numbers lie"))
    chart, beside = st.columns([3, 2], gap="large")
    with beside:
        exponent = st.slider(
            "Tolerance, as a power of ten of the largest singular value",
            min_value=-20.0,
            max_value=0.0,
            value=-14.0,
            step=0.5,
            format="%g",
            key="tol",
            bind="query-params",
        )
        c = counts(A, tol=10.0**exponent)
        st.markdown(table(c))
    with chart:
        st.plotly_chart(
            singular_values_against_tolerance(c.s, c.tol),
            key="tolerance_chart",
            config={"displayModeBar": False},
            alt=f"{len(c.s)} singular values on a log axis; {c.svd} lie above the tolerance.",
        )
    with st.container(key="lessons"):
        st.html("<style>.st-key-lessons { min-height: 6rem; }</style>")
        for sentence in lessons(c):
            st.markdown(sentence)


question("Rank", "How many rows of this matrix are not combinations of the others?")
controls, picture = st.columns([2, 3], gap="large")
with controls:
    form = st.segmented_control(
        "Reduce to", [PLAIN, REDUCED], default=PLAIN, required=True, key="form", bind="query-params"
    )
    with errors_shown():
        A = matrix_entry()
    chosen = st.session_state["m"]
    st.caption(text("rank", f"preset: {chosen if chosen in PRESETS else 'own'}"))
with picture:
    reduction(A, form)
do_it(A, form)
numbers_lie(A)
st.subheader("Why it works", anchor=False)
st.markdown(text("rank", "explanation"))
code_for_this(
    next_step,
    apply,
    dependencies,
    usage=USAGE.format(matrix=compact(A), reduced=form == REDUCED),
)
