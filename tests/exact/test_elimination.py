"""Row reduction against sympy's rational arithmetic, and the identities each step must keep."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from lowrank.errors import InputError
from lowrank.exact.elimination import (
    echelon,
    exact,
    leading_columns,
    next_step,
    pivots,
    rank,
    reduced_echelon,
    steps,
)
from lowrank.exact.floating import eliminate, floats
from lowrank.exact.matrices import (
    RowOp,
    add,
    apply,
    identity,
    product,
    scale,
    swap,
    transpose,
    written,
)

ENTRIES = st.builds(Fraction, st.integers(-9, 9), st.sampled_from([1, 1, 2, 3, 6, 10, 100]))


@st.composite
def matrices(draw, entries=ENTRIES):
    """Shapes 1..8; half are products through an inner size from 0, so rank-deficient on purpose."""
    m, n = draw(st.integers(1, 8)), draw(st.integers(1, 8))

    def grid(rows, columns):
        flat = draw(st.lists(entries, min_size=rows * columns, max_size=rows * columns))
        return [flat[i * columns : (i + 1) * columns] for i in range(rows)]

    if draw(st.booleans()):
        return exact(grid(m, n))
    r = draw(st.integers(0, min(m, n) - 1))
    if r == 0:
        return exact([[0] * n] * m)
    return product(exact(grid(m, r)), exact(grid(r, n)))


def oracle(A):
    """sympy's reduced echelon form over QQ, computed by its own domain arithmetic."""
    entries = [[QQ(x.numerator, x.denominator) for x in row] for row in A]
    R, columns = DomainMatrix(entries, (len(A), len(A[0])), QQ).rref()
    rows = [[Fraction(int(x.numerator), int(x.denominator)) for x in r] for r in R.to_list()]
    return exact(rows), tuple(columns)


def is_echelon(E):
    leads = [next((j for j, x in enumerate(row) if x), len(row) + i) for i, row in enumerate(E)]
    filled = [any(row) for row in E]
    return leads == sorted(set(leads)) and filled == sorted(filled, reverse=True)


@settings(max_examples=2000, deadline=None)
@given(matrices())
def test_agrees_with_an_independent_exact_oracle(A):
    R, columns = oracle(A)
    assert reduced_echelon(A) == R
    assert pivots(A) == columns
    assert rank(A) == len(columns)


@settings(max_examples=300, deadline=None)
@given(matrices(), st.booleans())
def test_every_step_is_its_elementary_matrix_and_can_be_taken_back(A, reduced):
    before = A
    for step in steps(A, reduced):
        assert product(step.op.elementary(len(A)), before) == step.matrix
        assert apply(step.op.inverse(), step.matrix) == before
        assert step.matrix[step.pivot[0]][step.pivot[1]] != 0
        before = step.matrix
    assert is_echelon(before)
    assert next_step(before, reduced) is None
    assert before == (reduced_echelon(A) if reduced else echelon(A))


@settings(max_examples=300, deadline=None)
@given(matrices() | matrices(st.integers(-9, 9).map(Fraction)), st.booleans())
def test_the_steps_are_those_of_the_next_step_taken_again_and_again(A, reduced):
    current, taken = A, []
    while (step := next_step(current, reduced)) is not None:
        taken.append(step)
        current = step.matrix
    assert list(steps(A, reduced)) == taken
    assert [hash(step) for step in steps(A, reduced)] == [hash(step) for step in taken]
    for step in reversed(list(steps(A, reduced))):  # whichever is asked for first
        assert (step.op, step.matrix, step.pivot, step.why) == (
            (again := taken.pop()).op,
            again.matrix,
            again.pivot,
            again.why,
        )


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-(10**30), 10**30), min_size=3, max_size=3), min_size=1))
def test_whole_numbers_take_the_same_steps_without_becoming_fractions_first(rows):
    before = [list(row) for row in rows]
    assert list(steps(rows, reduced=True)) == list(steps(exact(rows), reduced=True))
    walk = steps(rows)
    rows[0][0] += 1  # a later change of the argument is none of the walk's
    assert list(walk) == list(steps(before))


