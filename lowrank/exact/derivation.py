"""A derivation: a matrix, the row operations done to it, and how far along them one stands.

It is data: undo, redo and jumping only move the position. What each operation led to is worked out
once, when first asked for, and handed on to the derivations made from this one.

>>> from lowrank.exact.matrices import add, exact, scale
>>> d = Derivation(exact([[1, 2], [3, 4]])).do(add(1, 0, -3)).do(scale(1, 5)).undo()
>>> d.position, [step.why for step in d.path]
(1, ['Clear the 3 below the pivot 1: 3 − 3 · 1 = 0.', 'Multiplies row 2 by 5.'])
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from math import prod
from typing import TypeAlias

from lowrank.errors import InputError
from lowrank.exact.arguments import several, whole
from lowrank.exact.elimination import Step, next_step, steps
from lowrank.exact.matrices import Matrix, Row, RowOp, apply, exact, lead, written
from lowrank.exact.notation import latex_step, to_latex
from lowrank.exact.styles import Style, check_style, needed
from lowrank.exact.surds import Surd
from lowrank.language import gettext as _
from lowrank.language import joined

MOST_MOVES = 1000
WORK = 5_000_000  # bits written in all changed rows together, before a replay stops
SHORT = 20_000  # bits of all entries together, up to which a whole reduction is a moment's work
FEW = 3  # textbook steps that are looked for one by one


@dataclass(frozen=True)
class OwnStep:
    """An operation that is not the textbook's next one, done to the matrix `before`."""

    op: RowOp
    before: Matrix  # (m, n)

    @cached_property
    def matrix(self) -> Matrix:  # (m, n)
        """The matrix after the operation."""
        return apply(self.op, self.before)

    @property
    def pivot(self) -> None:
        """None: it need not serve any pivot."""
        return None

    @property
    def why(self) -> str:
        """What the operation does, in one sentence."""
        op, target = self.op, self.op.rows[0]
        if op.kind == "swap":
            said = _("Rows {row} and {other} change places.")
            return said.format(row=target + 1, other=op.rows[1] + 1)
        before, after = self.before[target], self.matrix[target]
        if op.kind == "scale":
            if any(before) and after[lead(before)] == 1:
                said = _("Makes the first entry of row {row} that is not 0 a 1.")
                return said.format(row=target + 1)
            said = _("Multiplies row {row} by {factor}.")
            return said.format(row=target + 1, factor=written(op.factor))
        pairs = enumerate(zip(before, after, strict=True), start=1)
        cleared = [str(j) for j, (x, y) in pairs if x and not y]
        if not cleared:
            return _("Makes no entry 0: legal, since it can be taken back.")
        if len(cleared) == 1:
            said = _("Makes row {row} 0 in column {column}.")
            return said.format(row=target + 1, column=cleared[0])
        said = _("Makes row {row} 0 in columns {columns}.")
        return said.format(row=target + 1, columns=joined(cleared, _("{first}, {last}")))

    def _repr_latex_(self) -> str:
        return latex_step(self.before, self.op)


Path: TypeAlias = tuple[Step | OwnStep, ...]


