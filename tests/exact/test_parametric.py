"""Matrices with letters: exactly one case applies to any values, and its rank is the exact one."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from sympy import QQ, Matrix, Poly, sqrt, symbols
from sympy.polys.matrices import DomainMatrix

from lowrank.errors import InputError
from lowrank.exact.elimination import pivots, rank
from lowrank.exact.expressions import expanded, parse_parametric, written
from lowrank.exact.parametric import case_table, cases, solvability
from lowrank.exact.regions import MAX_WORK, PER_QUOTIENT, Region, _Work
from tests.outcomes import taken_or_refused

ONE = ["a", "1", "0", "2", "a-1", "a+1", "-a", "2a", "a^2", "a^2-1", "(a-2)/3", "a^2-2", "1/a"]
THREE = ["a", "b", "c", "1", "0", "-1", "a+b", "b-c", "2c", "a-1", "ab", "b^2", "c/2", "1/(a-b)"]
VALUES = st.sampled_from(
    [Fraction(v) for v in ("0", "1", "-1", "2", "-2", "3", "1/2", "-5/3", "7")]
)


def grids(entries, most):
    sizes = st.tuples(st.integers(1, most), st.integers(1, most))
    return sizes.flatmap(
        lambda size: st.lists(
            st.lists(st.sampled_from(entries), min_size=size[1], max_size=size[1]),
            min_size=size[0],
            max_size=size[0],
        )
    ).map(lambda rows: ";".join(",".join(row) for row in rows))


def agrees(A, found, values):
    """One case and one line of the table apply, and both have the rank that counting gives."""
    numbers = A.at(values)
    expected = None if numbers is None else rank(numbers)
    (case,) = [c for c in found if c.region.holds(values)]
    assert case.rank == expected
    table = case_table(found)
    held = {line.rank for line in table if any(r.holds(values) for r in line.regions)}
    assert held == {expected}
    if numbers is not None and numbers[0]:
        assert case.pivots == pivots(numbers)


@settings(max_examples=80, deadline=None)
@given(grids(ONE, 4), VALUES)
def test_with_one_letter_every_rational_value_has_its_case(text, value):
    A = parse_parametric(text)
    found = cases(A)
    agrees(A, found, {"a": value})
    for case in found:  # and the special values themselves
        for p in case.region.zeros:
            for root in Poly(p.as_expr(), symbols("a")).ground_roots():
                agrees(A, found, {"a": Fraction(int(root.p), int(root.q))})


@settings(max_examples=40, deadline=None)
@given(grids(THREE, 3), VALUES, VALUES, VALUES)
def test_with_three_letters_every_value_has_its_case(text, a, b, c):
    A = parse_parametric(text)
    try:
        found = cases(A)
    except InputError:  # a bound on work, not a wrong answer
        reject()
    agrees(A, found, {"a": a, "b": b, "c": c})
    agrees(A, found, {"a": a, "b": a, "c": b})
    agrees(A, found, {"a": a, "b": -a, "c": a})


@settings(max_examples=30, deadline=None)
@given(grids(["a^2-2", "a", "2", "1", "a-1"], 3))
def test_at_irrational_values_the_rank_is_sympys(text):
    A = parse_parametric(text.replace("a-1", "a^2-a-1"))
    K = QQ.algebraic_field(sqrt(2))
    for case in cases(A):
        if [str(p) for p in case.region.zeros] == ["a**2 - 2"]:
            numbers = Matrix([[x.as_expr().subs("a", sqrt(2)) for x in row] for row in A.rows])
            assert DomainMatrix.from_Matrix(numbers).convert_to(K).rank() == case.rank


@settings(max_examples=40, deadline=None)
@given(grids(ONE, 3))
def test_the_steps_of_a_case_lead_to_its_echelon_form(text):
    A = parse_parametric(text)
    for case in cases(A):
        assert in_echelon_form(case.matrix) or not case.exists
        if case.moves:
            assert case.moves[-1].matrix == case.matrix
        assert all(move.operation and move.why for move in case.moves)


def in_echelon_form(rows) -> bool:
    """Whether each row's first non-zero entry is right of the one above, zero rows last."""
    leads = [next((j for j, x in enumerate(row) if x), len(row)) for row in rows]
    return all(a < b or a == b == len(rows[0]) for a, b in pairwise(leads))


