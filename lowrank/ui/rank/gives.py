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
ANSWERS = ("Forms", "A = C R", "Subspaces", "A x = b", "P A = L U", "Inverse", "E A")


def beside(A: Matrix) -> None:
    """One answer at a time, chosen above it, on the matrix left of the bar if there is one."""
    answer = choice(
        "What elimination gives",
        ANSWERS,
        ANSWERS[0],
        "gives",
        wrap=True,
        label_visibility="collapsed",
    )
    left = tuple(row[: augmented()[0]] for row in A)
    with errors_shown():
        {
            "Forms": forms,
            "A = C R": columns_times_rows,
            "Subspaces": four_subspaces,
            "A x = b": lambda _: equations(A),
            "P A = L U": factors,
            "Inverse": inverted,
            "E A": lambda _: elementary(A),
        }[str(answer)](left)


def forms(A: Matrix) -> None:
    """Echelon and reduced form, the rank, and the rows that others make up."""
    E, R = echelon(A), reduced_echelon(A)
    _named("Echelon form", E, pivots=True)
    _named("Reduced echelon form, the only one", R, pivots=True)
    count = len(leading_columns(E))
    rows = "1 pivot" if count == 1 else f"{count} pivots"
    st.markdown(f"**Rank {count}**: {rows} in a {len(A)} × {len(A[0])} matrix.")
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
    with st.container(horizontal=True):
        for title, M, marked in (
            (f"C: column{'s' * (r > 1)} {names} of A", found.C, False),
            ("R: the non-zero rows of the reduced form", found.R, True),
        ):
            with st.container(width="content"):
                _named(title, M, pivots=marked, size=font_size(A))
    st.markdown(
        f"**A = C R**: ({m} × {n}) = ({m} × {r}) ({r} × {n}). Stored are {r} · ({m} + {n}) = "
        f"**{r * (m + n)}** numbers in place of {m} · {n} = **{m * n}**."
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
    given, whence = _times_ones(A), "A times 1, 1, …"
    if bar:
        given, whence = tuple(row[bar] for row in A), "right of the bar"
    A = tuple(row[:bar] for row in A)
    shown = ", ".join(written(x).replace("−", "-") for x in given)
    st.text_input(
        "b, one entry for each row",
        key="b",
        max_chars=5000,
        placeholder=f"{shown}   ({whence})",
        help=text("rank", "help b"),
        **BOUND,
    )
    typed = (st.session_state["b"] or "").strip()
    b = right_side(typed, len(A)) if typed else given
    if not typed and not bar:
        st.markdown(f"No b is typed, so b = A (1, 1, …) = {vector(b)}: it has a solution.")
    found = solve(A, b, names)
    st.html(matrix_html(found.augmented, f"A and b = {vector(b)} side by side", bar=len(A[0])))
    last = found.equations[-1]
    for sentence in solved(found, f"elimination of A with b ends with the equation **{last}**"):
        st.markdown(sentence)
    if found.particular is None:
        _nearest(A, b)


def _nearest(A: Matrix, b: Row) -> None:
    """Where no x solves A x = b: the point of the column space nearest to b, and the x there."""
    found = least_squares(A, b)
    st.markdown(f"**Least squares**: {text('rank', 'least squares')}")
    st.html(matrix_html(found.normal, "Aᵀ A and Aᵀ b side by side", bar=len(A[0])))
    for sentence in solved(found.minimisers, ""):
        st.markdown(sentence)
    st.markdown(
        f"p = A x = {vector(found.projection)}, the projection of b onto the column space.\n\n"
        f"b − p = {vector(found.residual)}, the residual; "
        f"|b − p|² = {written(found.distance_squared)}."
    )


def _times_ones(A: Matrix) -> tuple[Fraction, ...]:
    """A right-hand side that has a solution, whatever A: A times the vector of ones."""
    return tuple(sum(row, Fraction(0)) for row in A)


def factors(A: Matrix) -> None:
    """P A = L U, whatever the shape of A, and the determinant it gives."""
    found = plu(A)
    order = ", ".join(f"R{i + 1}" for i in found.permutation)
    _named(f"P A: the rows of A in the order {order}", product(found.P, A))
    _named("L: what each pivot row was multiplied by", found.L)
    _named("U: the echelon form", found.U, pivots=True)
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
        _named("A⁻¹, right of the bar when A and I are reduced side by side", inverse(A))
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
    _named("E, the product of all of them", E)
    _named("A", A)
    _named("E A, the matrix after the last operation", product(E, A))
    with st.expander(f"The elementary matrices one by one ({len(ops)})"):
        shown = list(enumerate(ops, start=1))[:40]
        for k, op in shown:
            st.markdown(f"E{k} · {op}")
            st.latex(latex_matrix(op.elementary(len(A))))
        if len(ops) > len(shown):
            st.caption(f"…and {len(ops) - len(shown)} more.")


def _named(title: str, A: Matrix, pivots: bool = False, size: float | None = None) -> None:
    st.markdown(f"**{title}**")
    marked = set(enumerate(leading_columns(A))) if pivots else ()
    st.html(matrix_html(A, title, marked, size=size))


VIEW = View(beside=beside, roots=True, code=(cr, plu, solve, fundamental), usage=USAGE)
