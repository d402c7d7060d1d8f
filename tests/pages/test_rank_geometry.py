"""The Geometry view: pictures for what can be drawn, a sentence for what cannot."""

import pytest
from streamlit.testing.v1 import AppTest

from lowrank.ui.matrix_entry import PRESETS
from tests.pages import opening
from tests.pages.opening import walk, words
from tests.pages.test_rank import at


def opened(**link: str) -> AppTest:
    app = opening.opened("rank", **{"view": "Geometry", **link})
    assert not app.exception
    return app


def charts(app: AppTest) -> list[str]:
    """The text alternatives of the charts on the page."""
    return [element.proto.alt for element in app.get("plotly_chart")]


def test_the_default_is_a_cube_pressed_flat():
    app = opened()
    before, after = charts(app)
    assert before.startswith("The unit cube in R³.")
    assert "The null space is a line in R³, spanned by (−7/5, 1/5, 1)" in before
    assert "The 3 columns span a plane in R³: dimension 2" in after
    assert "|det A| = **0**: the image is flat" in words(app)


def test_every_step_says_what_it_kept():
    app = opened()
    total = len(walk(app)[1]) - 1
    for position in range(1, total + 1):
        at(app, position, "gstep")
        said = words(app)
        assert f"Step {position} of {total}" in said
        assert "still 2, and the null space is still the same line" in said


LARGE = {"Hilbert", "Wilkinson growth"}


@pytest.mark.parametrize(
    ("picture", "drawn", "half", "not_drawn"),
    [
        ("Map", 2, {"Tall", "Wide"}, LARGE),
        ("Columns", 1, set(), LARGE | {"Tall"}),
        ("Equations", 1, set(), LARGE | {"Wide"}),
    ],
)
def test_every_picture_of_every_preset(picture, drawn, half, not_drawn):
    app = opened(picture=picture, gstep="2")
    for matrix in PRESETS:
        app.selectbox(key="m").set_value(matrix).run()
        assert not app.exception
        assert not app.error
        expected = 0 if matrix in not_drawn else 1 if matrix in half else drawn
        assert (matrix, len(charts(app))) == (matrix, expected)
        assert bool(app.info) is (matrix in half | not_drawn)


@pytest.mark.parametrize(
    "matrix", ["Full rank", "Only zeros", "1 2;2 4", "1e60 1;1 1e-60", "5", "1 2 3"]
)
def test_the_sphere_and_its_half_axes(matrix):
    app = opened(m=matrix, shape="Sphere")
    assert len(charts(app)) == 2
    assert "The lengths of its semi-axes are the singular values" in words(app)


def test_wide_draws_its_columns_and_says_why_not_the_rest():
    app = opened(m="Wide")
    assert len(charts(app)) == 1
    assert "Each x has 5 entries" in app.info[0].value
    app = opened(m="Tall")
    assert charts(app)[0].startswith("The unit square in R²")
    assert "Each column has 5 entries" in app.info[0].value


def test_a_large_matrix_gets_a_way_out():
    app = opened(m="Hilbert")
    assert not charts(app)
    assert "A 5 × 5 matrix takes R⁵ to R⁵" in app.info[0].value
    app.button(key="offer_Full rank").click().run()
    assert app.query_params["m"] == "Full rank"
    assert len(charts(app)) == 2


def test_between_the_identity_and_the_matrix():
    app = opened(m="0 1; 1 0", t="0.5")
    assert "|det A| = **0**" in words(app)
    assert "0.5 of the way from I" in words(app)
    app.slider(key="t").set_value(0.0).run()
    assert "|det A| = **1**." in words(app)
    app.slider(key="t").set_value(1.0).run()
    assert "of the way" not in words(app)


def test_equations_meet_in_their_solutions_at_every_step():
    app = opened(m="1 1; 1 -1", picture="Equations", right="3 1")
    total = len(walk(app)[1]) - 1
    for position in range(total + 1):
        assert "**One solution**: they meet in the point (2, 1)" in words(app)
        if position < total:
            at(app, position + 1, "gstep")
    app = opened(m="1 1; 1 1", picture="Equations", right="1 2")
    assert "**No solution**" in words(app)
    app = opened(m="1 1; 1 1", picture="Equations", right="1 1")
    assert "**Infinitely many solutions**: they meet in **a line in R²**" in words(app)


@pytest.mark.parametrize(
    ("typed", "said"),
    [("1 2", "b has 2 of the 3 entries"), ("1 2 x", "“x” is not a number"), ("1,2;3", "Row 2")],
)
def test_a_bad_right_side_is_named_and_stays(typed, said):
    app = opened(picture="Equations", right=typed)
    assert said in app.warning[0].value
    assert app.text_input(key="right").value == typed
    assert not charts(app)


def test_whether_the_span_moved():
    app = opened(picture="Columns", gstep="1")
    assert "The span itself has moved since the start" in words(app)
    app = opened(m="2 1; 1 1", picture="Columns", gstep="1")
    assert "The span is the same as that of the matrix as entered" in words(app)


@pytest.mark.parametrize("link", [{"t": "9"}, {"t": "x"}, {"gstep": "-3"}, {"picture": "Film"}])
def test_a_broken_link_falls_back(link):
    app = opened(**link)
    assert len(charts(app)) == 2
    assert not app.error