@settings(max_examples=50, deadline=None)
@given(grids(ONE[:-1], 3), VALUES)
def test_solvability_is_by_the_ranks_with_and_without_the_last_column(text, value):
    A = parse_parametric(";".join(f"{row},a" for row in text.split(";")))
    found, n = cases(A), len(A.rows[0]) - 1
    numbers = A.at({"a": value})
    left = rank([row[:n] for row in numbers])
    says = "no" if rank(numbers) > left else "exactly one" if left == n else "infinitely many"
    lines = solvability(found, n)
    held = [line for line in lines if any(r.holds({"a": value}) for r in line.regions)]
    assert {(line.what.startswith(says), line.rank) for line in held} == {(True, left)}


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("a 1 1; 1 a 1; 1 1 a", [(1, "a = 1"), (2, "a = −2"), (3, "every other a")]),
        ("a b; b a", [(0, "a = 0 and b = 0"), (1, "a = b"), (2, "a ≠ b and a ≠ −b")]),
        ("k-1 2; 2 k+2", [(1, "k = 2; or k = −3"), (2, "every other k")]),
        ("k 1; 1 k+1", [(1, "k = −1/2 ± 1/2 √5"), (2, "every other k")]),
        ("a 1; -1 a", [(1, "a = ±i (not real)"), (2, "every other a")]),
        ("a 1; 2 a", [(1, "a = ±√2"), (2, "every other a")]),
        ("a^3-a-1", [(0, "a³ − a − 1 = 0 (real: a ≈ 1.325)"), (1, "every other a")]),
        ("1 2; 2 4", [(1, "always")]),
        ("t/t t", [(1, "every other t"), (None, "t = 0")]),
    ],
)
def test_known_case_tables(text, table):
    lines = case_table(cases(parse_parametric(text)))
    assert len(lines) == len(table)
    for line, (expected, when) in zip(
        sorted(lines, key=lambda line: (line.rank is None, line.rank or 0)), table, strict=True
    ):
        assert line.rank == expected
        assert line.when.startswith(when)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("k - 1", "k − 1"),
        ("2t", "2t"),
        ("(a^2-1)/2", "1/2 (a + 1)(a − 1)"),
        ("−a·b", "−ab"),
        ("a²", "a²"),
        ("0.5a", "1/2 a"),
        ("(a+1)^2/(2b)", "(a + 1)²/(2b)"),
        ("2/-4", "−1/2"),
        ("λ-1", "λ − 1"),
    ],
)
def test_entries_are_read_as_people_write_them(typed, shown):
    assert written(parse_parametric(typed).rows[0][0]) == shown
    assert written(parse_parametric(typed + ", 1").rows[0][0]) == shown


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.sampled_from(["a", "b", "1", "2", "0.5"]),
        lambda inner: st.builds("({}{}{})".format, inner, st.sampled_from("+-*"), inner),
        max_leaves=4,
    ),
    VALUES,
    VALUES,
)
def test_what_is_read_has_the_value_that_python_gives_it(text, a, b):
    x = parse_parametric(text).at({"a": a, "b": b})[0][0]
    assert x == eval(text.replace("0.5", "Fraction(1, 2)"), {"a": a, "b": b, "Fraction": Fraction})


