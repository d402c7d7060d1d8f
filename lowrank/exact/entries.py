r"""What stands in one cell, as a tree, and its value in whatever numbers one reckons with.

    sum     = ["-"] product { ("+" | "-") product }
    product = power { ["*" | "/"] power }
    power   = atom ["^" ["-"] atom]
    atom    = number | letter | "½" | "(" sum ")" | \frac sum sum | "√" atom | Rational(sum, sum)

Nothing is ever evaluated as code, and no number is built before the tree is complete.

>>> from lowrank.exact.tokens import items_of
>>> str(evaluate(tree_of(items_of(r"-2\frac{1}{2} + 1")), Rationals()))
'-3/2'
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from lowrank.errors import InputError
from lowrank.exact.surds import Surd, root
from lowrank.exact.tokens import GREEK, Item
from lowrank.language import gettext as _

MAX_DIGITS = 200  # of an entry's numerator and of its denominator
MAX_POWER = 999
MAX_ENTRY = 450  # characters: 200 digits over 200 digits, and brackets
FRACTIONS = {"rational", "fraction", "frac", "divide"}
WRAPPED = {"rational", "fraction", "integer", "s", "int", "float", "decimal", "float32", "float64"}
WRAPPED |= {"int32", "int64", "zz", "qq", "mpq", "mathbf"}
LATEX_FRACTIONS = {"\\frac", "\\dfrac", "\\tfrac", "\\cfrac", "\\nicefrac", "\\sfrac"}
WORDS = {"pi", "exp", "sin", "cos", "tan", "log", "ln", "det", "nan", "inf", "lim", "max", "min"}
WORDS |= {"mod", "gcd", "abs", "tr", "nil", "na", "and", "or", "not", "the", "sqrt", *GREEK}


class Node(NamedTuple):
    """A number or name with its text, or an operation on parts: + * / ^ and "minus", "mixed"."""

    op: str
    text: str = ""
    parts: "tuple[Node, ...]" = ()
    problem: "NoValue | None" = None  # of what is no expression


class NoValue(ValueError):
    """Why a cell has no value: a sentence about {it}, put in words when it is said.

    `place` is what of the cell's text has no place in it.
    """

    def __init__(self, message: str, place: str = "", /, **values: object) -> None:
        super().__init__(message)
        self.message, self.place, self.values = message, place, values

    def within(self, text: str) -> "NoValue":
        """The same, without a place that is all of the text."""
        place = "" if self.place == text else self.place
        return NoValue(self.message, place, **self.values)

    def said_of(self, it: str) -> str:
        """The reason, about something called so, and the place."""
        said = _(self.message).format(it=it, **self.values)
        if not self.place:
            return said
        more = _("{said} “{place}” has no place in it.")
        return more.format(said=said, place=self.place)


def last_name(item: Item) -> str:
    """The name of a function without the module it comes from, in lower case."""
    return item.text.rpartition(".")[2].lower()


def is_entry_call(item: Item) -> bool:
    """Whether a group is a number, as Rational(1, 2) is, rather than a matrix."""
    return bool(item.text) and last_name(item) in FRACTIONS | WRAPPED | {"sqrt"}


def tree_of(items: Sequence[Item], rows: bool = False) -> Node:
    """The tree of a cell; with `rows`, names of several letters are names, as R1 is.

    Raises:
        NoValue: the items are no expression.
    """
    if not items:
        raise NoValue("{it} is empty.")
    if items[-1].end - items[0].start > MAX_ENTRY:
        raise NoValue("{it} is longer than {most} characters.", most=MAX_ENTRY)
    return _Descent(items, rows).whole()


class _Descent:
    """Recursive descent; each method reads what its line of the grammar says."""

    def __init__(self, items: Sequence[Item], rows: bool) -> None:
        self.rows, self.at = rows, 0
        self.items = [each for item in items for each in self._letters(item)]

    def _letters(self, item: Item) -> Iterator[Item]:
        """A name such as ab as the product of its letters; words keep their meaning."""
        name = item.text
        product = 1 < len(name) < 4 and name.isascii() and name.isalpha()
        if item.kind != "name" or self.rows or not product or name.lower() in WORDS:
            yield item
        else:
            yield from (item._replace(text=c, gap=item.gap and not k) for k, c in enumerate(name))

    def whole(self) -> Node:
        tree = self.sum()
        if left := self.peek():
            if left.kind == "number":
                raise NoValue("{it} holds two numbers: part them by a comma, or use one sign only.")
            raise NoValue("{it} is no number or expression.", _shown(left))
        return tree

    def peek(self) -> Item | None:
        while self.at < len(self.items) and self.items[self.at].kind in ("line", "tab"):
            self.at += 1
        return self.items[self.at] if self.at < len(self.items) else None

    def next_in(self, *signs: str) -> str:
        """The next item if it is one of these signs, taken; else nothing."""
        item = self.peek()
        if item and item.kind == "sign" and item.text in signs:
            self.at += 1
            return item.text
        return ""

    def sum(self) -> Node:
        sign = self.next_in("+", "-")
        terms = [_signed(sign, self.product())]
        while sign := self.next_in("+", "-"):
            sign = self.next_in("-") if sign == "+" else sign  # a + -b, but never a -- b
            terms.append(_signed(sign, self.product()))
        return terms[0] if len(terms) == 1 else Node("+", "", tuple(terms))

    def product(self) -> Node:
        value = self.power()
        while True:
            sign = self.next_in("*", "/", "//")
            if sign:
                factor = _signed(self.next_in("-"), self.power())
                op = "*" if sign == "*" else "/"
            elif (item := self.peek()) and (item.kind != "sign" or item.text == "√"):
                op, factor = self._beside(value, item)
            else:
                return value
            same = op == "*" and value.op == "*"
            value = Node(op, "", (*value.parts, factor) if same else (value, factor))

    def _beside(self, value: Node, item: Item) -> tuple[str, Node]:
        """What stands beside a value without a sign: a factor, or the rest of a mixed fraction."""
        if item.kind == "number":
            whole = value.op == "number" and value.text.isdecimal()
            ahead = [each.text for each in self.items[self.at : self.at + 3]]
            if whole and len(ahead) == 3 and ahead[1] == "/" and ahead[0].isdecimal():
                self.at += 3
                if ahead[2].isdecimal():
                    parts = Node("number", ahead[0]), Node("number", ahead[2])
                    return "mixed", Node("/", "", parts)
            if value.op == "number":
                raise NoValue("{it} holds two numbers: part them by a comma, or use one sign only.")
            raise NoValue("{it} has a number behind a letter or bracket: write 2a or a^2.")
        factor = self.power()
        simple = factor.op == "/" and all(part.text.isdecimal() for part in factor.parts)
        drawn = item.kind in ("vulgar", "command")
        if drawn and simple and value.op == "number" and value.text.isdecimal():
            return "mixed", factor
        return "*", factor

    def power(self) -> Node:
        base = self.atom()
        if not self.next_in("^"):
            return base
        minus = self.next_in("-")
        return Node("^", "", (base, _signed(minus, self.atom())))

    def atom(self) -> Node:
        item = self.peek()
        if item is None:
            raise NoValue("{it} breaks off: something is missing.")
        self.at += 1
        if item.kind in ("number", "name"):
            return Node(item.kind, item.text)
        if item.kind == "vulgar":
            return Node("/", "", tuple(Node("number", part) for part in _vulgar(item.text)))
        if item.kind in ("(", "{", "[") and item.text:
            return self._call(item)
        if item.kind in ("(", "{", "["):
            return tree_of(item.items, self.rows)
        if item.text == "√":
            if self.next_in("√"):
                raise NoValue("{it} has a root of a root.")
            return Node("call", "sqrt", (self.atom(),))
        if item.text in LATEX_FRACTIONS:
            return Node("/", "", (self._argument(), self._argument()))
        raise NoValue("{it} is no number or expression.", _shown(item))

    def _call(self, item: Item) -> Node:
        """A letter times a bracket, a fraction by name, or a function that is refused by name."""
        name = last_name(item)
        parts = [tree_of(part, self.rows) for part in split(item.items, ",")]
        if len(parts) == 2 and name in FRACTIONS:
            return Node("/", "", tuple(parts))
        if len(parts) == 1 and name in WRAPPED and item.text.lower() != "s":
            return parts[0]
        if len(parts) == 1 and len(item.text.partition("_")[0]) == 1 and item.text != "S":
            return Node("*", "", (Node("name", item.text), parts[0]))
        if len(parts) == 1 and item.text == "S":
            return parts[0]
        return Node("call", item.text, tuple(parts))

    def _argument(self) -> Node:
        r"""What \frac takes: braces, or one digit or letter."""
        item = self.peek()
        if item and item.kind == "number" and len(item.text) > 1:
            self.items[self.at] = item._replace(text=item.text[1:])
            return Node("number", item.text[0])
        return self.atom()


def _signed(sign: str, node: Node) -> Node:
    return Node("minus", "", (node,)) if sign == "-" else node


def _vulgar(character: str) -> tuple[str, str]:
    """Numerator and denominator of a character such as ½."""
    from unicodedata import numeric

    x = Fraction(numeric(character)).limit_denominator(10)
    return str(x.numerator), str(x.denominator)


def _shown(item: Item) -> str:
    return (item.text or item.kind)[:12]


def split(items: Sequence[Item], *signs: str) -> list[list[Item]]:
    """The items between these signs; "line" and "tab" split at the ends of lines and at tabs."""
    parts: list[list[Item]] = [[]]
    for item in items:
        if item.kind in signs or (item.kind == "sign" and item.text in signs):
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


class Numbers(Protocol):
    """A kind of numbers that trees can be evaluated in; its values have + - * /."""

    def number(self, text: str) -> Any:
        """The value of digits, exactly."""

    def name(self, text: str) -> Any:
        """The value of a letter or word, or a NoValue."""

    def call(self, text: str, values: list[Any]) -> Any:
        """The value of a function, or a NoValue."""

    def kept(self, value: Any) -> Any:
        """The value, if it is still small enough to work with, or a NoValue."""

    def over(self, value: Any, divisor: Any) -> Any:
        """A quotient, or a NoValue."""


def evaluate(node: Node, K: Numbers) -> Any:
    """The value of a tree.

    Raises:
        NoValue: why it has none.
    """
    if node.problem:
        raise node.problem.within("")
    if node.op in ("number", "name"):
        return K.number(node.text) if node.op == "number" else K.name(node.text)
    first, *others = values = [evaluate(part, K) for part in node.parts]
    if node.op == "call":
        return K.call(node.text, values)
    if node.op == "minus":
        return -first
    if node.op == "/":
        return K.kept(K.over(first, others[0]))
    if node.op == "^":
        return _raised(first, node.parts[1], K)
    for value in others:
        first = K.kept(first * value if node.op == "*" else first + value)
    return first


def _raised(base: Any, exponent: Node, K: Numbers) -> Any:
    negative = exponent.op == "minus"
    digits = (exponent.parts[0] if negative else exponent).text
    if not digits.isdecimal() or len(digits) > 3:
        raise NoValue("{it} has a power that is not a whole number up to {most}.", most=MAX_POWER)
    value = K.number("1")
    for _power in range(int(digits)):
        value = K.kept(value * base)
    return K.kept(K.over(K.number("1"), value)) if negative else value


class Rationals:
    """Fractions, and nothing else: letters, roots and complex numbers are refused by name."""

    longest = 10**MAX_DIGITS

    def number(self, text: str) -> Fraction:
        mantissa, _e, power = text.lower().partition("e")
        if len(mantissa) > MAX_DIGITS + 1 or len(power) > 4 or abs(int(power or 0)) > MAX_DIGITS:
            raise _too_long()
        return self.kept(Fraction(text))

    def name(self, text: str) -> Fraction:
        if text.lower() in ("nan", "inf", "infinity"):
            raise NoValue("{it} is not a finite number.")
        if text in ("i", "j"):
            raise NoValue(
                "{it} is complex: {text} is not read here, only rational numbers are.", text=text
            )
        raise NoValue("{it} is not a number.", text[:20])

    def call(self, text: str, values: list[Fraction]) -> Fraction:
        raise NoValue("{it} is not rational: “{text}(…)” is not read here.", text=text[:20])

    def kept(self, value: Fraction) -> Fraction:
        if max(abs(value.numerator), value.denominator) >= self.longest:
            raise _too_long()
        return value

    def over(self, value: Fraction, divisor: Fraction) -> Fraction:
        if divisor == 0:
            raise NoValue("{it} divides by zero.")
        return value / divisor


class Surds(Rationals):
    """Fractions, square roots of them, and i: what elimination can reckon with exactly."""

    def name(self, text: str) -> Any:
        return root(-1) if text in ("i", "j", "I") else super().name(text)

    def call(self, text: str, values: list[Any]) -> Any:
        if text.lower().rpartition(".")[2] != "sqrt" or len(values) != 1:
            raise NoValue(
                "{it} is not a square root: “{text}(…)” is not read here.", text=text[:20]
            )
        if isinstance(values[0], Surd):
            raise NoValue("{it} is a root of a root: roots of fractions are read here.")
        try:
            return root(values[0])
        except InputError as error:
            raise NoValue("{it} is too large: {error}", error=error) from error

    def kept(self, value: Any) -> Any:
        for c in value.terms.values() if isinstance(value, Surd) else (value,):
            super().kept(c)
        return value


def _too_long() -> NoValue:
    return NoValue(
        "{it} is too long: numerators and denominators up to {most} digits are read.",
        most=MAX_DIGITS,
    )


def walk(node: Node) -> Iterator[Node]:
    """The node and every node below it."""
    left = [node]
    while left:
        node = left.pop()
        yield node
        left += reversed(node.parts)
