"""The views of the Rank page about numbers: floating point, other fields, letters."""

import re

import pytest

from lowrank.ui.rank.parameters import PRESETS
from tests.pages.opening import walk, words
from tests.pages.test_rank import at, caption, opened


def titles(app) -> str:
    """What a screen reader says of every matrix on the page."""
    return "\n".join(re.findall('aria-label="([^"]*)"', caption(app)))


def test_the_step_where_the_numbers_part_is_named_and_marked():
    app = opened(m="Tenths", view="Numbers lie")
    assert "| rank | **2** | **3** | **3** |" in words(app)
    assert (
        "**float64 parts at step 3.** Row 3, column 3 is exactly 0, but float64 is left"
        in words(app)
    )
    assert "(parted)" not in titles(app)
    at(app, 3, "fstep")
    assert titles(app).count("(parted)") == 2
    app.segmented_control(key="low").set_value("float16").run()
    assert "float16 after step 3" in titles(app)


def test_pivoting_changes_the_growth():
    app = opened(m="Wilkinson growth", view="Numbers lie", pivoting="partial")
    assert "| growth factor | 128 | 128 | 128 |" in words(app)
    app.segmented_control(key="pivoting").set_value("complete").run()
    assert "| growth factor | 2 | 2 | 2 |" in words(app)


def test_an_overflow_in_half_precision_is_said():
    app = opened(m="70000 1; 1 1", view="Numbers lie", low="float16")
    assert "float16 overflows" in words(app)
    assert "| rank | **2** | **2** | overflow |" in words(app)
    assert not app.exception


def test_the_error_to_mark_is_a_choice():
    app = opened(m="Whole numbers", view="Numbers lie", low="float16")
    assert "relative error above 0.01 | – | nowhere | nowhere" in words(app)
    app.slider(key="drift").set_value(-16.0).run()
    assert "nowhere | nowhere" not in words(app)


def test_over_other_fields_the_rank_can_fall():
    app = opened(m="Magic square", view="Other fields")
    assert "| **3** | **ℚ**, GF(7), GF(11), GF(13) |\n| **2** | GF(2), GF(3), GF(5) |" in words(app)
    assert "The rank falls at p = 2, 3, 5." in words(app)
    app.selectbox(key="p").set_value("7").run()
    at(app, 1, "pstep")
    assert "≡ 0 (mod 7)" in caption(app)
    at(app, len(walk(app)[1]) - 1, "pstep")
    assert "Rank 3 over GF(7)" in words(app)


def test_over_other_fields_the_null_space_the_solutions_and_the_inverse_are_shown():
    app = opened(m="1 2; 3 4", view="Other fields", p="5")
    assert "1 vector**: x = (0, 0)" in words(app)
    app.segmented_control(key="fgives").set_value("A x = b").run()
    app.text_input(key="fb").set_value("1 1").run()
    assert "1 vector**: x = (4, 1)" in words(app)
    app.selectbox(key="p").set_value("2").run()
    assert "2 vectors**: x = (1, 0) + x2 (0, 1)" in words(app)
    app.text_input(key="fb").set_value("1 0").run()
    assert "No solution over GF(2)" in words(app)
    app.segmented_control(key="fgives").set_value("Inverse").run()
    assert "no inverse modulo 2" in words(app)
    app.selectbox(key="p").set_value("5").run()
    assert "A⁻¹ over GF(5)" in words(app)


@pytest.mark.parametrize(
    ("p", "said"),
    [
        ("91", "91 = 7 · 13"),
        ("two", "“two” is no prime"),
        ("1", "expected a prime"),
        ("2", "does not exist modulo 2"),
        ("99999999999999", "from 2 to 1,000,000"),
        ("2^31-1", "write one in digits"),
        ("2147483647", "expected a prime from 2 to 1,000,000"),
    ],
)
def test_a_modulus_that_will_not_do_is_one_sentence_and_stays(p, said):
    app = opened(m="1 1/2; 3 4", view="Other fields", p=p)
    assert [said in error.value for error in app.error] == [True]
    assert app.selectbox(key="p").value == p


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_with_letters_has_a_table_and_steps(name):
    app = opened(view="Parameters", pm=name)
    assert not app.error
    assert "| for | rank |" in words(app)
    assert "Case:" in words(app)
    assert "The matrix after step 0" in titles(app)


def test_a_matrix_with_letters_case_by_case():
    app = opened(view="Parameters", pm="a 1 1; 1 a 1; 1 1 a")
    assert "| a = 1 | **1** |\n| a = −2 | **2** |\n| every other a | **3** |" in words(app)
    app.text_input(key="value_a").set_value("-2").run()
    assert "**Rank 2**, counted with these numbers. Case: a = −2." in words(app)
    app.selectbox(key="case").set_value(2).run()
    at(app, 4, "cstep")
    assert "Case a = 1" in caption(app)
    app.toggle(key="sys").set_value(True).run()
    assert "A x = b has" in words(app)
    assert "no solution" in words(app)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("a 1; 2 3+", "“3+” breaks off"),
        ("<b>x</b>", "stands beside the matrix"),
        ("a b c d", "4 letters"),
        ("1 2 3 4 5 6", "at most 5 × 5"),
        ("a^2+b*c,1,2,a;b,c^2+1,a,2;c,a+1,b,1;a,b,c,abc", "too involved"),
    ],
)
def test_bad_letters_are_one_sentence_and_stay(typed, said):
    app = opened(view="Parameters", pm=typed)
    assert [said in error.value for error in app.error] == [True]
    assert app.selectbox(key="pm").value == typed


def test_a_value_that_is_no_number_is_said():
    app = opened(view="Parameters")
    app.text_input(key="value_a").set_value("x").run()
    assert "“x” is not a number" in app.error[0].value
    assert app.text_input(key="value_a").value == "x"


def test_no_markup_shows_in_the_table_of_cases():
    for pm in ("1 1 1 1; 1 k 1 2; 1 1 k 3", "a b; b a"):
        assert "<br>" not in words(opened(view="Parameters", pm=pm, sys="true"))
