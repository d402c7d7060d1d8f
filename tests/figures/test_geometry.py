"""What is drawn of a matrix: finite numbers inside the axes, at the places algebra says."""

import re
from fractions import Fraction
from itertools import combinations

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings

from lowrank.errors import InputError
from lowrank.exact.elimination import steps
from lowrank.exact.matrices import exact
from lowrank.figures import geometry as draw
from lowrank.figures.style import AXES, COLOURS, packed
from tests.exact.test_geometry import small

EXTREME = [
    [["1e60", 1], [1, "1e-60"]],
    [["1e-60", 0, 0], [0, "1e-58", 0], [0, 0, 0]],
    [["9" * 400, 1, 2], [1, 2, 3], ["1e-400", 0, 1]],
    [[0, 0], [0, 0]],
    [[0, 0, 0]] * 3,
    [[5]],
    [[0]],
    [["1e100", "1e100", "-1e100"]],
    [[1], [2], ["1e-40"]],
    [[1, 2, 0, 3, 1], [2, 4, 1, 4, 3]],
]


def every(A):
    """All pictures of A that fit three axes."""
    m, n = len(A), len(A[0])
    zero, one = (Fraction(0),) * m, (Fraction(1),) * m
    if m <= 3:
        yield draw.columns(A)
        yield draw.codomain(A)
        yield draw.codomain(A, circle=True)
    if n <= 3:
        yield draw.domain(A)
        yield draw.domain(A, circle=True)
        yield draw.equations(A, zero, changed=[0])
        yield draw.equations(A, one)


def coordinates(figure):
    """Every point of every trace; the NaN that lift the pen are left out."""
    for trace in figure["data"]:
        parts = [np.asarray(trace[a], float) for a in "xyz" if a in trace]
        points = np.stack(parts, axis=1)
        yield trace, points[~np.isnan(points).any(axis=1)]


def reach(figure):
    axes = figure["layout"].get("scene", figure["layout"])
    return axes["xaxis"]["range"][1]


def lies_within(figure):
    for trace, points in coordinates(figure):
        assert np.isfinite(points).all()
        room = 1.15 if trace.get("mode") == "text" else 1 + 1e-9
        assert np.abs(points).max() <= room * reach(figure)


@pytest.mark.parametrize("A", EXTREME, ids=lambda A: f"{len(A)}x{len(A[0])}")
def test_extreme_numbers_are_drawn_inside_finite_axes(A):
    for figure in every(exact(A)):
        lies_within(figure)
        assert len(go.Figure(packed(figure)).to_json()) < 60_000


@settings(max_examples=10, deadline=None)
@given(small())
def test_every_step_is_drawn_inside_its_axes(A):
    for matrix in [A, *(step.matrix for step in steps(A, reduced=True))]:
        lies_within(draw.codomain(matrix))
        lies_within(draw.equations(matrix, matrix[0][:1] * len(A)))


def points_of(figure, colour):
    return next(p for t, p in coordinates(figure) if t.get("line", {}).get("color") == colour)


def words_in(figure):
    return next(t["text"] for t in figure["data"] if t.get("mode") == "text")


def test_edges_of_one_axis_have_one_colour_before_and_after():
    A = exact([[2, 1], [0, 3]])
    before, after = draw.domain(A), draw.codomain(A)
    for axis, colour in enumerate(AXES[:2]):
        edges = points_of(before, colour).reshape(-1, 2, 2)
        images = points_of(after, colour).reshape(-1, 2, 2)
        np.testing.assert_allclose(images, edges @ np.array(A, dtype=float).T)
        np.testing.assert_allclose(np.diff(edges, axis=1)[:, 0], np.eye(2)[[axis, axis]])


def test_half_axes_are_the_singular_values_and_their_directions():
    A = [[1, 2, 0], [0, 1, -1], [3, 0, 1]]
    before, after = draw.domain(exact(A), circle=True), draw.codomain(exact(A), circle=True)
    tips = []
    for figure in (before, after):
        cones = [t for t in figure["data"] if t["type"] == "mesh3d" and t["color"] in AXES]
        tips.append(np.array([[t[axis][0] for axis in "xyz"] for t in cones]))
    np.testing.assert_allclose(tips[1], tips[0] @ np.array(A).T, atol=1e-12)
    s = np.linalg.svd(np.array(A), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(tips[1], axis=1), s)
    assert f"<b>σ₁ = {s[0]:.3g}</b>" in words_in(after)


def test_the_same_numbers_in_other_units_make_the_same_picture():
    plain = draw.codomain(exact([[1, 2], [3, 1]]))
    huge = draw.codomain(exact([["1e60", "2e60"], ["3e60", "1e60"]]))
    for (_, p), (_, q) in zip(coordinates(plain), coordinates(huge), strict=True):
        np.testing.assert_allclose(p, q)
    assert huge["layout"]["xaxis"]["title"]["text"] == "y₁ (10⁶⁰)"


def test_what_is_too_short_to_see_is_a_dashed_direction():
    figure = draw.columns(exact([["1e60", "1e-60"], [1, 1]]))
    assert any(t.get("line", {}).get("dash") == "dash" for t in figure["data"])
    words = [a["text"] for a in figure["layout"]["annotations"]]
    assert "<b>a₂ (direction)</b>" in words
    zero = draw.columns(exact([[0, 1], [0, 1]]))
    assert any("a₁ = 0" in a["text"] for a in zero["layout"]["annotations"])


def test_equations_that_say_the_same_are_drawn_once_and_changed_ones_are_yellow():
    A = exact([[1, 2, 1], [0, -5, 1], [0, 5, -1], [0, 0, 0]])
    figure = draw.equations(A, (Fraction(1), *(Fraction(0),) * 3), changed=[1])
    planes = [t["color"] for t in figure["data"] if t["type"] == "mesh3d"]
    assert planes == [COLOURS["W0"], COLOURS["pivot"]]
    assert words_in(figure) == ["<b>R1</b>", "<b>R2, R3</b>", "<b>solutions</b>"]


@pytest.mark.parametrize(
    "A", [[[1, 2, 1], [2, -1, 3], [0, 5, -1]], [[1, 2, 2], [1, 2, 2], [1, 2, 3]]]
)
def test_words_in_a_box_lie_apart_as_seen_at_first(A):
    M = exact(A)
    for figure in (draw.codomain(M), draw.columns(M), draw.domain(M)):
        (told,) = [t for t in figure["data"] if t.get("mode") == "text"]
        places = np.stack([told[axis] for axis in "xyz"], axis=1) / reach(figure)
        across, height = places @ draw.RIGHT, places @ draw.UP
        half = draw.LETTER * np.array([len(re.sub("<.*?>", "", w)) for w in told["text"]])
        turn = {"middle left": -1, "middle center": 0, "middle right": 1}
        middle = across + half * [turn[side] for side in told["textposition"]]
        for i, j in combinations(range(len(middle)), 2):
            beside = abs(middle[i] - middle[j]) >= half[i] + half[j] - 1e-9
            assert beside or abs(height[i] - height[j]) > 0.9 * draw.LINE, told["text"]


def test_the_camera_is_kept_from_step_to_step():
    layout = draw.columns(exact([[1, 2], [2, 1], [0, 1]]))["layout"]
    assert layout["uirevision"] == layout["scene"]["uirevision"] == "kept"
    assert layout["scene"]["aspectmode"] == "cube"


def test_more_than_three_axes_are_refused_by_name():
    with pytest.raises(InputError, match="R4 has more than the 3 axes"):
        draw.domain(exact([[1, 2, 3, 4]]))
