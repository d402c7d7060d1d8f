"""Row reduction with letters: for which values the rank is what, and the steps of every case.

A pivot that could be zero splits the reduction: one branch where it is not, one for each of its
irreducible factors where it is. Each branch is an algebraic set of (complex) values, and whether
an entry is zero on all, some or none of it is decided exactly, by Gröbner bases.

>>> for line in case_table(cases(parse_parametric("a 1 1; 1 a 1; 1 1 a"))):
...     print(line.rank, line.when)
1 a = 1
2 a = −2
3 every other a

Reference: Cox, Little and O'Shea, Ideals, Varieties, and Algorithms, chapter 4, section 2: a
polynomial vanishes on an algebraic set exactly if 1 − t f joins its ideal to the whole ring.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import isqrt, prod
from typing import Any

from sympy import QQ, Poly
from sympy.polys.groebnertools import groebner
from sympy.polys.orderings import MonomialOrder, grevlex
from sympy.polys.rings import ring

from lowrank.errors import InputError
from lowrank.exact.expressions import (
    Parametric,
    Rows,
    expanded,
    parse_parametric,
    value_of,
    written,
)

__all__ = [
    "Case",
    "Line",
    "Move",
    "Region",
    "case_table",
    "cases",
    "parse_parametric",
    "rank_at",
    "solvability",
]

MAX_CASES = 40
MAX_WORK = 300_000  # comparisons of monomials
MAX_TERMS = 60

TOO_INVOLVED = (
    "The conditions on the letters become too involved to split into cases here. "
    "Use fewer letters, lower powers or a smaller matrix."
)


class _Work(MonomialOrder):
    """A monomial order that counts how often it is asked and stops when that is too often.

    A Gröbner basis can take for ever; every step of it compares monomials, so this bounds the work
    the same way on every machine.
    """

    alias, is_global = "grevlex, counted", True

    def __init__(self, letters: Sequence[str], most: int) -> None:
        self.left = most
        self.ring = ring([*letters, "inverse"], QQ, self)[0]

    def __call__(self, monomial: tuple[int, ...]) -> Any:
        self.left -= 1
        if self.left < 0:
            raise InputError(TOO_INVOLVED)
        return grevlex(monomial)

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
        if (
            len(G) == 1
        ):  # the zeros of f are all excluded if each of its factors divides one of rest
            return all(any(h.rem([g]) == 0 for h in rest) for g, _ in G[0].factor_list()[1])
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

    def holds(self, values: Mapping[str, Fraction]) -> bool:
        """Whether a value of every letter belongs here."""
        return all(value_of(p, values) == 0 for p in self.zeros) and all(
            value_of(p, values) != 0 for p in self.nonzeros
        )

    def never(self, f: Any) -> bool:
        """Whether f is 0 nowhere in the region."""
        f = _remainder(f, self.zeros)
        if f.is_ground or f.monic() in self.nonzeros:
            return f != 0
        if not self.zeros:  # f = 0 leaves the region only by factors that it excludes
            return all(g.monic() in self.nonzeros for g, _ in f.factor_list()[1])
        return self.work.no_solution((*self.zeros, f), self.nonzeros)

    def always(self, f: Any) -> bool:
        """Whether f is 0 everywhere in the region."""
        f = _remainder(f, self.zeros)
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
            for g, _ in _remainder(f, region.zeros).factor_list()[1]:
                if not region.never(g):
                    region = Region(self.work, region.zeros, (*region.nonzeros, g.monic()))
        return region


def _remainder(f: Any, basis: Sequence[Any]) -> Any:
    return f.rem(list(basis)) if basis else f


@dataclass(frozen=True, eq=False)
class Move:
    """One line of a case: a row operation or, with an empty matrix change, what is supposed."""

    operation: str
    why: str
    matrix: Rows
    pivot: tuple[int, int] | None = None
    changed: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Case:
    """A region of values, the reduction that is right for all of them, and its pivots.

    `rank` is None where an entry divides by zero: there the matrix does not exist.
    """

    region: Region
    start: Rows
    moves: tuple[Move, ...]
    matrix: Rows
    pivots: tuple[int, ...]
    exists: bool = True

    @property
    def rank(self) -> int | None:
        """The number of pivots."""
        return len(self.pivots) if self.exists else None


def cases(A: Parametric) -> tuple[Case, ...]:
    """Every case of the reduction of A to echelon form: exactly one applies to any values.

    >>> [(str(case.region.zeros), case.rank) for case in cases(parse_parametric("a 2; 3 6"))]
    [('()', 2), ('(a - 1,)', 1)]

    Raises:
        InputError: more than 40 cases, or conditions that grow beyond what is solved here.
    """
    found = []
    everywhere = Region(_Work([str(x) for x in A.field.gens], MAX_WORK))
    for d in _factors(A.divisors):
        missing = everywhere.where_zero(d)
        if missing:
            found.append(Case(missing, A.rows, (), A.rows, (), exists=False))
        everywhere = everywhere.excluding(d)
    for case in _reduce(A.rows, everywhere, (), ()):
        found.append(replace(case, start=A.rows))
        if len(found) > MAX_CASES:
            raise InputError(f"There are more than {MAX_CASES} cases. {TOO_INVOLVED}")
    found.sort(key=lambda case: (case.exists is False, len(case.region.zeros)))
    return tuple(found)


def _factors(polynomials: Sequence[Any]) -> list[Any]:
    """The different irreducible factors, with leading coefficient 1."""
    return list(dict.fromkeys(g.monic() for f in polynomials for g, _ in f.factor_list()[1]))


def _reduce(
    rows: Rows, region: Region, moves: tuple[Move, ...], pivots: tuple[int, ...], column: int = 0
) -> Iterator[Case]:
    """The cases from here on: `pivots` are in place, the columns before `column` are done."""
    top = len(pivots)
    while column < len(rows[0]) and top < len(rows):
        rows = _simplified(rows, region, top, column)
        candidates = [i for i in range(top, len(rows)) if rows[i][column] != 0]
        sure = [i for i in candidates if region.never(rows[i][column].numer)]
        if candidates and not sure:
            chosen = min(candidates, key=lambda i: _size(rows[i][column]))
            yield from _split(rows, region, moves, pivots, column, chosen)
            return
        if candidates:
            chosen = min(sure, key=lambda i: _size(rows[i][column]))
            rows, made = _eliminated(rows, region, (top, column), chosen)
            moves, pivots, top = (*moves, *made), (*pivots, column), top + 1
        column += 1
    yield Case(region, rows, moves, rows, pivots)


def _split(
    rows: Rows,
    region: Region,
    moves: tuple[Move, ...],
    pivots: tuple[int, ...],
    column: int,
    chosen: int,
) -> Iterator[Case]:
    """The branch where no factor of the pivot is 0, then one for each factor that can be."""
    entry = rows[chosen][column]
    place = f"row {chosen + 1}, column {column + 1}"
    splitting = [f for f in _factors([entry.numer]) if not region.never(f)]
    generic = region.excluding(*splitting)
    apart = " and ".join(f"{expanded(f)} ≠ 0" for f in splitting)
    why = f"No pivot is sure to differ from 0; here {written(entry)} in {place} does."
    move = Move(f"Case {apart}", why, rows, (chosen, column))
    yield from _reduce(rows, generic, (*moves, move), pivots, column)
    for k, f in enumerate(splitting):
        inside = region.excluding(*splitting[:k]).where_zero(f)
        if inside is None:
            continue
        new = tuple(tuple(_within(x, inside) for x in row) for row in rows)
        why = f"Then {written(entry)} in {place} is 0 and no pivot."
        move = Move(f"Case {_equation(f)}", why, new)
        yield from _reduce(new, inside, (*moves, move), pivots, column)


def _size(x: Any) -> tuple[int, int, int]:
    """How simple an entry is: numbers first, then low degrees and few terms."""
    degree = max((sum(m) for f in (x.numer, x.denom) for m in f.itermonoms()), default=0)
    unit = x in (1, -1)
    return degree, len(x.numer) + len(x.denom), 0 if unit else 1


def _within(x: Any, region: Region) -> Any:
    """The entry simplified by what the region knows; 0 if it is 0 everywhere in it."""
    if region.always(x.numer):
        return x.field.zero
    if not region.zeros:
        return x
    numer, denom = (_remainder(f, region.zeros) for f in (x.numer, x.denom))
    return x.field(numer) / x.field(denom)


def _simplified(rows: Rows, region: Region, top: int, column: int) -> Rows:
    """Zeros seen as zeros in the column at hand, from row `top` down."""
    new = [list(row) for row in rows]
    for i in range(top, len(rows)):
        new[i][column] = _within(rows[i][column], region)
    return tuple(map(tuple, new))


def _eliminated(
    rows: Rows, region: Region, pivot: tuple[int, int], chosen: int
) -> tuple[Rows, list[Move]]:
    """The chosen row swapped up and zeros made below it."""
    top, column = pivot
    made = []
    if chosen != top:
        new = list(rows)
        new[top], new[chosen] = rows[chosen], rows[top]
        rows = tuple(new)
        why = f"{written(rows[top][column])} is never 0 here: a pivot for column {column + 1}."
        made.append(Move(f"R{top + 1} ↔ R{chosen + 1}", why, rows, pivot, (top, chosen)))
    for i in range(top + 1, len(rows)):
        if rows[i][column] == 0:
            continue
        factor = _within(rows[i][column] / rows[top][column], region)
        changed = tuple(
            _within(x - factor * y, region) if y else x
            for x, y in zip(rows[i], rows[top], strict=True)
        )
        if max(max(len(x.numer), len(x.denom)) for x in changed) > MAX_TERMS:
            raise InputError(TOO_INVOLVED)
        why = f"Clear the {written(rows[i][column])} below the pivot {written(rows[top][column])}."
        cleared = (*changed[:column], rows[top][column].field.zero, *changed[column + 1 :])
        rows = (*rows[:i], cleared, *rows[i + 1 :])
        made.append(Move(_operation(i, top, factor), why, rows, pivot, (i,)))
    return rows, made


def _operation(target: int, source: int, factor: Any) -> str:
    """R2 ← R2 − (a + 1) R1."""
    words, sign = written(factor), "−"
    if words.startswith("−") and " + " not in words and " − " not in words:
        words, sign = words[1:], "+"
    term = "" if words == "1" else f"({words}) " if " " in words else f"{words} "
    return f"R{target + 1} ← R{target + 1} {sign} {term}R{source + 1}"


def rank_at(found: Sequence[Case], values: Mapping[str, Fraction]) -> int | None:
    """The rank at a value of every letter, read off the one case that applies.

    >>> rank_at(cases(parse_parametric("a 2; 3 6")), {"a": Fraction(1)})
    1
    """
    return next(case for case in found if case.region.holds(values)).rank


@dataclass(frozen=True)
class Line:
    """One line of a case table: the values it is about lie in one of `regions`."""

    rank: int | None
    when: str
    what: str = ""
    regions: tuple[Region, ...] = field(default=(), compare=False, repr=False)


def case_table(found: Sequence[Case]) -> tuple[Line, ...]:
    """The cases in words, one line a rank, the lowest first and the general one last.

    >>> case_table(cases(parse_parametric("a 2; 3 6")))
    (Line(rank=1, when='a = 1', what=''), Line(rank=2, when='every other a', what=''))
    """
    return _table(found, lambda case: (case.rank, ""))


def solvability(found: Sequence[Case], unknowns: int) -> tuple[Line, ...]:
    """How many solutions A x = b has, from the cases of [A | b] with so many unknowns.

    No solution where the last column has a pivot (Rouché-Capelli); one where every unknown has.

    >>> for line in solvability(cases(parse_parametric("a 1 1; 1 a 1")), unknowns=2):
    ...     print(line.when, line.what)
    a = 1 infinitely many solutions, 1 free unknown
    a = −1 no solution
    every other a exactly one solution
    """

    def kind(case: Case) -> tuple[int | None, str]:
        if not case.exists:
            return None, ""
        rank = sum(j < unknowns for j in case.pivots)
        if unknowns in case.pivots:
            return rank, "no solution"
        free = unknowns - rank
        many = f"infinitely many solutions, {free} free unknown" + "s" * (free > 1)
        return rank, many if free else "exactly one solution"

    return _table(found, kind)


Kind = tuple[int | None, str]


def _table(found: Sequence[Case], kind: Callable[[Case], Kind]) -> tuple[Line, ...]:
    """Cases of one kind gathered; with one letter the general case is what the others leave."""
    letters = [str(x) for x in found[0].matrix[0][0].field.gens]
    general = kind(found[0])
    lines = []
    for each in sorted(
        {kind(case) for case in found}, key=lambda k: (k[0] is None, k[0] or 0, k[1])
    ):
        own = [case.region for case in found if kind(case) == each]
        others = [case.region for case in found if kind(case) != each]
        with contextlib.suppress(InputError):  # too much work: as they were
            own = _fewer(own, others)
        only_rest = len(letters) == 1 and each == general and others
        when = "; or ".join(in_words(region) for region in own)
        lines.append(
            Line(each[0], f"every other {letters[0]}" if only_rest else when, each[1], tuple(own))
        )
    return tuple(sorted(lines, key=lambda line: line.when.startswith("every other")))


def _fewer(own: Sequence[Region], others: Sequence[Region]) -> list[Region]:
    """The same values in fewer and larger regions, none of which meets one of `others`."""
    grown = [_grown(region, others) for region in own]
    kept: list[Region] = []
    for k, region in enumerate(grown):
        rest = [*kept, *grown[k + 1 :]]
        if not any(region.within(other) for other in rest):
            kept.append(region)
    return kept


def _grown(region: Region, others: Sequence[Region]) -> Region:
    """The region without those inequations that keep it from nothing but its own kind."""
    for h in region.nonzeros:
        larger = Region(region.work, region.zeros, tuple(x for x in region.nonzeros if x != h))
        if not any(larger.meets(other) for other in others):
            region = larger
    return region


def in_words(region: Region) -> str:
    """The conditions of a region: solved where one letter can be, factored elsewhere.

    >>> in_words(cases(parse_parametric("a^2 2; 1 1"))[1].region)
    'a = ±√2'
    """
    parts = [_equation(f) for f in region.zeros]
    parts += [_solved_linear(f, "≠") or f"{written(f)} ≠ 0" for f in region.nonzeros]
    return " and ".join(parts) or "always"


def _equation(f: Any) -> str:
    """f = 0, solved for its letter if it has one only."""
    if (linear := _solved_linear(f, "=")) is not None:
        return linear
    present = [x for i, x in enumerate(f.ring.gens) if any(m[i] for m in f)]
    if len(present) > 1:
        return f"{written(f)} = 0"
    letter = present[0]
    polynomial = Poly(f.as_expr(), letter.as_expr())
    factors = [g for g, _ in polynomial.factor_list()[1]]
    return " or ".join(_roots(str(letter), g) for g in factors)


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
        return f"{letter} = {both}{' (not real)' if square < 0 else ''}"
    real = [f"{float(x):.4g}".replace("-", "−") for x in p.real_roots()]
    equation = expanded_expression(p)
    if not real:
        return f"{equation} = 0 (no real {letter})"
    return f"{equation} = 0 (real: {letter} ≈ {', '.join(real)})"


def expanded_expression(p: Poly) -> str:
    """A polynomial in one letter, term by term."""
    R = ring([str(p.gen)], QQ, grevlex)[0]
    return expanded(R.from_expr(p.as_expr()))


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
