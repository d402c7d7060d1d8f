"""A student's own moves: typed, clicked or as a whole next matrix, checked exactly; and help."""

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.derivation import Derivation
from lowrank.exact.elimination import pivots_in_place
from lowrank.exact.matrices import Matrix, plain
from lowrank.exact.moves import explain_next, parse_operation
from lowrank.exact.operations import LONGEST
from lowrank.exact.parsing import parse_matrix
from lowrank.figures.exact import step_html
from lowrank.ui.layout import text
from lowrank.ui.rank.inputs import BOUND
from lowrank.ui.rank.link import CLICK, TYPE, WHOLE, commit, do

KINDS = {"Add": "add", "Swap": "swap", "Scale": "scale"}


def entry(d: Derivation, way: str) -> None:
    """Where the next operation is typed or clicked together, or the next matrix written."""
    with st.container(key="entry", horizontal=True, vertical_alignment="bottom"):
        if way == TYPE:
            st.text_input(
                "Your next operation",
                key="typed",
                max_chars=2 * LONGEST,
                placeholder="R2 - 3/2 R1",
                label_visibility="collapsed",
                on_change=_typed,
                args=(d,),
                **BOUND,
            )
            st.button("Do it", key="do_typed", type="primary", on_click=_typed, args=(d,))
        elif way == CLICK:
            _clicks(d)
        else:
            _whole(d)
        _helpers(d)


def _whole(d: Derivation) -> None:
    """The next matrix, written by hand; the operation is found from it."""
    st.text_area(
        "The next matrix, whole",
        key="written",
        max_chars=20_000,
        placeholder=text("rank", "whole matrix"),
        label_visibility="collapsed",
        height=30 + 24 * min(len(d.start), 6),
        on_change=_written,
        args=(d,),
        **BOUND,
    )
    with st.container(width="content"):
        st.button("Check", key="do_written", type="primary", on_click=_written, args=(d,))
        st.button("Copy", key="copy", on_click=_copy, args=(d,), help=text("rank", "help copy"))


def _copy(d: Derivation) -> None:
    rows = ("  ".join(map(plain, row)) for row in d.matrix)
    st.session_state["written"] = "\n".join(rows)


def _written(d: Derivation) -> None:
    """Do what leads to the matrix written; where nothing does, it stays and `said` says why."""
    state = st.session_state
    _tried(d)
    try:
        verdict = explain_next(d.matrix, parse_matrix(state.get("written") or ""))
    except InputError:
        return
    for op in verdict.ops:
        d = d.do(op)
    if verdict.ops:
        commit(d)
        state["written"] = ""


def _clicks(d: Derivation) -> None:
    """A move put together from its kind, its rows and its factor."""
    names = [f"R{i + 1}" for i in range(len(d.start))]
    kinds = list(KINDS) if len(names) > 1 else ["Scale"]
    for key in ("click_row", "click_other"):  # kept from a matrix with more rows
        if st.session_state.get(key) not in names:
            st.session_state[key] = names[key == "click_row" and len(names) > 1]
    kind = KINDS[st.selectbox("Kind", kinds, key="click_kind", width=140, persist_state="session")]
    st.selectbox("Row", names, key="click_row", width=84, persist_state="session")
    st.text_input(
        "Factor",
        "1",
        key="click_factor",
        max_chars=LONGEST,
        width=84,
        disabled=kind == "swap",
        persist_state="session",
    )
    st.selectbox(
        "Other row",
        names,
        key="click_other",
        width=84,
        disabled=kind == "scale",
        persist_state="session",
    )
    st.button("Do it", key="do_clicked", type="primary", on_click=_clicked, args=(d, kind))


def _clicked(d: Derivation, kind: str) -> None:
    state = st.session_state
    row, other, factor = state["click_row"], state["click_other"], state["click_factor"].strip()
    state["typed"] = {
        "swap": f"{row} <-> {other}",
        "scale": f"({factor}) {row}",
        "add": f"{row} + ({factor}) {other}",
    }[kind]
    _typed(d)


