"""What it gives: all that one elimination of a matrix answers, exactly."""

from fractions import Fraction

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.elimination import echelon, leading_columns, reduced_echelon, steps
from lowrank.exact.matrices import Matrix, Row, RowOp, product, written
from lowrank.exact.notation import latex_matrix
from lowrank.exact.projection import least_squares
from lowrank.exact.subspaces import fundamental
from lowrank.exact.systems import (
    cr,
    determinant,
    elementary_product,
    inverse,
    plu,
    solve,
)
from lowrank.figures.exact import font_size, matrix_html, vector
from lowrank.figures.four_spaces import four_spaces_html
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, ngettext
from lowrank.ui.glossary import explained
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.matrix_entry import augmented
from lowrank.ui.outside import as_text
from lowrank.ui.rank.inputs import BOUND, choice, right_side
from lowrank.ui.rank.link import derivation
from lowrank.ui.rank.sentences import dependent_rows, solved
from lowrank.ui.rank.view import View

USAGE = """from lowrank import exact

A = exact.parse_matrix("{matrix}")
print(exact.cr(A))
print(exact.plu(A))
print(exact.fundamental(A))"""
FORMS, SUBSPACES = gettext_noop("Forms"), gettext_noop("Subspaces")
INVERSE = gettext_noop("Inverse")
ANSWERS = (FORMS, "A = C R", SUBSPACES, "A x = b", "P A = L U", INVERSE, "E A")


def beside(A: Matrix) -> None:
    """One answer at a time, chosen above it, on the matrix left of the bar if there is one."""
    answer = choice(
        _("What elimination gives"),
        ANSWERS,
        ANSWERS[0],
        "gives",
        wrap=True,
        label_visibility="collapsed",
    )
    left = tuple(row[: augmented()[0]] for row in A)
    with errors_shown():
        {
            FORMS: forms,
            "A = C R": columns_times_rows,
            SUBSPACES: four_subspaces,
            "A x = b": lambda left: equations(A),
            "P A = L U": factors,
            INVERSE: inverted,
            "E A": lambda left: elementary(A),
        }[str(answer)](left)


def forms(A: Matrix) -> None:
    """Echelon and reduced form, the rank, and the rows that others make up."""
    E, R = echelon(A), reduced_echelon(A)
    _named(_("Echelon form"), E, pivots=True)
    _named(_("Reduced echelon form, the only one"), R, pivots=True)
    count = len(leading_columns(E))
    said = ngettext(
        "**Rank {count}**: {count} pivot in a {m} × {n} matrix.",
        "**Rank {count}**: {count} pivots in a {m} × {n} matrix.",
        count,
    )
    st.markdown(said.format(count=count, m=len(A), n=len(A[0])))
    st.markdown(dependent_rows(A))


def columns_times_rows(A: Matrix) -> None:
    """A as the thin product of its pivot columns and the non-zero rows of its reduced form."""
    found = cr(A)
    m, n, r = len(A), len(A[0]), len(found.columns)
    _named("A", A)
    if not r:
        st.markdown(text("rank", "cr of zero"))
        return
    names = ", ".join(str(j + 1) for j in found.columns)
    columns = ngettext("C: column {names} of A", "C: columns {names} of A", r)
    with st.container(horizontal=True):
        for title, M, marked in (
            (columns.format(names=names), found.C, False),
            (_("R: the non-zero rows of the reduced form"), found.R, True),
        ):
            with st.container(width="content"):
                _named(title, M, pivots=marked, size=font_size(A))
    st.markdown(
        _(
            "**A = C R**: ({m} × {n}) = ({m} × {r}) ({r} × {n}). Stored are {r} · ({m} + {n}) = "
            "**{stored}** numbers in place of {m} · {n} = **{whole}**."
        ).format(m=m, n=n, r=r, stored=r * (m + n), whole=m * n)
    )
    st.markdown(explained(text("rank", "cr")))


def four_subspaces(A: Matrix) -> None:
    """Where each of the four lives, a basis of it and how the dimensions add up."""
    spaces = fundamental(A)
    st.html(four_spaces_html(spaces))
    st.markdown(f"{spaces.identities[-1]}.")
    st.markdown(explained(text("rank", "four subspaces")))


