"""What people paste is read as they mean it, each character once."""

import json
import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.exact.expressions import parse_parametric, written
from lowrank.exact.operations import parse_operation
from lowrank.exact.parsing import matrix_of, parse_cells, parse_matrix
from lowrank.exact.reading import read
from lowrank.exact.tokens import MAX_TOKENS, readable, tokens_of
from tests.exact.test_elimination import matrices
from tests.hostile import hostile
from tests.outcomes import taken_or_refused

CASES = Path(__file__).parent / "cases"


def cases(name):
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


def spelled(op):
    if op.kind == "swap":
        return "R{} <-> R{}".format(*sorted(row + 1 for row in op.rows))
    if op.kind == "scale":
        return f"R{op.rows[0] + 1} *= {op.factor}"
    return f"R{op.rows[0] + 1} += ({op.factor}) R{op.rows[1] + 1}"


def means(text):
    return tuple(tuple(map(Fraction, row.split())) for row in text.split(";"))


def as_meant(case, reader, meant):
    """Whether a text is read as its case says; "either" leaves out only what is no answer."""
    try:
        found = reader(case["text"])
    except InputError:
        return case["means"] in ("refuse", "either")
    return case["means"] == "either" or found == meant(case["means"])


@pytest.mark.parametrize("name", ["pasted", "siblings"])
def test_pasted_text_is_read_as_meant(name, record_property):
    wrong = [case for case in cases(name) if not as_meant(case, parse_matrix, means_or_none)]
    said = f"{len(cases(name)) - len(wrong)} of {len(cases(name))} pasted texts as meant"
    record_property(name, said)
    print(said)
    assert not wrong


def means_or_none(text):
    return None if text == "refuse" else means(text)


@pytest.mark.parametrize("name", ["operations", "operation_siblings"])
def test_operations_are_read_as_meant(name, record_property):
    def reader(text):
        return spelled(parse_operation(text, 4))

    wrong = [case for case in cases(name) if not as_meant(case, reader, str)]
    said = f"{len(cases(name)) - len(wrong)} of {len(cases(name))} operations as meant"
    record_property(name, said)
    print(said)
    assert not wrong


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\begin{bmatrix}2\frac{1}{2}&1\end{bmatrix}", "“2\\frac{1}{2}” is read as 5/2."),
        ("1 1/2, 3", "“1 1/2” is read as 3/2."),
        ("1½ 1; 2 3", "“1½” is read as 3/2."),
        ("1,5\t2,5", "Commas are read as decimal points."),
        (r"\begin{bmatrix}1{,}5&1\end{bmatrix}", "Commas are read as decimal points."),
        ("1.0e+03 *\n\n 1 2", "Every entry is multiplied by 1.0e+03."),
    ],
)
def test_what_is_read_in_its_own_way_is_said(text, value):
    assert read(text).notes == (value,)


@pytest.mark.parametrize(
    ("text", "readings", "asked"),
    [
        ("1,5 2,5\n3,5 4,5", [[["1.5", "2.5"], ["3.5", "4.5"]], [[*"1525"], [*"3545"]]], True),
        ("1,5 2,5\n3 4", [[["1.5", "2.5"], ["3", "4"]]], False),
        ("1,5; 2,5", [[["1.5"], ["2.5"]], [[*"15"], [*"25"]]], False),
        ("1,5\n2,5", [[[*"15"], [*"25"]], [["1.5"], ["2.5"]]], False),
        ("1,1,2 + 3", [[["1", "1", "2+3"]]], False),
        ("1,5,2\n2,5,3", [[[*"152"], [*"253"]]], False),
        ("1,000\t2", [[["1.000", "2"]], [["1000", "2"]]], True),
        ("[1 2; 3 4], [5 6; 7 8]", [[[*"12"], [*"34"]], [[*"56"], [*"78"]]], True),
        ("a = [1 2]\nb = [3 4]", [[[*"12"]], [[*"34"]]], True),
        ("A=[1]; B=[2]", [[["1"]], [["2"]]], True),
        ("A=[1]\nB=[1 2]\nC=[3]", [[["1"]], [[*"12"]], [["3"]]], True),
        ("m[0] = [1 2; 3 4]", [[[*"12"], [*"34"]]], False),
    ],
)
def test_where_a_text_may_mean_two_things_both_are_read(text, readings, asked):
    reading = read(text)
    assert [each.cells for each in (reading, *reading.others)] == readings
    assert bool(reading.asks) is asked


@pytest.mark.parametrize(
    ("text", "bar"),
    [
        ("1 2 | 5; 3 4 | 6", 2),
        (r"\left[\begin{array}{rr|r} 1&2&5\\3&4&6\end{array}\right]", 2),
        (r"\begin{array}{*{2}{r}|r} 1&2&5\\3&4&6\end{array}", 2),
        ("[1 | 2 5]\n[3 | 4 6]", 1),
        ("⎡1 2 │ 5⎤\n⎣3 4 │ 6⎦", 2),
        ("| 1 | 2 |\n|---|---|\n| 3 | 4 |", None),
        (r"\begin{array}{|cc|}1&2\\3&4\end{array}", None),
        ("1 2; 3 4", None),
    ],
)
def test_an_augmented_bar_is_remembered(text, bar):
    assert read(text).bar == bar


