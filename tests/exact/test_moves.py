"""Typed row operations, and the goal as a property rather than one answer."""

import re
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import Matrix as SympyMatrix

from lowrank.errors import InputError
from lowrank.exact.elimination import echelon, reduced_echelon, steps
from lowrank.exact.matrices import add, apply, exact, scale, swap
from lowrank.exact.moves import (
    explain_next,
    is_echelon,
    is_reduced_echelon,
    parse_operation,
    same_row_space,
)
from tests.outcomes import taken_or_refused

HALF = Fraction(3, 2)
FACTORS = st.fractions(-9, 9, max_denominator=1000)
SMALL = st.integers(-4, 4)
MATRICES = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(SMALL, min_size=n, max_size=n), min_size=1, max_size=4)
)


@pytest.mark.parametrize(
    ("text", "op"),
    [
        ("R1 <-> R2", swap(0, 1)),
        ("r1↔r2", swap(0, 1)),
        ("swap R1 R3", swap(0, 2)),
        ("swap R1, R3", swap(0, 2)),
        ("R3 and R1", swap(2, 0)),
        ("2 R3", scale(2, 2)),
        ("-R3", scale(2, -1)),
        ("R3 / 3", scale(2, Fraction(1, 3))),
        ("R3 * -1/2", scale(2, Fraction(-1, 2))),
        ("R3 <- 0.5 R3", scale(2, Fraction(1, 2))),
        ("R2 - 3/2 R1", add(1, 0, -HALF)),
        ("R2 − 3/2·R1", add(1, 0, -HALF)),
        ("R2 ← R2 − 3/2 R1", add(1, 0, -HALF)),
        ("R_{2} = R_{2} - (3/2) R_{1}", add(1, 0, -HALF)),
        ("-3/2 R1 + R2", add(1, 0, -HALF)),
        ("R2 + R1", add(1, 0, 1)),
        ("R1 <- R2 + R1", add(0, 1, 1)),
        ("R2 - R1/2", add(1, 0, Fraction(-1, 2))),
        ("R2 - (-3/2) R1", add(1, 0, HALF)),
    ],
)
def test_an_operation_is_read_as_it_is_written(text, op):
    assert parse_operation(text, rows=3) == op


@settings(deadline=None)
@given(st.sampled_from(["swap", "scale", "add"]), st.permutations(range(4)), FACTORS)
def test_what_the_steps_are_written_as_is_read_back(kind, rows, factor):
    made = {"swap": lambda: swap(*rows[:2]), "scale": lambda: scale(rows[0], factor)}
    assume(factor and (kind, factor) != ("scale", 1))  # those are no operations
    op = made.get(kind, lambda: add(rows[0], rows[1], factor))()
    assert apply(parse_operation(str(op), 4), EYE) == apply(op, EYE)


EYE = exact([[int(i == j) for j in range(4)] for i in range(4)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no row operation"),
        ("hello", "no row operation"),
        ("R1 R2", "no row operation"),
        ("R1 + R2 + R3", "no row operation"),
        ("2 R1 * 3 R2", "multiplies two rows"),
        ("__import__('os')", "no row operation"),
        ("R4", "rows 1 to 3"),
        ("R0 + R1", "rows 1 to 3"),
        ("R1 <-> R99999999999999999999", "rows 1 to 3"),
        ("R1 <-> R1", "with itself"),
        ("R1 + R1", "twice"),
        ("0 R1", "by 0"),
        ("R1 / 0", "divides by zero"),
        ("R2 + 0 R1", "changes nothing"),
        ("R1 = 2 R2", "loses it"),
        ("2 R2 - 3 R1", "which row changes"),
        ("R2 = 2 R2 - 3 R1", "two operations"),
        ("R3 = R1 + R2", "which row changes"),
        ("R1 + 1/0 R2", "1/0"),
        ("C2 - 2 C1", "“C2”, which is no row"),
        ("A[2,:] -= A[1,:]", "from 1 in Julia"),
        ("R1 + 1e200 R2", "too long"),
        ("R1 " * 200, "characters"),
    ],
)
def test_what_is_no_operation_is_said(text, words):
    with pytest.raises(InputError, match=words):
        parse_operation(text, rows=3)


