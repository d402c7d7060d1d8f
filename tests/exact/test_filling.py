"""What the rank determines comes back exactly; what it does not stays open."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from lowrank.exact import exact, product, rank
from lowrank.exact.filling import filled

SMALL = st.integers(-3, 3)


@st.composite
def holed(draw):
    m, n = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    k = draw(st.integers(1, min(m, n)))
    C = [[draw(SMALL) for _ in range(k)] for _ in range(m)]
    R = [[draw(SMALL) for _ in range(n)] for _ in range(k)]
    A = product(exact(C), exact(R))
    seen = [[draw(st.booleans()) or draw(st.booleans()) for _ in row] for row in A]
    return A, [
        [x if s else None for x, s in zip(row, keep, strict=True)]
        for row, keep in zip(A, seen, strict=True)
    ]


@given(holed())
def test_what_is_filled_in_is_what_was_hidden(given):
    A, known = given
    found = filled(known, rank(A))
    assert len(found) == len(A)
    for row, was, shown in zip(found, A, known, strict=True):
        for x, y, z in zip(row, was, shown, strict=True):
            assert x == y if z is not None else x in (None, y)


def test_rows_and_columns_take_turns():
    A = [[1, 2, 3], [2, 4, None], [None, None, 9]]
    assert filled(A, 1) == ((1, 2, 3), (2, 4, 6), (3, 6, 9))


def test_a_full_rank_leaves_every_hole():
    A = [[Fraction(1), None], [Fraction(0), Fraction(1)]]
    assert filled(A, 2) == ((1, None), (0, 1))


def test_a_rank_that_is_too_small_contradicts_and_fills_nothing_wrong():
    A = [[1, 0, 0], [0, 1, None]]
    assert filled(A, 1)[1][2] is None
