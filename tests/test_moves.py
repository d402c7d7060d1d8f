"""Typed row operations, and the goal as a property rather than one answer."""

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Matrix as SympyMatrix

from lowrank.elimination import echelon, reduced_echelon, steps
from lowrank.errors import InputError
from lowrank.moves import is_echelon, is_reduced_echelon, parse_operation, same_row_space
from lowrank.rows import add, apply, exact, scale, swap

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


@given(st.sampled_from(["swap", "scale", "add"]), st.permutations(range(4)), FACTORS)
def test_what_the_steps_are_written_as_is_read_back(kind, rows, factor):
    made = {"swap": lambda: swap(*rows[:2]), "scale": lambda: scale(rows[0], factor or 1)}
    op = made.get(kind, lambda: add(rows[0], rows[1], factor or 1))()
    assert apply(parse_operation(str(op), 4), EYE) == apply(op, EYE)


EYE = exact([[int(i == j) for j in range(4)] for i in range(4)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no row operation"),
        ("hello", "no row operation"),
        ("R1 R2", "no row operation"),
        ("R1 + R2 + R3", "no row operation"),
        ("2 R1 * 3", "no row operation"),
        ("__import__('os')", "no row operation"),
        ("R4", "rows 1 to 3"),
        ("R0 + R1", "rows 1 to 3"),
        ("R1 <-> R99999999999999999999", "rows 1 to 3"),
        ("R1 <-> R1", "with itself"),
        ("R1 + R1", "twice"),
        ("0 R1", "by 0"),
        ("R1 / 0", "divides by 0"),
        ("R2 + 0 R1", "changes nothing"),
        ("R1 = 2 R2", "loses it"),
        ("2 R2 - 3 R1", "which row changes"),
        ("R2 = 2 R2 - 3 R1", "two operations"),
        ("R3 = R1 + R2", "which row changes"),
        ("R1 + 1/0 R2", "1/0"),
        ("R1 + " + "9" * 100 + " R2", "R1 \\+ 999"),
        ("R1 " * 200, "characters"),
    ],
)
def test_what_is_no_operation_is_said(text, words):
    with pytest.raises(InputError, match=words):
        parse_operation(text, rows=3)


@given(st.text(max_size=30) | st.text("rR123456 +-*/<>=↔←.()", max_size=20))
def test_any_text_is_an_operation_or_an_error_of_ours(text):
    with contextlib.suppress(InputError):
        assert max(parse_operation(text, rows=3).rows) < 3


@given(MATRICES)
def test_every_derivation_ends_at_the_goal_and_keeps_the_row_space(rows):
    A = exact(rows)
    assert is_echelon(echelon(A))
    assert is_reduced_echelon(reduced_echelon(A))
    assert is_echelon(A) == (next(steps(A), None) is None)
    for step in steps(A, reduced=True):
        assert same_row_space(A, step.matrix)


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
