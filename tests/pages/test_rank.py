"""The Rank page at its default, at its boundaries, and with bad input."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from lowrank.ui.matrix_entry import PRESETS
from tests.pages import opening
from tests.pages.opening import frame, history, walk, words


def opened(**link: str) -> AppTest:
    app = opening.opened("rank", **link)
    assert not app.exception
    return app


def test_a_link_s_matrix_that_may_mean_two_things_is_asked_about():
    app = opened(m="1,5 2,5;3,5 4,5")
    assert any("decimal points" in info.value for info in app.info)
    app.button(key="entry_meant_1").click().run()
    assert app.session_state["m"] == "1,5,2,5;3,5,4,5"
    assert not opened(m="1,5,2,5;3,5,4,5").info


def drawn(app: AppTest) -> str:
    """The text alternative of the matrix on the page."""
    return re.search('aria-label="([^"]*)"', caption(app)).group(1)


def caption(app: AppTest) -> str:
    pages = (element.proto.body for element in app.get("html"))
    return " ".join([*frame(app), *pages, history(app)])


def at(app: AppTest, place: int, key: str = "step") -> AppTest:
    """The visitor has walked to a place of the page's frames and rests there."""
    app.number_input(key=key).set_value(place).run()
    assert not app.exception
    return app


def edited(**link: str) -> AppTest:
    """The page with the editor of its matrix open."""
    app = opened(**link)
    app.session_state["entry_edit"] = True
    return app.run()


def table(app: AppTest) -> list[int]:
    """The four ranks: exact, without pivoting, with, by singular values."""
    rows = next(element.value for element in app.markdown if "counted by" in element.value)
    return [int(n) for n in re.findall(r"\*\*(\d+)\*\*", rows)]


def test_default_steps_forward_and_back():
    app = opened()
    assert drawn(app) == ("The matrix, 3 × 3. Row 1: 1, 2, 1. Row 2: 2, −1, 3. Row 3: 0, 5, −1.")
    assert "Rank 2" not in words(app)
    at(app, 1)
    assert "R2 ← R2 − 2 R1" in caption(app)
    assert "Step 1 of 2 · 1 pivot so far" in caption(app)
    assert "Row 2, just changed: 0, −5, 1." in drawn(app)
    at(app, 2)
    assert "Step 2 of 2" in caption(app)
    assert "**Rank 2**: 2 non-zero rows" in words(app)
    assert "**R3 = 2 R1 − R2**" in words(app)
    assert "rank + nullity = 2 + 1 = 3" in words(app)
    at(app, 1)
    assert "Step 1 of 2" in caption(app)
    assert not app.exception


def test_a_link_opens_the_same_view():
    app = opened(m="0,2;4,0.5", form="Reduced echelon", step="3")
    assert "Step 3 of 4" in caption(app)
    assert "2 × 2. Row 1, just changed: 4 (pivot), 0. Row 2: 0, 1 (pivot)." in drawn(app)
    at(app, 4)
    assert "Full rank" in words(app)
    app = opened(m="0,2;4,0.5", view="Numbers lie", tol="-3.0")
    assert app.slider(key="tol").value == -3.0


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_chosen_and_finished(name):
    app = opened()
    app.selectbox(key="m").set_value(name).run()
    app.segmented_control(key="form").set_value("Reduced echelon").run()
    at(app, len(walk(app)[1]) - 1)
    assert not app.error
    assert "rank + nullity" in words(app)
    assert app.caption[0].value


@pytest.mark.parametrize(
    ("name", "ranks", "lesson"),
    [
        ("Full rank", [3, 3, 3, 3], "All four counts agree"),
        ("Tenths", [2, 3, 3, 2], "A rounding error became a pivot"),
        ("Tiny pivot", [3, 2, 3, 3], "A pivot was lost"),
        ("Only zeros", [0, 0, 0, 0], "All four counts agree"),
    ],
)
def test_where_the_numbers_lie(name, ranks, lesson):
    app = opened(m=name, view="Numbers lie")
    assert table(app) == ranks
    assert lesson in words(app)


def test_the_tolerance_changes_the_rank_by_singular_values():
    app = opened(m="Almost the same", view="Numbers lie")
    assert table(app)[3] == 2
    app.slider(key="tol").set_value(-6.0).run()
    assert table(app) == [2, 2, 2, 1]
    assert "The tolerance hides a direction" in words(app)
    app = opened(m="Tenths", view="Numbers lie", tol="-19.0")
    assert table(app)[3] == 3
    assert "The tolerance is too strict" in words(app)


@pytest.mark.parametrize(
    ("typed", "shape"),
    [
        ("7", "1 × 1"),
        ("1 2 3 4 5 6 7 8 9 10 11 12", "1 × 12"),
        ("0", "1 × 1"),
        (";".join(["1 -1 2 -3 5 -7 11 -13 17 -19 23 -29"] * 12), "12 × 12"),
        ("1e60 1; 1 1e-60", "2 × 2"),
        ("9" * 40 + " 1; 1 3", "2 × 2"),
    ],
)
def test_boundaries(typed, shape):
    app = opened(m=typed, step="999")
    assert not app.error
    assert f", {shape}." in drawn(app)
    place, frames = walk(app)
    assert place == len(frames) - 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("1 2; 3 x", "Row 2, column 2: “x” is not a number"),
        ("1 2\n3", "Row 2 has 1 entry but row 1 has 2"),
        ("  ", "no matrix yet"),
        ("\n".join(["1 " * 200] * 200), "over 28,000 numbers and signs"),
        ("9" * 5000, "longer than 450 characters"),
        ("9" * 300, "too long"),
        ("1 1/0", "divides by zero"),
        ("NaN 1", "not a finite number"),
        ("1e400 1", "up to 200 digits"),
        ("[1 2", "brackets do not close"),
    ],
)
def test_bad_text_is_named_and_stays(typed, said):
    app = edited()
    app.segmented_control(key="entry_mode").set_value("Text").run()
    app.text_area(key="entry_text").set_value(typed).run()
    assert not app.exception
    assert len(app.error) == 1
    assert said in app.error[0].value
    assert app.text_area(key="entry_text").value == typed
    app.text_area(key="entry_text").set_value(r"\begin{bmatrix}1 & \frac12\end{bmatrix}").run()
    assert not app.error
    assert "1 × 2. Row 1: 1 (pivot), 1/2." in drawn(app)
    assert app.query_params["m"] == "1,1/2"


