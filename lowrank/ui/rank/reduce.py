"""Reduce: one derivation, watched step by step or done by the visitor, with help at any moment."""

from functools import partial
from urllib.parse import urlencode

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.derivation import Derivation
from lowrank.exact.elimination import next_step
from lowrank.exact.matrices import Matrix, apply
from lowrank.exact.notation import to_code, to_latex, to_markdown
from lowrank.exact.query import encode
from lowrank.exact.subspaces import dependencies
from lowrank.figures.exact import history_html
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.ui.bound import said as shown_as
from lowrank.ui.glossary import explained
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.rank import own_moves
from lowrank.ui.rank.link import WATCH, derivation, entries, go, start_over, way, ways
from lowrank.ui.rank.places import places, watched
from lowrank.ui.rank.view import View
from lowrank.ui.stepper import history, stepper

LINK = gettext_noop("Link")
EXPORTS = {
    "LaTeX": ("latex", "tex", lambda d: to_latex(d.start, d.ops, d.bar)),
    "Markdown": ("markdown", "md", lambda d: to_markdown(d.start, d.ops, d.bar)),
    gettext_noop("Code"): ("python", "py", lambda d: to_code(d.start, d.ops)),
}
USAGE = """from lowrank import exact

A = exact.parse_matrix("{matrix}")
for step in exact.steps(A, reduced={reduced}, style="{style}", bar={bar}):
    print(step.op, step.why)
print(exact.rank(A))"""


def beside(A: Matrix) -> None:
    """The place where the visitor stands: the matrix, how to go on, and what is said of it."""
    how = way()
    entries(how)
    with errors_shown():
        try:
            d = derivation(A, ahead=how == WATCH)
        except InputError:
            st.button(_("Start over"), key="restart", on_click=start_over)
            raise
        if how == WATCH:
            stepper("moves", d.at(0), lambda: places(d, watched), d.position, go)
            return
        own_moves.entry(d, how)
        frames = partial(places, d, own_moves.made)
        said = own_moves.said(d, how)
        rest = partial(_rest, st.session_state.get("ops"))
        names = _("Undo"), _("Redo")
        stepper("own", (how, d.at(0)), frames, d.position, rest, names, said)


def _rest(ops: str | None, place: int) -> None:
    """Stand where the visitor rests, unless a move made at once after it knows better."""
    if st.session_state.get("ops") == ops:
        go(place)


def below(A: Matrix | None) -> None:
    """The moves so far with their reasons, the link to them, and why any of it works."""
    if A:
        with errors_shown():
            _history(derivation(A))
    st.subheader(_("Why it works"), anchor=False)
    st.markdown(explained(text("rank", "explanation")))


def _history(d: Derivation) -> None:
    moves, share = st.columns([3, 2], gap="large")
    with moves:
        st.subheader(_("Moves"), anchor=False)
        history(history_html([(str(step.op), step.why) for step in d.path], d.position))
        st.button(
            _("Start over"),
            key="start_over",
            icon=":material/restart_alt:",
            on_click=start_over,
            disabled=not d.ops,
            help=text("rank", "help start over"),
        )
    with share:
        st.subheader(_("Share"), anchor=False)
        form = st.segmented_control(
            _("As"),
            [LINK, *EXPORTS],
            format_func=shown_as,
            default=LINK,
            required=True,
            wrap=True,
            key="export",
            label_visibility="collapsed",
        )
        if form == LINK:
            label = _("Without what I undid")
            if d.position < len(d.ops) and st.toggle(label, key="without undone"):
                d = d.cut()
            st.code(_address(d), language=None, height=150, wrap_lines=True)
            st.caption(text("rank", "share"))
            return
        language, ending, write = EXPORTS[str(form)]
        written = write(d.cut())
        st.code(written, language=language, height=150)
        st.download_button(
            _("Download"),
            written,
            f"derivation.{ending}",
            icon=":material/download:",
            on_click="ignore",
        )


def _address(d: Derivation) -> str:
    """The page's address with the derivation in it, to be watched or done further as it is here."""
    address = (st.context.url or "").partition("?")[0]
    return f"{address}?{urlencode({'how': way()})}&{encode(d)}"


VIEW = View(
    beside=beside,
    below=below,
    roots=True,
    draws=ways,
    code=(next_step, apply, dependencies),
    usage=USAGE,
)
