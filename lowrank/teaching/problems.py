"""Problems for a class: matrices of a chosen shape and rank that stay nice while being reduced.

Each is built backwards: a small reduced echelon form is drawn, and the textbook's operations are
taken back one by one, each only if the numbers stay within the bounds of the difficulty. What a
student meets under `lowrank.exact.elimination.steps` are exactly those numbers.

>>> problem = make_problem(seed=7, m=3, n=4, rank=2)
>>> problem.rank, problem.shape, problem == make_problem(seed=7, m=3, n=4, rank=2)
(2, (3, 4), True)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import TypeVar

from lowrank.errors import InputError
from lowrank.exact.arguments import one_of, whole
from lowrank.exact.elimination import steps
from lowrank.exact.matrices import Matrix, add, apply, exact, scale, swap
from lowrank.exact.subspaces import dependencies
from lowrank.language import gettext_noop

MOST_ROWS = 8
TRIES = 40  # whole problems drawn before a plain one is accepted
T = TypeVar("T")


@dataclass(frozen=True)
class Level:
    """What one difficulty draws from, and what it promises.

    `size` bounds the numerator and `denominator` the denominator of every entry of every matrix
    from the problem to its reduced echelon form; `factor` bounds the denominator of the factors of
    the operations. The matrix of the problem and every matrix down to echelon form is whole.
    """

    size: int
    denominator: int
    factor: int
    pivots: tuple[int, ...]  # of the echelon form
    multipliers: tuple[Fraction, ...]  # of the steps downwards
    swaps: tuple[int, ...]
    parts: tuple[int, ...]  # denominators in the reduced echelon form


def _signed(*texts: str) -> tuple[Fraction, ...]:
    return tuple(sign * Fraction(text) for text in texts for sign in (1, -1))


LEVELS = {
    # Pivots 1 or -1, whole multipliers, no swap.
    gettext_noop("easy"): Level(20, 1, 1, (1, 1, 1, -1), _signed("1", "2"), (0,), (1,)),
    # A swap or two, pivots up to 3, multipliers up to 3; still no fraction in a matrix.
    gettext_noop("medium"): Level(
        30, 1, 3, (1, 1, -1, 2, -2, 3), _signed("1", "2", "3"), (1, 2), (1,)
    ),
    # Multipliers such as 1/2 and 2/3 downwards, fractions in the reduced form.
    gettext_noop("hard"): Level(
        60,
        6,
        6,
        (1, -1, 2, -2, 2, 3, -3),
        _signed("1", "2", "1/2", "3/2", "1/3", "2/3"),
        (0, 1, 1, 2),
        (1, 2, 3),
    ),
}
"""The bounds within which a problem of each difficulty stays."""


@dataclass(frozen=True)
class Problem:
    """A matrix to reduce, with what it was asked to be."""

    matrix: Matrix  # (m, n), whole numbers
    rank: int
    seed: int
    difficulty: str

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.matrix), len(self.matrix[0])


def make_problem(seed: int, m: int, n: int, rank: int, difficulty: str = "medium") -> Problem:
    """An m x n matrix of that rank whose reduction stays within `LEVELS[difficulty]`.

    The same arguments give the same problem everywhere: all that is drawn is drawn from
    `random.Random(text).random()`, whose sequence Python promises to keep.

    >>> [int(x) for row in make_problem(1, 2, 2, 2, "easy").matrix for x in row]
    [1, 1, 1, 2]

    Raises:
        InputError: a side outside 1 to 8, a rank below 1 or above the smaller side, an unknown
            difficulty, a seed that is no whole number.
    """
    _check(seed, m, n, rank, difficulty)
    level = LEVELS[difficulty]
    fallback = None
    for attempt in range(TRIES):
        draw = Draw(f"{seed} {m}x{n} {rank} {difficulty} {attempt}")
        A = _backwards(draw, level, m, n, rank)
        if _worth_asking(A, rank, level) and within(A, level):
            return Problem(A, rank, seed, difficulty)
        fallback = fallback or (A if within(A, level) else None)
    if fallback is None:  # cannot be: what is taken back stays within the bounds
        raise InputError(
            "No {difficulty} {m} × {n} problem of rank {rank} came from seed {seed}.",
            difficulty=difficulty,
            m=m,
            n=n,
            rank=rank,
            seed=seed,
        )
    return Problem(fallback, rank, seed, difficulty)


def make_varied(seed: int, m: int, n: int, rank: int, difficulty: str = "medium") -> Problem:
    """As `make_problem`; but of those with a dependent row, half have one among their upper rows.

    A problem made backwards has its dependent rows last, which a class finds out.

    >>> from lowrank.exact.subspaces import dependencies
    >>> found = (dependencies(make_varied(seed, 3, 4, 2).matrix) for seed in range(8))
    >>> [str(each) for each, in found if each.row < 2][:2]
    ['R2 = −2 R1', 'R2 = 2 R1']

    Raises:
        InputError: as `make_problem`.
    """
    _check(seed, m, n, rank, difficulty)
    level, draw = LEVELS[difficulty], Draw(f"varied {seed} {m}x{n} {rank} {difficulty}")
    if 2 < m != rank and draw.below(2):
        A = make_problem(seed, m - 1, n, rank, difficulty).matrix
        for _ in range(TRIES):
            at = 1 + draw.below(m - 2)
            chosen = draw.sample(A[:at], min(at, draw.pick((1, 2))))
            factors = [draw.pick((2, -2, 3, -1) if len(chosen) == 1 else (1, -1)) for _ in chosen]
            terms = [[f * x for x in row] for f, row in zip(factors, chosen, strict=True)]
            made = tuple(sum(column, Fraction(0)) for column in zip(*terms, strict=True))
            B = (*A[:at], made, *A[at:])
            if any(made) and made not in A and within(B, level):
                return Problem(B, rank, seed, difficulty)
    return make_problem(seed, m, n, rank, difficulty)


def within(A: Matrix, level: Level) -> bool:
    """Whether A and all that follows it, down to its reduced form, keeps the level's promise."""
    met = [(A, Fraction(1)), *((step.matrix, step.op.factor) for step in steps(A, reduced=True))]
    downwards = [A, *(step.matrix for step in steps(A))]
    return (
        all(_small(row, level) for M, _ in met for row in M)
        and all(factor.denominator <= level.factor for _, factor in met)
        and all(map(_whole, downwards))
    )


