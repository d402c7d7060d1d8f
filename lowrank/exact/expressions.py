"""Typed matrices with letters: a strict reader of a, k-1, 2t or (a^2-1)/2, never evaluated as code.

>>> A = parse_parametric("a 1; 1 (a^2-1)/2")
>>> [[written(x) for x in row] for row in A.rows]
[['a', '1'], ['1', '1/2 (a + 1)(a − 1)']]
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sympy import QQ
from sympy.polys.fields import FracField, field
from sympy.polys.orderings import grevlex

from lowrank.errors import InputError
from lowrank.exact.matrices import Matrix, raised, rectangular
from lowrank.exact.matrices import written as number_written
from lowrank.exact.parsing import split_cells

MAX_SIDE = 5
MAX_LETTERS = 3
MAX_DEGREE = 4
MAX_CELL = 60
MAX_TEXT = 2000
MAX_BITS = 128  # of a numerator or denominator

Rows = tuple[tuple[Any, ...], ...]  # of elements of a field of rational functions

ACCEPTED = "Write numbers and letters, such as a, k-1, 2t or (a^2-1)/2."
_PLAIN = str.maketrans({"−": "-", "–": "-", "·": "*", "×": "*", "⁄": "/", "\r": "\n", "\xa0": " "})
_RAISED = {"²": "^2", "³": "^3", "⁴": "^4", "**": "^"}
_LATEX_FRAC = re.compile(r"\\[dt]?frac *\{([^{}]*)\} *\{([^{}]*)\}")
_TOKEN = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)|([a-zA-Zα-ω])|([-+*/^()])")
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

    Rows end at a line or a semicolon; entries are parted by commas or by spaces, so that k - 1
    is one entry and k -1 is two. Products need no sign: 2t, ab, 3(a+1).

    Raises:
        InputError: naming row, column and text: more than 5 rows or columns, more than 3 letters,
            a degree above 4, long numbers, a division by zero, or text that is no expression.
    """
    cells = rectangular(_cells(text))
    m, n = len(cells), len(cells[0])
    if max(m, n) > MAX_SIDE:
        raise InputError(
            f"This matrix is {m} × {n}; with letters, at most {MAX_SIDE} × {MAX_SIDE} is reduced."
        )
    letters = sorted({c for row in cells for cell in row for c in re.findall("[a-zA-Zα-ω]", cell)})
    if len(letters) > MAX_LETTERS:
        raise InputError(
            f"There are {len(letters)} letters ({', '.join(letters[:8])}); "
            f"at most {MAX_LETTERS} are solved for. {ACCEPTED}"
        )
    K = field(letters or ["a"], QQ, grevlex)[0]
    readers = [
        [_Reader(cell, f"Row {i}, column {j}", K) for j, cell in enumerate(row, 1)]
        for i, row in enumerate(cells, 1)
    ]
    rows = tuple(tuple(reader.read() for reader in row) for row in readers)
    divisors = tuple(d for row in readers for reader in row for d in reader.divisors)
    return Parametric(K, rows, divisors, tuple(letters))


def _cells(text: str) -> list[list[str]]:
    """The text of each entry, with LaTeX, brackets and spaces around signs taken away."""
    if len(text) > MAX_TEXT:
        raise InputError(f"The text has {len(text):,} characters; at most {MAX_TEXT:,} are read.")
    text = text.translate(_PLAIN)
    for sign, plain in _RAISED.items():
        text = text.replace(sign, plain)
    if "\\" in text or "&" in text:
        text = _LATEX_FRAC.sub(r"((\1)/(\2))", text)
        text = re.sub(r"\^ *\{([^{}]*)\}", r"^\1", text)
        cells = split_cells(text)
        return [[re.sub(r"\s|\\(?:cdot|left|right)", "", cell) for cell in row] for row in cells]
    text = re.sub(r"\][ \n]*[,;]?[ \n]*\[", ";", text)
    text = re.sub(r"^\s*(?:[a-zA-Z]\s*=\s*)?\[+|\]+\s*;?\s*$", "", text)
    text = re.sub(r" +([-+*/^]) +", r"\1", text)
    rows = [line.strip() for line in re.split("[\n;]", text)]
    if not any(rows):
        raise InputError(f"There is no matrix yet: type at least one entry. {ACCEPTED}")
    return [_split(row) for row in rows if row]


