"""A derivation: a matrix, the row operations done to it, and how far along them one stands.

It is data: undo, redo and jumping only move the position. Its text is the query of a link, where
`ops` holds the operations in a short code of version 1: `v1.` and then, one after the other,

    N5      the next 5 operations of `next_step` towards the reduced form
    S12     swap rows 1 and 2
    P2      divide row 2 by its first non-zero entry
    C31     subtract the multiple of row 1 from row 3 that leaves 0 under row 1's first non-zero
    C314    the same in column 4
    M2-3_2  multiply row 2 by -3/2
    A31-3_2 add -3/2 times row 1 to row 3

Rows, columns and the count after N are written in base 36, from 1. N, P and C name no factor: it
follows from the matrix, which is what keeps a link short when fractions grow long.

>>> from lowrank.exact.matrices import exact
>>> d = Derivation(exact([[1, 2], [3, 4]])).do(add(1, 0, -3)).do(scale(1, 5)).undo()
>>> encode(d)
'm=1%2C2%3B3%2C4&step=1&ops=v1.N1M25'
>>> decode(encode(d)) == d
True
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from lowrank.errors import InputError
from lowrank.exact.elimination import Step, next_step, steps
from lowrank.exact.matrices import Matrix, RowOp, add, apply, scale, swap, written
from lowrank.exact.moves import parse_operation
from lowrank.exact.parsing import compact, parse_matrix

VERSION = "v1."
MOST_MOVES = 1000
LONGEST = 4000  # characters of coded operations
FACTOR_DIGITS = 100  # of a factor's numerator and of its denominator
WORK = 5_000_000  # bits written in all changed rows together, before a replay stops
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
REDUCED = "Reduced echelon"  # what `form` says in a link to the reduced form
_TOKEN = re.compile(
    r"N(?P<count>[0-9a-z]{1,3})|S(?P<swap>[1-9a-z]{2})|P(?P<one>[1-9a-z])"
    r"|C(?P<clear>[1-9a-z]{2,3})"
    r"|(?P<factor>M[1-9a-z]|A[1-9a-z]{2})(?P<over>-?[0-9]+)(?:_(?P<under>[0-9]+))?"
)


@dataclass(frozen=True)
class Derivation:
    """A start matrix, (m, n), operations on it, and a position from 0 to their number.

    `reduced` says which form is the goal.

    Raises:
        InputError: the position is outside, there are over 1,000 operations, or one names a row
            that the matrix does not have.
    """

    start: Matrix
    ops: tuple[RowOp, ...] = ()
    position: int = 0
    reduced: bool = False

    def __post_init__(self) -> None:
        if len(self.ops) > MOST_MOVES:
            raise InputError(f"There are {len(self.ops):,} moves; at most {MOST_MOVES:,} are kept.")
        if not 0 <= self.position <= len(self.ops):
            raise InputError(f"Position {self.position} is not among 0 to {len(self.ops)}.")
        for op in self.ops:
            if max(op.rows) >= len(self.start):
                raise InputError(f"{op} names a row; the matrix has {len(self.start)} of them.")

    @property
    def matrix(self) -> Matrix:  # (m, n)
        """The matrix at the position."""
        return self.matrices()[self.position]

    def matrices(self) -> tuple[Matrix, ...]:
        """The matrix before the first operation and after each: one more than operations.

        Raises:
            InputError: the entries grow so long that replaying would take too long.
        """
        return self._matrices

    @cached_property
    def _matrices(self) -> tuple[Matrix, ...]:
        return tuple(_replayed(self.start, iter(self.ops)))

    def do(self, op: RowOp) -> "Derivation":
        """One more operation at the position; what had been undone is dropped."""
        kept = (*self.ops[: self.position], op)
        return replace(self, ops=kept, position=len(kept))

    def undo(self) -> "Derivation":
        """One step back, if there is one; the operation is kept for `redo`."""
        return replace(self, position=max(self.position - 1, 0))

    def redo(self) -> "Derivation":
        """One step forward again, if there is one."""
        return replace(self, position=min(self.position + 1, len(self.ops)))

    def at(self, position: int) -> "Derivation":
        """The same operations, seen from another position."""
        return replace(self, position=position)

    def hint(self) -> Step | None:
        """The next operation towards the goal from the position, or None if it is reached."""
        return next_step(self.matrix, self.reduced)

    def finish(self) -> "Derivation":
        """Every operation that is still missing at the position, done.

        >>> from lowrank.exact.matrices import exact
        >>> [str(op) for op in Derivation(exact([[0, 1], [2, 0]])).finish().ops]
        ['R1 ↔ R2']
        """
        missing = tuple(step.op for step in steps(self.matrix, self.reduced))
        kept = self.ops[: self.position] + missing
        return replace(self, ops=kept, position=len(kept))


def _replayed(A: Matrix, ops: Iterator[RowOp]) -> Iterator[Matrix]:
    """A and the matrix after each operation, as long as the numbers stay of a bearable length."""
    work = 0
    yield A
    for done, op in enumerate(ops, start=1):
        A = apply(op, A)
        yield A
        work += _bits(A, op)
        _bearable(work, done)


def _bits(A: Matrix, op: RowOp) -> int:
    """The length of the row that an operation wrote, in bits."""
    return sum(x.numerator.bit_length() + x.denominator.bit_length() for x in A[op.rows[0]])


def _bearable(work: int, done: int) -> None:
    if work > WORK:
        raise InputError(
            f"After move {done} the entries are thousands of digits long: too long to go on here."
        )


def reasons(d: Derivation) -> list[str]:
    """What each operation of a derivation does, a sentence each; the textbook's own where it fits.

    >>> from lowrank.exact.matrices import exact
    >>> reasons(Derivation(exact([[2, 4], [3, 7]])).do(add(1, 0, 1)))
    ['Makes no entry 0: legal, since it can be taken back.']
    """
    return [reason(op, A) for op, A in zip(d.ops, d.matrices(), strict=False)]


def reason(op: RowOp, A: Matrix) -> str:
    """What an operation does to the matrix A."""
    step = next_step(A, reduced=True)
    if step and step.op == op:
        return step.why
    if op.kind == "swap":
        return f"Rows {op.rows[0] + 1} and {op.rows[1] + 1} change places."
    target = op.rows[0]
    lead = _lead(A, target)
    if op.kind == "scale":
        if lead is not None and op.factor * A[target][lead] == 1:
            return f"Makes the first entry of row {target + 1} that is not 0 a 1."
        return f"Multiplies row {target + 1} by {written(op.factor)}."
    after = apply(op, A)[target]
    cleared = [j + 1 for j, (x, y) in enumerate(zip(A[target], after, strict=True)) if x and not y]
    if not cleared:
        return "Makes no entry 0: legal, since it can be taken back."
    many = f"columns {', '.join(map(str, cleared))}" if cleared[1:] else f"column {cleared[0]}"
    return f"Makes row {target + 1} 0 in {many}."


def pivots_in_place(A: Matrix) -> set[tuple[int, int]]:
    """The pivots (row, column) that elimination downwards has finished with: zeros below them.

    >>> from lowrank.exact.matrices import exact
    >>> sorted(pivots_in_place(exact([[1, 2, 3], [0, 0, 4], [0, 5, 6]])))
    [(0, 0)]
    """
    found: set[tuple[int, int]] = set()
    for column in range(len(A[0])):
        row = len(found)
        filled = [i for i in range(row, len(A)) if A[i][column]]
        if filled and filled != [row]:
            break
        found |= {(row, column)} if filled else set()
    return found


def _lead(A: Matrix, row: int) -> int | None:
    """The column of a row's first non-zero."""
    return next((j for j, x in enumerate(A[row]) if x), None)


