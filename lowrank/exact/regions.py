"""Sets of values that polynomial conditions describe, and what is 0 on them, decided exactly.

A region is an algebraic set of (complex) values less the zeros of some polynomials. Whether a
polynomial is 0 on all, some or none of it is decided by Gröbner bases.

Reference: Cox, Little and O'Shea, Ideals, Varieties, and Algorithms, chapter 4, section 2: a
polynomial vanishes on an algebraic set exactly if 1 − t f joins its ideal to the whole ring.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from sympy import QQ
from sympy.polys.groebnertools import groebner
from sympy.polys.orderings import MonomialOrder, grevlex
from sympy.polys.rings import ring

from lowrank.errors import InputError
from lowrank.exact.expressions import value_of
from lowrank.language import gettext_noop

MAX_WORK = 400_000  # comparisons of monomials, and what is counted as such
MAX_COEFFICIENT = 512  # bits of one in what is factored or shown
PER_FACTORING = 30  # comparisons that factoring takes as long as, a term, degree and 64 bits
PER_QUOTIENT = 1 / 16  # the same for a step of a division, by the square of its words of 64 bits
PER_PRODUCT = 20  # the same for a product of two terms in a fraction that is then reduced
TOO_INVOLVED = gettext_noop(
    "The conditions on the letters become too involved to split into cases here. "
    "Use fewer letters, lower powers or a smaller matrix."
)


class _Work(MonomialOrder):
    """A monomial order that counts how often it is asked and stops when that is too often.

    A Gröbner basis can take for ever; every step of it compares monomials and divides
    coefficients, whose length is counted too, so this bounds the work the same way on every
    machine.
    """

    alias, is_global = "grevlex, counted", True

    def __init__(self, letters: Sequence[str], most: int) -> None:
        self.left = most
        self.factored: dict[Any, list[Any]] = {}
        rationals = copy(QQ)
        rationals.quo = self._quotient
        self.ring = ring([*letters, "inverse"], rationals, self)[0]

    def __call__(self, monomial: tuple[int, ...]) -> Any:
        self.spend(1)
        return grevlex(monomial)

    def _quotient(self, x: Any, y: Any) -> Any:
        words = max(z.bit_length() for a in (x, y) for z in (a.numerator, a.denominator)) // 64
        self.spend(int(PER_QUOTIENT * words**2))
        return x / y

    def spend(self, work: int) -> None:
        """Count work that compares no monomials in this order.

        Raises:
            InputError: there is no work left.
        """
        self.left -= work
        if self.left < 0:
            raise InputError(TOO_INVOLVED)

    def factors(self, polynomials: Sequence[Any]) -> list[Any]:
        """The different irreducible factors, with leading coefficient 1; each factored once."""
        for f in polynomials:
            if f not in self.factored:
                if (longest := bits(f)) > MAX_COEFFICIENT:
                    raise InputError(TOO_INVOLVED)
                self.spend(PER_FACTORING * len(f) * degree(f) * (1 + longest // 64))
                self.factored[f] = [g.monic() for g, _ in f.factor_list()[1]]
        return list(dict.fromkeys(g for f in polynomials for g in self.factored[f]))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def basis(self, polynomials: Sequence[Any]) -> list[Any]:
        """The reduced Gröbner basis, in the ring the polynomials come from."""
        inside = groebner([f.set_ring(self.ring) for f in polynomials], self.ring)
        return [f.set_ring(polynomials[0].ring) for f in inside]

    def no_solution(self, zeros: Sequence[Any], nonzeros: Sequence[Any]) -> bool:
        """Whether no complex values make all of `zeros` 0 and none of `nonzeros`."""
        G = self.basis(zeros)
        rest = [r for r in (h.rem(G) for h in nonzeros) if not r.is_ground or r == 0]
        if len(G) == 1:  # all zeros are excluded if each factor divides one of rest
            return without(G[0], rest).is_ground
        if not rest or 0 in rest:
            return bool(rest)
        R = self.ring
        apart = 1 - R.gens[-1] * prod((h.set_ring(R) for h in rest), start=R.one)
        return groebner([*(f.set_ring(R) for f in G), apart], R) == [R.one]


@dataclass(frozen=True, eq=False)
class Region:
    """The values where every one of `zeros` is 0 and none of `nonzeros` is; over the complex.

    `zeros` are a Gröbner basis and `nonzeros` irreducible, with leading coefficient 1.
    """

    work: _Work
    zeros: tuple[Any, ...] = ()
    nonzeros: tuple[Any, ...] = ()

    @classmethod
    def of(cls, letters: Sequence[str]) -> "Region":
        """All values of the letters, with work left for what is asked about its parts."""
        return cls(_Work(letters, MAX_WORK))

    def holds(self, values: Mapping[str, Fraction]) -> bool:
        """Whether a value of every letter belongs here."""
        return all(value_of(p, values) == 0 for p in self.zeros) and all(
            value_of(p, values) != 0 for p in self.nonzeros
        )

    def never(self, f: Any) -> bool:
        """Whether f is 0 nowhere in the region."""
        f = remainder(f, self.zeros)
        if f.is_ground or f.monic() in self.nonzeros:
            return f != 0
        if not self.zeros:  # f = 0 leaves the region only by factors that it excludes
            return without(f, self.nonzeros).is_ground
        return self.work.no_solution((*self.zeros, f), self.nonzeros)

    def always(self, f: Any) -> bool:
        """Whether f is 0 everywhere in the region."""
        f = remainder(f, self.zeros)
        if f == 0 or f.is_ground or not self.zeros:
            return f == 0
        return self.work.no_solution(self.zeros, (*self.nonzeros, f))

    def meets(self, other: "Region") -> bool:
        """Whether some values belong to both."""
        zeros, nonzeros = (*self.zeros, *other.zeros), (*self.nonzeros, *other.nonzeros)
        return not zeros or not self.work.no_solution(zeros, nonzeros)

    def within(self, other: "Region") -> bool:
        """Whether all of its values belong to the other."""
        return all(map(self.always, other.zeros)) and all(map(self.never, other.nonzeros))

    def where_zero(self, f: Any) -> "Region | None":
        """The part where f is 0, or None if there is none."""
        zeros = tuple(self.work.basis((*self.zeros, f)))
        if self.work.no_solution(zeros, self.nonzeros):
            return None
        return Region(self.work, zeros).excluding(*self.nonzeros)

    def excluding(self, *others: Any) -> "Region":
        """The part where these are not 0; those that are nowhere 0 need not be said."""
        region = self
        for f in others:
            for g in self.work.factors([remainder(f, region.zeros)]):
                if not region.never(g):
                    region = Region(self.work, region.zeros, (*region.nonzeros, g))
        return region


def remainder(f: Any, basis: Sequence[Any]) -> Any:
    """What division by a Gröbner basis leaves of f: 0 only if f is in its ideal."""
    return f.rem(list(basis)) if basis else f


def without(f: Any, others: Sequence[Any]) -> Any:
    """f divided by every factor that it shares with one of the others."""
    for h in others:
        while not f.is_ground and not (shared := f.gcd(h)).is_ground:
            f = f.exquo(shared)
    return f


def degree(f: Any) -> int:
    """The total degree."""
    return max(map(sum, f.itermonoms()), default=0)


def bits(f: Any) -> int:
    """The length of the longest coefficient of f, made whole, in bits."""
    whole = f.clear_denoms()[1] if f else f
    return max((int(c.numerator.bit_length()) for c in whole.itercoeffs()), default=0)
