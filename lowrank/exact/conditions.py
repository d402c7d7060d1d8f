"""The conditions of a region in words: solved where one letter can be, factored elsewhere."""

from fractions import Fraction
from math import isqrt
from typing import Any

from sympy import QQ, Poly
from sympy.polys.orderings import grevlex
from sympy.polys.rings import ring

from lowrank.exact.expressions import expanded, written
from lowrank.exact.regions import Region
from lowrank.language import gettext as _
from lowrank.language import joined


def in_words(region: Region) -> str:
    """The conditions of a region: solved where one letter can be, factored elsewhere.

    >>> from lowrank.exact.parametric import cases, parse_parametric
    >>> in_words(cases(parse_parametric("a^2 2; 1 1"))[1].region)
    'a = ±√2'
    """
    parts = [equation(f) for f in region.zeros]
    parts += [_solved_linear(f, "≠") or f"{written(f)} ≠ 0" for f in region.nonzeros]
    return joined(parts, _("{first} and {last}")) if parts else _("always")


def equation(f: Any) -> str:
    """f = 0, solved for its letter if it has one only."""
    if (linear := _solved_linear(f, "=")) is not None:
        return linear
    present = [x for i, x in enumerate(f.ring.gens) if any(m[i] for m in f)]
    if len(present) > 1:
        return f"{written(f)} = 0"
    letter = present[0]
    polynomial = Poly(f.as_expr(), letter.as_expr())
    factors = [factor[0] for factor in polynomial.factor_list()[1]]
    return joined((_roots(str(letter), g) for g in factors), _("{first} or {last}"))


def _solved_linear(f: Any, sign: str) -> str | None:
    """a = 2b − 1, where a letter stands alone with a number before it."""
    for i, x in enumerate(f.ring.gens):
        own = [m for m in f if m[i]]
        if len(own) == 1 and sum(own[0]) == 1:
            rest = (x * f[own[0]] - f) * (1 / f[own[0]])
            return f"{x} {sign} {expanded(rest)}"
    return None


def _roots(letter: str, p: Poly) -> str:
    """The roots of an irreducible polynomial in one letter: exactly up to degree 2."""
    if p.degree() == 1:
        a, b = (Fraction(int(c.p), int(c.q)) for c in p.all_coeffs())
        return f"{letter} = {_fraction(-b / a)}"
    if p.degree() == 2:
        a, b, c = (Fraction(int(c.p), int(c.q)) for c in p.all_coeffs())
        middle, square = -b / (2 * a), (b * b - 4 * a * c) / (4 * a * a)
        root = _root(abs(square)) if square != -1 else ""
        root = "i" if square == -1 else f"{root} i" if square < 0 else root
        both = f"{_fraction(middle)} ± {root}" if middle else f"±{root}"
        equal = f"{letter} = {both}"
        return _("{equation} (not real)").format(equation=equal) if square < 0 else equal
    real = [f"{float(x):.4g}".replace("-", "−") for x in p.real_roots()]
    polynomial = expanded(ring([letter], QQ, grevlex)[0].from_expr(p.as_expr()))
    if not real:
        said = _("{equation} (no real {letter})")
        return said.format(equation=f"{polynomial} = 0", letter=letter)
    said = _("{equation} (real: {values})")
    values = joined(real, _("{first}, {last}"))
    return said.format(equation=f"{polynomial} = 0", values=f"{letter} ≈ {values}")


def _root(x: Fraction) -> str:
    """The square root of x > 0, no square of a fraction or one: 3/2 √2."""
    inside, outside = x.numerator * x.denominator, Fraction(1, x.denominator)
    for d in range(min(isqrt(inside), 1000), 1, -1):
        if inside % (d * d) == 0:
            inside, outside = inside // (d * d), outside * d
            break
    if inside == 1:
        return _fraction(outside)
    return f"√{inside}" if outside == 1 else f"{_fraction(outside)} √{inside}"


def _fraction(x: Fraction) -> str:
    return str(x).replace("-", "−")
