"""Row reduction with letters: for which values the rank is what, and the steps of every case.

A pivot that could be zero splits the reduction: one branch where it is not, one for each of its
irreducible factors where it is. Each branch is an algebraic set of (complex) values, and whether
an entry is zero on all, some or none of it is decided exactly, by Gröbner bases.

>>> for line in case_table(cases(parse_parametric("a 1 1; 1 a 1; 1 1 a"))):
...     print(line.rank, line.when)
1 a = 1
2 a = −2
3 every other a
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import permutations
from typing import Any

from lowrank.errors import InputError
from lowrank.exact.conditions import equation, in_words
from lowrank.exact.expressions import Parametric, Rows, expanded, parse_parametric, written
from lowrank.exact.regions import (
    MAX_COEFFICIENT,
    PER_PRODUCT,
    TOO_INVOLVED,
    Region,
    bits,
    degree,
    remainder,
)
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined, ngettext

__all__ = [
    "Case",
    "CaseStep",
    "Line",
    "case_table",
    "cases",
    "parse_parametric",
    "solvability",
]

MAX_CASES = 40
MAX_TERMS = 60


@dataclass(frozen=True, eq=False)
class CaseStep:
    """One line of a case: a row operation or, where no row is changed, what is supposed.

    It is written out when asked for: to factor every entry takes as long as to find the cases.
    """

    matrix: Rows
    pivot: tuple[int, int] | None
    changed: tuple[int, ...]
    writes: Callable[[], tuple[str, str]] = field(repr=False)

    @property
    def operation(self) -> str:
        """The operation, or the condition."""
        return self.writes()[0]

    @property
    def why(self) -> str:
        """The reason, in one sentence."""
        return self.writes()[1]


@dataclass(frozen=True, eq=False)
class Case:
    """A region of values, the reduction that is right for all of them, and its pivots.

    `rank` is None where an entry divides by zero: there the matrix does not exist.
    """

    region: Region
    start: Rows
    moves: tuple[CaseStep, ...]
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
    everywhere = Region.of([str(x) for x in A.field.gens])
    for d in everywhere.work.factors(A.divisors):
        missing = everywhere.where_zero(d)
        if missing:
            found.append(Case(missing, A.rows, (), A.rows, (), exists=False))
        everywhere = everywhere.excluding(d)
    for case in _reduce(A.rows, everywhere, (), ()):
        found.append(replace(case, start=A.rows))
        if len(found) > MAX_CASES:
            raise InputError(
                "There are more than {most} cases. {too_involved}",
                most=MAX_CASES,
                too_involved=_(TOO_INVOLVED),
            )
    found.sort(key=lambda case: (case.exists is False, len(case.region.zeros)))
    return tuple(found)


def _reduce(
    rows: Rows,
    region: Region,
    moves: tuple[CaseStep, ...],
    pivots: tuple[int, ...],
    column: int = 0,
) -> Iterator[Case]:
    """The cases from here on: `pivots` are in place, the columns before `column` are done."""
    top = len(pivots)
    while column < len(rows[0]) and top < len(rows):
        rows = _simplified(rows, region, top, column)
        candidates = [i for i in range(top, len(rows)) if rows[i][column] != 0]
        sure = [i for i in candidates if region.never(rows[i][column].numer)]
        if not sure and (better := _made_sure(rows, region, (top, column), candidates)):
            rows, moves, sure = better.matrix, (*moves, better), list(better.changed)
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


def _made_sure(
    rows: Rows, region: Region, pivot: tuple[int, int], candidates: list[int]
) -> CaseStep | None:
    """Less a multiple of another row, a row whose entry is nowhere 0: it saves a split."""
    column = pivot[1]
    for i, j in permutations(reversed(candidates), 2):  # a lower row less a higher one first
        x, y = rows[i][column], rows[j][column]
        if not (x.denom.is_ground and y.denom.is_ground):
            continue
        quotient, rest = x.numer.div(y.numer)
        if rest != 0 and (rest.is_ground or rest.monic() in region.nonzeros):
            factor = x.field(quotient) * y.denom / x.denom
            less = _less(rows[i], factor, rows[j], region)
            why = gettext_noop("That leaves {entry}, never 0 here: a pivot without a new case.")
            new = (*rows[:i], less, *rows[i + 1 :])
            writes = partial(_less_said, (i, j), factor, why, entry=less[column])
            return CaseStep(new, pivot, (i,), writes)
    return None


def _less(x: Sequence[Any], factor: Any, y: Sequence[Any], region: Region) -> tuple[Any, ...]:
    """x − factor y, simplified.

    Raises:
        InputError: an entry has more than 60 terms, or coefficients of over 512 bits, or there is
            no work left.
    """
    products = sum(_products(a, factor, b) for a, b in zip(x, y, strict=True) if b)
    region.work.spend(PER_PRODUCT * products)
    new = tuple(_within(a - factor * b, region) if b else a for a, b in zip(x, y, strict=True))
    parts = [part for a in new for part in (a.numer, a.denom)]
    if max(map(len, parts)) > MAX_TERMS or max(map(bits, parts)) > MAX_COEFFICIENT:
        raise InputError(TOO_INVOLVED)
    return new


def _products(a: Any, factor: Any, b: Any) -> int:
    """How many pairs of terms a − factor b multiplies."""
    below = len(factor.denom) * len(b.denom)
    return len(a.numer) * below + len(a.denom) * (len(factor.numer) * len(b.numer) + below)


def _split(
    rows: Rows,
    region: Region,
    moves: tuple[CaseStep, ...],
    pivots: tuple[int, ...],
    column: int,
    chosen: int,
) -> Iterator[Case]:
    """The branch where no factor of the pivot is 0, then one for each factor that can be."""
    entry = rows[chosen][column]
    place = {"row": chosen + 1, "column": column + 1}
    splitting = [f for f in region.work.factors([entry.numer]) if not region.never(f)]
    generic = region.excluding(*splitting)
    why = gettext_noop(
        "No pivot is sure to differ from 0; here {entry} in row {row}, column {column} does."
    )
    writes = partial(_case_said, partial(_apart, splitting), why, entry, place)
    move = CaseStep(rows, (chosen, column), (), writes)
    yield from _reduce(rows, generic, (*moves, move), pivots, column)
    for k, f in enumerate(splitting):
        inside = region.excluding(*splitting[:k]).where_zero(f)
        if inside is None:
            continue
        new = tuple(tuple(_within(x, inside) for x in row) for row in rows)
        why = gettext_noop("Then {entry} in row {row}, column {column} is 0 and no pivot.")
        writes = partial(_case_said, partial(equation, f), why, entry, place)
        move = CaseStep(new, None, (), writes)
        yield from _reduce(new, inside, (*moves, move), pivots, column)


def _size(x: Any) -> tuple[int, int, int]:
    """How simple an entry is: numbers first, then low degrees and few terms."""
    unit = x in (1, -1)
    return max(degree(x.numer), degree(x.denom)), len(x.numer) + len(x.denom), 0 if unit else 1


def _within(x: Any, region: Region) -> Any:
    """The entry simplified by what the region knows; 0 if it is 0 everywhere in it."""
    if region.always(x.numer):
        return x.field.zero
    if not region.zeros:
        return x
    numer, denom = (remainder(f, region.zeros) for f in (x.numer, x.denom))
    return x.field(numer) / x.field(denom)


def _simplified(rows: Rows, region: Region, top: int, column: int) -> Rows:
    """Zeros seen as zeros in the column at hand, from row `top` down."""
    new = [list(row) for row in rows]
    for i in range(top, len(rows)):
        new[i][column] = _within(rows[i][column], region)
    return tuple(map(tuple, new))


def _eliminated(
    rows: Rows, region: Region, pivot: tuple[int, int], chosen: int
) -> tuple[Rows, list[CaseStep]]:
    """The chosen row swapped up and zeros made below it."""
    top, column = pivot
    made = []
    if chosen != top:
        new = list(rows)
        new[top], new[chosen] = rows[chosen], rows[top]
        rows = tuple(new)
        why = gettext_noop("{entry} is never 0 here: a pivot for column {column}.")
        swapped, entry = f"R{top + 1} ↔ R{chosen + 1}", rows[top][column]
        writes = partial(_said, swapped, why, {"column": column + 1}, entry=entry)
        made.append(CaseStep(rows, pivot, (top, chosen), writes))
    for i in range(top + 1, len(rows)):
        if rows[i][column] == 0:
            continue
        factor = _within(rows[i][column] / rows[top][column], region)
        changed = _less(rows[i], factor, rows[top], region)
        why = gettext_noop("Clear the {entry} below the pivot {pivot}.")
        entries = {"entry": rows[i][column], "pivot": rows[top][column]}
        cleared = (*changed[:column], rows[top][column].field.zero, *changed[column + 1 :])
        rows = (*rows[:i], cleared, *rows[i + 1 :])
        writes = partial(_less_said, (i, top), factor, why, **entries)
        made.append(CaseStep(rows, pivot, (i,), writes))
    return rows, made


def _said(operation: str, why: str, place: Mapping[str, int], **entries: Any) -> tuple[str, str]:
    """An operation and its reason, with the place and the entries that the reason names."""
    return operation, _(why).format(**place, **{k: written(x) for k, x in entries.items()})


def _less_said(rows: tuple[int, int], factor: Any, why: str, **entries: Any) -> tuple[str, str]:
    return _said(_operation(*rows, factor), why, {}, **entries)


def _case_said(
    condition: Callable[[], str], why: str, entry: Any, place: Mapping[str, int]
) -> tuple[str, str]:
    return _said(_("Case {condition}").format(condition=condition()), why, place, entry=entry)


def _apart(factors: Sequence[Any]) -> str:
    """That none of these is 0."""
    return joined((f"{expanded(f)} ≠ 0" for f in factors), _("{first} and {last}"))


def _operation(target: int, source: int, factor: Any) -> str:
    """R2 ← R2 − (a + 1) R1."""
    words, sign = written(factor), "−"
    if words.startswith("−") and " + " not in words and " − " not in words:
        words, sign = words[1:], "+"
    term = "" if words == "1" else f"({words}) " if " " in words else f"{words} "
    return f"R{target + 1} ← R{target + 1} {sign} {term}R{source + 1}"


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
            return rank, _("no solution")
        free = unknowns - rank
        if not free:
            return rank, _("exactly one solution")
        many = ngettext(
            "infinitely many solutions, {n} free unknown",
            "infinitely many solutions, {n} free unknowns",
            free,
        )
        return rank, many.format(n=free)

    return _table(found, kind)


Kind = tuple[int | None, str]


def _table(found: Sequence[Case], kind: Callable[[Case], Kind]) -> tuple[Line, ...]:
    """Cases of one kind gathered; with one letter the general case is what the others leave."""
    letters = [str(x) for x in found[0].matrix[0][0].field.gens]
    general = kind(found[0])
    lines, rest = [], []
    for each in sorted(
        {kind(case) for case in found}, key=lambda k: (k[0] is None, k[0] or 0, k[1])
    ):
        own = [case.region for case in found if kind(case) == each]
        others = [case.region for case in found if kind(case) != each]
        with contextlib.suppress(InputError):  # too much work: as they were
            own = _fewer(own, others)
        if len(letters) == 1 and each == general and others:
            when = _("every other {letter}").format(letter=letters[0])
            rest.append(Line(each[0], when, each[1], tuple(own)))
        else:
            when = joined(map(in_words, own), _("{first}; or {last}"))
            lines.append(Line(each[0], when, each[1], tuple(own)))
    return (*lines, *rest)


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
