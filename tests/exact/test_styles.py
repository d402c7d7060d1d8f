"""Styles and bars: wherever one is, the style leads to the goal, and whole numbers stay whole."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.exact.derivation import Derivation
from lowrank.exact.elimination import next_step, reduced_echelon, steps
from lowrank.exact.matrices import exact, product
from lowrank.exact.moves import is_echelon, is_reduced_echelon
from lowrank.exact.query import decode, encode
from lowrank.exact.styles import STYLES, content
from lowrank.exact.systems import determinant
from tests.exact.test_elimination import matrices, mid_derivation, oracle
from tests.exact.test_systems import squares

STYLE = st.sampled_from(STYLES)


def left_of(A, bar):
    return tuple(row[:bar] for row in A)


@st.composite
def barred(draw):
    """A matrix and how many of its columns stand left of a bar, or None."""
    A = draw(matrices() | matrices(st.integers(-9, 9).map(Fraction)))
    inside = st.integers(1, len(A[0]) - 1) if len(A[0]) > 1 else st.none()
    return A, draw(st.none() | inside)


@settings(max_examples=300, deadline=None)
@given(barred(), STYLE)
def test_every_style_ends_in_the_reduced_form_that_there_is_only_one_of(given_, style):
    A, bar = given_
    path = list(steps(A, True, style, bar))
    before = A
    for step in path:
        assert product(step.op.elementary(len(A)), before) == step.matrix
        assert step == next_step(before, True, style, bar)
        before = step.matrix
    assert left_of(before, bar) == oracle(left_of(A, bar))[0]
    assert reduced_echelon(before) == reduced_echelon(A)
    plain = list(steps(A, False, style, bar))
    assert plain == path[: len(plain)]
    end = plain[-1].matrix if plain else A
    assert is_echelon(left_of(end, bar))
    if style == "ones":
        assert all(
            row[next(j for j, x in enumerate(row) if x)] == 1 for row in end if any(row[:bar])
        )


@settings(max_examples=200, deadline=None)
@given(matrices(), st.booleans())
def test_no_step_but_the_last_scalings_brings_a_fraction_up(A, reduced):
    before = A
    for step in steps(A, reduced, "whole"):
        (row, column), target = step.pivot, step.op.rows[0]
        at_the_end = row == target and step.matrix[row][column] == 1
        if step.op.kind != "swap" and content(before[target]).denominator == 1 and not at_the_end:
            assert content(step.matrix[target]).denominator == 1
        before = step.matrix


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**40), STYLE, st.booleans())
def test_hints_of_every_style_lead_to_its_goal_from_any_state(seed, style, reduced):
    start, current = mid_derivation(seed)
    taken = 0
    while (step := next_step(current, reduced, style)) is not None:
        current, taken = step.matrix, taken + 1
        assert taken < 200
        assert step.why
        assert step.detail
    assert is_reduced_echelon(current) if reduced else is_echelon(current)
    assert reduced_echelon(current) == oracle(start)[0]


@settings(max_examples=100, deadline=None)
@given(squares(), STYLE, st.booleans())
def test_the_determinant_is_tracked_through_the_steps(A, style, reduced):
    d = Derivation(A, reduced=reduced, style=style).whole
    value = determinant(A).value
    for position in range(len(d.ops) + 1):
        here = d.at(position)
        assert determinant(here.matrix).value == here.factor * value


@settings(max_examples=100, deadline=None)
@given(matrices(), STYLE, st.booleans(), st.data())
def test_a_link_names_the_style_and_counts_its_steps(A, style, reduced, data):
    d = Derivation(A, reduced=reduced, style=style).whole
    d = d.at(data.draw(st.integers(0, len(d.ops))))
    assert decode(encode(d)) == d
    if d.ops:
        assert f"v1.N{''}" in encode(d)


def test_the_steps_of_each_style_as_a_teacher_would_write_them():
    A = exact([[2, 4, 2], [3, 5, 1]])
    assert [[str(step.op) for step in steps(A, True, style)] for style in STYLES] == [
        ["R2 ← R2 − 3/2 R1", "R2 ← −R2", "R1 ← R1 − 4 R2", "R1 ← 1/2 R1"],
        ["R1 ← 1/2 R1", "R2 ← R2 − 3 R1", "R2 ← −R2", "R1 ← R1 − 2 R2"],
        ["R1 ← 1/2 R1", "R2 ← R2 − 3 R1", "R1 ← R1 + 2 R2", "R2 ← −R2"],
    ]
    first, second = list(steps([["1/2", "1/3"], [2, 1]], style="whole"))[:2]
    assert first.why == "Multiply row 1 by 6: whole numbers, and as small as they can be."
    assert str(second.op) == "R2 ← 3 R2"
    assert second.why == "Multiply row 2 by 3: then its 2 becomes 6, a multiple of the pivot 3."
    assert "Multiplying by 1/3 would undo that" in second.detail


def test_no_pivot_is_sought_right_of_the_bar():
    path = list(steps([[1, 2, 3], [2, 4, 7]], True, bar=2))
    assert [str(step.op) for step in path] == ["R2 ← R2 − 2 R1"]
    assert path[-1].matrix == exact([[1, 2, 3], [0, 0, 1]])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"style": "fast"}, "style is 'fast'; expected textbook, ones, whole"),
        ({"bar": 0}, "bar is 0: expected None, or how many of the 2 columns"),
        ({"bar": 2}, "from 1 to 1"),
    ],
)
def test_what_is_no_style_or_bar_is_refused(options, said):
    for make in (steps, next_step):
        with pytest.raises(InputError, match=said):
            make(exact([[1, 2]]), **options)
    with pytest.raises(InputError, match=said):
        Derivation(exact([[1, 2]]), **options)
