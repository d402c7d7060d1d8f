"""Walking through a reduction: back, next, a slider and the matrix after each step."""

import streamlit as st

from lowrank.elimination import Step, leading_columns, steps
from lowrank.figures.exact import matrix_html, step_html
from lowrank.rows import Matrix
from lowrank.ui.layout import text


def stepper(A: Matrix, reduced: bool) -> bool:
    """Draw the reduction of A at the step in the link; true if that is the last one."""
    path = list(steps(A, reduced))
    position = position_control(len(path))
    step = path[position - 1] if position else None
    shown = step.matrix if step else A
    known = pivots_known(A, path, position)
    st.html(_words(step, position, len(path), len(known)))
    drawing = matrix_html(
        shown,
        title=f"The matrix after step {position} of {len(path)}" if step else "The matrix",
        pivots=known,
        current=step.pivot if step else None,
        changed=_changed(step),
    )
    st.html(drawing)
    return position == len(path)


def position_control(total: int) -> int:
    """Back, next and a slider; returns the step shown, kept within the reduction at hand."""
    state = st.session_state
    if "step" in state:
        state["step"] = min(state["step"], total)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for label, key, icon, shortcut, by in (
            ("Back", "step_back", ":material/arrow_back:", "Left", -1),
            ("Next", "step_next", ":material/arrow_forward:", "Right", 1),
        ):
            st.button(
                label,
                key=key,
                icon=icon,
                shortcut=shortcut,
                on_click=_move,
                args=(by, total),
                type="primary" if by > 0 else "secondary",
            )
        # Not st.slider: with another maximum it would be another widget and forget its place.
        return int(
            st.select_slider(
                "Step", range(total + 1), key="step", bind="query-params", disabled=not total
            )
        )


def _move(by: int, total: int) -> None:
    at = st.session_state.get("step", 0)
    st.session_state["step"] = min(max(at + by, 0), total)


def pivots_known(A: Matrix, path: list[Step], position: int) -> set[tuple[int, int]]:
    """The pivots in place after so many steps; at the end, all of them."""
    final = path[-1].matrix if path else A
    places = set(enumerate(leading_columns(final)))
    if position == len(path):
        return places
    lowest = max((step.pivot[0] for step in path[:position]), default=-1)
    return {(row, column) for row, column in places if row <= lowest}


def _changed(step: Step | None) -> tuple[int, ...]:
    if step is None:
        return ()
    return step.op.rows if step.op.kind == "swap" else step.op.rows[:1]


def _words(step: Step | None, position: int, total: int, known: int) -> str:
    pivots = "1 pivot" if known == 1 else f"{known} pivots"
    to_go = "1 step to go" if total == 1 else f"{total} steps to go"
    count = f"Step {position} of {total} · {pivots} so far" if position else to_go
    if step is None:
        why = text("rank", "start" if total else "finished already").replace("**", "")
        return step_html(count if total else pivots, "A", why)
    return step_html(count, step.op.notation(), step.why)
