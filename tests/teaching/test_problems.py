"""Generated problems: as asked, the same everywhere, and nice from the first number to the last."""

from fractions import Fraction

import pytest
import sympy

from lowrank.errors import InputError
from lowrank.exact.elimination import echelon, rank, steps
from lowrank.exact.matrices import apply
from lowrank.teaching.problems import LEVELS, MOST_ROWS, make_problem

# (numerator, denominator) of an entry, and denominator of a factor, written out once more here.
PROMISED = {"easy": (20, 1, 1), "medium": (30, 1, 3), "hard": (60, 6, 6)}

RECORDED_EASY = [[1, 1, 4, -3], [1, 2, 7, -4], [-2, -3, -11, 7]]
RECORDED_MEDIUM = [[0, -2, 4, 4], [3, -1, 5, 8], [-3, -1, -1, -4]]
RECORDED_HARD = [[-2, -4, -2, 4], [-2, -4, 0, 5], [-1, -2, -7, -1], [-4, -2, 0, 1]]


def asked(seed: int) -> tuple[int, int, int, str]:
    """A shape, rank and difficulty for each seed, all of them in turn."""
    m, n = 1 + seed % MOST_ROWS, 1 + seed // MOST_ROWS % MOST_ROWS
    return m, n, 1 + seed // 3 % min(m, n), list(LEVELS)[seed % 3]


def test_every_number_of_a_thousand_reductions_is_small():
    steps_seen = 0
    for seed in range(1000):
        m, n, r, difficulty = asked(seed)
        problem = make_problem(seed, m, n, r, difficulty)
        size, denominator, factor = PROMISED[difficulty]
        matrices, path = [problem.matrix], list(steps(problem.matrix, reduced=True))
        for step in path:
            matrices.append(apply(step.op, matrices[-1]))
            assert abs(step.op.factor.numerator) <= size
            assert step.op.factor.denominator <= factor
        for A in matrices:
            for x in (x for row in A for x in row):
                assert abs(x.numerator) <= size, (seed, problem)
                assert x.denominator <= denominator, (seed, problem)
        assert all(x.denominator == 1 for row in problem.matrix for x in row)
        steps_seen += len(path)
    assert steps_seen > 8_000


@pytest.mark.parametrize("seed", range(0, 1000, 23))
def test_shape_and_rank_are_as_asked_and_sympy_agrees(seed):
    m, n, r, difficulty = asked(seed)
    problem = make_problem(seed, m, n, r, difficulty)
    assert problem.shape == (m, n)
    assert sympy.Matrix(problem.matrix).rank() == rank(problem.matrix) == problem.rank == r


def test_a_class_gets_work_of_the_kind_it_asked_for():
    kinds = {name: [make_problem(s, 3, 4, 2, name).matrix for s in range(40)] for name in LEVELS}
    swaps = {
        name: sum(any(step.op.kind == "swap" for step in steps(A)) for A in given)
        for name, given in kinds.items()
    }
    assert swaps["easy"] == 0
    assert swaps["medium"] == 40
    for given in kinds.values():
        assert len(set(given)) > 35  # different seeds, different problems
        assert all(len(list(steps(A))) >= 2 for A in given)
        assert not any(row == (0,) * 4 for A in given for row in A)
    fractions = [any(step.op.factor.denominator > 1 for step in steps(A)) for A in kinds["hard"]]
    assert all(fractions)
    pivots = {abs(next(filter(None, row))) for A in kinds["easy"] for row in echelon(A)[:2]}
    assert pivots == {1}


def test_the_same_seed_gives_the_same_problem_on_every_machine():
    recorded = {
        ("easy", 3, 4, 2): RECORDED_EASY,
        ("medium", 3, 4, 2): RECORDED_MEDIUM,
        ("hard", 4, 4, 3): RECORDED_HARD,
    }
    for (difficulty, m, n, r), rows in recorded.items():
        assert make_problem(7, m, n, r, difficulty).matrix == tuple(
            tuple(map(Fraction, row)) for row in rows
        )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((7, 3, 4, 4), "rank is 4"),
        ((7, 3, 4, 0), "rank is 0"),
        ((7, 0, 4, 1), "0 × 4"),
        ((7, 3, 9, 1), "3 × 9"),
        ((7, 3, 4, 2, "brutal"), "'brutal'"),
        ((1.5, 3, 4, 2), "seed is 1.5"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments, named):
    with pytest.raises(InputError, match=named):
        make_problem(*arguments)
