"""Entries with i and square roots: the field against sympy, and elimination over it."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.exact.derivation import Derivation
from lowrank.exact.elimination import rank, reduced_echelon, steps
from lowrank.exact.matrices import apply, exact, identity, product, transpose
from lowrank.exact.modular import rank_mod
from lowrank.exact.notation import to_code
from lowrank.exact.operations import parse_operation
from lowrank.exact.parsing import compact, parse_matrix
from lowrank.exact.projection import least_squares
from lowrank.exact.query import decode, encode
from lowrank.exact.subspaces import null_space
from lowrank.exact.surds import Surd, conjugate, root
from lowrank.exact.systems import cr, determinant, inverse, solve

SMALL = st.integers(-3, 3).map(Fraction) | st.fractions(-2, 2, max_denominator=3)
ROOTS = {"complex": (-1,), "radical": (2, 3), "both": (-1, 2)}


def numbers(kind):
    """Numbers a + b √p + … over one of the fields."""
    parts = [st.just(Fraction(1)), *(st.just(root(d)) for d in ROOTS[kind])]
    return st.tuples(*(SMALL for _ in parts)).map(
        lambda cs: sum(
            (c * r for c, r in zip(cs, (1, *map(root, ROOTS[kind])), strict=True)), Fraction(0)
        )
    )


def sympys(x):
    if isinstance(x, Fraction):
        return sympy.Rational(x)
    return sum(
        sympy.Rational(c) * sympy.prod([sympy.sqrt(p) for p in key]) for key, c in x.terms.items()
    )


@st.composite
def matrices(draw, kind, square=False):
    m = draw(st.integers(1, 3))
    n = m if square else draw(st.integers(1, 3))
    grid = lambda a, b: exact([[draw(numbers(kind)) for _ in range(b)] for _ in range(a)])  # noqa: E731
    r = draw(st.integers(1, min(m, n)))
    return grid(m, n) if draw(st.booleans()) else product(grid(m, r), grid(r, n))


KINDS = pytest.mark.parametrize("kind", ROOTS)


@KINDS
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_field_is_sympys(kind, data):
    x, y = data.draw(numbers(kind)), data.draw(numbers(kind))
    a, b = sympys(x), sympys(y)
    pairs = [(x + y, a + b), (x - y, a - b), (x * y, a * b), (2 * x - 1, 2 * a - 1)]
    pairs += [(x / y, a / b)] if y else []
    for ours, theirs in pairs:
        assert sympy.radsimp(sympy.expand(sympys(ours) - theirs)).equals(0)
    assert (x == y) == (sympy.expand(a - b) == 0)
    assert sympy.expand(sympys(conjugate(x)) - sympy.conjugate(a)) == 0
    assert not y or (1 / (1 / y) == y and hash(1 / (1 / y)) == hash(y))


@KINDS
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_the_reduced_form_and_rank_are_those_of_sympys_algebraic_field(kind, data):
    A = data.draw(matrices(kind))
    K = sympy.QQ.algebraic_field(*(sympy.sqrt(d) for d in ROOTS[kind]))
    entries = [[K.from_sympy(sympys(x)) for x in row] for row in A]
    R, columns = sympy.polys.matrices.DomainMatrix(entries, (len(A), len(A[0])), K).rref()
    ours = reduced_echelon(A)
    assert [[K.from_sympy(sympys(x)) for x in row] for row in ours] == R.to_list()
    assert rank(A) == len(columns)


@KINDS
@settings(max_examples=15, deadline=None)
@given(st.data(), st.sampled_from(["textbook", "ones"]))
def test_steps_solutions_and_factors_hold(kind, data, style):
    A = data.draw(matrices(kind))
    current = A
    for step in steps(A, True, style):
        current = apply(step.op, current)
        assert step.matrix == current
        assert step.why
        assert step.detail
    assert current == reduced_echelon(A)
    for v in null_space(A):
        assert not any(map(any, product(A, transpose((v,)))))
    found = cr(A)
    assert not found.columns or product(found.C, found.R) == A
    x = tuple(data.draw(numbers(kind)) for _ in A[0])
    b = [row[0] for row in product(A, transpose((x,)))]
    some = solve(A, b).particular
    assert [row[0] for row in product(A, transpose((some,)))] == b
    d = Derivation(A, reduced=True, style=style).whole
    assert decode(encode(d)) == d


@KINDS
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_square_matrices_have_their_inverse_and_determinant(kind, data):
    A = data.draw(matrices(kind, square=True))
    value = determinant(A).value
    S = sympy.Matrix([[sympys(x) for x in row] for row in A])
    assert sympy.expand(S.det(method="berkowitz") - sympys(value)) == 0
    if value:
        assert product(A, inverse(A)) == identity(len(A))


@KINDS
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_the_residual_is_orthogonal_in_the_complex_sense(kind, data):
    A = data.draw(matrices(kind))
    found = least_squares(A, [data.draw(numbers(kind)) for _ in A])
    for column in transpose(A):
        assert not sum(
            (conjugate(a) * e for a, e in zip(column, found.residual, strict=True)), Fraction(0)
        )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1+2i, sqrt(8)", "1+2i,2√2"),
        (
            r"\begin{bmatrix} \sqrt{2} & 1-i \\ \frac{\sqrt3}{2} & i^2 \end{bmatrix}",
            "√2,1-i;√3/2,-1",
        ),
        ("(1+2j)/(1-j) 2√2", "-1/2+3i/2,2√2"),
        ("sqrt(1/2) sqrt(-3); √4 2I", "√2/2,i√3;2,2i"),
    ],
)
def test_what_is_typed_is_read_and_kept_in_a_link(text, shown):
    A = parse_matrix(text)
    assert compact(A) == shown
    assert parse_matrix(shown) == A


@KINDS
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_numbers_of_python_and_sympy_are_read_by_value(kind, data):
    A = data.draw(matrices(kind))
    assert exact(sympy.Matrix([[sympys(x) for x in row] for row in A])) == A
    assert exact([[str(x) for x in row] for row in A]) == A
    whole = [[complex(k, -j) / 2 for k in range(3)] for j in range(2)]
    assert exact(np.array(whole)) == exact(whole)
    assert exact(whole)[1][2] == 1 - root(-1) / 2


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("R2 - sqrt(2) R1", "R2 ← R2 − √2 R1"),
        (r"R_2 \leftarrow R_2 + \frac{\sqrt{3}}{2} R_1", "R2 ← R2 + √3/2 R1"),
        ("R2 / sqrt(2)", "R2 ← √2/2 R2"),
        ("(1 + i)R1 + R2", "R2 ← R2 + (1 + i) R1"),
        ("II - 2i I", "R2 ← R2 − 2i R1"),
        ("multiply row 2 by (1+sqrt(5))/2", "R2 ← (1/2 + √5/2) R2"),
        ("A[1] -= np.sqrt(2)*A[0]", "R2 ← R2 − √2 R1"),
    ],
)
def test_operations_have_factors_with_roots_in_links_and_programs_too(text, written):
    op = parse_operation(text, 2)
    assert str(op) == written
    assert parse_operation(written, 2) == op
    d = Derivation(exact([[1, 2], ["√3", "1+i"]])).do(op)
    assert decode(encode(d)) == d
    code = to_code(d.start, d.ops)
    assert parse_operation(code.splitlines()[-3].partition("#")[0], 2) == op
    namespace: dict = {}
    exec(code, namespace)
    assert namespace["A"] == d.matrix


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: parse_operation("R2 - sqrt(R1)", 2), "of a row"),
        (lambda: parse_operation("R2 - sqrt(sqrt(2)) R1", 2), "root of a root"),
        (lambda: parse_operation("i", 2), "no row operation"),
        (lambda: parse_operation("swap(0, i)", 2), "no row operation"),
        (lambda: decode("m=1;2&ops=v1.M2(1/0)"), "The factor of move 1 of the link"),
        (lambda: decode("m=1;2&ops=v1.M2(0)"), "must not be 0"),
        (lambda: decode("m=1;2&ops=v1.M2(x)"), "not a finite number"),
        (
            lambda: Derivation(exact([[1, 2]]), style="whole").do(parse_operation("√2 R1", 1)),
            "choose another style",
        ),
        (lambda: exact(sympy.Matrix([[sympy.pi]])), "Row 1, column 1"),
        (lambda: exact([[sympy.sqrt(sympy.sqrt(2) + 1)]]), "Row 1, column 1"),
        (lambda: exact([[complex("nan")]]), "not a finite number"),
        (lambda: parse_matrix("1 x"), "roots like sqrt\\(2\\) and complex numbers like 1\\+2i"),
        (lambda: parse_matrix("sin(1)"), "is not a square root: “sin\\(…\\)”"),
        (lambda: parse_matrix("pi"), "is not a number"),
        (lambda: parse_matrix("sqrt(1+sqrt(2))"), "is a root of a root"),
        (lambda: parse_matrix("sqrt(10000000019)"), "is too large"),
        (lambda: rank_mod([[root(2)]], 5), "fractions only; the matrix holds √2"),
        (
            lambda: list(steps([[root(2)], [1]], style="whole")),
            "Whole numbers throughout need fractions",
        ),
        (lambda: root(2) * root(3) * root(5) * root(7) * root(11), "More than 4 different roots"),
    ],
)
def test_what_is_not_reckoned_with_is_refused_by_name(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_numbers_cannot_be_changed_and_read_well():
    x = root(2)
    with pytest.raises(AttributeError):
        x.terms = {}
    assert repr(x) == "Surd(√2)"
    assert isinstance(x, Surd)
    assert [str(step.op) for step in steps([[1, root(-1)], [1 + root(-1), 3]])] == [
        "R2 ← R2 − (1 + i) R1"
    ]