def encode(d: Derivation) -> str:
    """The query of a link that opens the derivation: m, form, step and ops, escaped.

    Raises:
        InputError: the matrix has over 35 rows, or a factor that the matrix does not imply has
            over 100 digits.
    """
    parts = {"m": compact(d.start)}
    if d.reduced:
        parts["form"] = REDUCED
    if d.position:
        parts["step"] = str(d.position)
    if d.ops:
        parts["ops"] = encode_ops(d.start, d.ops)
    return urlencode(parts)


def decode(query: str) -> Derivation:
    """The derivation in the query of a link: the inverse of `encode`, safe with any text.

    A position after the last operation stands on the `next_step`s that follow it, so that a link
    may name only a matrix and a step. Operations may also be typed ones, as
    `moves.parse_operation` reads them.

    Raises:
        InputError: what of the link is not as described, in a sentence.
    """
    parts = dict(parse_qsl(query[: 10 * LONGEST]))
    start = parse_matrix(parts.get("m", ""))
    reduced = parts.get("form") == REDUCED
    step = parts.get("step", "0")
    if not re.fullmatch(r"[0-9]{1,4}", step):
        raise InputError(f"The link's step is {step[:20]!r}; expected a number.")
    return resumed(start, parts.get("ops", ""), int(step), reduced)