@pytest.mark.parametrize("entry", [2**30, 2**63, 2**64 - 1, Fraction(2**90, 3**50), 10**400])
def test_long_numbers_fit_their_slots(entry):
    A = [[entry, -entry, 1], [-entry, entry - 1, entry], [1, 2, -entry]]
    R, columns = oracle(exact(A))
    assert (reduced_echelon(A), pivots(A)) == (R, columns)
    assert [*steps(A, True)][-1].matrix == R


def test_a_step_cannot_be_changed_and_unchanged_rows_are_shared():
    first, second, *_ = steps([[1, 2], [3, 4], [5, 6]])
    with pytest.raises(AttributeError):
        first.why = "because"
    assert first.matrix[0] is second.matrix[0]
    assert first.matrix is first.matrix
    assert first != second
    assert repr(first).startswith("Step(op=RowOp(kind='add', rows=(1, 0), factor=Fraction(-3, 1))")


@settings(max_examples=200, deadline=None)
@given(matrices())
def test_the_plain_form_is_the_start_of_the_reduced_one(A):
    plain, full = list(steps(A)), list(steps(A, reduced=True))
    assert full[: len(plain)] == plain


@settings(max_examples=200, deadline=None)
@given(matrices())
def test_rank_is_that_of_the_transpose_and_no_argument_changes(A):
    assert rank(A) == rank(transpose(A))
    as_lists = [list(row) for row in A]
    reduced_echelon(as_lists)
    assert exact(as_lists) == A


@settings(max_examples=200, deadline=None)
@given(matrices(st.integers(-3, 3).map(Fraction)))
def test_floating_point_agrees_where_the_numbers_are_kind(A):
    found = eliminate(A, "float64", tol=1e-9)
    assert found.rank == rank(A)
    assert found.pivots == pivots(A)


@pytest.mark.parametrize(
    ("A", "exactly", "naive", "partial", "tolerant"),
    [
        ([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]], 2, 3, 3, 2),
        ([[0.8, -0.3, -0.5], [-0.5, 0.8, -0.3], [-0.3, -0.5, 0.8]], 2, 3, 3, 2),
        ([["1e-20", 1, 1], [1, 1, 2], [1, 2, 4]], 3, 2, 3, 3),
    ],
    ids=["tenths", "zero row sums", "tiny pivot"],
)
def test_where_floating_elimination_gets_the_rank_wrong(A, exactly, naive, partial, tolerant):
    A = exact(A)
    assert rank(A) == exactly
    assert eliminate(A, "float64", "none").rank == naive
    assert eliminate(A, "float64", "partial").rank == partial
    assert eliminate(A, "float64", tol=1e-15).rank == tolerant


@pytest.mark.parametrize("A", [[[0]], [[0, 0, 0]], [[0], [0]], [[0] * 3] * 4])
def test_zero_matrices_are_in_echelon_form_already(A):
    assert list(steps(A, reduced=True)) == []
    assert rank(A) == eliminate(A, "float64").rank == 0
    assert leading_columns(exact(A)) == ()


def mid_derivation(seed):
    """A small matrix and the one that a few arbitrary legal operations make of it."""
    choose = Random(seed)
    m, n = choose.randint(1, 4), choose.randint(1, 4)
    start = current = exact([[choose.randint(-3, 3) for _ in range(n)] for _ in range(m)])
    for _ in range(choose.randint(0, 5)):
        i, j = choose.randrange(m), choose.randrange(m)
        f = Fraction(choose.choice([-3, -2, -1, 1, 2, 5]), choose.randint(1, 3))
        op = scale(i, f) if i == j else choose.choice([swap(i, j), add(i, j, f)])
        current = apply(op, current)
    return start, current


@settings(max_examples=2000, deadline=None)
@given(st.integers(0, 2**40))
def test_hints_lead_from_any_state_to_the_goal_in_the_same_row_space(seed):
    start, current = mid_derivation(seed)
    for reduced in (False, True):
        while (step := next_step(current, reduced)) is not None:
            current = step.matrix
        assert is_echelon(current)
    # The reduced form is unique, so this also says that the row space is that of the start.
    assert current == oracle(start)[0]


