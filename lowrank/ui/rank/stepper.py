"""One place of a derivation: its operation and reason, its matrix, and the way back and forth."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from lowrank.exact.derivation import Derivation
from lowrank.exact.elimination import pivots_in_place
from lowrank.figures.exact import matrix_html, step_html
from lowrank.ui.layout import text
from lowrank.ui.rank.inputs import BOUND


def transport(d: Derivation, back: str, forward: str, go: Callable[[int], None]) -> None:
    """Back, forward and a slider over the operations of d, by calling `go` with a position."""
    state = st.session_state
    state["at"] = d.position
    _controls(
        {back: "step_back", forward: "step_next"},
        len(d.ops),
        "at",
        go,
        label_visibility="collapsed",
        on_change=lambda: go(int(state["at"])),
    )


def stepped(total: int, key: str) -> int:
    """The same over any number of steps, the one chosen kept in the link under a key of its own."""
    state = st.session_state
    if key in state:
        state[key] = min(int(state[key] or 0), total)
    names = {"Back": f"{key}_back", "Next": f"{key}_next"}
    return _controls(names, total, key, lambda step: state.update({key: step}), **BOUND)


def _controls(
    names: dict[str, str], total: int, key: str, go: Callable[[int], None], **slider: Any
) -> int:
    """A button back and one forward, by label and key, and the slider they move; its value."""

    def by(steps: int) -> None:
        go(min(max(int(st.session_state.get(key) or 0) + steps, 0), total))

    looks = (":material/arrow_back:", "Left", -1), (":material/arrow_forward:", "Right", 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for (name, name_key), (icon, shortcut, steps) in zip(names.items(), looks, strict=True):
            st.button(
                name,
                key=name_key,
                icon=icon,
                shortcut=shortcut,
                on_click=by,
                args=(steps,),
                type="primary" if name == "Next" else "secondary",
            )
        # Not st.slider: with another maximum it would be another widget and forget its place.
        options = range(total + 1)
        return int(st.select_slider("Step", options, key=key, disabled=not total, **slider))


def place(d: Derivation) -> None:
    """The matrix at the position of d, what just changed in it and the pivots in place."""
    step, A = d.last, d.matrix
    current = step.pivot if step else None
    drawing = matrix_html(
        A,
        title=f"The matrix after step {d.position} of {len(d.ops)}" if step else "The matrix",
        pivots=pivots_in_place(A, d.bar) | ({current} if current else set()),
        current=current,
        changed=step.op.changed if step else (),
        bar=d.bar,
    )
    st.html(drawing)


def watched(d: Derivation) -> str:
    """What is said of the place when watching: the step, its operation and why."""
    step, total, known = d.last, len(d.ops), len(pivots_in_place(d.matrix, d.bar))
    pivots = "1 pivot" if known == 1 else f"{known} pivots"
    if step is None:
        to_go = "1 step to go" if total == 1 else f"{total} steps to go"
        why = text("rank", "start" if total else "finished already").replace("**", "")
        return step_html(to_go if total else pivots, "A", why)
    count = f"Step {d.position} of {total} · {pivots} so far"
    return step_html(count, step.op.notation(), step.why)
