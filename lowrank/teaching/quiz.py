"""Questions about small matrices, drawn from a seed, and an exact verdict on any answer.

Nothing is compared with one stored answer: an operation is right if it does what the column in
work needs, a row is right if it really is a combination of the others.

>>> question = make_question("rank", seed=3)
>>> judge(question, str(rank(question.matrix))).right
True
"""

from dataclasses import dataclass
from fractions import Fraction

from lowrank.errors import InputError
from lowrank.exact.arguments import instance, one_of, whole
from lowrank.exact.elimination import echelon, next_step, rank, steps
from lowrank.exact.matrices import Matrix, RowOp, apply, exact, written
from lowrank.exact.moves import parse_operation
from lowrank.exact.styles import Style, content
from lowrank.exact.subspaces import dependencies, listed
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined, ngettext
from lowrank.teaching.problems import LEVELS, Draw, make_problem

KINDS = ("next", "rank", "dependent")
DOES: dict[Style, str] = {
    "textbook": gettext_noop("The textbook does {operation}."),
    "ones": gettext_noop("Who makes each pivot 1 first does {operation}."),
    "whole": gettext_noop("Who keeps to whole numbers does {operation}."),
}
NONE = gettext_noop("none")  # the answer that no row is a combination of the others


@dataclass(frozen=True)
class Question:
    """A matrix and which of the three things is asked about it."""

    kind: str  # one of KINDS
    matrix: Matrix
    seed: int
    difficulty: str
    style: Style = "textbook"


@dataclass(frozen=True)
class Judgement:
    """Whether an answer is right, and why, in a sentence or two."""

    right: bool
    why: str


def make_question(
    kind: str, seed: int, difficulty: str = "easy", style: Style = "textbook"
) -> Question:
    """The question with that seed: the same on every machine, as problems are.

    "next": a matrix on its way to echelon form, in a style of elimination; predict the next
    operation. "rank": its rank at a glance. "dependent": a row that is a combination of the others,
    or that there is none.

    >>> make_question("next", 5) == make_question("next", 5)
    True

    Raises:
        InputError: an unknown kind, difficulty or style, a seed that is no whole number.
    """
    one_of(kind, KINDS, "kind")
    one_of(difficulty, LEVELS, "difficulty")
    seed = whole(seed, "seed")
    draw = Draw(f"{kind} {seed} {difficulty}")
    if kind == "next":
        A = _on_the_way(draw, seed, difficulty, style)
    else:
        made = {"rank": _at_a_glance, "dependent": _with_a_dependent_row}[kind]
        A = made(draw, seed, difficulty)
    return Question(kind, A, seed, difficulty, style)


def judge(question: Question, answer: str) -> Judgement:
    """Whether the answer is right: an operation, a number or a row (R2, or none) as text.

    Raises:
        InputError: the answer is none of that kind; it then counts neither as right nor as wrong.
    """
    answer = instance(answer, str, "answer")
    if instance(question, Question, "question").kind == "next":
        op = parse_operation(answer, len(question.matrix))
        return judge_operation(question.matrix, op, question.style)
    if question.kind == "rank":
        return _judge_rank(question.matrix, _whole(answer))
    return _judge_row(question.matrix, answer)


def is_combination(A: Matrix, row: int) -> bool:
    """Whether a row of A is a combination of the other rows: without it the rank is the same.

    >>> A = (((Fraction(1),), (Fraction(2),)))
    >>> is_combination(A, 0), is_combination(A, 1)
    (True, True)
    """
    others = A[:row] + A[row + 1 :]
    return not any(A[row]) or (bool(others) and rank(others) == rank(A))


def judge_operation(A: Matrix, op: RowOp, style: Style = "textbook") -> Judgement:
    """Whether an operation is a step towards echelon form: the style's, or as good as it.

    The column in work is the first that is not in echelon form yet; above its pivot's row all is
    done. Right is what the style does next, and whatever else clears an entry of that column,
    brings a pivot to its place, or makes the pivot 1, without spoiling the columns before. With
    "ones" nothing is cleared before the pivot is 1; with "whole" rows stay whole, and what lets
    the pivot divide a row's entry, or takes out a common factor, is right too.

    >>> from lowrank.exact.matrices import add, exact, scale
    >>> A = exact([[2, 4], [3, 7], [4, 1]])
    >>> judge_operation(A, add(2, 0, -2)).right  # the other entry, as good
    True
    >>> judge_operation(A, scale(1, 5)).right
    False
    """
    A = exact(A, "A")
    step = next_step(A, style=style)
    if step is None:
        return Judgement(False, _("The matrix is in echelon form: there is nothing left to do."))
    B = apply(op, A)
    if step.matrix == B:
        return Judgement(True, step.why)
    against = _against(style, B, op, step.pivot)
    good = _progress(A, B, op, step.pivot) or (_wholer(A, B, op, step.pivot) * (style == "whole"))
    if good and not against:
        return Judgement(True, good)
    why = against if good else _no_progress(A, B, op, step.pivot)
    does = _(DOES[style]).format(operation=step.op)
    return Judgement(False, joined((why, does, step.why), _("{first} {last}")))


