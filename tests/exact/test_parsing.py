"""Every way a matrix is typed gives the same matrix; every way it goes wrong is named."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.exact.parsing import compact, parse_matrix, split_cells
from tests.exact.test_elimination import matrices

ONE_TO_FOUR = ((Fraction(1), Fraction(2)), (Fraction(3), Fraction(4)))


@pytest.mark.parametrize(
    "text",
    [
        "1 2\n3 4",
        "  1   2 \r\n\r\n 3 4\n",
        "1,2\n3,4\n",
        "1, 2,\n3, 4,",
        "1\t2\n3\t4",
        "1 2; 3 4",
        '"1","2"\n"3","4"',
        "[1,2;3,4]",
        "A = [1 2 ;\n 3 4 ;];",
        "[[1. 2.]\n [3. 4.]]",
        "[[1, 2], [3, 4],]",
        "array([[1, 2],\n       [3, 4]])",
        "A = np.array([[1, 2], [3, 4]], dtype=np.float64)",
        "Matrix([[1, 2], [3, 4]])",
        "((1, 2), (3, 4))",
        "{{1, 2}, {3, 4}}",
        r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}",
        r"$$\left[\begin{array}{cc} 1 & 2 \\[4pt] 3 & 4 \\ \end{array}\right]$$",
        r"\[ \begin{pmatrix} \frac{2}{2} & \dfrac42 \\ \tfrac{ 9 }{ 3 } & 4 \end{pmatrix} \]",
    ],
)
def test_formats(text):
    assert parse_matrix(text) == ONE_TO_FOUR


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
        (r"\begin{matrix} -\frac{3}{4} \end{matrix}", Fraction(-3, 4)),
        ("9" * 40, Fraction(10**40 - 1)),
        ("1e60", Fraction(10**60)),
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
        ("9" * 41, "Row 1, column 1: “99999999999999999999…” is too long: up to 40 digits"),
        ("1e61", "exponents up to ±60"),
        ("1/1e999999999", "exponents up to ±60"),
        ("10**10**9", "Row 1, column 1: “10\\*\\*10\\*\\*9” is not a number"),
        ("__import__('os').getcwd()", "is not a number"),
        ("1_000", "is not a number"),
        ("٣", "is not a number"),
        ("[1, 2", "brackets do not close"),
        ("[[1, 2], [3, 4]].T", "brackets do not close"),
        ("[[1, 2], x, [3, 4]]", "“x” stands outside"),
        ("\n".join(["1 " * 200] * 200), "This matrix is 200 × 200; at most 12 × 12"),
        ("1 " * 13, "1 × 13; at most 12 × 12"),
        ("1" * 2_000_000, "2,000,000 characters"),
    ],
)
def test_errors_name_the_place_and_the_text(text, named):
    with pytest.raises(InputError, match=named):
        parse_matrix(text)


@settings(max_examples=300, deadline=None)
@given(matrices())
def test_compact_text_reads_back_as_the_same_matrix(A):
    assert parse_matrix(compact(A), max_digits=400) == A


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="0123456789.,;/-+e []{}()\\&\n\tfrac", max_size=60))
def test_any_text_is_a_matrix_or_one_clear_error(text):
    A = parsed(text)
    if A is not None:
        assert 1 <= len(A) <= 12
        assert 1 <= len(A[0]) <= 12
        assert parse_matrix(compact(A), max_digits=4000) == A


def parsed(text):
    """The matrix, or None after one of our own errors; any other error goes through."""
    try:
        return parse_matrix(text)
    except InputError:
        return None


def test_cells_keep_what_was_typed():
    assert split_cells("0.10 x\n−2 3/6") == [["0.10", "x"], ["-2", "3/6"]]
    assert compact(split_cells("0.10 1e3\n−2 3/6")) == "0.10,1e3;-2,3/6"