def _check(seed: int, m: int, n: int, rank: int, difficulty: str) -> None:
    one_of(difficulty, LEVELS, "difficulty")
    m, n, rank = whole(m, "m"), whole(n, "n"), whole(rank, "rank")
    if not (1 <= m <= MOST_ROWS and 1 <= n <= MOST_ROWS):
        raise InputError(
            "The shape is {m} × {n}; each side may be 1 to {most}.",
            m=m,
            n=n,
            most=MOST_ROWS,
        )
    if not 1 <= rank <= min(m, n):
        raise InputError(
            "rank is {rank}; a {m} × {n} problem can have rank 1 to {m_2} (only the zero "
            "matrix has rank 0).",
            rank=rank,
            m=m,
            n=n,
            m_2=min(m, n),
        )
    whole(seed, "seed")


class Draw:
    """Choices from one seeded sequence; only `random()` is used, which Python keeps stable."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed).random

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        return int(self._random() * n)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return options[self.below(len(options))]

    def sample(self, options: Sequence[T], k: int) -> list[T]:
        """k different options, in the order drawn."""
        rest = list(options)
        return [rest.pop(self.below(len(rest))) for _ in range(k)]


def _backwards(draw: Draw, level: Level, m: int, n: int, rank: int) -> Matrix:
    """From a reduced echelon form, the textbook's operations taken back: upwards, then down."""
    gaps = draw.below(3) == 0  # a third of the problems may skip a column
    columns = [0, *sorted(draw.sample(range(1, n if gaps else rank), rank - 1))]
    parts = [draw.pick(level.parts) for _ in columns]
    A = _reduced_form(draw, parts, columns, m, n)
    for row in range(rank):
        part = parts[row]
        for above in range(row):
            factors = [Fraction(part * k) for k in (-2, -1, 1, 2)]
            A = _taken_back(draw, A, level, factors, above, row)
        sizes = [Fraction(part * p) for p in level.pivots if abs(part * p) <= level.factor]
        A = apply(scale(row, draw.pick(sizes)), A)
    most = min(rank, max(1, m - 2)) if rank > 1 else 0  # more would pass over zero rows
    swaps = min(draw.pick(level.swaps), most)
    swapped = set(draw.sample(range(rank), swaps))
    for row in reversed(range(rank)):
        # The textbook takes the first row with a non-zero entry, so those it passes over have 0.
        other = row + 1 + draw.below(m - row - 1) if row in swapped and row + 1 < m else row
        for below in range(other + 1, m):
            A = _taken_back(draw, A, level, level.multipliers, below, row)
        A = apply(swap(row, other), A) if other != row else A
    return A


def _reduced_form(draw: Draw, parts: list[int], columns: list[int], m: int, n: int) -> Matrix:
    """A reduced echelon form with those pivot columns; row k's entries are k-th parts."""
    entries = (-3, -2, -1, 0, 1, 2, 3)
    free = [[Fraction(draw.pick(entries), parts[k]) for _ in range(n)] for k in range(len(columns))]
    rows = [
        [Fraction(int(j == column)) if j in columns or j < column else free[k][j] for j in range(n)]
        for k, column in enumerate(columns)
    ]
    return exact(rows + [[0] * n for _ in range(m - len(columns))])


def _taken_back(
    draw: Draw, A: Matrix, level: Level, factors: Sequence[Fraction], target: int, source: int
) -> Matrix:
    """A with a multiple of one row added to another, the first drawn that keeps the bounds."""
    for factor in draw.sample(factors, len(factors)):
        B = apply(add(target, source, factor), A)
        if _small(B[target], level) and _whole(B[target : target + 1]):
            return B
    return A


def _small(row: Sequence[Fraction], level: Level) -> bool:
    return all(abs(x.numerator) <= level.size and x.denominator <= level.denominator for x in row)


def _whole(A: Matrix) -> bool:
    return all(x.denominator == 1 for row in A for x in row)


def _worth_asking(A: Matrix, rank: int, level: Level) -> bool:
    """Work for each pivot, few zeros, none in a whole row or column, few rows alike.

    Alike are multiples of one another, in rank 1 (where all are) equal ones. Where fractions are
    allowed, one is asked for on the way down. Dependent rows have simple coefficients.
    """
    m, n = len(A), len(A[0])
    zeros = sum(x == 0 for row in A for x in row)
    if 2 * zeros > m * n or not all(map(any, A)) or not all(map(any, zip(*A, strict=True))):
        return False
    directions = {tuple(x / next(filter(None, row)) for x in row) for row in A}
    if len(directions if rank > 1 else set(A)) < min(m, n + 1, rank + 2):
        return False
    path = list(steps(A))
    fraction = level.denominator == 1 or any(step.op.factor.denominator > 1 for step in path)
    coefficients = [c for dependency in dependencies(A) for c, _ in dependency.terms]
    simple = all(c.denominator <= level.factor and abs(c.numerator) <= 9 for c in coefficients)
    return simple and len(path) >= min(rank, m - 1) and (fraction or m == 1)
