"""A student's own reduction: operations typed one a line, checked exactly, hints on request."""

import streamlit as st

from lowrank.elimination import leading_columns, next_step
from lowrank.figures.exact import matrix_html
from lowrank.moves import is_echelon, is_reduced_echelon, replay
from lowrank.rows import Matrix
from lowrank.ui.layout import text

MOST = 1500  # characters, so that the link stays short


def own_moves(A: Matrix, reduced: bool) -> None:
    """The operations typed so far, the matrix they lead to, and whether that is the goal."""
    entry, picture = st.columns([2, 3], gap="large")
    with entry:
        typed = st.text_area(
            "Your operations, one a line",
            key="ops",
            placeholder="R2 - 3/2 R1\nR1 <-> R3\nR2 / 5",
            height=190,
            max_chars=MOST,
            help=text("rank", "help operations"),
            bind="query-params",
        )
        hint = st.toggle("Hint", key="hint", help=text("rank", "help hint"))
    done = replay(A, typed or "")
    finished = is_reduced_echelon(done.matrix) if reduced else is_echelon(done.matrix)
    count = f"{len(done.ops)} move" + ("" if len(done.ops) == 1 else "s")
    with picture:
        changed = done.ops[-1].rows[:1] if done.ops else ()
        places = set(enumerate(leading_columns(done.matrix))) if finished else set()
        st.html(matrix_html(done.matrix, f"Your matrix after {count}", places, changed=changed))
        last = f"{count}, the last: {done.ops[-1]}." if done.ops else "No move yet."
        st.caption(last)
        if done.problem:
            st.warning(done.problem.replace("](", "]\\("), icon=":material/edit:")
        elif finished:
            rank = len(leading_columns(done.matrix))
            form = "reduced echelon form" if reduced else "echelon form"
            st.success(f"This is {form}, reached in {count}: rank {rank}.", icon=":material/check:")
        elif hint and (step := next_step(done.matrix, reduced)):
            st.info(f"**{step.op}** {step.why}", icon=":material/lightbulb:")