@pytest.mark.parametrize("rows", [None, 0, 2.5, "3", True])
def test_a_number_of_rows_that_is_none_is_refused(rows):
    with pytest.raises(InputError, match="rows is"):
        parse_operation("R1 <-> R2", rows)
    with pytest.raises(InputError, match="text is of type"):
        parse_operation(rows if not isinstance(rows, str) else None, 3)


ROW = st.sampled_from(["R1", "r2", "R3", "R4"])
BETWEEN = st.sampled_from(["+", " - 2", "↔", " <-> ", "+ 0.5*", "− 1/2·", "← -", "/", "x"])


def test_any_text_is_an_operation_or_an_error_of_ours():
    def names_a_row(text, op):
        assert 0 <= min(op.rows) <= max(op.rows) < 3

    taken_or_refused(
        st.text(max_size=30) | st.builds("{}{}{}".format, ROW, BETWEEN, ROW),
        lambda text: parse_operation(text, rows=3),
        names_a_row,
        refusal=InputError,
        examples=200,
    )


@settings(deadline=None)
@given(MATRICES)
def test_every_derivation_ends_at_the_goal_and_keeps_the_row_space(rows):
    A = exact(rows)
    assert is_echelon(echelon(A))
    assert is_reduced_echelon(reduced_echelon(A))
    assert is_echelon(A) == (next(steps(A), None) is None)
    for step in steps(A, reduced=True):
        assert same_row_space(A, step.matrix)


@settings(deadline=None)
@given(MATRICES, MATRICES)
def test_the_same_row_space_is_what_sympy_calls_it(first, second):
    wide = len(first[0]) == len(second[0])
    joined = SympyMatrix(first + second).rank() if wide else -1
    expected = joined == SympyMatrix(first).rank() == SympyMatrix(second).rank()
    assert same_row_space(exact(first), exact(second)) is expected


def test_reduced_needs_pivots_of_one_alone_in_their_columns():
    assert is_reduced_echelon(exact([[1, 0, 2], [0, 1, 3], [0, 0, 0]]))
    assert not is_reduced_echelon(exact([[1, 1], [0, 1]]))
    assert not is_reduced_echelon(exact([[2, 0], [0, 1]]))
    assert not is_reduced_echelon(exact([[0, 1], [1, 0]]))


TINY = st.integers(-2, 2)


@st.composite
def next_matrices(draw):
    """A matrix and a next one: a legal move, several, a legal one with a slip, or anything."""
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    grids = st.lists(st.lists(TINY, min_size=n, max_size=n), min_size=m, max_size=m)
    before = exact(draw(grids))
    after, how = before, draw(st.integers(0, 4))
    if how == 4:
        return before, exact(draw(grids))
    source = draw(st.integers(0, m - 1))
    for _ in range(draw(st.integers(0, 3))):
        i, j = draw(st.integers(0, m - 1)), draw(st.integers(0, m - 1)) if how else source
        factor = Fraction(draw(st.sampled_from([-2, -1, 1, 2, 3])), draw(st.integers(1, 2)))
        if i == j:
            after = after if how == 0 else apply(scale(i, factor), after)
        else:
            after = apply(swap(i, j) if how == 1 else add(i, j, factor), after)
    if how == 3:
        rows = [list(row) for row in after]
        rows[draw(st.integers(0, m - 1))][draw(st.integers(0, n - 1))] += draw(TINY)
        after = exact(rows)
    return before, after


