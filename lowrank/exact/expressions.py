"""Typed matrices with letters, such as a, k-1, 2t or (a^2-1)/2, as rational functions of them.

>>> A = parse_parametric("a 1; 1 (a^2-1)/2")
>>> [[written(x) for x in row] for row in A.rows]
[['a', '1'], ['1', '1/2 (a + 1)(a − 1)']]
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sympy import QQ
from sympy.polys.fields import FracField, field
from sympy.polys.orderings import grevlex

from lowrank.errors import InputError
from lowrank.exact.arguments import rectangular
from lowrank.exact.cells import evaluated
from lowrank.exact.entries import NoValue
from lowrank.exact.matrices import Matrix, raised
from lowrank.exact.matrices import written as number_written
from lowrank.exact.reading import letters_of, read
from lowrank.exact.tokens import GREEK
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined

MAX_SIDE = 5
MAX_LETTERS = 3
MAX_DEGREE = 4
MAX_CELL = 60
MAX_TEXT = 2000
MAX_BITS = 128  # of a numerator or denominator

Rows = tuple[tuple[Any, ...], ...]  # of elements of a field of rational functions

ACCEPTED = gettext_noop("Write numbers and letters, such as a, k-1, 2t or (a^2-1)/2.")
_ALONE = re.compile(r"[^\s()]|\([^()]*\)[⁰-⁹²³]*")  # needs no brackets around it


@dataclass(frozen=True, eq=False)
class Parametric:
    """A matrix (m, n) with letters: where a divisor is 0, it does not exist."""

    field: FracField
    rows: Rows
    divisors: tuple[Any, ...]  # polynomials that entries are divided by, as typed
    letters: tuple[str, ...]

    def at(self, values: Mapping[str, Fraction]) -> Matrix | None:
        """The matrix of numbers at a value of every letter, or None where it does not exist.

        >>> parse_parametric("a 1/(a-1)").at({"a": Fraction(3)})
        ((Fraction(3, 1), Fraction(1, 2)),)
        """
        if any(value_of(d, values) == 0 for d in self.divisors):
            return None
        return tuple(
            tuple(value_of(x.numer, values) / value_of(x.denom, values) for x in row)
            for row in self.rows
        )


def value_of(p: Any, values: Mapping[str, Fraction]) -> Fraction:
    """A polynomial's value, exactly."""
    total = Fraction(0)
    for powers, c in p.terms():
        term = Fraction(int(c.numerator), int(c.denominator))
        for x, k in zip(p.ring.gens, powers, strict=True):
            term *= values[str(x)] ** k if k else 1
        total += term
    return total


def parse_parametric(text: str) -> Parametric:
    """The matrix of a text, over the field of rational functions in its letters.

    Everything is read that `parse_matrix` reads. Products need no sign: 2t, ab, 3(a+1); letters
    may be Greek and have a subscript, as in \\lambda and a_1.

    Raises:
        InputError: naming row, column and text: more than 5 rows or columns, more than 3 letters,
            a degree above 4, long numbers, a division by zero, or text that is no expression.
    """
    reading = read(text, MAX_TEXT)
    if reading.asks:
        raise InputError(reading.asks)
    cells = rectangular(reading.rows)
    m, n = len(cells), len(cells[0])
    if max(m, n) > MAX_SIDE:
        raise InputError(
            gettext_noop("There are {rows} rows; with letters, at most {most} × {most}.")
            if m > MAX_SIDE
            else gettext_noop(
                "There are {columns} entries in row 1; with letters, at most {most} × {most}."
            ),
            rows=m,
            columns=n,
            most=MAX_SIDE,
        )
    letters = letters_of(reading)
    if len(letters) > MAX_LETTERS:
        raise InputError(
            "There are {count} letters ({letters}); at most {most} are solved for. {accepted}",
            count=len(letters),
            letters=joined(letters[:8], _("{first}, {last}")),
            most=MAX_LETTERS,
            accepted=_(ACCEPTED),
        )
    K, at = _Functions(letters), _("Row {i}, column {j}")
    rows = []
    for i, row in enumerate(cells, 1):
        for j, cell in enumerate(row, 1):
            if len(cell.text) > MAX_CELL:
                raise InputError(
                    "Row {i}, column {j}: “{text}…” has over {most} characters.",
                    i=i,
                    j=j,
                    text=cell.text[:20],
                    most=MAX_CELL,
                )
        places = [at.format(i=i, j=j) for j in range(1, n + 1)]
        pairs = zip(row, places, strict=True)
        rows.append(tuple(evaluated(cell, place, K, ACCEPTED) for cell, place in pairs))
    return Parametric(K.field, tuple(rows), tuple(K.divisors), tuple(letters))