@settings(max_examples=100, deadline=None)
@given(matrices())
def test_the_longer_reason_names_the_goal_and_the_numbers(A):
    before = A
    for step in steps(A, reduced=True):
        row, column = step.pivot
        assert f"row {row + 1}, column {column + 1}" in step.detail
        assert written(before[step.op.rows[-1]][column]) in step.detail
        assert "the same" in step.detail
        assert len(step.detail) > len(step.why)
        before = step.matrix


def test_reasons_at_length_read_as_a_teacher_would_say_them():
    down, up = list(steps([[2, 1], [3, 4]], reduced=True))[:2]
    assert down.detail == (
        "The pivot is the 2 in row 1, column 1, and every entry below it should become 0. Row 2 "
        "has 3 there, which is 3/2 times the pivot. Subtracting 3/2 times row 1 makes it 0. Row 1 "
        "itself stays, so adding it back would undo this: the row space and the solutions stay "
        "the same."
    )
    assert up.detail.startswith("Every pivot is to become 1, and the one in row 2, column 2")
    swapped = next_step(exact([[1, 0, 2], [0, 0, 3], [0, 4, 1]]))
    assert swapped.detail.startswith(
        "Column 1 is done. The next pivot belongs in row 2, column 2, but there is a 0. Row 3 has 4"
    )


def test_reasons_name_the_numbers():
    first, second = list(steps([[0, 3], [-2, 1], [1, 0]]))[:2]
    assert "Row 1 has 0 in column 1" in first.why
    assert second.op.notation() == "R3 ← R3 + 1/2 R1"
    assert second.why == "Clear the 1 below the pivot −2: 1 + 1/2 · (−2) = 0."
    assert (first.pivot, second.pivot) == ((0, 0), (0, 0))


@pytest.mark.parametrize(
    ("op", "written", "latex"),
    [
        (swap(0, 2), "R1 ↔ R3", r"R_{1} \leftrightarrow R_{3}"),
        (scale(1, Fraction(-1, 3)), "R2 ← −1/3 R2", r"R_{2} \leftarrow -\frac{1}{3} R_{2}"),
        (scale(0, -1), "R1 ← −R1", r"R_{1} \leftarrow -R_{1}"),
        (add(1, 0, -1), "R2 ← R2 − R1", r"R_{2} \leftarrow R_{2} - R_{1}"),
        (add(9, 0, 2), "R10 ← R10 + 2 R1", r"R_{10} \leftarrow R_{10} + 2 R_{1}"),
    ],
)
def test_notation(op, written, latex):
    assert str(op) == op.notation() == written
    assert op.latex() == latex


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: swap(1, 1), "rows of swap"),
        (lambda: add(0, -1, 2), "source is -1"),
        (lambda: scale(0, 0), "must not be 0"),
        (lambda: RowOp("turn", (0,)), "kind is 'turn'"),
        (lambda: apply(swap(0, 2), identity(2)), "does not have"),
        (lambda: product(identity(2), identity(3)), "must agree"),
        (lambda: eliminate([[1.0]], "float64", tol=-1.0), "tol is -1.0"),
        (lambda: floats([[Fraction(10) ** 400]]), "too large"),
        (lambda: exact([]), "empty"),
        (lambda: exact([[]]), "empty"),
        (lambda: exact([[1, 2], [3]]), "Row 2 has 1 entry but row 1 has 2"),
        (lambda: exact([[1, float("nan")]]), "Row 1, column 2: nan"),
        (lambda: exact([["two"]]), "Row 1, column 1: 'two'"),
    ],
)
def test_errors_name_what_was_wrong(make, named):
    with pytest.raises(InputError, match=named):
        make()


def test_floats_are_read_as_they_are_written():
    assert exact([[0.1, np.float32(0.1), np.int64(3), Fraction(0.1)]])[0] == (
        Fraction(1, 10),
        Fraction(1, 10),
        Fraction(3),
        Fraction(3602879701896397, 36028797018963968),
    )