def _typed(d: Derivation) -> None:
    """Do what was typed; what is no operation stays typed, and `said` says why it is none."""
    state = st.session_state
    _tried(d)
    if not (state.get("typed") or "").strip():
        return
    try:
        op = parse_operation(state["typed"], len(d.start))
    except InputError:
        return
    do(d, op)
    state["typed"] = ""


def _helpers(d: Derivation) -> None:
    """Hint, do this step, finish: what comes next from here, however one came here."""
    for label, called, shortcut, words in (
        ("Hint", _hint, "H", "help hint"),
        ("Do this step", _step, "D", "help step"),
        ("Finish", _finish, "F", "help finish"),
    ):
        st.button(
            label,
            key=f"help_{label}",
            on_click=called,
            args=(d,),
            shortcut=shortcut,
            disabled=d.finished,
            help=text("rank", words),
        )


def _tried(d: Derivation) -> None:
    """What is typed was tried here; of a refusal nothing is said anywhere else."""
    st.session_state.pop("hinted", None)
    st.session_state["tried"] = _here(d)


def _here(d: Derivation) -> Derivation:
    return d.cut()


def _hint(d: Derivation) -> None:
    """A hint; asked again at the same place, one in more detail."""
    where, level = st.session_state.get("hinted", (None, 0))
    st.session_state["hinted"] = (_here(d), min(level + 1, 3) if where == _here(d) else 1)


def _step(d: Derivation) -> None:
    step = d.hint()
    if step:
        do(d, step.op)


def _finish(d: Derivation) -> None:
    commit(d.finish())


def said(d: Derivation, way: str) -> str:
    """What is said here and now: a refusal, a hint, what is wrong with the move typed; or nothing.

    Of a move that was tried at another place nothing is said; it stays typed."""
    state = st.session_state
    refused = state.pop("refused", "")
    if refused:
        return step_html("This move cannot be kept", "", refused, "problem")
    where, level = state.get("hinted", (None, 0))
    if where == _here(d) and (step := d.hint()):
        hints = ("…", step.sought), ("…", step.meant), (step.op.notation(), step.detail)
        return step_html(f"Hint {level} of {len(hints)}", *hints[level - 1], "hint")
    typed, written = ((state.get(key) or "").strip() for key in ("typed", "written"))
    if way == WHOLE:
        typed = ""
    else:
        written = ""
    if state.get("tried", _here(d)) != _here(d):
        typed = written = ""
    if typed:
        try:
            op = parse_operation(typed, len(d.start))
        except InputError as error:
            return step_html("Not done", typed[:60], str(error), "problem")
        return step_html("Not done yet", op.notation(), "Press Enter or Do it.", "hint")
    if written:
        return _verdict(d.matrix, written)
    return ""


def made(d: Derivation) -> str:
    """What is said of a place: the last move and what it did, or that the goal is reached."""
    moves = "1 move" if d.position == 1 else f"{d.position} moves"
    undone = len(d.ops) - d.position
    count = moves + (f" · {undone} undone" if undone else "")
    if d.finished:
        rank = len(pivots_in_place(d.matrix, d.bar))
        form = "Reduced echelon form" if d.reduced else "Echelon form"
        return step_html(
            f"{form}, reached in {count}", f"Rank {rank}", text("rank", "goal reached"), "done"
        )
    if d.last is None:
        way = st.session_state["how"]
        return step_html(count, "A", text("rank", f"do it: {way}"))
    return step_html(count, d.last.op.notation(), d.last.why)


def _verdict(A: Matrix, written: str) -> str:
    """What is wrong with a next matrix as it stands written."""
    try:
        verdict = explain_next(A, parse_matrix(written))
    except InputError as error:
        return step_html("Not done", "This is no matrix yet", str(error), "problem")
    if verdict.ops:
        return step_html("Not done yet", verdict.ops[0].notation(), "Press Check.", "hint")
    where = "The matrix so far" if verdict.row is None else f"Row {verdict.row + 1}"
    return step_html("Not done", where, verdict.why, "problem")
