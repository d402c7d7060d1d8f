"""A derivation as the query of a link, and back: short, lossless, and safe with any text.

`ops` holds the operations in a short code of version 1: `v1.` and then, one after the other,

    N5      the next 5 operations of `next_step` towards the reduced form, in the link's style
    S12     swap rows 1 and 2
    P2      divide row 2 by its first non-zero entry
    C31     subtract the multiple of row 1 from row 3 that leaves 0 under row 1's first non-zero
    C314    the same in column 4
    M2-3_2  multiply row 2 by -3/2
    A31-3_2 add -3/2 times row 1 to row 3; M2(1+√2) and A31(i): a factor with roots or i

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
from fractions import Fraction
from itertools import groupby
from urllib.parse import parse_qsl, urlencode

from lowrank.errors import InputError
from lowrank.exact.arguments import fraction
from lowrank.exact.derivation import MOST_MOVES, Derivation, OwnStep, Replay
from lowrank.exact.elimination import Step
from lowrank.exact.matrices import Matrix, RowOp, add, lead, plain, scale, swap
from lowrank.exact.moves import parse_operation
from lowrank.exact.parsing import compact, matrix_of, the_reading
from lowrank.exact.styles import Style
from lowrank.exact.surds import Surd
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined

VERSION = "v1."
LONGEST = 4000  # characters of coded operations
FACTOR_DIGITS = 100  # of a factor's numerator and of its denominator
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
REDUCED = gettext_noop("Reduced echelon")  # what `form` says in a link to the reduced form
STYLE_NAMES: dict[str, Style] = {  # what `style` says
    gettext_noop("Textbook"): "textbook",
    gettext_noop("Pivots 1 first"): "ones",
    gettext_noop("Whole numbers"): "whole",
}
_TOKEN = re.compile(
    r"N(?P<count>[0-9a-z]{1,3})|S(?P<swap>[1-9a-z]{2})|P(?P<one>[1-9a-z])"
    r"|C(?P<clear>[1-9a-z]{2,3})"
    r"|(?P<factor>M[1-9a-z]|A[1-9a-z]{2})"
    r"(?:(?P<over>-?[0-9]+)(?:_(?P<under>[0-9]+))?|\((?P<surd>[^()]{1,200})\))"
)


def encode(d: Derivation) -> str:
    """The query of a link that opens the derivation: m, form, style, step and ops, escaped.

    Raises:
        InputError: the matrix has over 35 rows, or a factor that the matrix does not imply has
            over 100 digits.
    """
    parts = {
        "m": compact(d.start, d.bar, d.names),
        "form": REDUCED if d.reduced else "",
        "style": next(name for name, style in STYLE_NAMES.items() if style == d.style),
        "step": str(d.position or ""),
        "ops": encode_moves(d),
    }
    return urlencode({key: value for key, value in parts.items() if value not in ("", "Textbook")})


def decode(query: str) -> Derivation:
    """The derivation in the query of a link: the inverse of `encode`, safe with any text.

    A position after the last operation stands on the textbook's steps that follow it, so that a
    link may name only a matrix and a step. Operations may also be typed ones, as
    `moves.parse_operation` reads them.

    Raises:
        InputError: what of the link is not as described, in a sentence.
    """
    parts = dict(parse_qsl(query[: 10 * LONGEST]))
    reading = the_reading(parts.get("m", ""))
    step = parts.get("step", "0")
    if not re.fullmatch(r"[0-9]{1,4}", step):
        raise InputError(
            "The link's step is {step!r}; expected a number.",
            step=step[:20],
        )
    goal = Derivation(
        matrix_of(reading),
        bar=reading.bar,
        names=reading.names,
        reduced=parts.get("form") == REDUCED,
        style=STYLE_NAMES.get(parts.get("style", ""), "textbook"),
    )
    return reaching(decode_moves(goal, parts.get("ops", "")), int(step))


def reaching(d: Derivation, position: int) -> Derivation:
    """The derivation seen from a position; one after its end is on the textbook's steps on.

    >>> from lowrank.exact.matrices import exact
    >>> reaching(Derivation(exact([[2, 1], [4, 1]])), 7).ops == (add(1, 0, -2),)
    True
    """
    if position <= len(d.ops):
        return d.at(position)
    return d.whole.at(min(position, len(d.whole.ops))).cut()


def encode_moves(d: Derivation) -> str:
    """All operations of a derivation in the code described above; empty if there are none.

    >>> from lowrank.exact.matrices import exact
    >>> encode_moves(Derivation(exact([[2, 4], [3, 7]]), (add(1, 0, Fraction(-3, 2)), swap(0, 1))))
    'v1.N1S12'
    """
    code = ""
    for own, run in groupby(d.path, _token):
        count = len(list(run))
        code += own * count or f"N{_base36(count)}"
    return VERSION + code if code else ""


def _token(step: Step | OwnStep) -> str:
    """The code of an operation; nothing for one of the textbook's, which are only counted."""
    if isinstance(step, Step):
        return ""
    op, A = step.op, step.before
    rows = "".join(_base36(row + 1) for row in op.rows)
    if len(rows) > len(op.rows):
        raise InputError(
            "The matrix has {rows} rows; a link can name 35 of them.",
            rows=len(A),
        )
    if op.kind == "swap":
        return f"S{rows}"
    if op.kind == "scale":
        return f"P{rows}" if op == _made_one(A, op.rows[0]) else f"M{rows}{_factor(op)}"
    first = lead(A[op.rows[1]])
    for column in range(first, min(len(A[0]), 35)):
        if op == _cleared(A, op.rows[0], op.rows[1], column):
            return f"C{rows}" + ("" if column == first else _base36(column + 1))
    return f"A{rows}{_factor(op)}"


