"""The geometry of a matrix, exactly: spans and solution sets, images of the unit cube, boxes.

A vector is a tuple of fractions. Points, lines and planes are one thing here, a `Flat`, whether
they pass through the origin (the span of the columns, the null space) or not (A x = b).

>>> print(column_space([[1, 2], [2, 4]]))
a line in R²
>>> print(kernel([[1, 2], [2, 4]]))
a line in R²
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import product as choices
from math import atan2
from typing import Any

from lowrank.exact.elimination import pivots
from lowrank.exact.matrices import Matrix, Row, exact, product, raised, transpose
from lowrank.exact.subspaces import null_space
from lowrank.exact.systems import determinant, solve
from lowrank.language import gettext as _
from lowrank.language import gettext_noop

KINDS = (
    gettext_noop("point"),
    gettext_noop("line"),
    gettext_noop("plane"),
    gettext_noop("space"),
)


@dataclass(frozen=True)
class Flat:
    """All of point + a combination of directions, in R^n; the directions are independent."""

    point: Row  # (n,)
    directions: tuple[Row, ...]  # dimension vectors of n entries

    @property
    def ambient(self) -> int:
        """n of the R^n it lies in."""
        return len(self.point)

    @property
    def dimension(self) -> int:
        """0 for a point, 1 for a line, 2 for a plane."""
        return len(self.directions)

    @property
    def kind(self) -> str:
        """point, line, plane, space; beyond three dimensions their number."""
        if self.dimension < len(KINDS):
            return _(KINDS[self.dimension])
        return _("{n}-dimensional space").format(n=self.dimension)

    def __str__(self) -> str:
        whole = f"R{raised(self.ambient)}"
        if self.dimension == self.ambient:
            return _("all of {space}").format(space=whole)
        if self.dimension == 0 and not any(self.point):
            return _("only the origin of {space}").format(space=whole)
        return _("a {kind} in {space}").format(kind=self.kind, space=whole)


def column_space(A: Any) -> Flat:
    """The span of the columns of A, (m, n), in R^m: its basis are the pivot columns of A.

    >>> column_space([[1, 2, 0], [0, 0, 1], [0, 0, 0]]).kind
    'plane'
    """
    A = exact(A)
    columns = transpose(A)
    return Flat(_zero(len(A)), tuple(columns[j] for j in pivots(A)))


def kernel(A: Any) -> Flat:
    """The null space of A, (m, n): every x in R^n with A x = 0."""
    A = exact(A)
    return Flat(_zero(len(A[0])), null_space(A))


def solutions(A: Any, b: Sequence[Any]) -> Flat | None:
    """Every x with A x = b, for A (m, n) and b (m,); None if there is none.

    >>> found = solutions([[1, 1], [1, -1]], [3, 1])
    >>> [int(x) for x in found.point], found.dimension
    ([2, 1], 0)

    Raises:
        InputError: b has not one entry for each row of A.
    """
    found = solve(A, b)
    return None if found.particular is None else Flat(found.particular, found.null_basis)


def nearest(flat: Flat) -> Row:  # (n,)
    """The point of a flat nearest to the origin: point − D k, with (Dᵀ D) k = Dᵀ point.

    >>> [str(x) for x in nearest(solutions([[1, 1]], [1]))]
    ['1/2', '1/2']
    """
    D = flat.directions
    if not D:
        return flat.point
    gram = [[dot(u, v) for v in D] for u in D]
    k = solutions(gram, [dot(u, flat.point) for u in D])
    assert k is not None  # the directions are independent, so the Gram matrix is invertible
    moved = zip(k.point, D, strict=True)
    return _sum(flat.point, *(tuple(-c * x for x in u) for c, u in moved))


def image(A: Matrix, points: Sequence[Row]) -> tuple[Row, ...]:  # (m, n), k of (n,) -> k of (m,)
    """A x for every point x, exactly.

    >>> A = exact([[1, 2], [0, 1]])
    >>> [[int(x) for x in p] for p in image(A, cube(2))]
    [[0, 0], [2, 1], [1, 0], [3, 1]]
    """
    return transpose(product(A, transpose(tuple(points))))


def cube(n: int) -> tuple[Row, ...]:  # -> 2^n of (n,)
    """The corners of the unit interval, square or cube, the last coordinate changing fastest."""
    return tuple(tuple(map(Fraction, corner)) for corner in choices((0, 1), repeat=n))


def cube_edges(n: int) -> tuple[tuple[int, int, int], ...]:
    """The n 2^(n − 1) edges of `cube(n)`: from corner, to corner, along which axis.

    >>> cube_edges(2)
    ((0, 2, 0), (1, 3, 0), (0, 1, 1), (2, 3, 1))
    """
    steps = [(axis, 2 ** (n - 1 - axis)) for axis in range(n)]
    return tuple((i, i + s, axis) for axis, s in steps for i in range(2**n) if not i & s)


def cube_triangles(n: int) -> tuple[tuple[int, int, int], ...]:
    """Two triangles of corners for each square side of `cube(n)`; none for n = 1."""
    found = []
    for a in range(n):
        for b in range(a):
            s, t = 2 ** (n - 1 - a), 2 ** (n - 1 - b)
            for i in (i for i in range(2**n) if not i & s and not i & t):
                found += [(i, i + s, i + t), (i + s, i + t, i + s + t)]
    return tuple(found)


def hull(points: Sequence[Row]) -> tuple[Row, ...]:
    """The corners of the convex hull of points in R², counterclockwise, without those on an edge.

    The monotone chain, exactly: Andrew (1979), Information Processing Letters 9(5).

    >>> len(hull(cube(2)))
    4
    """
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return tuple(ordered)
    return (*_chain(ordered), *_chain(ordered[::-1]))


def _chain(ordered: Sequence[Row]) -> list[Row]:
    """One side of the hull, without its last point, which begins the other side."""
    chain: list[Row] = []
    for p in ordered:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0:
            chain.pop()
        chain.append(p)
    return chain[:-1]


def _turn(o: Row, p: Row, q: Row) -> Fraction:
    return (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0])


def magnification(A: Any) -> Fraction:
    """|det A| of a square A: what A multiplies lengths, areas or volumes by.

    >>> magnification([[2, 1], [0, 3]]), magnification([[1, 2], [2, 4]])
    (Fraction(6, 1), Fraction(0, 1))

    Raises:
        InputError: A is not square.
    """
    return abs(determinant(A).value)


def in_box(flat: Flat, half: Fraction) -> tuple[Row, ...]:
    """The corners of a flat of R¹, R² or R³ within the box [−half, half]^n, in order around it.

    One point, two ends of a line, three to six corners of a plane, or the corners of the box;
    none where the flat misses the box.

    >>> [[int(x) for x in p] for p in in_box(column_space([[1], [2]]), Fraction(4))]
    [[-2, -4], [2, 4]]
    """
    if flat.dimension == flat.ambient:
        return tuple(tuple(half * (2 * x - 1) for x in corner) for corner in cube(flat.ambient))
    if flat.dimension == 0:
        return (flat.point,) if max(map(abs, flat.point)) <= half else ()
    if flat.dimension == 1:
        return _segment(flat.point, flat.directions[0], half)
    (normal,) = null_space(flat.directions)
    return _around(_crossings(normal, dot(normal, flat.point), half), normal)


def _segment(point: Row, direction: Row, half: Fraction) -> tuple[Row, ...]:
    """The ends of point + t direction within the box."""
    lows, highs = [], []
    for p, d in zip(point, direction, strict=True):
        if d:
            ends = sorted(((-half - p) / d, (half - p) / d))
            lows.append(ends[0])
            highs.append(ends[1])
        elif abs(p) > half:
            return ()
    low, high = max(lows), min(highs)
    ends = [low, high] if low <= high else []
    return tuple(_sum(point, tuple(t * d for d in direction)) for t in ends)


def _crossings(normal: Row, d: Fraction, half: Fraction) -> set[Row]:
    """Where normal · x = d meets the edges of the box."""
    corners = [tuple(half * (2 * x - 1) for x in corner) for corner in cube(len(normal))]
    height = [dot(normal, corner) - d for corner in corners]
    found = {corner for corner, h in zip(corners, height, strict=True) if h == 0}
    for i, j, _kind in cube_edges(len(normal)):
        if height[i] * height[j] < 0:
            t = height[i] / (height[i] - height[j])
            found.add(tuple(p + t * (q - p) for p, q in zip(corners[i], corners[j], strict=True)))
    return found


def _around(points: set[Row], normal: Row) -> tuple[Row, ...]:
    """The corners of a convex polygon in R³ in order: by angle, seen along one axis."""
    if len(points) < 3:
        return tuple(sorted(points))
    along = max(range(3), key=lambda axis: abs(normal[axis]))
    u, v = (axis for axis in range(3) if axis != along)
    mid = [sum((p[axis] for p in points), Fraction(0)) / len(points) for axis in range(3)]
    size = max(max(map(abs, p)) for p in points)
    return tuple(
        sorted(points, key=lambda p: atan2((p[v] - mid[v]) / size, (p[u] - mid[u]) / size))
    )


def power_of_ten(points: Sequence[Row]) -> int:
    """The power of ten to draw in: 0 for numbers of everyday size, else that of the largest.

    >>> power_of_ten([(Fraction(250), Fraction(1))]), power_of_ten([(Fraction(10) ** 60,)])
    (0, 60)
    """
    largest = max((abs(x) for point in points for x in point), default=Fraction(0))
    if largest == 0:
        return 0
    power = (Decimal(largest.numerator) / Decimal(largest.denominator)).adjusted()
    return 0 if -2 <= power <= 3 else power


def dot(u: Row, v: Row) -> Fraction:
    """The inner product of two vectors."""
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))


def _sum(*vectors: Row) -> Row:
    return tuple(sum(entries, Fraction(0)) for entries in zip(*vectors, strict=True))


def _zero(n: int) -> Row:
    return (Fraction(0),) * n
