"""What it gives: every answer of elimination, for every preset and with a typed right-hand side."""

import re

import pytest

from lowrank.exact.matrices import product
from lowrank.exact.parsing import parse_matrix
from lowrank.ui.matrix_entry import PRESETS
from lowrank.ui.rank.gives import ANSWERS
from tests.pages.opening import words
from tests.pages.test_rank import caption, opened

VIEW = "What it gives"


def given(answer: str, **link: str):
    app = opened(view=VIEW, gives=answer, **link)
    assert not app.error
    return app


def matrices(app) -> dict[str, list[list[str]]]:
    """Every matrix drawn, by its title."""
    found = re.findall(r'aria-label="(.*?), \d+ × \d+\. (.*?)"', caption(app))
    return {
        title: [
            row.replace(" (pivot)", "").replace("−", "-").split(", ")
            for row in re.findall(r"Row \d+: ([^R]*)\.", rows)
        ]
        for title, rows in found
    }


@pytest.mark.parametrize("name", PRESETS)
def test_every_answer_for_every_preset(name):
    app = given("Forms", m=name)
    for answer in ANSWERS[1:]:
        app.segmented_control(key="gives").set_value(answer).run()
        assert not app.exception
        assert not app.error


def test_p_a_is_l_u_as_drawn():
    shown = matrices(given("P A = L U", m="Needs a swap"))
    PA, L, U = (
        parse_matrix(";".join(",".join(cell.strip() for cell in row) for row in rows))
        for rows in shown.values()
    )
    assert product(L, U) == PA


def test_the_four_spaces_say_where_they_live():
    page = caption(given("Subspaces", m="1 2 3; 2 4 6"))
    for words_ in (
        "Row A in R<sup>3</sup></b>, dimension 1",
        "Null A in R<sup>3</sup></b>, dimension 2",
        "Col A in R<sup>2</sup></b>, dimension 1",
        "Null A<sup>T</sup> in R<sup>2</sup></b>, dimension 1",
        "dimensions 1 + 2 = 3 = n",
        "dimensions 1 + 1 = 2 = m",
    ):
        assert words_ in page
    page = caption(given("Subspaces", m="1 0; 0 1"))
    assert page.count("only the zero vector") == 2


@pytest.mark.parametrize(
    ("m", "b", "said"),
    [
        ("1 1; 1 -1", "4, 2", "Exactly one solution"),
        ("1 2; 2 4", "3 6", "Infinitely many solutions"),
        ("1 2; 2 4", "3 7", "No solution"),
        ("1 2; 2 4", "", "Infinitely many solutions"),
    ],
)
def test_a_x_is_b_for_a_typed_b(m, b, said):
    app = given("A x = b", m=m)
    app.text_input(key="b").set_value(b).run()
    assert said in words(app)


def test_the_general_solution_is_written_out():
    app = given("A x = b", m="1 2; 2 4", b="3 6")
    assert "x1 = 3 − 2 x2, x2 free" in words(app)
    assert "(x1, x2) = (3, 0) + x2 (−2, 1)" in words(app)
    assert "ends with the equation **0 = 1**" in words(given("A x = b", m="1 2; 2 4", b="3 7"))


@pytest.mark.parametrize(
    ("b", "said"),
    [
        ("1", "b has 1 of the 2 entries it needs, one for each row."),
        ("1 x", "is not a number"),
        ("1 2; 3 4", "b is one column"),
        ("1/0 2", "divides by zero"),
    ],
)
def test_a_bad_b_is_one_sentence_and_stays(b, said):
    app = opened(view=VIEW, gives="A x = b", m="1 2; 2 4", b=b)
    assert said in app.error[0].value
    assert app.text_input(key="b").value == b


def test_a_is_c_times_r_as_drawn_with_what_it_stores():
    app = given("A = C R", m="1 2 3; 2 4 6; 1 2 4")
    shown = matrices(app)
    C, R = shown["C: columns 1, 3 of A"], shown["R: the non-zero rows of the reduced form"]
    assert (C, R) == ([["1", "3"], ["2", "6"], ["1", "4"]], [["1", "2", "0"], ["0", "0", "1"]])
    assert "2 · (3 + 3) = **12** numbers in place of 3 · 3 = **9**" in words(app)
    assert "no pivot column" in words(given("A = C R", m="0 0; 0 0"))


def test_where_nothing_solves_the_nearest_point_is_shown():
    said = words(given("A x = b", m="1 0; 1 1; 1 2", b="6 0 0"))
    assert "**No solution**" in said
    assert "x1 = 5, x2 = −3" in said
    assert "p = A x = (5, 2, −1)" in said
    assert "b − p = (1, −2, 1), the residual; |b − p|² = 6." in said
    assert "(x1, x2) = (1/5, 0) + x2 (−2, 1)" in words(given("A x = b", m="1 2; 2 4", b="1 0"))


def test_an_inverse_or_the_sentence_why_not():
    shown = matrices(given("Inverse", m="2 1; 4 4"))
    assert next(iter(shown.values())) == [["1", "-1/4"], ["-1", "1/2"]]
    assert "rank is 1" in given("Inverse", m="1 2; 2 4").info[0].value
    assert "only a square one has an inverse" in given("Inverse", m="1 2 3").info[0].value
    assert "det A = 2 · 2 = 4" in words(given("Inverse", m="2 1; 4 4"))


def test_elementary_matrices_of_ones_own_moves():
    app = given("E A", m="2 4; 3 7", ops="v1.S12", step="1")
    assert "What was done so far in Reduce" in words(app)
    shown = matrices(app)
    assert shown["E, the product of all of them"] == [["0", "1"], ["1", "0"]]
    assert shown["E A, the matrix after the last operation"] == [["3", "7"], ["2", "4"]]
    app = given("E A", m="2 4; 3 7")
    assert "The operations that elimination needs here" in words(app)
    shown = matrices(app)
    assert shown["E A, the matrix after the last operation"] == [["2", "4"], ["0", "1"]]


def test_forms_and_dependencies():
    app = given("Forms", m="1 2; 2 4")
    assert "**Rank 1**: 1 pivot" in words(app)
    assert "**R2 = 2 R1**" in words(app)


def test_which_b_is_taken_where_none_is_typed_is_said():
    app = given("A x = b", m="1 2; 2 4")
    assert "No b is typed, so b = A (1, 1, …) = (3, 6): it has a solution." in words(app)
    app.text_input(key="b").set_value("1 2").run()
    assert "No b is typed" not in words(app)
    assert "No b is typed" not in words(given("A x = b", m="1 2 | 3; 2 4 | 6"))


def test_left_of_a_bar_stands_a_and_right_of_it_b():
    app = given("A x = b", m="x + 2y = 3; 2x + 4y = 6")
    assert "(x, y) = (3, 0) + y (−2, 1)" in words(app)
    assert "[['1', '2'], ['2', '4']]" in str(matrices(given("A = C R", m="1 2 | 3; 2 4 | 7")))
    assert "det A = 2 · 2 = 4" in words(given("Inverse", m="2 1 | 1; 4 4 | 1"))
