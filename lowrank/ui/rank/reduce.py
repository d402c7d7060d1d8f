"""Reduce: watch the reduction, or do it."""

import streamlit as st

from lowrank.elimination import next_step
from lowrank.rows import Matrix, apply
from lowrank.subspaces import dependencies
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.rank.own_moves import own_moves
from lowrank.ui.rank.stepper import stepper
from lowrank.ui.rank.view import REDUCED, View, reduced
from lowrank.ui.rank.words import conclusion

USAGE = """from lowrank.elimination import rank, steps
from lowrank.parsing import parse_matrix

A = parse_matrix("{matrix}")
for step in steps(A, reduced={reduced}):
    print(step.op, step.why)
print(rank(A))"""


@st.fragment
@errors_shown()
def reduction(A: Matrix, to_reduced: bool) -> None:
    """The matrix at one step, and at the last one what it shows."""
    finished = stepper(A, reduced=to_reduced)
    with st.container(key="conclusion"):
        st.html("<style>.st-key-conclusion { min-height: 11rem; }</style>")
        for sentence in conclusion(A) if finished else [text("rank", "conclusion waits")]:
            st.markdown(sentence)


@st.fragment
@errors_shown()
def do_it(A: Matrix, to_reduced: bool) -> None:
    """The same matrix, reduced by the visitor."""
    st.subheader("Do it yourself", anchor=False)
    st.markdown(text("rank", "do it"))
    own_moves(A, reduced=to_reduced)


def watch(A: Matrix) -> None:
    """The goal, and the reduction to it a step at a time."""
    st.segmented_control(
        "Reduce to",
        ["Echelon", REDUCED],
        default="Echelon",
        required=True,
        key="form",
        bind="query-params",
    )
    reduction(A, reduced())


def do(A: Matrix | None) -> None:
    """The visitor's own reduction, and why it works."""
    if A:
        do_it(A, reduced())
    st.subheader("Why it works", anchor=False)
    st.markdown(text("rank", "explanation"))


VIEW = View(beside=watch, below=do, code=(next_step, apply, dependencies), usage=USAGE)
