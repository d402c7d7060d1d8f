"""Numbers lie: the rank counted exactly, in floating point and by singular values."""

import streamlit as st

from lowrank.elimination import floating_echelon
from lowrank.figures.tolerance import singular_values_against_tolerance
from lowrank.rows import Matrix
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.rank.view import View
from lowrank.ui.rank.words import counts, lessons, table

USAGE = """from lowrank.elimination import floating_echelon, rank
from lowrank.parsing import parse_matrix

A = parse_matrix("{matrix}")
print(rank(A), floating_echelon(A, tol=0, pivoting="none").rank)"""


@st.fragment
@errors_shown()
def numbers_lie(A: Matrix) -> None:
    """The rank counted four ways, with a tolerance on the singular values."""
    st.markdown(text("rank", "numbers lie"))
    exponent = st.slider(
        "Tolerance, as a power of ten of the largest singular value",
        min_value=-20.0,
        max_value=0.0,
        value=-14.0,
        step=0.5,
        format="%g",
        key="tol",
        bind="query-params",
    )
    c = counts(A, tol=10.0**exponent)
    st.markdown(table(c))
    st.plotly_chart(
        singular_values_against_tolerance(c.s, c.tol),
        key="tolerance_chart",
        config={"displayModeBar": False},
        alt=f"{len(c.s)} singular values on a log axis; {c.svd} lie above the tolerance.",
    )
    with st.container(key="lessons"):
        st.html("<style>.st-key-lessons { min-height: 6rem; }</style>")
        for sentence in lessons(c):
            st.markdown(sentence)


VIEW = View(beside=numbers_lie, code=(floating_echelon,), usage=USAGE)