def _factor(op: RowOp) -> str:
    if isinstance(op.factor, Surd):
        text = plain(op.factor)
        if len(text) > 2 * FACTOR_DIGITS:
            raise InputError(
                "A factor has over {factor_digits} characters: too many for a link.",
                factor_digits=2 * FACTOR_DIGITS,
            )
        return f"({text})"
    over, under = op.factor.numerator, op.factor.denominator
    if max(abs(over), under) >= 10**FACTOR_DIGITS:
        raise InputError(
            "A factor has over {factor_digits} digits: too many for a link.",
            factor_digits=FACTOR_DIGITS,
        )
    return f"{over}" if under == 1 else f"{over}_{under}"


def _made_one(A: Matrix, row: int) -> RowOp | None:
    return scale(row, 1 / A[row][lead(A[row])]) if any(A[row]) else None


def _cleared(A: Matrix, target: int, source: int, column: int) -> RowOp | None:
    """The multiple of one row that makes another 0 in a column, if there is one."""
    if column >= len(A[0]) or not A[source][column] or not A[target][column]:
        return None
    return add(target, source, -A[target][column] / A[source][column])


def decode_moves(d: Derivation, text: str) -> Derivation:
    """d, which has no moves, with all of a link's: coded, or typed, one a line or after ;.

    >>> from lowrank.exact.matrices import exact
    >>> d = Derivation(exact([[2, 4], [3, 7]]))
    >>> decode_moves(d, "R2 - 3/2 R1; R1 - 4 R2") == decode_moves(d, "v1.C21C12")
    True

    Raises:
        InputError: another version, a broken or impossible operation, too many of them, or
            numbers that grow too long.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise InputError(
            "The link has {text:,} characters of moves; at most {most:,}.",
            text=len(text),
            most=LONGEST,
        )
    replay = Replay(d.start, d.style, d.bar)
    (_do_coded if text.startswith("v") else _do_typed)(replay, text)
    return d.along(tuple(replay.path), len(replay.path))


def _do_typed(replay: Replay, text: str) -> None:
    lines = [line for line in map(str.strip, re.split(r"[\n;]", text)) if line]
    ops: list[RowOp] = []
    for line in lines[: MOST_MOVES + 1]:
        try:
            ops.append(parse_operation(line, len(replay.start)))
        except InputError as error:
            raise InputError(
                "Move {ops} of the link: {error}",
                ops=len(ops) + 1,
                error=error,
            ) from error
    for op in ops:
        replay.do(op)


def _do_coded(replay: Replay, text: str) -> None:
    if not text.startswith(VERSION):
        raise InputError(
            "The link's moves begin with {text!r}; this app reads {version!r}.",
            text=text[:8],
            version=VERSION,
        )
    at = len(VERSION)
    while at < len(text):
        done = len(replay.path)
        found = _TOKEN.match(text, at)
        if found is None:
            raise InputError(
                "The link breaks off after move {done}: {text!r}…",
                done=done,
                text=text[at : at + 8],
            )
        at = found.end()
        count = int(found["count"] or "0", 36)
        if not found["count"]:
            replay.do(_read(found, replay.matrix, done))
        elif replay.ahead(min(count, MOST_MOVES)) < min(count, MOST_MOVES):
            done = len(replay.path)
            raise InputError(
                "The link goes on after move {done}, where nothing is left to do.",
                done=done,
            )
        if done + count > MOST_MOVES or len(replay.path) > MOST_MOVES:
            raise InputError(
                "The link has more than {most:,} moves.",
                most=MOST_MOVES,
            )


def _read(found: re.Match[str], A: Matrix, done: int) -> RowOp:
    """One operation of a link, for the matrix that it has led to."""
    names = found["swap"] or found["one"] or found["clear"] or found["factor"][1:]
    rows = tuple(int(name, 36) - 1 for name in names[:2])
    if max(rows) >= len(A) or len(set(rows)) < len(rows):
        named = joined((str(row + 1) for row in rows), _("{first} and {last}"))
        raise InputError(
            "Move {done} of the link names row {named} of {rows} rows.",
            done=done + 1,
            named=named,
            rows=len(A),
        )
    if found["swap"]:
        return swap(rows[0], rows[1])
    if found["factor"]:
        factor = _read_factor(found, done)
        return scale(rows[0], factor) if len(rows) == 1 else add(rows[0], rows[1], factor)
    if found["one"]:
        op = _made_one(A, rows[0])
    else:
        column = int(names[2:], 36) - 1 if names[2:] else lead(A[rows[1]])
        op = _cleared(A, rows[0], rows[1], column)
    if op is None:
        raise InputError(
            "Move {done} of the link divides by an entry that is 0 or missing.",
            done=done + 1,
        )
    return op


def _read_factor(found: re.Match[str], done: int) -> Fraction:
    if found["surd"]:
        where = _("The factor of move {move} of the link").format(move=done + 1)
        return fraction(found["surd"], where)
    over, under = found["over"], found["under"] or "1"
    if max(len(over.lstrip("-")), len(under)) > FACTOR_DIGITS:
        raise InputError(
            "Move {done} of the link has a factor of over {factor_digits} digits.",
            done=done + 1,
            factor_digits=FACTOR_DIGITS,
        )
    if not int(under) or not int(over):
        raise InputError(
            "Move {done} of the link has a factor that is 0 or divides by 0.",
            done=done + 1,
        )
    return Fraction(int(over), int(under))


def _base36(number: int) -> str:
    """A count in base 36, shortest first digit first.

    >>> _base36(35), _base36(37)
    ('z', '11')
    """
    digits = DIGITS[number % 36]
    return _base36(number // 36) + digits if number >= 36 else digits
