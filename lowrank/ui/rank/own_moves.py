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
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, ngettext
from lowrank.ui import bound
from lowrank.ui.layout import text
from lowrank.ui.rank.inputs import BOUND
from lowrank.ui.rank.link import CLICK, TYPE, WHOLE, commit, do

SCALE = gettext_noop("Scale")
KINDS = {gettext_noop("Add"): "add", gettext_noop("Swap"): "swap", SCALE: "scale"}


def entry(d: Derivation, way: str) -> None:
    """Where the next operation is typed or clicked together, or the next matrix written."""
    with st.container(key="entry", horizontal=True, vertical_alignment="bottom"):
        if way == TYPE:
            st.text_input(
                _("Your next operation"),
                key="typed",
                max_chars=2 * LONGEST,
                placeholder="R2 - 3/2 R1",
                label_visibility="collapsed",
                on_change=_typed,
                args=(d,),
                **BOUND,
            )
            st.button(_("Do it"), key="do_typed", type="primary", on_click=_typed, args=(d,))
        elif way == CLICK:
            _clicks(d)
        else:
            _whole(d)
        _helpers(d)


def _whole(d: Derivation) -> None:
    """The next matrix, written by hand; the operation is found from it."""
    st.text_area(
        _("The next matrix, whole"),
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
        st.button(_("Check"), key="do_written", type="primary", on_click=_written, args=(d,))
        st.button(_("Copy"), key="copy", on_click=_copy, args=(d,), help=text("rank", "help copy"))


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
    kinds = list(KINDS) if len(names) > 1 else [SCALE]
    for key in ("click_row", "click_other"):  # kept from a matrix with more rows
        if st.session_state.get(key) not in names:
            st.session_state[key] = names[key == "click_row" and len(names) > 1]
    chosen = st.selectbox(
        _("Kind"),
        kinds,
        key="click_kind",
        format_func=bound.said,
        width=140,
        persist_state="session",
    )
    kind = KINDS[chosen]
    st.selectbox(_("Row"), names, key="click_row", width=84, persist_state="session")
    st.text_input(
        _("Factor"),
        "1",
        key="click_factor",
        max_chars=LONGEST,
        width=84,
        disabled=kind == "swap",
        persist_state="session",
    )
    st.selectbox(
        _("Other row"),
        names,
        key="click_other",
        width=84,
        disabled=kind == "scale",
        persist_state="session",
    )
    st.button(_("Do it"), key="do_clicked", type="primary", on_click=_clicked, args=(d, kind))


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
        (gettext_noop("Hint"), _hint, "H", "help hint"),
        (gettext_noop("Do this step"), _step, "D", "help step"),
        (gettext_noop("Finish"), _finish, "F", "help finish"),
    ):
        st.button(
            _(label),
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
        return step_html(_("This move cannot be kept"), "", refused, "problem")
    where, level = state.get("hinted", (None, 0))
    if where == _here(d) and (step := d.hint()):
        hints = ("…", step.sought), ("…", step.meant), (step.op.notation(), step.detail)
        count = _("Hint {level} of {most}").format(level=level, most=len(hints))
        return step_html(count, *hints[level - 1], "hint")
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
            return step_html(_("Not done"), typed[:60], str(error), "problem")
        told = _("Press Enter or Do it.")
        return step_html(_("Not done yet"), op.notation(), told, "hint")
    if written:
        return _verdict(d.matrix, written)
    return ""


def made(d: Derivation) -> str:
    """What is said of a place: the last move and what it did, or that the goal is reached."""
    count = ngettext("{moves} move", "{moves} moves", d.position).format(moves=d.position)
    if undone := len(d.ops) - d.position:
        count = _("{moves} · {undone} undone").format(moves=count, undone=undone)
    if d.finished:
        rank = _("Rank {rank}").format(rank=len(pivots_in_place(d.matrix, d.bar)))
        reached = (
            _("Reduced echelon form, reached in {moves}")
            if d.reduced
            else _("Echelon form, reached in {moves}")
        )
        return step_html(reached.format(moves=count), rank, text("rank", "goal reached"), "done")
    if d.last is None:
        way = st.session_state["how"]
        return step_html(count, "A", text("rank", f"do it: {way}"))
    return step_html(count, d.last.op.notation(), d.last.why)


def _verdict(A: Matrix, written: str) -> str:
    """What is wrong with a next matrix as it stands written."""
    try:
        verdict = explain_next(A, parse_matrix(written))
    except InputError as error:
        return step_html(_("Not done"), _("This is no matrix yet"), str(error), "problem")
    if verdict.ops:
        told = _("Press Check.")
        return step_html(_("Not done yet"), verdict.ops[0].notation(), told, "hint")
    where = (
        _("The matrix so far")
        if verdict.row is None
        else _("Row {row}").format(row=verdict.row + 1)
    )
    return step_html(_("Not done"), where, verdict.why, "problem")
