"""Derivations written down: what is written, read back, is the same derivation."""

import contextlib
import io
import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.exact.elimination import steps
from lowrank.exact.matrices import RowOp, add, apply, exact, scale, swap
from lowrank.exact.moves import parse_operation
from lowrank.exact.notation import latex_matrix, matrices, to_code, to_latex, to_markdown
from lowrank.exact.parsing import parse_matrix

ENTRIES = st.fractions(-9, 9, max_denominator=12)
MATRICES = (
    st.integers(1, 4)
    .flatmap(lambda n: st.lists(st.lists(ENTRIES, min_size=n, max_size=n), min_size=2, max_size=4))
    .map(exact)
)


def an_operation(rows: int) -> st.SearchStrategy[RowOp]:
    pair = st.permutations(range(rows)).map(lambda order: order[:2])
    factor = ENTRIES.filter(bool)
    other = factor.filter(lambda f: f != 1)  # once a row is the row: no operation
    return st.one_of(
        pair.map(lambda p: swap(*p)),
        st.builds(lambda p, f: scale(p[0], f), pair, other),
        st.builds(lambda p, f: add(*p, f), pair, factor),
    )


DERIVATIONS = MATRICES.flatmap(
    lambda A: st.tuples(st.just(A), st.lists(an_operation(len(A)), max_size=6))
)


def followed(A, ops):
    for op in ops:
        A = apply(op, A)
    return A


@settings(max_examples=60)
@given(DERIVATIONS)
def test_the_code_runs_and_ends_where_the_derivation_ends(derivation):
    A, ops = derivation
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(to_code(A, ops), names)
    assert names["A"] == followed(A, ops)
    assert parse_matrix(printed.getvalue()) == followed(A, ops)


@settings(max_examples=60)
@given(DERIVATIONS)
def test_latex_and_markdown_read_back_are_the_same_derivation(derivation):
    A, ops = derivation
    for written in (to_latex(A, ops), to_markdown(A, ops)):
        found = re.findall(r"\\left\[.*?\\right\]", written)
        assert [parse_matrix(text) for text in found] == matrices(A, ops)
        operations = re.findall(r"\\xrightarrow\{(.*)\} \\;|\d+\. \$(.*)\$", written)
        assert [said(a or b, len(A)) for a, b in operations] == [effect(op, len(A)) for op in ops]


def effect(op: RowOp, rows: int):
    return apply(op, exact([[int(i == j) for j in range(rows)] for i in range(rows)]))


def said(latex: str, rows: int):
    """The operation that a LaTeX label names, read by the parser of typed operations."""
    plain = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"\1/\2", latex)
    plain = plain.replace(r"\leftrightarrow", "<->").replace(r"\leftarrow", "<-")
    return effect(parse_operation(plain, rows), rows)


@settings(max_examples=60)
@given(DERIVATIONS)
def test_latex_is_balanced_and_has_a_line_for_each_matrix(derivation):
    A, ops = derivation
    written = to_latex(A, ops)
    balanced(written)
    assert written.count(" \\\\\n") == len(ops)


def balanced(latex: str) -> None:
    """Braces, environments and delimiters close in the order they open."""
    opened = []
    tokens = r"\\(begin|end)\{(\w+\*?)\}|\\(left|right)\b|(?<!\\)([{}])"
    for kind, name, side, brace in re.findall(tokens, latex):
        if kind == "begin" or side == "left" or brace == "{":
            opened.append(name or side or brace)
        else:
            assert opened.pop() == (name or (side and "left") or "{")
    assert not opened


def test_a_textbook_derivation_from_first_to_last():
    A = exact([[0, 2], [4, Fraction(1, 2)]])
    ops = [step.op for step in steps(A, reduced=True)]
    assert to_latex(A, ops).splitlines()[2].startswith(r"\xrightarrow{R_{1} \leftrightarrow R_{2}}")
    assert to_code(A, ops).splitlines()[:3] == [
        "from fractions import Fraction",
        "",
        "from lowrank.exact.matrices import add, apply, exact, scale, swap",
    ]
    assert latex_matrix(A) == (
        r"\left[\begin{array}{rr} 0 & 2 \\ 4 & \frac{1}{2} \end{array}\right]"
    )


@pytest.mark.parametrize("write", [to_latex, to_markdown, to_code])
def test_an_operation_that_does_not_fit_is_named(write):
    with pytest.raises(InputError, match="R3"):
        write(exact([[1], [2]]), [swap(0, 2)])
