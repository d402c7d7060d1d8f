"""Every way a matrix is typed gives the same matrix; every way it goes wrong is named."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.exact.parsing import compact, parse_cells, parse_matrix
from tests.exact.test_elimination import matrices
from tests.outcomes import taken_or_refused


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Fraction(1, 10)),
        ("−3/2", Fraction(-3, 2)),
        ("3 / 2", Fraction(3, 2)),
        ("3⁄2", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("+2.", Fraction(2)),
        ("1.5e-3", Fraction(3, 2000)),
        ("2E2", Fraction(200)),
        ("0.5/0.25", Fraction(2)),
        ("(1+2)^2/3 - 1", Fraction(2)),
        ("2^-1", Fraction(1, 2)),
        (r"\begin{matrix} -\frac{3}{4} \end{matrix}", Fraction(-3, 4)),
        ("9" * 200, Fraction(10**200 - 1)),
        ("1e199", Fraction(10**199)),
    ],
)
def test_numbers(text, value):
    assert parse_matrix(text) == ((value,),)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no matrix yet"),
        (" \n ", "no matrix yet"),
        ("[]", "empty"),
        ("1 2\n3", "Row 2 has 1 entry but row 1 has 2"),
        ("1 2\n3 x", "Row 2, column 2: “x” is not a number"),
        ("a,b\n1,2", "Row 1, column 1: “a”"),
        ("1,,3", "Row 1, column 2 is empty"),
        ("1 1/0", "Row 1, column 2: “1/0” divides by zero"),
        ("1 NaN", "Row 1, column 2: “NaN” is not a finite number"),
        ("-inf", "“-inf” is not a finite number"),
        ("9" * 201, "Row 1, column 1: “99999999999999999999…” is too long"),
        ("1e200", "up to 200 digits"),
        ("1/1e999999999", "up to 200 digits"),
        ("1e99999999", "up to 200 digits"),
        ("10^5000", "power that is not a whole number up to 999"),
        ("10^900", "up to 200 digits"),
        ("10**10**9", "Row 1, column 1: “10\\*\\*10\\*\\*9” is no number"),
        ("2pi", "Row 1, column 1: “2pi” is not a number. “pi” has no place in it"),
        ("exp(1)", "“exp\\(1\\)” is not a square root"),
        (r"1 & \lambda", "Row 1, column 2: “.lambda” is not a number"),
        ("__import__('os').getcwd()", "is no number"),
        ("1_000", "is no number"),
        ("٣", "is no number"),
        ("[1, 2", "brackets do not close"),
        ("[[1, 2], [3, 4]].T", "“.T” stands behind the matrix"),
        ("[[1, 2], x, [3, 4]]", "“x” stands outside"),
        ("2 [1 2; 3 4]", "“2” stands beside the matrix"),
        ("[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]", "nest deeper"),
        ("[1, 2,\n3, 4]", "two rows"),
        ("[1 2; 3 4] [5 6; 7 8]", "two different matrices"),
        ("1,5 2,5\n3,5 4,5", "decimal points here or part the entries"),
        ("1,000\t2,000", "decimal points here or part thousands"),
        ("x y = 1\n2x - y = 3", "multiplies two unknowns"),
        ("(" * 50 + "1" + ")" * 50, "nest more than 12 deep"),
        ("\n".join(["1 " * 90] * 90), "There are 90 rows; at most 12"),
        ("1 " * 13, "Row 1 has 13 entries, beginning with “1”; at most 12"),
        ("1 " * 10_001, "10,001 entries; at most 10,000"),
        ("1,5;" * 6_900, "6,900 rows; at most 1,000"),
        ("1 2\n3 4\n\n" * 501, "1,002 rows; at most 1,000"),
        ("[" + "1;" * 1_001 + "]", "1,001 rows; at most 1,000"),
        ("A=[1];" * 1_001, "1,001 matrices; at most 1,000"),
        ("1" * 2_000_000, "2,000,000 characters"),
    ],
)
def test_errors_name_the_place_and_the_text(text, named):
    with pytest.raises(InputError, match=named):
        parse_matrix(text)


@pytest.mark.parametrize("text", [None, 3, b"1 2", [[1, 2]], float("nan")])
def test_what_is_no_text_is_refused_by_name(text):
    with pytest.raises(InputError, match="text is of type"):
        parse_matrix(text)
    with pytest.raises(InputError, match="text is of type"):
        parse_cells([[text]])


@pytest.mark.parametrize("side", [0, -1, 1.5, None, "2", True])
def test_a_largest_side_that_is_none_is_refused(side):
    with pytest.raises(InputError, match="max_side is"):
        parse_matrix("1 2", max_side=side)


def test_ten_thousand_entries_are_read():
    A = parse_matrix("\n".join(["1 2 3 4 5 6 7 8 9 0 " * 10] * 100), max_side=100)
    assert len(A) == len(A[0]) == 100


@settings(max_examples=200, deadline=None)
@given(matrices())
def test_compact_text_reads_back_as_the_same_matrix(A):
    assert parse_matrix(compact(A)) == A


def test_any_text_is_a_matrix_or_one_clear_error():
    def is_read_back(text, A):
        assert 1 <= len(A) <= 12
        assert 1 <= len(A[0]) <= 12
        assert parse_matrix(compact(A)) == A

    texts = st.text(alphabet="0123456789.,;/-+e []{}()\\&|\n\tfrac=", max_size=60)
    taken_or_refused(texts, parse_matrix, is_read_back, refusal=InputError, examples=400)
