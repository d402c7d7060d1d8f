"""Least squares in fractions: the normal equations by sympy, and what makes p a projection."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Matrix as SympyMatrix
from sympy import Rational

from lowrank.errors import InputError
from lowrank.exact.geometry import dot
from lowrank.exact.matrices import product, transpose
from lowrank.exact.projection import least_squares
from lowrank.exact.subspaces import null_space
from lowrank.exact.systems import solve
from tests.exact.test_elimination import ENTRIES, matrices
from tests.exact.test_systems import SMALL, sympys

VECTORS = st.lists(ENTRIES, min_size=8, max_size=8)


def column(x):
    return transpose((tuple(x),))


@settings(max_examples=200, deadline=None)
@given(matrices(), VECTORS, st.lists(SMALL, min_size=8, max_size=8))
def test_the_projection_is_the_nearest_point_and_every_minimiser_leads_there(A, b, chosen):
    b = tuple(b[: len(A)])
    found = least_squares(A, b)
    p, e = found.projection, found.residual
    assert tuple(x + y for x, y in zip(p, e, strict=True)) == b
    assert not any(map(any, product(transpose(A), column(e))))  # orthogonal to each column
    x = list(found.minimisers.particular)
    for factor, v in zip(chosen, found.minimisers.null_basis, strict=False):
        x = [a + factor * c for a, c in zip(x, v, strict=True)]
    assert product(A, column(x)) == column(p)
    assert found.minimisers.null_basis == null_space(A)  # that of A^T A
    assert found.distance_squared == dot(e, e)
    assert (found.distance_squared == 0) == (solve(A, b).kind != "none")


@settings(max_examples=100, deadline=None)
@given(matrices(), VECTORS)
def test_the_normal_equations_are_sympys_and_so_is_the_answer(A, b):
    b = tuple(b[: len(A)])
    found, S, right = least_squares(A, b), sympys(A), sympys(column(b))
    assert sympys(found.normal) == (S.T * S).row_join(S.T * right)
    # The columns of S that are independent have the same span and a unique minimiser.
    C = SympyMatrix.hstack(0 * right, *S.columnspace())[:, 1:]
    shadow = C * (C.T * C).LUsolve(C.T * right) if C.cols else 0 * right
    assert [Rational(x.numerator, x.denominator) for x in found.projection] == list(shadow)


def test_a_line_through_three_points():
    found = least_squares([[1, 0], [1, 1], [1, 2]], [1, 2, 2])
    assert str(found.minimisers) == "x1 = 7/6, x2 = 1/2"
    assert found.distance_squared == Fraction(1, 6)


def test_a_b_of_another_length_is_refused():
    with pytest.raises(InputError, match="b has 1 of the 2 entries"):
        least_squares([[1], [2]], [1])