def equations(A: Matrix) -> None:
    """All solutions of A x = b, for a b that the visitor types or that stands right of the bar."""
    bar, names = augmented()
    given, waiting = _times_ones(A), _("{b}   (A times 1, 1, …)")
    if bar:
        given, waiting = tuple(row[bar] for row in A), _("{b}   (right of the bar)")
    A = tuple(row[:bar] for row in A)
    shown = ", ".join(written(x).replace("−", "-") for x in given)
    st.text_input(
        _("b, one entry for each row"),
        key="b",
        max_chars=5000,
        placeholder=waiting.format(b=shown),
        help=text("rank", "help b"),
        **BOUND,
    )
    typed = (st.session_state["b"] or "").strip()
    b = right_side(typed, len(A)) if typed else given
    if not typed and not bar:
        said = _("No b is typed, so b = A (1, 1, …) = {b}: it has a solution.")
        st.markdown(said.format(b=vector(b)))
    found = solve(A, b, names)
    title = _("A and b = {b} side by side").format(b=vector(b))
    st.html(matrix_html(found.augmented, title, bar=len(A[0])))
    none = _("**No solution**: elimination of A with b ends with the equation **{equation}**.")
    for sentence in solved(found, none.format(equation=found.equations[-1])):
        st.markdown(sentence)
    if found.particular is None:
        _nearest(A, b)


def _nearest(A: Matrix, b: Row) -> None:
    """Where no x solves A x = b: the point of the column space nearest to b, and the x there."""
    found = least_squares(A, b)
    st.markdown(_("**Least squares**: {told}").format(told=text("rank", "least squares")))
    st.html(matrix_html(found.normal, _("Aᵀ A and Aᵀ b side by side"), bar=len(A[0])))
    for sentence in solved(found.minimisers, ""):
        st.markdown(sentence)
    st.markdown(
        _(
            "p = A x = {p}, the projection of b onto the column space.\n\n"
            "b − p = {residual}, the residual; |b − p|² = {square}."
        ).format(
            p=vector(found.projection),
            residual=vector(found.residual),
            square=written(found.distance_squared),
        )
    )


def _times_ones(A: Matrix) -> tuple[Fraction, ...]:
    """A right-hand side that has a solution, whatever A: A times the vector of ones."""
    return tuple(sum(row, Fraction(0)) for row in A)


def factors(A: Matrix) -> None:
    """P A = L U, whatever the shape of A, and the determinant it gives."""
    found = plu(A)
    order = ", ".join(f"R{i + 1}" for i in found.permutation)
    title = _("P A: the rows of A in the order {order}")
    _named(title.format(order=order), product(found.P, A))
    _named(_("L: what each pivot row was multiplied by"), found.L)
    _named(_("U: the echelon form"), found.U, pivots=True)
    st.markdown(text("rank", "plu"))
    _determinant(A)


def _determinant(A: Matrix) -> None:
    try:
        how = determinant(A).how
    except InputError as error:
        st.info(as_text(error))
        return
    st.markdown(f"**{how}**")


def inverted(A: Matrix) -> None:
    """The inverse where there is one, otherwise the sentence why not; and the determinant."""
    try:
        _named(_("A⁻¹, right of the bar when A and I are reduced side by side"), inverse(A))
    except InputError as error:
        st.info(as_text(error))
    _determinant(A)
    st.markdown(text("rank", "inverse"))


def elementary(A: Matrix) -> None:
    """The visitor's own moves, or the textbook's, as matrices whose product turns A into A'."""
    d = derivation(A)
    ops: tuple[RowOp, ...] = d.ops[: d.position]
    own = bool(ops)
    ops = ops or tuple(step.op for step in steps(A, d.reduced))
    words = "elementary own" if own else "elementary textbook"
    st.markdown(text("rank", words).format(count=len(ops)))
    E = elementary_product(ops, len(A))
    _named(_("E, the product of all of them"), E)
    _named("A", A)
    _named(_("E A, the matrix after the last operation"), product(E, A))
    label = _("The elementary matrices one by one ({count})")
    with st.expander(label.format(count=len(ops))):
        shown = list(enumerate(ops, start=1))[:40]
        for k, op in shown:
            st.markdown(f"E{k} · {op}")
            st.latex(latex_matrix(op.elementary(len(A))))
        if len(ops) > len(shown):
            st.caption(_("…and {count} more.").format(count=len(ops) - len(shown)))


def _named(title: str, A: Matrix, pivots: bool = False, size: float | None = None) -> None:
    st.markdown(f"**{title}**")
    marked = set(enumerate(leading_columns(A))) if pivots else ()
    st.html(matrix_html(A, title, marked, size=size))


VIEW = View(beside=beside, roots=True, code=(cr, plu, solve, fundamental), usage=USAGE)
