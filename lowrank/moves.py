"""A student's own moves: typed row operations, and whether the matrix they lead to is the goal.

Any legal path is right, so nothing here compares with one answer: the goal is a property of the
matrix (echelon form) together with what row operations keep (the row space).

>>> from lowrank.rows import apply, exact
>>> A = exact([[2, 4], [3, 7]])
>>> B = apply(parse_operation("R2 - 3/2 R1", rows=2), A)
>>> is_echelon(B), same_row_space(A, B)
(True, True)
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from lowrank.elimination import leading_columns, reduced_echelon
from lowrank.errors import InputError
from lowrank.parsing import parse_matrix
from lowrank.rows import Matrix, RowOp, add, apply, scale, swap

LONGEST = 200  # characters of a typed operation
SIGNS = str.maketrans({"−": "-", "–": "-", "·": "*", "×": "*", "⁄": "/", "↔": "⇄", "←": "="})
NUMBER = r"\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)?"
ROW = r"r_?\{?(\d+)\}?"
SWAP = re.compile(rf"(?:swap)?{ROW}(?:⇄|,|and){ROW}|swap{ROW}{ROW}")
ARROW = re.compile(rf"{ROW}=(.*)")
TERM = re.compile(rf"([+-]?)(?:\(?(-?{NUMBER})\)?\*?)?{ROW}(?:([*/])\(?(-?{NUMBER})\)?)?")
EXPECTED = "Write R1 ↔ R2, 1/3 R2 or R2 − 3/2 R1."


def parse_operation(text: str, rows: int) -> RowOp:
    """The row operation that a text means, for a matrix of that many rows, counted from 1.

    Accepted are swaps (R1 <-> R2, swap R1 R2), multiples (1/3 R2, R2 / 3, -R2) and sums of one row
    and a multiple of another (R2 - 3/2 R1, R2 <- R2 + 0.5 R1, -2 R1 + R3: the row that stands
    alone, or left of the arrow, is the one that changes).

    >>> str(parse_operation("r2 <- r2 - 3/2 r1", rows=2))
    'R2 ← R2 − 3/2 R1'

    Raises:
        InputError: the text means no elementary operation, or names a row that is not there.
    """
    if len(text) > LONGEST:
        raise InputError(f"The operation has {len(text):,} characters; {LONGEST} are accepted.")
    plain = re.sub(r"<-+>|<=>", "⇄", text.strip().lower()).translate(SIGNS)
    plain = re.sub(r"<-+|:=|->", "=", plain)
    plain = re.sub(r"\s+", "", plain)
    shown = text.strip()[:60]
    found = SWAP.fullmatch(plain)
    if found:
        first, second = (_row(name, rows, shown) for name in found.groups() if name)
        if first == second:
            raise InputError(f"{shown!r} swaps a row with itself, which changes nothing.")
        return swap(first, second)
    arrow = ARROW.fullmatch(plain)
    changed = _row(arrow[1], rows, shown) if arrow else None
    terms = _terms(arrow[2] if arrow else plain, rows, shown)
    if len(terms) == 1:
        ((row, factor),) = terms
        if changed not in (None, row):
            raise InputError(f"{shown!r} overwrites row {(changed or 0) + 1}: that loses it.")
        if factor == 0:
            raise InputError(f"{shown!r} multiplies a row by 0, which loses it.")
        return scale(row, factor)
    return _sum(terms, changed, shown)


@dataclass(frozen=True)
class Replay:
    """Typed operations carried out in order, as far as they could be read."""

    ops: tuple[RowOp, ...]
    matrix: Matrix  # after the last of them
    problem: str  # what is wrong with the next line; empty if there is none


def replay(A: Matrix, text: str) -> Replay:
    """Carry out one operation a line (or between semicolons); stop before one that is none.

    >>> from lowrank.rows import exact
    >>> done = replay(exact([[0, 1], [2, 4]]), "R1 <-> R2; R1 / 2; R9")
    >>> [str(op) for op in done.ops], done.problem
    (['R1 ↔ R2', 'R1 ← 1/2 R1'], "Operation 3: 'R9' names row 9; the matrix has rows 1 to 2.")
    """
    ops: list[RowOp] = []
    for line in filter(None, (line.strip() for line in re.split(r"[\n;]", text))):
        try:
            op = parse_operation(line, len(A))
        except InputError as error:
            return Replay(tuple(ops), A, f"Operation {len(ops) + 1}: {error}")
        A = apply(op, A)
        ops.append(op)
    return Replay(tuple(ops), A, "")


def _terms(text: str, rows: int, shown: str) -> list[tuple[int, Fraction]]:
    """The rows of a sum and their factors, one or two of them."""
    terms, at = [], 0
    while at < len(text):
        found = TERM.match(text, at)
        if not found or (at and not found[1]) or (found[2] and found[5]):
            raise InputError(f"{shown!r} is no row operation. {EXPECTED}")
        factor = _number(found[2], shown) if found[2] else Fraction(1)
        if found[5]:
            by = _number(found[5], shown)
            if found[4] == "/" and by == 0:
                raise InputError(f"{shown!r} divides by 0.")
            factor = by if found[4] == "*" else 1 / by
        terms.append((_row(found[3], rows, shown), -factor if found[1] == "-" else factor))
        at = found.end()
    if not 1 <= len(terms) <= 2:
        raise InputError(f"{shown!r} is no row operation. {EXPECTED}")
    return terms


def _sum(terms: list[tuple[int, Fraction]], changed: int | None, shown: str) -> RowOp:
    """One row plus a multiple of another: the first that stands alone changes, unless told."""
    (first, _), (second, _) = terms
    if first == second:
        raise InputError(f"{shown!r} names one row twice; it takes two different rows.")
    alone = next((row for row, factor in terms if factor == 1), None)
    target = alone if changed is None else changed
    if target is None or target not in (first, second):
        raise InputError(
            f"{shown!r} does not say which row changes. {EXPECTED} The row that changes stands "
            "alone, with no factor."
        )
    if dict(terms)[target] != 1:
        raise InputError(
            f"{shown!r} also multiplies row {target + 1} itself: that is two operations. First "
            "scale the row, then add."
        )
    ((source, factor),) = [term for term in terms if term[0] != target]
    if factor == 0:
        raise InputError(f"{shown!r} adds 0 times a row, which changes nothing.")
    return add(target, source, factor)


def _row(name: str, rows: int, shown: str) -> int:
    row = int(name[:9])
    if not 1 <= row <= rows:
        raise InputError(f"{shown!r} names row {name[:9]}; the matrix has rows 1 to {rows}.")
    return row - 1


def _number(text: str, shown: str) -> Fraction:
    """A factor, bounded as the entries of a matrix are."""
    try:
        return parse_matrix(text)[0][0]
    except InputError as error:
        raise InputError(f"In {shown!r}: {error}") from error


def is_echelon(A: Matrix) -> bool:
    """Whether each row of A starts further right than the one above, zero rows last.

    >>> from lowrank.rows import exact
    >>> is_echelon(exact([[0, 2], [1, 0]])), is_echelon(exact([[1, 2], [0, 0]]))
    (False, True)
    """
    starts = [next((j for j, x in enumerate(row) if x), len(row) + i) for i, row in enumerate(A)]
    return all(a < b for a, b in pairwise(starts))


def is_reduced_echelon(A: Matrix) -> bool:
    """Whether A is in echelon form with every pivot 1 and alone in its column."""
    leads = leading_columns(A)
    alone = all(A[i][j] == int(i == row) for row, j in enumerate(leads) for i in range(len(A)))
    return is_echelon(A) and alone


def same_row_space(A: Matrix, B: Matrix) -> bool:  # (m, n), (k, n)
    """Whether the rows of A and of B span the same space: row operations never change it.

    Their reduced echelon forms, which are unique, have the same non-zero rows.
    Reference: Lay, Linear Algebra and Its Applications, section 1.2, theorem 1.
    """
    E, F = ([row for row in reduced_echelon(M) if any(row)] for M in (A, B))
    return len(A[0]) == len(B[0]) and E == F