def resumed(start: Matrix, text: str, position: int, reduced: bool) -> Derivation:
    """The derivation whose coded operations and position are known.

    >>> from lowrank.exact.matrices import exact
    >>> d = resumed(exact([[2, 1], [4, 1]]), "", position=1, reduced=False)
    >>> d.ops == (add(1, 0, -2),)
    True
    """
    ops = decode_ops(start, text)
    d = Derivation(start, ops, position=len(ops), reduced=reduced)
    if position > len(ops):
        ahead = islice(steps(d.matrix, reduced), position - len(ops))
        d = replace(d, ops=ops + tuple(step.op for step in ahead))
    return d.at(min(position, len(d.ops)))


def encode_ops(start: Matrix, ops: tuple[RowOp, ...]) -> str:
    """Operations on a matrix in the code described above; empty if there are none.

    >>> from lowrank.exact.matrices import exact
    >>> encode_ops(exact([[2, 4], [3, 7]]), (add(1, 0, Fraction(-3, 2)), swap(0, 1)))
    'v1.N1S12'
    """
    tokens, run = [], 0
    for op, A in zip(ops, Derivation(start, ops).matrices(), strict=False):
        step = next_step(A, reduced=True)
        if step and step.op == op:
            run += 1
            continue
        tokens += [f"N{_base36(run)}"] * bool(run) + [_token(op, A)]
        run = 0
    tokens += [f"N{_base36(run)}"] * bool(run)
    return VERSION + "".join(tokens) if tokens else ""


def _token(op: RowOp, A: Matrix) -> str:
    rows = "".join(_base36(row + 1) for row in op.rows)
    if len(rows) > len(op.rows):
        raise InputError(f"The matrix has {len(A)} rows; a link can name 35 of them.")
    if op.kind == "swap":
        return f"S{rows}"
    if op.kind == "scale":
        return f"P{rows}" if op == _made_one(A, op.rows[0]) else f"M{rows}{_factor(op)}"
    lead = _lead(A, op.rows[1])
    columns = [] if lead is None else [lead, *range(lead + 1, min(len(A[0]), 35))]
    target, source = op.rows
    column = next((c for c in columns if op == _cleared(A, target, source, c)), None)
    if column is None:
        return f"A{rows}{_factor(op)}"
    return f"C{rows}" + ("" if column == lead else _base36(column + 1))


def _factor(op: RowOp) -> str:
    over, under = op.factor.numerator, op.factor.denominator
    if max(abs(over), under) >= 10**FACTOR_DIGITS:
        raise InputError(f"A factor has over {FACTOR_DIGITS} digits: too many for a link.")
    return f"{over}" if under == 1 else f"{over}_{under}"


def _made_one(A: Matrix, row: int) -> RowOp | None:
    lead = _lead(A, row)
    return None if lead is None else scale(row, 1 / A[row][lead])


def _cleared(A: Matrix, target: int, source: int, column: int) -> RowOp | None:
    """The multiple of one row that makes another 0 in a column, if there is one."""
    if target == source or not A[source][column] or not A[target][column]:
        return None
    return add(target, source, -A[target][column] / A[source][column])


