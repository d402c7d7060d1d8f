"""Linear forms, sums of multiples of names plus a number; and linear equations as a matrix.

>>> from lowrank.exact.entries import tree_of
>>> from lowrank.exact.tokens import items_of
>>> sides = [tree_of(items_of(text)) for text in ("x + 2(y - 1)", "3 - x")]
>>> rows, names = coefficients([tuple(sides)])
>>> [str(x) for x in rows[0]], names
(['2', '2', '5'], ('x', 'y'))
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lowrank.errors import InputError
from lowrank.exact.entries import Node, NoValue, Rationals, evaluate
from lowrank.exact.tokens import GREEK
from lowrank.language import gettext as _
from lowrank.language import gettext_noop


@dataclass(frozen=True)
class Form:
    """A sum of multiples of names, as they were written one after the other, plus a number.

    A product of two names, which is no such sum, has the name None.
    """

    terms: tuple[tuple[Any, Fraction], ...] = ()
    number: Fraction = Fraction(0)

    def __add__(self, other: "Form") -> "Form":
        return Form(self.terms + other.terms, self.number + other.number)

    def __neg__(self) -> "Form":
        return self * Form(number=Fraction(-1))

    def __mul__(self, other: "Form") -> "Form":
        if self.terms and other.terms:
            return Form(((None, Fraction(1)),))
        form, factor = (other, self.number) if not self.terms else (self, other.number)
        return Form(tuple((name, c * factor) for name, c in form.terms), form.number * factor)

    @property
    def alone(self) -> Any | None:
        """The name that this is, if it is one alone."""
        alone = len(self.terms) == 1 and self.terms[0][1] == 1 and not self.number
        return self.terms[0][0] if alone else None


class Forms:
    """Numbers in which names may be added up and multiplied by numbers."""

    Q: Rationals = Rationals()  # what the numbers are
    product = gettext_noop("{it} multiplies two unknowns.")
    quotient = gettext_noop("{it} divides by an unknown.")

    def number(self, text: str) -> Form:
        return Form(number=self.Q.number(text))

    def name(self, text: str) -> Form:
        letter = GREEK.get(text, text)
        if letter in ("π", "nan", "inf", "infinity"):
            raise NoValue("{it} is not an unknown.", text[:20])
        return Form(((letter.replace("_", ""), Fraction(1)),))

    def call(self, text: str, values: list) -> Form:
        raise NoValue("{it} is not linear: “{text}(…)” is not read here.", text=text[:20])

    def kept(self, value: Form) -> Form:
        for c in (*(c for name, c in value.terms), value.number):
            self.Q.kept(c)
        if any(name is None for name, _ in value.terms):
            raise NoValue(self.product)
        return value

    def over(self, value: Form, divisor: Form) -> Form:
        if divisor.terms:
            raise NoValue(self.quotient)
        return value * Form(number=self.Q.over(Fraction(1), divisor.number))


def coefficients(
    equations: Sequence[tuple[Node, Node]],
) -> tuple[list[list[Fraction]], tuple[str, ...]]:
    """[A | b] of linear equations, given by their two sides, and their unknowns in order.

    Raises:
        InputError: naming the equation that is not linear, or none holds an unknown.
    """
    K = Forms()
    forms = []
    for k, (left, right) in enumerate(equations, start=1):
        try:
            forms.append(evaluate(left, K) + -evaluate(right, K))
        except NoValue as problem:
            which = _("Equation {k}").format(k=k)
            raise InputError(
                "{problem} Write linear equations, x + 2y = 3; 2x - y = 1",
                problem=problem.said_of(which),
            ) from problem
    names = sorted({name for form in forms for name, _ in form.terms}, key=_in_order)
    if not names:
        raise InputError("There is no unknown in these equations: write x + 2y = 3; 2x - y = 1")
    rows = [
        [sum((c for name, c in form.terms if name == x), Fraction(0)) for x in names]
        + [-form.number]
        for form in forms
    ]
    return rows, tuple(names)


def _in_order(name: str) -> tuple[str, int]:
    """x2 before x10, and both before y."""
    letters, digits = re.fullmatch(r"(.*?)([0-9]{0,8})", name, re.DOTALL).groups()  # type: ignore
    return letters, int(digits or 0)


def equation(row: Sequence[str], names: Sequence[str], whole: bool = False) -> str:
    """A row of [A | b] as the text of an equation; `whole`, with its zero terms too.

    >>> equation(["1", "-2/3", "0", "4"], ["x", "y", "z"])
    'x-2/3y=4'
    """
    *factors, right = row
    words = ""
    for c, name in zip(factors, names, strict=True):
        if c == "0" and not whole:
            continue
        c = {"1": "", "-1": "-"}.get(c, c)
        words += f"{c}{name}" if not words or c.startswith("-") else f"+{c}{name}"
    if words in names:  # x=2 alone would be a matrix called x
        words = f"1{words}"
    return f"{words or '0' + names[0]}={right}"
