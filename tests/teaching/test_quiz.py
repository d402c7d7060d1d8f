"""The quiz: every verdict against an independent oracle, on hundreds of questions."""

from fractions import Fraction
from itertools import permutations

import pytest
import sympy

from lowrank.errors import InputError
from lowrank.exact.elimination import next_step, rank
from lowrank.exact.matrices import Matrix, add, apply, exact, scale, swap
from lowrank.exact.moves import is_echelon
from lowrank.exact.styles import STYLES
from lowrank.teaching.problems import LEVELS
from lowrank.teaching.quiz import KINDS, NONE, judge, judge_operation, make_question

LEVEL_NAMES = list(LEVELS)
SEEDS = range(1, 61)


def asked(kind: str, seed: int) -> Matrix:
    return make_question(kind, seed, LEVEL_NAMES[seed % 3]).matrix


@pytest.mark.parametrize("kind", KINDS)
def test_questions_are_small_differ_and_come_again(kind):
    matrices = [asked(kind, seed) for seed in SEEDS]
    assert matrices == [asked(kind, seed) for seed in SEEDS]
    assert len(set(matrices)) > 50
    assert all(len(A) <= 5 and len(A[0]) <= 5 for A in matrices)
    numbers = [x for A in matrices for row in A for x in row]
    assert all(abs(x.numerator) <= 240 and x.denominator == 1 for x in numbers)


def test_the_textbooks_operation_is_always_right_and_there_always_is_one():
    for seed in range(1, 301):
        question = make_question("next", seed, LEVEL_NAMES[seed % 3])
        assert not is_echelon(question.matrix)
        step = next_step(question.matrix)
        verdict = judge(question, str(step.op))
        assert verdict.right
        assert verdict.why == step.why


def column_in_work(A: Matrix) -> tuple[int, int]:
    """The first row and column at which A, taken from its top left corner, is not echelon yet."""
    for j in range(len(A[0])):
        E = tuple(row[: j + 1] for row in A)
        if not is_echelon(E):
            return rank(tuple(row[:j] for row in A)) if j else 0, j
    raise AssertionError("in echelon form")


def steps_to_go(A: Matrix, row: int, column: int) -> int:
    """How many operations the textbook still takes in the column in work: a swap, then clearing."""
    filled = sum(1 for i in range(row, len(A)) if A[i][column])
    return filled - 1 + (A[row][column] == 0) if filled else len(A)


@pytest.mark.parametrize("seed", SEEDS)
def test_adding_is_right_exactly_if_the_column_then_takes_fewer_operations(seed):
    A = asked("next", seed)
    row, column = column_in_work(A)
    for target, source in permutations(range(len(A)), 2):
        exactly = -A[target][column] / A[source][column] if A[source][column] else Fraction(1)
        for factor in {exactly or Fraction(1), Fraction(1), Fraction(-2), Fraction(3, 2)}:
            op = add(target, source, factor)
            B = apply(op, A)
            unspoilt = not any(B[i][j] for i in range(row, len(A)) for j in range(column))
            fewer = steps_to_go(B, row, column) < steps_to_go(A, row, column)
            verdict = judge_operation(A, op)
            assert verdict.right == (fewer and unspoilt), (A, str(op), verdict)
            assert verdict.why.endswith(".")


def test_what_a_verdict_says_of_a_pivot_is_so():
    A = exact([[1, 2, 0], [0, 2, 1], [0, 3, 4]])
    assert "column 2 has a pivot in row 2 as it is" in judge_operation(A, swap(1, 2)).why
    twice = exact([[2, 1], [2, 1]])
    assert "its pivot is gone" in judge_operation(twice, add(0, 1, -1)).why
    assert "stay" in judge_operation(twice, add(0, 1, 1)).why
    zero_row = judge_operation(exact([[1, 2], [0, 0], [2, 5]]), swap(0, 1))
    assert not zero_row.right
    assert "row 1 then has 0 in column 1: its pivot is gone" in zero_row.why