@pytest.mark.parametrize(
    ("text", "means", "names"),
    [
        ("x + 2y = 3; 2x - y = 1", "1 2 3; 2 -1 1", "x y"),
        ("x1 + 2x2 = 3\n2*x_1 - x_{2}/3 = 1", "1 2 3; 2 -1/3 1", "x1 x2"),
        ("3y = 2(x + 1) - y, x = 4", "-2 4 2; 1 0 4", "x y"),
        ("x10 + x2 = 1; x2 = y", "1 1 0 1; 1 0 -1 0", "x2 x10 y"),
        (r"\begin{cases} x+\frac{1}{2}y=3 \\ 2x-y=1 \end{cases}", "1 1/2 3; 2 -1 1", "x y"),
        (r"\begin{aligned} x+2y&=3 \\ 2x-y&=1 \end{aligned}", "1 2 3; 2 -1 1", "x y"),
        (r"\lambda + 2\mu = 0; 0.5\mu = λ", "1 2 0; -1 1/2 0", "λ μ"),
        ("x + x = 2; x = x", "2 2; 0 0", "x"),
    ],
)
def test_equations_are_read_as_a_b_with_the_names_of_the_unknowns(text, means, names):
    reading = read(text)
    assert matrix_of(reading) == parse_matrix(text) == parse_matrix(means)
    assert (" ".join(reading.names), reading.bar) == (names, len(reading.names))
    assert reading.notes[0].startswith("The equations are read as [A | b], with a column for")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x + y = 2; x y = 1", "Equation 2 multiplies two unknowns."),
        ("x + x^2 = 2", "Equation 1 multiplies two unknowns."),
        ("x + 1/y = 2", "Equation 1 divides by an unknown."),
        ("x + sin(y) = 2", "Equation 1 is not linear"),
        ("x + y = 2; 1 + 1 = 2; y + 3", "is no equation"),
        ("2 + 2 = 4; 1 + 1 = 2", "There is no unknown"),
        ("x + y =; x = 2", "Equation 1 is empty"),
        ("x + y/0 = 1", "Equation 1 divides by zero"),
    ],
)
def test_what_is_no_linear_equation_is_named(text, said):
    with pytest.raises(InputError, match=said):
        read(text)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (r"\begin{bmatrix}\lambda-1 & a_{1}\end{bmatrix}", [["λ − 1", "a_1"]]),
        ("lambda 2t", [["λ", "2t"]]),
        ("α₁ 1\n0 α₁^2", [["α_1", "1"], ["0", "α_1²"]]),
        ("a - 1, ab", [["a − 1", "ab"]]),
    ],
)
def test_letters_mean_what_they_mean(typed, shown):
    A = parse_parametric(typed)
    assert [[written(x) for x in row] for row in A.rows] == shown


@pytest.mark.parametrize("word", ["2 3", "i", "pi", r"\pi", "exp(x)", "hello"])
def test_words_are_refused_by_name_and_never_multiplied_letter_by_letter(word):
    with pytest.raises(InputError, match=re.escape(f"column 2: “{word}”")):
        parse_parametric(f"a, {word}; 1, 5")


@settings(max_examples=100, deadline=None)
@given(matrices(), st.sampled_from(["[{}]", "({})", "A = [{}];", "array([{}])", "$${}$$", "{}"]))
def test_any_frame_around_a_matrix_leaves_it_as_it_is(A, frame):
    lists = ", ".join(f"[{', '.join(map(str, row))}]" for row in A)
    latex = r" \\ ".join(
        " & ".join(rf"\frac{{{x.numerator}}}{{{x.denominator}}}" for x in r) for r in A
    )
    assert parse_matrix(frame.format(lists)) == A
    assert parse_matrix(rf"$\left[\begin{{matrix}} {latex} \end{{matrix}}\right]$") == A
    assert parse_matrix("\n".join("\t".join(map(str, row)) for row in A)) == A


def test_what_the_grid_shows_of_a_reading_is_that_reading():
    def typed(A):
        return "; ".join(" ".join(map(str, row)) for row in A)

    def shown_and_meant(text):
        reading = read(text)
        return reading.cells, matrix_of(reading)

    def is_the_same(text, found):
        assert parse_cells(found[0]) == found[1]

    beside = st.text("−–－1٣½,;\u2028\u200b ()[]", max_size=3)
    texts = st.builds("{}{}".format, matrices().map(typed), beside)
    taken_or_refused(texts, shown_and_meant, is_the_same, refusal=InputError, examples=200)


def test_no_text_has_more_tokens_than_characters_and_each_is_read_once():
    for text in hostile(400).values():
        plain = readable(text)
        tokens = tokens_of(plain)
        assert len(tokens) <= len(plain)
        assert all(a.end <= b.start for a, b in pairwise(tokens))


def test_the_number_of_tokens_is_bounded():
    with pytest.raises(InputError, match=f"over {MAX_TOKENS:,} numbers and signs"):
        parse_matrix("1+" * 40_000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" + "[1]," * 1001 + "]", "1,001 rows"),
        ("[1] " * 1001 + "x", "1,001 rows"),
        ("x=1;" * 1001, "1,002 equations"),
    ],
)
def test_the_number_of_rows_in_brackets_is_bounded(text, said):
    with pytest.raises(InputError, match=said):
        parse_matrix(text)


def test_a_number_in_brackets_is_a_cell_between_semicolons_too():
    assert parse_matrix("(1/2);2\n3;4") == means("1/2 2; 3 4")


def test_any_text_is_read_or_refused_by_us():
    def is_whole(text, reading):
        for each in (reading, *reading.others):
            assert each.rows
            assert all(each.notes)

    texts = st.text(max_size=30)
    texts |= st.text("12,;|[]{}()<>\\&\n\t -+/^_='\".frac½aR", max_size=30)
    taken_or_refused(texts, read, is_whole, refusal=InputError, examples=200)
