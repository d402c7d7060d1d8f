"""The one derivation of the Rank page, kept in the link: its matrix, operations and position.

Two hidden widgets bound to the address hold it, on every view of the page, so that a reload, Back,
another view or a link sent to a class lose nothing. Everything drawn is computed from them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.derivation import MOST_MOVES, Derivation
from lowrank.exact.matrices import Matrix, RowOp
from lowrank.exact.query import LONGEST, REDUCED, STYLE_NAMES, decode_moves, encode_moves, reaching
from lowrank.exact.styles import Style
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.ui.bound import named, said
from lowrank.ui.matrix_entry import augmented, source
from lowrank.ui.rank.inputs import BOUND, choice
from lowrank.ui.rank.parameters import letters
from lowrank.ui.rank.view import View
from lowrank.ui.stepper import UNSEEN

WATCH, TYPE, CLICK, WHOLE = WAYS = (
    gettext_noop("Watch"),
    gettext_noop("Type"),
    gettext_noop("Click"),
    gettext_noop("Matrix"),
)
FORMS = (gettext_noop("Echelon"), REDUCED)


def ways() -> None:
    """The choice of watching or how to do it; the goal and the style a click away."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _way()
        goal = said(named("form", FORMS) or FORMS[0])
        with st.popover(goal, key="goal", icon=":material/flag:"):
            _goal()
            styles()


def way() -> str:
    """The way chosen."""
    return str(st.session_state["how"])


def _way() -> None:
    label = _("Watch the reduction, or do it yourself")
    choice(label, WAYS, WATCH, "how", label_visibility="collapsed")


def _goal() -> None:
    choice(_("Reduce to"), FORMS, FORMS[0], "form")


def styles() -> None:
    """The choice of the order and kind of operations, for hints, keys and questions alike."""
    choice(
        _("Style"),
        list(STYLE_NAMES),
        "Textbook",
        "style",
        wrap=True,
        on_change=_restyled,
    )


def _restyled() -> None:
    """The moves stay the same; the link counts those that are the new style's."""
    state = st.session_state
    (_start, text), d = state.get("derivation", ((None, None), None))
    if d and text == (state.get("ops") or ""):
        commit(replace(d, style=style()))


def style() -> Style:
    """The style chosen."""
    return STYLE_NAMES.get(str(st.session_state.get("style")), "textbook")


def reduced() -> bool:
    """Whether the visitor reduces to the reduced form, or to any echelon form."""
    return st.session_state.get("form") == REDUCED


def hidden(view: View) -> None:
    """Draw, unseen, what the link keeps for other views and the code may change in this one."""
    drawn = view.draws
    with unseen("other_views"):
        st.text_input(_("Moves"), key="ops", max_chars=2 * LONGEST, **BOUND)
        st.number_input(_("Step"), 0, MOST_MOVES, key="step", **BOUND)
        if drawn is not ways:
            _way()
            _goal()
            entries()
        if drawn not in (ways, styles):
            styles()
        if not view.beside:
            source()
        if drawn is not letters:
            letters()


def entries(drawn: str = "") -> None:
    """Draw, unseen, what was typed towards a next move in a way other than the one `drawn`."""
    with unseen("other_ways"):
        if drawn != TYPE:
            st.text_input(_("Operation"), key="typed", max_chars=2 * LONGEST, **BOUND)
        if drawn != WHOLE:
            st.text_area(_("Next matrix"), key="written", max_chars=20_000, **BOUND)


@contextmanager
def unseen(key: str) -> Iterator[None]:
    """A place that is not shown."""
    with st.container(key=key, height=1, border=False):  # no taller before the style is there
        st.html(UNSEEN.format(key=key))
        yield


def derivation(A: Matrix, ahead: bool = False) -> Derivation:
    """The derivation on the page, from A; `ahead`, with the textbook's steps on to the goal.

    It is worked out once for a link's moves: the session holds the last one.

    Raises:
        InputError: the operations in the link cannot be read, or not done to A.
    """
    state = st.session_state
    bar, names = augmented()
    start = Derivation(A, reduced=reduced(), style=style(), bar=bar, names=names)
    wanted = start, state.get("ops") or ""
    if state.get("derivation", (None, None))[0] != wanted:
        state["derivation"] = wanted, decode_moves(*wanted)
    own, position = state["derivation"][1], int(state.get("step") or 0)
    return own.whole.at(min(position, len(own.whole.ops))) if ahead else reaching(own, position)


def go(position: int) -> None:
    """Stand somewhere else in the derivation."""
    st.session_state.pop("hinted", None)
    st.session_state["step"] = position


def commit(d: Derivation) -> None:
    """Make this the derivation on the page; one too long for a link is refused in a sentence."""
    state = st.session_state
    try:
        state["ops"] = encode_moves(d)
        state["derivation"] = (replace(d, ops=(), position=0), state["ops"]), d
        go(d.position)
    except InputError as error:
        state["refused"] = str(error)


def do(d: Derivation, op: RowOp) -> None:
    """Do one more operation."""
    try:
        commit(d.do(op))
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