class _Functions:
    """Rational functions of letters, of a bounded degree; what was divided by is remembered."""

    def __init__(self, letters: Sequence[str]) -> None:
        self.field = field(letters or ["a"], QQ, grevlex)[0]
        self.divisors: list[Any] = []
        self.letters = {str(x): x for x in self.field.gens}

    def number(self, text: str) -> Any:
        if len(text) > 20 or "e" in text.lower():
            raise NoValue("{it} has a number of more than 20 digits, or with an exponent.")
        x = Fraction(text)
        return self.field(QQ(x.numerator, x.denominator))

    def name(self, text: str) -> Any:
        letter = GREEK.get(text, text)
        if text[-1].isdecimal() and "_" not in text:
            raise NoValue("{it} has a number behind a letter: write 2a, a^2 or a_2.")
        if letter not in self.letters:
            raise NoValue("{it} is no expression.", text[:20])
        return self.letters[letter]

    def call(self, text: str, values: list[Any]) -> Any:
        place = f"{text[:20]}(…)"
        raise NoValue("{it} is no expression of letters and numbers.", place)

    def over(self, value: Any, divisor: Any) -> Any:
        if divisor == 0:
            raise NoValue("{it} divides by zero.")
        if not divisor.numer.is_ground:
            self.divisors.append(divisor.numer)
        return value / divisor

    def kept(self, value: Any) -> Any:
        for part in (value.numer, value.denom):
            if any(sum(powers) > MAX_DEGREE for powers in part.itermonoms()):
                raise NoValue("{it} has a degree above {most}.", most=MAX_DEGREE)
            for c in part.itercoeffs():
                if max(int(abs(c.numerator)), int(c.denominator)).bit_length() > MAX_BITS:
                    raise NoValue("{it} makes numbers too long to work with.")
        return value


def written(x: Any) -> str:
    """An entry or polynomial on one line, factored over the rationals.

    >>> a = field("a", QQ)[1]
    >>> written((a**2 - 2 * a + 1) / (2 * a)), written(-3 * a**2), written(1 - a)
    ('(a − 1)²/(2a)', '−3a²', '1 − a')
    """
    if not hasattr(x, "numer"):
        return _factored(x)
    if x.denom.is_ground:
        return _factored(x.numer * (1 / x.denom.LC))
    above, below = _factored(x.numer), _factored(x.denom)
    alone = _ALONE.fullmatch
    above = above if alone(above) or " " not in above.partition("(")[0] else f"({above})"
    return f"{above}/{below if alone(below) else f'({below})'}"


def _factored(p: Any) -> str:
    """A polynomial as its constant times its irreducible factors."""
    if p == 0 or p.is_ground or len(p) == 1:
        return expanded(p)
    constant, factors = p.factor_list()
    if len(factors) == 1 and factors[0][1] == 1:
        return expanded(p)
    words = ""
    for f, power in sorted(factors, key=lambda each: (len(each[0]), str(each[0]))):
        base = expanded(f)
        words += (f"({base})" if len(f) > 1 else base) + (raised(power) if power > 1 else "")
    c = _number(constant)
    if c in ("1", "−1"):
        return c.replace("1", "") + words
    return f"{c} {words}" if "/" in c else c + words


def expanded(p: Any) -> str:
    """A polynomial term by term; a leading minus is avoided where another term can come first.

    >>> R = field("a, b", QQ)[0].ring
    >>> expanded(R.from_dict({(2, 1): QQ(1, 2), (0, 0): QQ(-1)}))
    '1/2 a²b − 1'
    """
    terms = sorted(p.terms(), key=lambda term: (-sum(term[0]), [-k for k in term[0]]))
    if terms and terms[0][1] < 0:  # 1 − a rather than −a + 1
        first = next((i for i, (_, c) in enumerate(terms) if c > 0), 0)
        terms.insert(0, terms.pop(first))
    words = ""
    for powers, c in terms:
        letters = "".join(
            str(x) + (raised(k) if k > 1 else "")
            for x, k in zip(p.ring.gens, powers, strict=True)
            if k
        )
        size = _number(abs(c))
        term = letters if letters and size == "1" else size + " " * ("/" in size) + letters
        sign = "−" if c < 0 else "+"
        words += f" {sign} {term.strip()}" if words else ("−" if c < 0 else "") + term.strip()
    return words or "0"


def _number(c: Any) -> str:
    return number_written(Fraction(int(c.numerator), int(c.denominator)))