def test_swaps_and_multiples_as_a_teacher_would_mark_them():
    A = exact([[0, 2, 1], [3, 1, 1], [1, 4, 2]])
    assert judge_operation(A, swap(0, 1)).right  # the textbook's
    assert judge_operation(A, swap(0, 2)).right  # another row that has a pivot
    assert not judge_operation(A, swap(1, 2)).right
    assert not judge_operation(A, scale(1, Fraction(1, 3))).right  # not in its place yet
    B = exact([[3, 1, 1], [1, 4, 2]])
    assert judge_operation(B, swap(0, 1)).right  # a pivot of 1
    assert judge_operation(B, scale(0, Fraction(1, 3))).right
    assert not judge_operation(B, scale(0, 2)).right
    assert not judge_operation(B, scale(1, 2)).right
    done = exact([[1, 2], [0, 3]])
    assert "echelon form" in judge_operation(done, scale(1, Fraction(1, 3))).why
    C = exact([[1, 2, 3], [0, 1, 1], [0, 2, 5]])
    assert "zeros had been made" in judge_operation(C, add(2, 0, 1)).why
    assert "has its pivot already" in judge_operation(C, add(0, 1, -2)).why
    assert "has 1 in column 2" in judge_operation(C, add(2, 1, -1)).why


@pytest.mark.parametrize("seed", SEEDS)
def test_ranks_are_marked_as_sympy_counts_them(seed):
    question = make_question("rank", seed, LEVEL_NAMES[seed % 3])
    right = sympy.Matrix(question.matrix).rank()
    for said in range(6):
        verdict = judge(question, str(said))
        assert verdict.right == (said == right)
        assert f"The rank is {right}" in verdict.why


@pytest.mark.parametrize("seed", SEEDS)
def test_any_row_that_sympy_makes_from_the_others_is_right(seed):
    question = make_question("dependent", seed, LEVEL_NAMES[seed % 3])
    A = sympy.Matrix(question.matrix)
    dependent = []
    for i in range(A.rows):
        others = A.copy()
        others.row_del(i)
        dependent.append(others.rank() == A.rank())
        verdict = judge(question, f"R{i + 1}")
        assert verdict.right == dependent[i]
    assert judge(question, NONE).right == (not any(dependent))
    assert not all(dependent)  # a guess can be wrong


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        ("next", "R1 + ", "no row operation"),
        ("next", "R9 / 2", "names row 9"),
        ("rank", "two", "'two' is not a whole number"),
        ("rank", "-1", "'-1' is not a whole number"),
        ("dependent", "R7", "'R7' is no row"),
    ],
)
def test_what_is_no_answer_is_neither_right_nor_wrong(kind, answer, said):
    with pytest.raises(InputError, match=said):
        judge(make_question(kind, 1), answer)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("colour", 1), "'colour'"), (("rank", 1, "brutal"), "'brutal'"), (("rank", 1.5), "seed")],
)
def test_what_cannot_be_asked_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        make_question(*arguments)


@pytest.mark.parametrize("style", STYLES)
def test_the_operation_of_the_style_is_right_and_so_is_what_does_as_much(style):
    for seed in range(1, 101):
        question = make_question("next", seed, LEVEL_NAMES[seed % 3], style)
        step = next_step(question.matrix, style=style)
        verdict = judge(question, str(step.op))
        assert (verdict.right, verdict.why) == (True, step.why)


def test_what_another_style_would_not_do_is_said():
    A = exact([[2, 4], [3, 7]])
    verdict = judge_operation(A, add(1, 0, Fraction(-3, 2)), "ones")
    assert not verdict.right
    assert verdict.why.startswith("Legal, but the pivot is 2, and it is to be 1")
    assert "Who makes each pivot 1 first does R1 ← 1/2 R1." in verdict.why
    verdict = judge_operation(exact([[2, 3], [3, 7]]), scale(0, Fraction(1, 2)), "whole")
    assert not verdict.right
    assert "row 1 then has fractions" in verdict.why
    assert judge_operation(exact([[2, 3], [3, 7]]), scale(1, 4), "whole").right
    assert judge_operation(exact([[2, 3], [0, 7], [4, 8]]), scale(2, Fraction(1, 4)), "whole").right
