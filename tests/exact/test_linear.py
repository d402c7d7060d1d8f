"""Equations as text against sympy: the same coefficients, the same solutions, by name."""

from fractions import Fraction

import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.exact.matrices import exact
from lowrank.exact.parsing import compact, matrix_of, the_reading
from lowrank.exact.systems import solve
from tests.exact.test_elimination import ENTRIES

NAMES = ("x", "y", "z", "t", "x1", "x2", "x10")


@st.composite
def systems(draw):
    """Equations in up to four unknowns, as rows of [A | b] and the names in order."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    entries = st.sampled_from([0, 1, -1, 2]).map(Fraction) | ENTRIES
    row = st.lists(entries, min_size=len(names) + 1, max_size=len(names) + 1)
    rows = draw(st.lists(row, min_size=1, max_size=4))
    return exact(rows), tuple(sorted(names, key=lambda name: (name[0], int(name[1:] or 0))))


@settings(max_examples=300, deadline=None)
@given(systems())
def test_equations_in_a_link_are_read_as_they_were(system):
    A, names = system
    reading = the_reading(compact(A, len(names), names))
    assert (matrix_of(reading), reading.bar, reading.names) == (A, len(names), names)


@settings(max_examples=100, deadline=None)
@given(systems())
def test_equations_have_sympys_solutions(system):
    A, names = system
    symbols = [sympy.Symbol(name) for name in names]
    sides = [
        (sum(sympy.Rational(c) * s for c, s in zip(row[:-1], symbols, strict=True)), row[-1])
        for row in A
    ]
    # x = 2 alone is a matrix called x.
    text = "\n".join(f"0 + {left} = {right}".replace("*", " ") for left, right in sides)
    appearing = sorted(
        set().union(*(left.free_symbols for left, _ in map(_sympified, sides))), key=str
    )
    if not appearing:
        return
    reading = the_reading(text)
    assert set(reading.names) == {str(s) for s in appearing}
    M, n = matrix_of(reading), len(reading.names)
    found = solve([row[:n] for row in M], [row[n] for row in M], reading.names)
    order = [sympy.Symbol(name) for name in reading.names]
    expected = sympy.linsolve(
        [left - sympy.Rational(b) for left, b in map(_sympified, sides)], order
    )
    if found.particular is None:
        assert expected == sympy.EmptySet
        return
    (point,) = expected
    values = dict(zip(order, point, strict=True))
    for j, free in enumerate(found.free):
        assert order[free] in sympy.Tuple(*point).free_symbols
        v = found.null_basis[j]
        assert [sympy.diff(values[s], order[free]) for s in order] == [sympy.Rational(x) for x in v]
    at_zero = {order[j]: 0 for j in found.free}
    assert [values[s].subs(at_zero) for s in order] == [sympy.Rational(x) for x in found.particular]


def _sympified(side):
    left, right = side
    return sympy.sympify(left), right