@dataclass(frozen=True)
class Derivation:
    """A start matrix, (m, n), operations on it, and a position from 0 to their number.

    `reduced` says which form is the goal, `style` how one gets there, and `bar` how many columns
    stand left of the bar of [A | B], see `next_step`; `names` are those of the unknowns, if the
    rows are equations.

    Raises:
        InputError: the position is outside, there are over 1,000 operations, or one names a row
            that the matrix does not have; an unknown style, or a bar outside the matrix.
    """

    start: Matrix
    ops: tuple[RowOp, ...] = ()
    position: int = 0
    reduced: bool = False
    style: Style = "textbook"
    bar: int | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        vars(self)["start"] = exact(self.start, "start")
        vars(self)["ops"] = several(self.ops, RowOp, "ops")
        vars(self)["names"] = several(self.names, str, "names")
        whole(self.position, "position")
        check_style(self.style, self.bar, len(self.start[0]))
        if len(self.ops) > MOST_MOVES:
            raise InputError(
                "There are {count:,} moves; at most {most:,} are kept.",
                count=len(self.ops),
                most=MOST_MOVES,
            )
        if not 0 <= self.position <= len(self.ops):
            raise InputError(
                "Position {position} is not among 0 to {count}.",
                position=self.position,
                count=len(self.ops),
            )
        for op in self.ops:
            if max(op.rows) >= len(self.start):
                raise InputError(
                    "{op} names a row; the matrix has {start} of them.",
                    op=op,
                    start=len(self.start),
                )

    @cached_property
    def path(self) -> Path:
        """Each operation with the matrix after it and its reason, the textbook's where it fits.

        Raises:
            InputError: the entries grow so long that replaying would take too long.
        """
        replay = Replay(self.start, self.style, self.bar)
        for op in self.ops:
            replay.do(op)
        return tuple(replay.path)

    @property
    def matrix(self) -> Matrix:  # (m, n)
        """The matrix at the position."""
        return self.path[self.position - 1].matrix if self.position else self.start

    @property
    def last(self) -> Step | OwnStep | None:
        """The operation that led to the position; None at the start."""
        return self.path[self.position - 1] if self.position else None

    def along(self, path: Path, position: int) -> "Derivation":
        """The derivation from the same start whose operations have been worked out already."""
        d = replace(self, ops=tuple(step.op for step in path), position=position)
        vars(d)["path"] = path
        return d

    def at(self, position: int) -> "Derivation":
        """The same operations, seen from another position."""
        return self.along(self.path, position)

    def undo(self) -> "Derivation":
        """One step back, if there is one; the operation stays for `redo`."""
        return self.at(max(self.position - 1, 0))

    def redo(self) -> "Derivation":
        """One step forward again, if there is one."""
        return self.at(min(self.position + 1, len(self.ops)))

    def cut(self) -> "Derivation":
        """What had been undone is dropped."""
        return self.along(self.path[: self.position], self.position)

    def do(self, op: RowOp) -> "Derivation":
        """One more operation at the position; what had been undone is dropped."""
        replay = Replay(self.start, self.style, self.bar, self.path[: self.position])
        replay.do(op)
        return self.along(tuple(replay.path), self.position + 1)

    def hint(self) -> Step | None:
        """The next operation towards the goal from the position, or None if it is reached."""
        return next_step(self.matrix, self.reduced, self.style, self.bar)

    @cached_property
    def whole(self) -> "Derivation":
        """The same with the style's steps to the goal after its last operation."""
        end = self.path[-1].matrix if self.path else self.start
        ahead = steps(end, self.reduced, self.style, self.bar)
        return self.along((*self.path, *ahead), self.position)

    @property
    def finished(self) -> bool:
        """Whether the matrix at the position is in the form that is the goal."""
        return needed(self.matrix, self.reduced, self.style, self.bar) is None

    @property
    def factor(self) -> Fraction:
        """det of the matrix at the position = factor · det of the start, where they are square.

        >>> from lowrank.exact.matrices import exact, scale, swap
        >>> Derivation(exact([[0, 1], [2, 0]])).do(swap(0, 1)).do(scale(0, Fraction(1, 2))).factor
        Fraction(-1, 2)
        """
        changes = {"swap": Fraction(-1), "add": Fraction(1)}
        ops = self.ops[: self.position]
        return prod((changes.get(op.kind, op.factor) for op in ops), start=Fraction(1))

    def finish(self) -> "Derivation":
        """Every operation that is still missing at the position, done.

        >>> from lowrank.exact.matrices import exact
        >>> [str(op) for op in Derivation(exact([[0, 1], [2, 0]])).finish().ops]
        ['R1 ↔ R2']
        """
        whole = self.cut().whole
        return whole.at(len(whole.ops))

    def _repr_latex_(self) -> str:
        return to_latex(self.start, self.ops[: self.position], self.bar)


class Replay:
    """Operations carried out one after another, as long as the numbers stay of a bearable length.

    >>> from lowrank.exact.matrices import exact, swap
    >>> replay = Replay(exact([[2, 4], [3, 7]]))
    >>> replay.do(swap(0, 1))
    >>> replay.ahead(5), [str(step.op) for step in replay.path]
    (4, ['R1 ↔ R2', 'R2 ← R2 − 2/3 R1', 'R2 ← −3/2 R2', 'R1 ← R1 − 7 R2', 'R1 ← 1/3 R1'])
    """

    def __init__(
        self,
        start: Matrix,
        style: Style = "textbook",
        bar: int | None = None,
        path: Path = (),
    ) -> None:
        self.start, self.path = start, list(path)
        self.style, self.bar = style, bar
        self.work = sum(_bits(step.matrix[step.op.rows[0]]) for step in path if not step.pivot)

    @property
    def matrix(self) -> Matrix:  # (m, n)
        """The matrix so far."""
        return self.path[-1].matrix if self.path else self.start

    def do(self, op: RowOp) -> None:
        """One operation: the style's next step, if it is that, or one's own.

        Raises:
            InputError: the entries have grown too long, or a root comes among whole numbers.
        """
        if self.style == "whole" and isinstance(op.factor, Surd):
            raise InputError(
                "{op} leaves the whole numbers: choose another style for it.",
                op=op,
            )
        step = self.next()
        self._add(step if step and step.op == op else OwnStep(op, self.matrix))

    def next(self) -> Step | None:
        """The style's next step to the reduced form, if it is not reached."""
        return next_step(self.matrix, True, self.style, self.bar)

    def ahead(self, count: int) -> int:
        """So many of the style's next steps to the reduced form, or as many as there are.

        Short numbers take the whole way at once, without fractions; how long that would take with
        long ones cannot be told beforehand.

        Raises:
            InputError: the entries have grown too long.
        """
        if count > FEW and sum(map(_bits, self.matrix)) < SHORT:
            ahead = list(islice(steps(self.matrix, True, self.style, self.bar), count))
            self.path += ahead
            return len(ahead)
        for done in range(count):
            step = self.next()
            if step is None:
                return done
            self._add(step)
        return count

    def _add(self, step: Step | OwnStep) -> None:
        self.path.append(step)
        self.work += _bits(step.matrix[step.op.rows[0]])
        if self.work > WORK:
            raise InputError(
                "After move {path} the entries are thousands of digits long: too long to go on "
                "here.",
                path=len(self.path),
            )


def _bits(row: Row) -> int:
    """The length of a row."""
    return sum(
        x.bits if isinstance(x, Surd) else x.numerator.bit_length() + x.denominator.bit_length()
        for x in row
    )