def brute_force(A, B):
    """Every swap, scale and sum that could lead from A to B, tried; then every clearing in one go.

    The factor of a sum or multiple can only be a ratio of entries that occur.
    """
    m = len(A)
    pairs = [(a, b) for i in range(m) for a, b in zip(A[i], B[i], strict=True)]
    ratios = {(b - a) / x for a, b in pairs for row in A for x in row if x}
    ratios |= {b / a for a, b in pairs if a}
    ratios -= {0}
    tried = [swap(i, j) for i in range(m) for j in range(i)]
    tried += [scale(i, f) for i in range(m) for f in ratios]
    sums = [add(i, j, f) for i in range(m) for j in range(m) if i != j for f in ratios]
    if A != B and any(apply(op, A) == B for op in tried + sums):
        return True
    for j in range(m):
        rows = [{A[i]} | {apply(op, A)[i] for op in sums if op.rows == (i, j)} for i in range(m)]
        if A != B and all(row in reachable for row, reachable in zip(B, rows, strict=True)):
            return True
    return False


@settings(max_examples=500, deadline=None)
@given(next_matrices())
def test_the_verdict_on_a_next_matrix_is_the_brute_force_one(pair):
    before, after = pair
    verdict = explain_next(before, after)
    assert verdict.right == bool(verdict.ops) == brute_force(before, after)
    assert verdict.same_space == same_row_space(before, after)
    if verdict.right:
        for op in verdict.ops:
            before = apply(op, before)
        assert before == after
        assert verdict.row is None
        return
    assert verdict.why
    assert (verdict.row is None) == (before == after)
    if verdict.row is not None:
        assert before[verdict.row] != after[verdict.row] or "swap" in verdict.why
        assert f"ow {verdict.row + 1}" in verdict.why or f"and {verdict.row + 1}" in verdict.why
        assert ("still the same" in verdict.why) == verdict.same_space


@pytest.mark.parametrize(
    ("after", "row", "words"),
    [
        ([[1, 2, 3], [4, 5, 6]], None, r"3 × 3, but the next one is 2 × 3"),
        ([[1, 2, 3], [4, 5, 6], [7, 8, 10]], None, "Nothing changed"),
        ([[1, 2, 3], [0, -3, 6], [7, 8, 10]], 1, "column 3: R2 ← R2 − 4 R1 gives −6 there, not 6"),
        ([[1, 2, 3], [0, -3, -6], [0, -6, 11]], 2, "column 3: R3 ← R3 − 7 R1 gives −11 there, no"),
        ([[1, 2, 3], [0, 0, 0], [7, 8, 10]], 1, "Row 2 became zero, but it is no multiple"),
        ([[4, 5, 6], [4, 5, 6], [7, 8, 10]], 0, "Row 1 became a multiple of row 2"),
        ([[4, 5, 6], [1, 2, 4], [7, 8, 10]], 1, "row 2 must become what row 1 was; in column 3"),
        ([[1, 2, 3], [6, 6, 6], [7, 8, 10]], 1, "two operations at once: R2 ← 2 R2, then R2 ← R2 "),
        ([[2, 4, 6], [8, 10, 12], [7, 8, 10]], 1, "operation of their own .R1 ← 2 R1 and R2 ← 2 R"),
        ([[1, 2, 3], [9, 8, 5], [7, 8, 10]], 1, "Row 2 "),
    ],
)
def test_the_first_wrong_row_is_named_with_the_reason(after, row, words):
    verdict = explain_next(exact([[1, 2, 3], [4, 5, 6], [7, 8, 10]]), exact(after))
    assert (verdict.right, verdict.row) == (False, row)
    assert re.search(words, verdict.why), verdict.why


def test_a_column_cleared_in_one_go_is_right():
    A = exact([[1, 2], [3, 4], [5, 6]])
    verdict = explain_next(A, exact([[1, 2], [0, -2], [0, -4]]))
    assert [str(op) for op in verdict.ops] == ["R2 ← R2 − 3 R1", "R3 ← R3 − 5 R1"]