@settings(max_examples=40, deadline=None)
@given(grids(THREE, 3))
def test_what_is_written_is_read_back(text):
    A = parse_parametric(text)
    # After a comma a blank: in "1,1/2 c" it could be a decimal point, which is asked about.
    again = parse_parametric(";".join(", ".join(map(written, row)) + "," for row in A.rows))
    assert [[x.as_expr() for x in r] for r in again.rows] == [
        [x.as_expr() for x in r] for r in A.rows
    ]
    assert all(expanded(x.numer) for row in A.rows for x in row)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "no matrix yet"),
        ("a b; 1", "Row 2 has 1 entry but row 1 has 2"),
        ("1, 2+; 3, 4", "Row 1, column 2: “2\\+” breaks off"),
        ("a?", "“\\?” has no place"),
        ("__import__('os')", "is no number"),
        ("a.b", "“a.b” is no expression"),
        ("sin(x)", "“sin\\(…\\)” has no place"),
        ("a b; c d", "4 letters"),
        ("(a", "do not close"),
        ("a)", "do not close"),
        ("a2", "write 2a, a\\^2"),
        ("1/(a-a)", "divides by zero"),
        ("a^5", "degree above 4"),
        ("a^b", "whole number"),
        ("(((9^9)^9)^9)^9", "too long"),
        ("9" * 40, "more than 20 digits"),
        ("a+" * 40 + "a", "over 60"),
        ("1 " * 6, "6 entries in row 1; with letters, at most 5 × 5"),
        ("1 " * 3000, "at most 2,000"),
        ("a^2+b*c,1,2,a;b,c^2+1,a,2;c,a+1,b,1;a,b,c,abc", "too involved"),
    ],
)
def test_what_cannot_be_read_or_solved_is_said(typed, said):
    with pytest.raises(InputError, match=said):
        cases(parse_parametric(typed))


def test_any_text_is_a_matrix_or_an_error_of_ours():
    def is_read_back(text, found):
        assert len({len(row) for row in found.rows}) == 1
        again = parse_parametric("; ".join(", ".join(map(str, row)) + "," for row in found.rows))
        assert [list(map(str, row)) for row in again.rows] == [
            list(map(str, row)) for row in found.rows
        ]

    signs = st.text("ab12+-*/^(),; .=[]\\&{}", max_size=3)
    texts = st.text(max_size=20) | st.builds("{}{}".format, grids(THREE, 3), signs)
    taken_or_refused(texts, parse_parametric, is_read_back, refusal=InputError, examples=100)


def test_a_difference_that_is_never_0_is_taken_as_pivot_rather_than_splitting():
    found = cases(parse_parametric("a 1; a+1 2"))
    assert [line.rank for line in case_table(found)] == [1, 2]
    assert found[0].moves[0].operation == "R2 ← R2 − R1"
    assert "never 0" in found[0].moves[0].why
    assert len(cases(parse_parametric("a^2 1; a+1 b"))) == 2


def test_the_work_done_is_counted_and_the_same_every_time():
    left = set()
    for _ in range(2):
        found = cases(parse_parametric("b 0 2 a; b a b a; b b-a b 2; a a+1 a+1 a+1"))
        case_table(found)
        left.add(found[0].region.work.left)
    assert len(left) == 1
    assert 0 < left.pop() < MAX_WORK


def test_long_coefficients_are_work_too(monkeypatch):
    words = []
    quotient = _Work._quotient

    def seen(work, x, y):
        parts = [z for a in (x, y) for z in (a.numerator, a.denominator)]
        words.append(max(map(int.bit_length, parts)) / 64)
        return quotient(work, x, y)

    monkeypatch.setattr(_Work, "_quotient", seen)
    growing = "3b,a,-1,-3,3;b,a,-3,1,a;b-2,a,a,b+2,0;a-1,3a,-3,a,b;-2,3,b+3,b,a"
    with pytest.raises(InputError, match="too involved"):
        cases(parse_parametric(growing))
    assert 0 < sum(x * x for x in words) < 2 * MAX_WORK / PER_QUOTIENT


def test_polynomials_with_long_coefficients_are_not_factored():
    a, b = (x.numer for x in parse_parametric("a b").rows[0])
    work = Region.of("ab").work
    assert set(work.factors([2**500 * a * b - 2 * a])) == {a, b - Fraction(1, 2**499)}
    with pytest.raises(InputError, match="too involved"):
        work.factors([a * b - b - Fraction(1, 2**600)])
