"""Exact numbers beyond fractions: sums of fractions times square roots, with i = √−1 among them.

They are a field: Q(i, √2, √3, …). A `Surd` mixes with fractions in + − · /, and what turns out
rational is a `Fraction` again, so that elimination needs to know nothing of them.

>>> i, r = root(-1), root(8)
>>> str(r), str((1 + i) / (1 - i)), str(1 / (1 + r)), r * r
('2√2', 'i', '−1/7 + 2√2/7', Fraction(8, 1))
"""

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from typing import Any, TypeAlias

from lowrank.errors import InputError

MOST_ROOTS = 4  # different primes, and −1, under the roots of one number
LARGEST = 10**6  # under a root: factored by trial division
Key: TypeAlias = frozenset[int]  # the primes, and −1, whose product is under the root
RATIONAL: Key = frozenset()


class Surd:
    """A number that is no fraction: the sum of c √(product of key) over its terms, none of them 0.

    Made by `root` and by arithmetic. Roots of different such products are independent over the
    fractions, so each number has one such sum and equality is that of the terms.
    """

    __slots__ = ("terms",)
    terms: Mapping[Key, Fraction]

    def __init__(self, terms: Mapping[Key, Fraction]) -> None:
        object.__setattr__(self, "terms", terms)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} of a number cannot be set.")

    def __add__(self, other: Any) -> Any:
        if (theirs := _terms(other)) is None:
            return NotImplemented
        total = dict(self.terms)
        for key, c in theirs.items():
            total[key] = total.get(key, Fraction(0)) + c
        return _number(total)

    __radd__ = __add__

    def __neg__(self) -> "Surd":
        return Surd({key: -c for key, c in self.terms.items()})

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if (theirs := _terms(other)) is None:
            return NotImplemented
        total: dict[Key, Fraction] = {}
        for a, x in self.terms.items():
            for b, y in theirs.items():  # √(a) √(b) = common √(the rest)
                total[a ^ b] = total.get(a ^ b, Fraction(0)) + x * y * prod(a & b)
        return _number(total)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return NotImplemented if _terms(other) is None else self * _inverse(other)

    def __rtruediv__(self, other: Any) -> Any:
        return NotImplemented if _terms(other) is None else other * _inverse(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Surd) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    @property
    def bits(self) -> int:
        """The length of all its fractions."""
        parts = (c.as_integer_ratio() for c in self.terms.values())
        return sum(a.bit_length() + b.bit_length() for a, b in parts)

    @property
    def leading(self) -> Fraction:
        """The fraction that is written first."""
        return self._in_order()[0][1]

    def _in_order(self) -> list[tuple[Key, Fraction]]:
        return sorted(self.terms.items(), key=lambda term: (-1 in term[0], prod(term[0] - {-1})))

    def _joined(self, root: str, over: str, minus: str) -> str:
        words = ""
        for key, c in self._in_order():
            a, b = abs(c).as_integer_ratio()
            under = prod(key - {-1})
            name = "i" * (-1 in key) + (root % under if under > 1 else "")
            term = f"{'' if a == 1 and name else a}{name}"
            term = term if b == 1 else over % (term, b)
            sign = minus if c < 0 else "+"
            words += f" {sign} {term}" if words else f"{minus * (c < 0)}{term}"
        return words

    def latex(self) -> str:
        """As LaTeX, without the dollars."""
        return self._joined(r"\sqrt{%d}", r"\frac{%s}{%d}", "-")

    def __str__(self) -> str:
        return self._joined("√%d", "%s/%d", "−")

    def __repr__(self) -> str:
        return f"Surd({self})"


def _terms(x: Any) -> Mapping[Key, Fraction] | None:
    if isinstance(x, Surd):
        return x.terms
    return {RATIONAL: Fraction(x)} if isinstance(x, (int, Fraction)) else None


def _number(terms: Mapping[Key, Fraction]) -> "Fraction | Surd":
    """The sum, a fraction if it is one."""
    kept = {key: c for key, c in terms.items() if c}
    if not kept.keys() - {RATIONAL}:
        return kept.get(RATIONAL, Fraction(0))
    if len(frozenset().union(*kept)) > MOST_ROOTS:
        raise InputError(
            "More than {most} different roots come together; as many are reckoned with.",
            most=MOST_ROOTS,
        )
    return Surd(kept)


def _inverse(x: Any) -> Any:
    """1/x: with x = a + b √p, it is (a − b √p) / (a² − p b²), where one root less is left."""
    if not isinstance(x, Surd):
        return 1 / Fraction(x)
    p = next(p for key in x.terms for p in key)
    turned = Surd({key: -c if p in key else c for key, c in x.terms.items()})
    return turned * _inverse(x * turned)


def conjugate(x: Any) -> Any:
    """x with −i for i."""
    if not isinstance(x, Surd):
        return x
    return Surd({key: -c if -1 in key else c for key, c in x.terms.items()})


def root(x: Fraction | int) -> "Fraction | Surd":
    """The square root of a fraction; of a negative one, i times that of its size.

    >>> root(Fraction(9, 4)), str(root(-12)), str(root(Fraction(1, 2)))
    (Fraction(3, 2), '2i√3', '√2/2')

    Raises:
        InputError: numerator and denominator are together too large to be factored.
    """
    over, under = Fraction(x).as_integer_ratio()
    left, outside, inside = abs(over) * under, Fraction(1, under), {-1} if over < 0 else set()
    if left > LARGEST:
        raise InputError(
            "√{x}: up to √{largest:,} is factored here.",
            x=x,
            largest=LARGEST,
        )
    d = 2
    while left > 1:
        d = d if d * d <= left else left
        while left % d == 0:
            left //= d
            outside *= d if d in inside else 1
            inside ^= {d}
        d += 1
    return _number({frozenset(inside): outside if over else Fraction(0)})