def _split(row: str) -> list[str]:
    separator = next((s for s in "\t," if s in row), None)
    parts = row.removesuffix(separator).split(separator) if separator else row.split()
    return ["".join(part.split()) for part in parts]


class _Reader:
    """Recursive descent over the tokens of one entry: sum, product, power, atom."""

    def __init__(self, text: str, place: str, K: FracField) -> None:
        self.text, self.place, self.K, self.at = text, place, K, 0
        if not text:
            raise InputError(f"{place} is empty. {ACCEPTED}")
        if len(text) > MAX_CELL:
            raise self.problem(f"is longer than {MAX_CELL} characters.")
        self.tokens: list[str] = []
        self.divisors: list[Any] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise self.problem(f"is no expression: “{text[at]}” has no place in it. {ACCEPTED}")
            self.tokens.append(found[0])
            at = found.end()
        self.names = {str(x): x for x in K.gens}

    def problem(self, what: str) -> InputError:
        shown = self.text if len(self.text) <= 24 else self.text[:20] + "…"
        return InputError(f"{self.place}: “{shown}” {what}")

    def read(self) -> Any:
        value = self.sum()
        if self.at < len(self.tokens):
            raise self.problem(f"is no expression: “{self.tokens[self.at]}” is one too many.")
        return value

    def next_in(self, signs: str) -> str:
        """The next token if it is one of these signs, taken; else nothing."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        if token and token in signs:
            self.at += 1
            return token
        return ""

    def sum(self) -> Any:
        sign = self.next_in("+-")
        value = self.product()
        value = -value if sign == "-" else value
        while sign := self.next_in("+-"):
            term = self.product()
            value = self.kept(value + term if sign == "+" else value - term)
        return value

    def product(self) -> Any:
        value = self.power()
        while self.at < len(self.tokens) and self.tokens[self.at] not in "+-)^":
            sign = self.next_in("*/")
            minus = self.next_in("-") if sign else ""
            if not sign and self.tokens[self.at][0] in "0123456789.":
                raise self.problem("has a number behind a letter or bracket: write 2a or a^2.")
            factor = -self.power() if minus else self.power()
            if sign == "/" and factor == 0:
                raise self.problem("divides by zero.")
            if sign == "/" and not factor.numer.is_ground:
                self.divisors.append(factor.numer)
            value = self.kept(value / factor if sign == "/" else value * factor)
        return value

    def power(self) -> Any:
        base = self.atom()
        if not self.next_in("^"):
            return base
        exponent = self.tokens[self.at] if self.at < len(self.tokens) else ""
        if not exponent.isdecimal() or len(exponent) > 2 or int(exponent) > 9:
            raise self.problem("has a power that is not a whole number from 0 to 9.")
        self.at += 1
        value = self.K.one
        for _ in range(int(exponent)):
            value = self.kept(value * base)
        return value

    def atom(self) -> Any:
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        self.at += 1
        if token in self.names:
            return self.names[token]
        if token and token[0] in "0123456789.":
            if len(token) > 20:
                raise self.problem("has a number of more than 20 digits.")
            x = Fraction(token)
            return self.K(QQ(x.numerator, x.denominator))
        if token == "(":
            value = self.sum()
            if not self.next_in(")"):
                raise self.problem("has a bracket that does not close.")
            return value
        raise self.problem(f"is no expression: something is missing. {ACCEPTED}")

    def kept(self, value: Any) -> Any:
        """The value, if it is still small enough to work with."""
        for part in (value.numer, value.denom):
            if any(sum(powers) > MAX_DEGREE for powers in part.itermonoms()):
                raise self.problem(f"has a degree above {MAX_DEGREE}.")
            for c in part.itercoeffs():
                if max(int(abs(c.numerator)), int(c.denominator)).bit_length() > MAX_BITS:
                    raise self.problem("makes numbers too long to work with.")
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
