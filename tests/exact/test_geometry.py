"""Images, spans and boxes are exact: areas are determinants, spans keep their dimension."""

import random
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from sympy import Matrix as SympyMatrix

from lowrank.errors import InputError
from lowrank.exact.elimination import rank
from lowrank.exact.geometry import (
    column_space,
    cube,
    cube_edges,
    cube_triangles,
    dot,
    hull,
    image,
    in_box,
    kernel,
    magnification,
    nearest,
    power_of_ten,
    solutions,
)
from lowrank.exact.matrices import add, apply, exact, scale, swap, transpose
from lowrank.exact.subspaces import null_space
from tests.exact.test_elimination import ENTRIES


def area(polygon):
    """The shoelace formula; positive if counterclockwise."""
    following = [*polygon[1:], *polygon[:1]]
    return sum(p[0] * q[1] - p[1] * q[0] for p, q in zip(polygon, following, strict=True)) / 2


SIDES = st.integers(1, 3)


@st.composite
def small(draw, m=SIDES, n=SIDES):
    """Up to 3 × 3, a third of them with the last column a combination of the others."""
    m, n = draw(m), draw(n)
    rows = [[draw(ENTRIES) for _ in range(n)] for _ in range(m)]
    if n > 1 and draw(st.integers(0, 2)) == 0:
        c = draw(ENTRIES)
        rows = [[*row[:-1], c * row[0]] for row in rows]
    return exact(rows)


def determinant(A):
    return Fraction(str(SympyMatrix(A).det()))


@settings(max_examples=150, deadline=None)
@given(small(m=st.just(2)))
def test_the_image_of_the_square_has_the_area_of_the_determinant(A):
    """For more columns it is the sum over pairs of columns: Cauchy-Binet for a zonotope."""
    pairs = combinations(transpose(A), 2)
    expected = sum((abs(a[0] * b[1] - a[1] * b[0]) for a, b in pairs), Fraction(0))
    assert area(hull(image(A, cube(len(A[0]))))) == expected
    assert len(A[0]) != 2 or magnification(A) == expected


@settings(max_examples=100, deadline=None)
@given(small(m=st.just(3), n=st.just(3)))
def test_the_image_of_the_cube_has_the_volume_of_the_determinant(A):
    points = image(A, cube(3))
    centre = [sum(x) / 8 for x in zip(*points, strict=True)]
    volume = Fraction(0)
    for triangle in cube_triangles(3):
        corners = [[x - c for x, c in zip(points[i], centre, strict=True)] for i in triangle]
        volume += abs(determinant(corners)) / 6
    assert volume == abs(determinant(A)) == magnification(A)


@settings(max_examples=100, deadline=None)
@given(small())
def test_corners_go_to_sums_of_columns_and_edges_to_columns(A):
    corners = cube(len(A[0]))
    points = image(A, corners)
    for corner, point in zip(corners, points, strict=True):
        assert point == tuple(dot(row, corner) for row in A)
    for i, j, axis in cube_edges(len(A[0])):
        moved = tuple(q - p for p, q in zip(points[i], points[j], strict=True))
        assert moved == transpose(A)[axis]


@settings(max_examples=80, deadline=None)
@given(small(), st.integers(0, 2**32))
def test_row_operations_keep_the_dimension_of_the_span_and_the_null_space(A, seed):
    chance = random.Random(seed)
    before, kept = column_space(A).dimension, null_space(A)
    B = A
    for _ in range(6):
        i, j = chance.randrange(len(A)), chance.randrange(len(A))
        factor = Fraction(chance.choice([-3, -1, 2, 5]), chance.choice([1, 2, 3]))
        if i == j:
            B = apply(scale(i, factor), B)
        else:
            B = apply(chance.choice([swap(i, j), add(i, j, factor)]), B)
        span = column_space(B)
        corners = in_box(span, Fraction(10))
        spread = [[x - y for x, y in zip(p, corners[0], strict=True)] for p in corners]
        assert np.linalg.matrix_rank(np.array(B, dtype=float)) == span.dimension == before
        assert rank(spread) == span.dimension  # what is drawn has that dimension, too
        assert null_space(B) == kernel(B).directions == kept
        assert not kept or not any(map(any, image(B, kept)))


@settings(max_examples=150, deadline=None)
@given(small(), st.data())
def test_what_is_drawn_of_a_solution_set_solves_the_equations(A, data):
    m, n = len(A), len(A[0])
    x = [data.draw(ENTRIES) for _ in range(n)]
    b = [dot(row, x) for row in A]
    found = solutions(A, b)
    half = max([Fraction(1), *map(abs, nearest(found))])
    corners = in_box(found, half)
    assert corners
    assert found.dimension == n - rank(A)
    for corner in corners:
        assert max(map(abs, corner)) <= half
        if found.dimension < n:
            assert [dot(row, corner) for row in A] == b
    closest = nearest(found)
    assert [dot(row, closest) for row in A] == b
    assert all(dot(closest, d) == 0 for d in found.directions)
    other = [data.draw(ENTRIES) for _ in range(m)]
    inconsistent = rank([(*row, y) for row, y in zip(A, other, strict=True)]) > rank(A)
    assert (solutions(A, other) is None) == inconsistent


@settings(max_examples=100, deadline=None)
@given(st.lists(ENTRIES, min_size=3, max_size=3).filter(any), ENTRIES)
def test_a_plane_in_a_box_is_the_hull_of_its_corners_in_order(normal, d):
    """Against qhull: the corners in order make the same polygon, seen along the largest axis."""
    plane = solutions([normal], [d])
    half = max([Fraction(1), *(2 * abs(x) for x in nearest(plane))])
    corners = in_box(plane, half)
    assert 3 <= len(corners) <= 6
    along = max(range(3), key=lambda axis: abs(normal[axis]))
    flat = [tuple(x for axis, x in enumerate(p) if axis != along) for p in corners]
    exactly = abs(area(flat))
    assert float(exactly) == pytest.approx(ConvexHull(np.array(flat, dtype=float)).volume)
    assert exactly == area(hull(flat))


def test_a_line_beside_the_box_is_not_drawn():
    assert in_box(solutions([[1, 0]], [5]), Fraction(1)) == ()
    assert in_box(solutions([[1, 0], [0, 1]], [5, 0]), Fraction(1)) == ()
    assert in_box(solutions([[1, 1]], [5]), Fraction(1)) == ()


@pytest.mark.parametrize(
    ("A", "span", "null"),
    [
        ([[0, 0], [0, 0]], "only the origin of R²", "all of R²"),
        ([[1, 2], [2, 4], [0, 0]], "a line in R³", "a line in R²"),
        ([[1, 0, 1], [0, 1, 1], [0, 0, 0]], "a plane in R³", "a line in R³"),
        (np.eye(4, dtype=int), "all of R⁴", "only the origin of R⁴"),
        (np.eye(5, dtype=int)[:, :4], "a 4-dimensional space in R⁵", "only the origin of R⁴"),
    ],
)
def test_spans_and_null_spaces_have_names(A, span, null):
    assert str(column_space(A)) == span
    assert str(kernel(A)) == null


def test_a_right_side_of_another_length_is_named():
    with pytest.raises(InputError, match="b has 1 of the 2 entries"):
        solutions([[1], [2]], [1])


def test_powers_of_ten_of_extreme_numbers():
    assert power_of_ten([(Fraction(0),)]) == 0
    assert power_of_ten([(Fraction(1), Fraction(-9999))]) == 0
    assert power_of_ten([(-(Fraction(10) ** 5000),)]) == 5000
    assert power_of_ten([(Fraction(3) / 10**60,)]) == -60