def decode_ops(start: Matrix, text: str) -> tuple[RowOp, ...]:
    """The operations in a link: coded, or typed one a line or between semicolons.

    >>> from lowrank.exact.matrices import exact
    >>> decode_ops(exact([[2, 4], [3, 7]]), "R2 - 3/2 R1; R1 - 4 R2") == decode_ops(
    ...     exact([[2, 4], [3, 7]]), "v1.C21C12"
    ... )
    True

    Raises:
        InputError: another version, a broken or impossible operation, too many of them, or
            numbers that grow too long.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise InputError(f"The link has {len(text):,} characters of moves; at most {LONGEST:,}.")
    read = _decoded(start, text) if text.startswith("v") else _typed(start, text)
    return tuple(read)


def _typed(start: Matrix, text: str) -> Iterator[RowOp]:
    lines = [line for line in map(str.strip, re.split(r"[\n;]", text)) if line]
    ops: list[RowOp] = []
    for line in lines[: MOST_MOVES + 1]:
        try:
            ops.append(parse_operation(line, len(start)))
        except InputError as error:
            raise InputError(f"Move {len(ops) + 1} of the link: {error}") from error
    Derivation(start, tuple(ops)).matrices()
    yield from ops


def _decoded(A: Matrix, text: str) -> Iterator[RowOp]:
    if not text.startswith(VERSION):
        raise InputError(f"The link's moves begin with {text[:8]!r}; this app reads {VERSION!r}.")
    at, done, work = len(VERSION), 0, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise InputError(f"The link breaks off after move {done}: {text[at : at + 8]!r}…")
        at = found.end()
        for _ in range(int(found["count"], 36) if found["count"] else 1):
            op = _read(found, A, done)
            A = apply(op, A)
            yield op
            done, work = done + 1, work + _bits(A, op)
            if done > MOST_MOVES:
                raise InputError(f"The link has more than {MOST_MOVES:,} moves.")
            _bearable(work, done)


def _read(found: re.Match[str], A: Matrix, done: int) -> RowOp:
    """One operation of a link, for the matrix that it has led to."""
    if found["count"]:
        step = next_step(A, reduced=True)
        if step is None:
            raise InputError(f"The link goes on after move {done}, where nothing is left to do.")
        return step.op
    names = found["swap"] or found["one"] or found["clear"] or found["factor"][1:]
    rows = tuple(int(name, 36) - 1 for name in names[:2])
    if max(rows) >= len(A) or len(set(rows)) < len(rows):
        named = " and ".join(str(row + 1) for row in rows)
        raise InputError(f"Move {done + 1} of the link names row {named} of {len(A)} rows.")
    if found["swap"]:
        return swap(rows[0], rows[1])
    if found["factor"]:
        factor = _read_factor(found, done)
        return scale(rows[0], factor) if len(rows) == 1 else add(rows[0], rows[1], factor)
    op = _made_one(A, rows[0]) if found["one"] else _cleared_in(A, rows, names[2:])
    if op is None:
        raise InputError(f"Move {done + 1} of the link divides by an entry that is 0 or missing.")
    return op


def _cleared_in(A: Matrix, rows: tuple[int, ...], named: str) -> RowOp | None:
    column = int(named, 36) - 1 if named else _lead(A, rows[1])
    if column is None or column >= len(A[0]):
        return None
    return _cleared(A, rows[0], rows[1], column)


def _read_factor(found: re.Match[str], done: int) -> Fraction:
    over, under = found["over"], found["under"] or "1"
    if max(len(over.lstrip("-")), len(under)) > FACTOR_DIGITS:
        raise InputError(
            f"Move {done + 1} of the link has a factor of over {FACTOR_DIGITS} digits."
        )
    if not int(under) or not int(over):
        raise InputError(f"Move {done + 1} of the link has a factor that is 0 or divides by 0.")
    return Fraction(int(over), int(under))


def _base36(number: int) -> str:
    """A count in base 36, shortest first digit first.

    >>> _base36(35), _base36(37)
    ('z', '11')
    """
    digits = DIGITS[number % 36]
    return _base36(number // 36) + digits if number >= 36 else digits