def test_entries_of_thousands_of_digits_are_drawn_rounded():
    """144 long fractions: by the end Python would refuse to print the exact numbers."""
    row = [
        f"{10**39 + 7**k % 10**39}e{(-1) ** k * 60}/{10**39 + 3**k % 10**39}" for k in range(144)
    ]
    app = opened(m=";".join(",".join(row[i : i + 12]) for i in range(0, 144, 12)))
    at(app, 60)
    assert not app.error
    assert "≈" in drawn(app)


def test_a_broken_link_is_one_sentence():
    app = opened(m="1;2,3")
    assert "Row 2 has 2 entries" in app.error[0].value
    assert app.text_area(key="entry_text").value == "1;2,3"


def test_rows_and_columns_can_be_added_and_taken_away():
    app = edited(m="1 2; 3 4")
    app.number_input(key="entry_columns").set_value(3).run()
    app.number_input(key="entry_rows").set_value(1).run()
    assert "1 × 3. Row 1: 1 (pivot), 2, 0." in drawn(app)
    assert app.query_params["m"] == "1,2,0"


def typed_in(text: str) -> AppTest:
    app = edited()
    app.segmented_control(key="entry_mode").set_value("Text").run()
    return app.text_area(key="entry_text").set_value(text).run()


@pytest.mark.parametrize(
    ("text", "first", "asked", "other"),
    [
        ("1,5 2,5\n3,5 4,5", "1.5,2.5;3.5,4.5", "decimal points", "1,5,2,5;3,5,4,5"),
        ("1,000\t2", "1.000,2", "part thousands", "1000,2"),
        ("A = [1 2; 3 4]\nB = [5 6; 7 8]", "1,2;3,4", "two different matrices", "5,6;7,8"),
        ("1,5\n2,5", "1,5;2,5", "", "1.5;2.5"),
    ],
)
def test_what_else_a_text_may_mean_is_one_click_away(text, first, asked, other):
    app = typed_in(text)
    assert app.query_params["m"] == first
    assert [asked in each.value for each in app.info] == [True] * bool(asked)
    app.button(key="entry_meant_1").click().run()
    assert not app.exception
    assert app.query_params["m"] == other
    assert app.text_area(key="entry_text").value == text
    app.button(key="entry_meant_0").click().run()
    assert app.query_params["m"] == first


def test_what_was_read_in_its_own_way_is_said():
    app = typed_in("1 1/2, 3\n4, 5")
    assert app.query_params["m"] == "3/2,3;4,5"
    assert "“1 1/2” is read as 3/2." in [each.value for each in app.caption]


def test_floating_point_overflow_is_said():
    far_apart = "1e-60 1e60 0 0; 0 1e-60 1e60 0; 0 0 1e-60 1e60; 1e60 0 0 0"
    app = opened(m=far_apart, view="Numbers lie")
    assert "no pivoting | **overflow** |" in words(app)
    assert "partial pivoting | **4** |" in words(app)
    assert "grew beyond what floating point holds" in words(app)


def test_letters_in_the_matrix_are_offered_the_view_for_them():
    app = opened(m="a 1; 2 a")
    assert "“a” is not a number" in app.error[0].value
    assert "the view Parameters" in app.error[0].value
    app.button(key="with_letters").click().run()
    assert not app.exception
    assert app.segmented_control(key="view").value == "Parameters"
    assert app.session_state["pm"] == "a,1;2,a"
    assert "a = ±√2" in words(app)


@pytest.mark.parametrize("m", ["1 2; 3 four", "1 2; a", "1 2; 3 nan", "b+; 1", "1e-400 1; 1 2"])
def test_what_is_no_matrix_with_letters_either_is_not_offered_it(m):
    app = opened(m=m)
    assert len(app.error) == 1
    assert "Parameters" not in app.error[0].value
    assert not [button for button in app.button if button.key == "with_letters"]


@pytest.mark.parametrize(
    ("view", "choices"),
    [
        ("Geometry", {"picture": "Equations", "gstep": "2", "right": "1 2 3"}),
        ("Geometry", {"picture": "Map", "shape": "Sphere", "t": "0.3"}),
        (
            "Numbers lie",
            {"tol": "-9", "pivoting": "partial", "low": "float16", "drift": "-4", "fstep": "1"},
        ),
        ("Other fields", {"p": "17", "pstep": "1"}),
        ("Parameters", {"pm": "b 1; 1 b", "sys": "true", "cstep": "1", "value_b": "-3/2"}),
        ("Quiz", {"q_kind": "Rank", "q_level": "hard", "q": "4"}),
        ("Worksheet", {"w_m": "2", "w_level": "hard", "w_seed": "9", "w_reduced": "true"}),
    ],
)
def test_a_views_choices_outlive_another_view(view, choices):
    app = opened(view=view, **choices)
    before = {key: app.session_state[key] for key in choices}
    app.segmented_control(key="view").set_value("Reduce").run()
    app.segmented_control(key="view").set_value(view).run()
    assert not app.exception
    assert {key: app.session_state[key] for key in choices} == before