def _against(style: Style, B: Matrix, op: RowOp, pivot: tuple[int, int]) -> str:
    """What in an operation that led to B the style would not do; nothing if it might."""
    p = B[pivot[0]][pivot[1]]
    if style == "ones" and op.kind == "add" and p != 1:
        said = _("Legal, but the pivot is {pivot}, and it is to be 1 before anything is cleared.")
        return said.format(pivot=written(p))
    if style == "whole" and any(x.denominator > 1 for x in B[op.rows[0]]):
        return _("Legal, but row {row} then has fractions.").format(row=op.rows[0] + 1)
    return ""


def _wholer(A: Matrix, B: Matrix, op: RowOp, pivot: tuple[int, int]) -> str:
    """What a multiple of a row does where numbers are to stay whole; nothing if it does nothing."""
    (row, column), i = pivot, op.rows[0]
    if op.kind != "scale" or i < row:
        return ""
    if content(B[i]) < content(A[i]):
        said = _("It makes the numbers of row {row} smaller, and they stay whole.")
        return said.format(row=i + 1)
    p, x, y = A[row][column], A[i][column], B[i][column]
    if i > row and p and x % p and not y % p:
        said = _("Then the {entry} of row {row} is a multiple of the pivot {pivot}.")
        return said.format(entry=written(y), row=i + 1, pivot=written(p))
    return ""


def _progress(A: Matrix, B: Matrix, op: RowOp, pivot: tuple[int, int]) -> str:
    """What an operation achieves in the column in work; nothing if it achieves nothing."""
    row, column = pivot
    if _spoils(B, pivot) or op.rows[0] < row or op.rows[-1] < row:
        return ""
    before, after = A[op.rows[0]][column], B[op.rows[0]][column]
    place = A[row][column]
    if op.kind == "add" and op.rows[0] > row and before and not after:
        said = _("It clears the {entry} in row {row}: the same progress as the textbook's step.")
        return said.format(entry=written(before), row=op.rows[0] + 1)
    if op.kind == "swap" and row in op.rows:
        new = B[row][column]
        if not place and new:
            said = _("It brings {pivot} up as pivot; any row with a non-zero entry will do.")
            return said.format(pivot=written(new))
        if abs(new) == 1 and abs(place) != 1:
            said = _("A pivot of {pivot} saves fractions: a wise swap, though not needed.")
            return said.format(pivot=written(new))
    if op.kind == "scale" and op.rows == (row,) and place != after == 1:
        return _("It makes the pivot 1, so that the multipliers are the entries below.")
    return ""


def _no_progress(A: Matrix, B: Matrix, op: RowOp, pivot: tuple[int, int]) -> str:
    """Why an operation does not help, though it is legal."""
    row, column = pivot
    target = op.rows[0]
    return _why_none(A, B, op, pivot).format(
        row=row + 1,
        column=column + 1,
        target=target + 1,
        upper=min(op.rows) + 1,
        new=written(B[row][column]),
        old=written(A[row][column]),
        left=written(B[target][column]),
    )


def _why_none(A: Matrix, B: Matrix, op: RowOp, pivot: tuple[int, int]) -> str:
    """The sentence for an operation that does not help, with places for rows and numbers."""
    row, column = pivot
    target = op.rows[0]
    if _spoils(B, pivot):
        return _("That puts a number back where zeros had been made.")
    if min(op.rows) < row and op.kind != "add":
        return _("Row {upper} has its pivot already and is done.")
    if op.kind != "scale" and not B[row][column] and A[row][column]:
        return _("Legal, but row {row} then has 0 in column {column}: its pivot is gone.")
    if op.kind == "swap" and B[row][column] and row in op.rows:
        return _(
            "Legal, but column {column} has a pivot in row {row} as it is, and {new} there "
            "clears nothing that {old} does not."
        )
    if target == row and op.kind == "add":
        return _("Legal, but all entries below row {row} in column {column} stay.")
    if target < row:
        return _("Row {target} has its pivot already; the column in work is {column}.")
    if op.kind == "add" and B[target][column]:
        return _("Legal, but row {target} then has {left} in column {column}, not 0.")
    if op.kind == "add":
        return _("Legal, but row {target} has a 0 in column {column} as it is.")
    if op.kind == "swap":
        return _("Legal, but this swap brings no pivot to column {column}, where the work is.")
    return _("Legal, but this multiple clears nothing in column {column}, where the work is.")


