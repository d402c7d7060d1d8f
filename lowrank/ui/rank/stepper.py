"""One place of a derivation: its operation and reason, its matrix, and the way back and forth."""

from collections.abc import Callable

import streamlit as st

from lowrank.exact.derivation import Derivation, pivots_in_place, reason
from lowrank.exact.elimination import next_step
from lowrank.exact.matrices import Matrix, RowOp
from lowrank.exact.moves import is_echelon, is_reduced_echelon
from lowrank.figures.exact import matrix_html, step_html
from lowrank.ui.layout import text


def transport(d: Derivation, back: str, forward: str, go: Callable[[int], None]) -> None:
    """Back, forward and a slider over the operations of d, by calling `go` with a position."""
    total, state = len(d.ops), st.session_state
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for label, key, icon, shortcut, by in (
            (back, "step_back", ":material/arrow_back:", "Left", -1),
            (forward, "step_next", ":material/arrow_forward:", "Right", 1),
        ):
            st.button(
                label,
                key=key,
                icon=icon,
                shortcut=shortcut,
                on_click=go,
                args=(min(max(d.position + by, 0), total),),
            )
        state["at"] = d.position
        # Not st.slider: with another maximum it would be another widget and forget its place.
        st.select_slider(
            "Step",
            range(total + 1),
            key="at",
            label_visibility="collapsed",
            disabled=not total,
            on_change=lambda: go(int(state["at"])),
        )


def place(d: Derivation, A: Matrix) -> None:
    """The matrix A at the position of d, what just changed in it and the pivots in place."""
    op = d.ops[d.position - 1] if d.position else None
    before = next_step(d.matrices()[d.position - 1], reduced=True) if op else None
    current = before.pivot if before and before.op == op else None
    drawing = matrix_html(
        A,
        title=f"The matrix after step {d.position} of {len(d.ops)}" if op else "The matrix",
        pivots=pivots_in_place(A) | ({current} if current else set()),
        current=current,
        changed=_changed(op),
    )
    st.html(drawing)


def _changed(op: RowOp | None) -> tuple[int, ...]:
    if op is None:
        return ()
    return op.rows if op.kind == "swap" else op.rows[:1]


def finished(d: Derivation, A: Matrix) -> bool:
    """Whether A is in the form that d is to reach."""
    return is_reduced_echelon(A) if d.reduced else is_echelon(A)


def watched(d: Derivation, A: Matrix) -> str:
    """What is said of the place when watching: the step, its operation and why."""
    position, total, known = d.position, len(d.ops), len(pivots_in_place(A))
    pivots = "1 pivot" if known == 1 else f"{known} pivots"
    if position == 0:
        to_go = "1 step to go" if total == 1 else f"{total} steps to go"
        why = text("rank", "start" if total else "finished already").replace("**", "")
        return step_html(to_go if total else pivots, "A", why)
    op = d.ops[position - 1]
    why = reason(op, d.matrices()[position - 1])
    return step_html(f"Step {position} of {total} · {pivots} so far", op.notation(), why)
