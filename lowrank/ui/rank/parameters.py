"""Parameters: a matrix with letters, for which values its rank is what, and the steps of each case.

sympy, which decides the cases, is loaded only when this view is opened.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.elimination import rank
from lowrank.exact.matrices import Matrix, exact
from lowrank.exact.parsing import compact, parse_matrix
from lowrank.exact.reading import letters_of, read
from lowrank.figures.exact import cells_html, matrix_html, step_html
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, languages, speaking
from lowrank.ui.bound import offer
from lowrank.ui.cached import parametric
from lowrank.ui.drawing import table as table_of
from lowrank.ui.layout import code_for_this, errors_shown, say, text
from lowrank.ui.rank.inputs import BOUND, one_of_or_typed
from lowrank.ui.rank.view import View
from lowrank.ui.stepper import Frame, walked

if TYPE_CHECKING:
    from lowrank.exact.expressions import Parametric
    from lowrank.exact.parametric import Case, Line

PRESETS = {
    gettext_noop("a on the diagonal"): "a 1 1; 1 a 1; 1 1 a",
    gettext_noop("Two letters"): "a b; b a",
    gettext_noop("k and t"): "k-1, 2t, 1; 0, k+1, t",
    gettext_noop("Powers (Vandermonde)"): "1 a a^2; 1 b b^2; 1 c c^2",
    gettext_noop("Irrational"): "a 1 0; 1 a 1; 0 1 a",
    gettext_noop("Not real"): "a 1; -1 a",
    gettext_noop("A system [A | b]"): "a 1 1 1; 1 a 1 1; 1 1 a -2",
    gettext_noop("A divisor"): "1/a 1; 1 a",
}


def letters() -> str:
    """The choice of a matrix with letters; as text."""
    help_ = text("parameters", "help matrix")
    chosen = one_of_or_typed(_("Matrix with letters"), list(PRESETS), "pm", help=help_)
    return PRESETS.get(chosen, chosen)


def parameters(_matrix: Matrix | None) -> None:
    """Entry and case table, then one case step by step beside a value to try."""
    with errors_shown():
        entry, table = st.columns([2, 3], gap="large")
        with entry:
            st.markdown(text("parameters", "introduction"))
            typed = letters()
            system = st.toggle(_("Last column is b: solve A x = b"), key="sys", **BOUND)
            A, found, lines, says = parametric(typed)
            columns = len(A.rows[0])
            st.html(cells_html([[says(x) for x in row] for row in A.rows], _("The matrix")))
        with table:
            solved = system and columns > 1
            if system and columns < 2:
                st.warning(_("A system needs at least two columns: A and b."))
            head = _("How many solutions") if solved else _("The rank")
            st.subheader(head, anchor=False)
            st.markdown(in_table(lines(columns - 1 if solved else None), solved))
            st.caption(text("parameters", "complex"))
            one_value(A, found, solved)
        one_case(found, says)
        st.markdown(text("parameters", "explanation"))
    from lowrank.exact.parametric import cases
    from lowrank.exact.regions import Region

    usage = text("parameters", "usage").format(matrix=repr(typed))
    code_for_this(cases, Region, usage=usage)


def in_table(lines: "tuple[Line, ...]", solved: bool) -> str:
    """The case table as Markdown; what was typed appears in it only as letters and numbers."""
    rows = [
        [
            line.when.replace("*", "\\*"),
            _("does not exist") if line.rank is None else f"**{line.rank}**",
            line.what,
        ]
        for line in lines
    ]
    if not solved:
        return table_of([_("for"), _("rank")], [row[:2] for row in rows])
    head = [_("for"), _("rank of A"), _("A x = b has")]
    table = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([table[0], "|:--|--:|:--|", *table[1:]])


@st.fragment
@errors_shown()
def one_case(found: "tuple[Case, ...]", says: Callable[[Any], str]) -> None:
    """The operations of one case, and why each, a step at a time."""
    real = [case for case in found if case.exists]
    names = names_of(real)
    asked = st.query_params.get("case")
    if asked and asked not in names and "case" not in st.session_state:
        for language in languages():  # a link names the case as its maker read it
            with speaking(language):
                theirs = names_of(real)
            if asked in theirs:
                st.query_params["case"] = names[theirs.index(asked)]
                st.rerun()  # a widget takes what the address says at the beginning of a run
    st.subheader(_("The steps of one case"), anchor=False)
    # Kept from another matrix: a place this one has not, or a name that its cases do not have.
    offer("case", range(len(real)))
    k = st.selectbox(
        _("Case"),
        range(len(real)),
        format_func=lambda i: names[i],
        key="case",
        filter_mode=None,
        **BOUND,
    )
    case = real[k or 0]
    walked("cstep", (names, k), lambda: frames(case, says), len(case.moves))


def names_of(found: "Sequence[Case]") -> list[str]:
    """What each case is called, here and in the address."""
    from lowrank.exact.conditions import in_words

    said = _("{case}: rank {rank}")
    return [said.format(case=in_words(case.region), rank=case.rank) for case in found]


def frames(case: "Case", says: Callable[[Any], str]) -> list[Frame]:
    """The steps of a case, place by place."""
    total = len(case.moves)
    nothing = _("This matrix is in echelon form as it stands.")
    why = text("parameters", "start") if total else nothing
    said = [step_html(_("{total} steps").format(total=total), "A", why)] + [
        step_html(_("Step {at} of {total}").format(at=at, total=total), move.operation, move.why)
        for at, move in enumerate(case.moves, start=1)
    ]
    shown = [case.start, *(move.matrix for move in case.moves)]
    marks = [set(), *({move.pivot} if move.pivot else set() for move in case.moves)]
    marks[-1] |= set(enumerate(case.pivots))
    changed = [(), *(move.changed for move in case.moves)]
    titles = [_("The matrix after step {at}").format(at=at) for at in range(total + 1)]
    cells = [[[says(x) for x in row] for row in M] for M in shown]
    return list(map(Frame, said, map(cells_html, cells, titles, marks, changed)))


@st.fragment
@errors_shown()
def one_value(A: "Parametric", found: "tuple[Case, ...]", solved: bool) -> None:
    """Try a value of every letter: the case that applies and the rank counted with numbers."""
    from lowrank.exact.conditions import in_words

    if not A.letters:
        return
    st.subheader(_("Try a value"), anchor=False)
    values: dict[str, Fraction] = {}
    with st.container(horizontal=True):
        for letter in A.letters:
            typed = st.text_input(
                letter,
                value="1",
                key=f"value_{letter}",
                **BOUND,
                max_chars=20,
                width=110,
                help=_("A whole number, a fraction like 3/2 or a decimal."),
            )
            values[letter] = parse_matrix(typed)[0][0]
    case = next(case for case in found if case.region.holds(values))
    numbers = A.at(values)
    if numbers is None:
        st.markdown(_("**The matrix does not exist there**: an entry divides by zero."))
        return
    counted = rank(numbers)
    if solved:
        told = _(
            "**Rank of A: {of_A}, rank of [A | b]: {counted}**, counted with these numbers. "
            "Case: {case}."
        )
    else:
        told = _("**Rank {counted}**, counted with these numbers. Case: {case}.")
    of_A = rank([row[:-1] for row in numbers]) if solved else None
    st.markdown(told.format(of_A=of_A, counted=counted, case=in_words(case.region)))
    bar = len(A.rows[0]) - 1 if solved else None
    st.html(matrix_html(exact(numbers), _("The matrix at these values"), bar=bar))


def offered(error: InputError) -> None:
    """Where letters stand in a matrix of numbers: the sentence says so, and a button opens it here.

    Does nothing where the text is no matrix with letters either.
    """
    try:
        reading = read(st.session_state.get("entry_typed") or "")
        if not letters_of(reading):
            return
        from lowrank.exact.expressions import parse_parametric

        typed = compact(reading.cells)
        parse_parametric(typed)
    except InputError:
        return
    told = _("{error} A matrix with letters is reduced case by case in the view Parameters.")
    say(told.format(error=error))
    st.button(_("Open in Parameters"), key="with_letters", on_click=_open, args=(typed,))
    st.stop()


def _open(typed: str) -> None:
    """Carry what was typed, on one line, over to this view."""
    st.session_state.update(view="Parameters", pm=typed)


VIEW = View(below=parameters, draws=letters)