def _spoils(B: Matrix, pivot: tuple[int, int]) -> bool:
    """Whether a row from the pivot's down is non-zero in a column before the pivot's."""
    row, column = pivot
    return any(x for line in B[row:] for x in line[:column])


def _judge_rank(A: Matrix, said: int) -> Judgement:
    r = rank(A)
    counted = ngettext(
        "The rank is {r}: echelon form has {r} non-zero row.",
        "The rank is {r}: echelon form has {r} non-zero rows.",
        r,
    )
    why = [counted.format(r=r), listed(dependencies(A))]
    m, n = len(A), len(A[0])
    if said > min(m, n):
        above = _("A {m} × {n} matrix cannot have a rank above {most}.")
        why.insert(0, above.format(m=m, n=n, most=min(m, n)))
    return Judgement(said == r, joined(why, _("{first} {last}")))


def _judge_row(A: Matrix, answer: str) -> Judgement:
    dependent = [i for i in range(len(A)) if is_combination(A, i)]
    if answer.strip().lower() == NONE:
        if not dependent:
            why = _("The rank is {rank}, as many as there are rows.").format(rank=len(A))
            return Judgement(True, why)
        why = _("There is one: {equation}.").format(equation=relation(A, dependent[-1]))
        return Judgement(False, why)
    row = _whole(answer.strip().lower().removeprefix("r")) - 1
    if not 0 <= row < len(A):
        raise InputError(
            "{answer!r} is no row; the matrix has rows 1 to {rows}.",
            answer=answer,
            rows=len(A),
        )
    if row in dependent:
        return Judgement(True, _("{equations}.").format(equations=relation(A, row)))
    if dependent:
        why = _(
            "Without {row} the rank falls, so it is no combination of the others. But {equation}."
        ).format(row=f"R{row + 1}", equation=relation(A, dependent[-1]))
        return Judgement(False, why)
    why = _("No row is: the rank is {rank}, as many as there are rows.").format(rank=len(A))
    return Judgement(False, why)


def relation(A: Matrix, row: int) -> str:
    """A dependent row written out with others: the row goes last, so the others come first.

    >>> relation(((Fraction(1),), (Fraction(2),)), 0)
    'R1 = 1/2 R2'
    """
    order = [i for i in range(len(A)) if i != row] + [row]
    found = dependencies(tuple(A[i] for i in order))[-1]
    named = [(c, order[i]) for c, i in found.terms]
    return str(type(found)(row, tuple(named)))


def _on_the_way(draw: Draw, seed: int, difficulty: str, style: Style) -> Matrix:
    """A matrix somewhere before the end of its reduction."""
    m = draw.pick((2, 3, 3, 4))
    n = m + draw.pick((0, 1))
    problem = make_problem(seed, m, n, max(1, m - draw.pick((0, 1))), difficulty)
    path = list(steps(problem.matrix, style=style))
    states = [problem.matrix, *(step.matrix for step in path)]
    return states[draw.below(max(1, len(path)))]


def _at_a_glance(draw: Draw, seed: int, difficulty: str) -> Matrix:
    """Multiples of one row, an echelon form out of order, or rows that add up."""
    m, n = draw.pick((2, 3, 3, 4)), draw.pick((2, 3, 4))
    r = 1 + draw.below(min(m, n))
    A = make_problem(seed, m, n, r, difficulty).matrix
    if draw.below(3) == 0:
        A = echelon(A)
    return tuple(A[i] for i in draw.sample(range(m), m))


def _with_a_dependent_row(draw: Draw, seed: int, difficulty: str) -> Matrix:
    """Three independent rows and a fourth, a combination of one or two of them or of none."""
    n = draw.pick((4, 5))
    if draw.below(4) == 0:
        A = make_problem(seed, 4, n, 4, difficulty).matrix
        return tuple(A[i] for i in draw.sample(range(4), 4))
    rows = list(make_problem(seed, 3, n, 3, difficulty).matrix)
    factors = {"easy": (1, -1), "medium": (1, -1, 2), "hard": (2, -2, 3, -1)}[difficulty]
    chosen = draw.sample(rows, draw.pick((1, 2, 2)))
    if len(chosen) == 1:
        factors = (2, -2, 3, -1)
    picked = [draw.pick(factors) for _row in chosen]
    made = tuple(
        sum((f * x for f, x in zip(picked, column, strict=True)), Fraction(0))
        for column in zip(*chosen, strict=True)
    )
    rows.insert(draw.below(4), made)
    return tuple(rows)


def _whole(answer: str) -> int:
    text = answer.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InputError(
            "{text!r} is not a whole number.",
            text=text[:20],
        )
    return int(text)
