"""The one derivation of the Rank page, kept in the link: its matrix, operations and position.

Two hidden widgets bound to the address hold it, on every view of the page, so that a reload, Back,
another view or a link sent to a class lose nothing. Everything drawn is computed from them.
"""

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.derivation import MOST_MOVES, Derivation, encode_ops, resumed
from lowrank.exact.elimination import steps
from lowrank.exact.matrices import Matrix, RowOp
from lowrank.ui.rank.view import REDUCED, reduced

WATCH, TYPE, CLICK, WHOLE = WAYS = ("Watch", "Type", "Click", "Matrix")


# What a visit to another page and back brings back: keys of widgets bound to the address.
REMEMBERED = (
    *("view", "m"),
    *("how", "form", "ops", "step", "typed", "written", "gives", "b"),
    *("picture", "shape", "gstep", "t", "right"),
    *("tol", "pivoting", "low", "drift", "fstep", "p", "pstep"),
    *("pm", "sys", "case", "cstep"),
    *("q_kind", "q_level", "q"),
    *("w_m", "w_n", "w_rank", "w_level", "w_count", "w_seed", "w_reduced", "w_solve"),
)


def remembered() -> None:
    """After a visit to another page, choose again what was chosen here; a link's choice wins.

    Streamlit keeps the values, but an address without parameters resets them, and in the run that
    Back causes nothing may say otherwise; hence one more run. The widget that `kept` draws last
    has no memory, so its absence tells that another page was open.
    """
    state = st.session_state
    chosen = {key: state[key] for key in state if key in REMEMBERED or str(key)[:6] == "value_"}
    if chosen and "on_this_page" not in state and not st.query_params:
        state.update(chosen)
        if not state.get("came_back"):
            state["came_back"] = True
            st.rerun()
    state["came_back"] = False


def ways() -> str:
    """The choice of watching or how to do it, and of the goal; returns the way chosen."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = st.segmented_control(
            "Watch the reduction, or do it yourself",
            WAYS,
            default=WATCH,
            required=True,
            key="how",
            label_visibility="collapsed",
            bind="query-params",
            persist_state="session",
        )
        st.segmented_control(
            "Reduce to",
            ["Echelon", REDUCED],
            default="Echelon",
            required=True,
            key="form",
            label_visibility="collapsed",
            bind="query-params",
            persist_state="session",
        )
    return str(way)


def kept(elsewhere: bool) -> None:
    """Draw what the link keeps, unseen; `elsewhere`, where `ways` is not drawn, that too."""
    with st.container(key="kept", height=1, border=False):  # no taller before the style is there
        st.html("<style>.st-key-kept { display: none; }</style>")
        st.text_input("Moves", key="ops", bind="query-params", persist_state="session")
        st.number_input(
            "Step", 0, MOST_MOVES, key="step", bind="query-params", persist_state="session"
        )
        if elsewhere:
            ways()
        st.checkbox("On this page", key="on_this_page")


def derivation(A: Matrix) -> Derivation:
    """The derivation on the page, from A.

    Raises:
        InputError: the operations in the link cannot be read, or not done to A.
    """
    state = st.session_state
    return resumed(A, state.get("ops") or "", int(state.get("step") or 0), reduced())


def go(position: int) -> None:
    """Stand somewhere else in the derivation."""
    st.session_state.pop("hinted", None)
    st.session_state["step"] = position


def ahead(d: Derivation) -> Derivation:
    """The same derivation with the textbook's steps to the goal after its last operation."""
    missing = tuple(step.op for step in steps(d.matrices()[-1], d.reduced))
    return Derivation(d.start, d.ops + missing, d.position, d.reduced)


def keep(d: Derivation) -> None:
    """Make this the derivation on the page; one too long to keep is refused in a sentence."""
    state = st.session_state
    try:
        state["ops"] = encode_ops(d.start, d.ops)
        go(d.position)
    except InputError as error:
        state["refused"] = str(error)


def do(d: Derivation, op: RowOp) -> None:
    """Do one more operation."""
    try:
        keep(d.do(op))
    except InputError as error:
        st.session_state["refused"] = str(error)


def start_over() -> None:
    """The matrix as entered, no moves."""
    st.session_state.update(ops="", step=0)
    forget_entries()


def forget_entries() -> None:
    """Drop what was typed towards a next move and the hint: they belonged to another matrix."""
    for key in ("typed", "written"):
        st.session_state[key] = ""
    for key in ("hinted", "refused"):
        st.session_state.pop(key, None)
