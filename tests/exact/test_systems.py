"""Factorisations, inverses and solutions: checked by multiplying out, and against sympy."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Matrix as SympyMatrix
from sympy import Rational

from lowrank.errors import InputError
from lowrank.exact.elimination import echelon, rank, steps
from lowrank.exact.geometry import dot
from lowrank.exact.matrices import apply, exact, identity, product, transpose
from lowrank.exact.subspaces import fundamental, null_space
from lowrank.exact.systems import (
    augmented,
    cr,
    determinant,
    elementary_product,
    inverse,
    plu,
    solve,
)
from tests.exact.test_elimination import matrices, oracle

SMALL = st.integers(-4, 4).map(Fraction)


@st.composite
def squares(draw):
    """Square matrices of 1 to 5 rows, many of them singular."""
    n = draw(st.integers(1, 5))
    row = st.lists(st.integers(-3, 3), min_size=n, max_size=n)
    return exact(draw(st.lists(row, min_size=n, max_size=n)))


def sympys(A):
    return SympyMatrix([[Rational(x.numerator, x.denominator) for x in row] for row in A])


@settings(max_examples=300, deadline=None)
@given(matrices())
def test_p_a_is_l_u(A):
    found = plu(A)
    m = len(A)
    assert product(found.P, A) == product(found.L, found.U)
    assert tuple(A[i] for i in found.permutation) == product(found.P, A)
    assert sorted(found.permutation) == list(range(m))
    assert all(found.L[i][j] == int(i == j) for i in range(m) for j in range(i, m))
    assert echelon(A) == found.U


@settings(max_examples=200, deadline=None)
@given(squares())
def test_the_determinant_is_sympys_and_decides_whether_an_inverse_exists(A):
    found = determinant(A)
    value = sympys(A).det()
    assert Rational(found.value.numerator, found.value.denominator) == value
    assert found.how.startswith("det A = ")
    if value == 0:
        with pytest.raises(InputError, match=f"its rank is {rank(A)}, and"):
            inverse(A)
        return
    inverted = inverse(A)
    assert product(A, inverted) == product(inverted, A) == identity(len(A))
    reduced = list(steps(augmented(A, identity(len(A))), reduced=True))
    assert not reduced or reduced[-1].matrix == augmented(identity(len(A)), inverted)


@settings(max_examples=200, deadline=None)
@given(matrices(), st.booleans())
def test_elementary_matrices_multiply_to_what_the_operations_do(A, reduced):
    path = list(steps(A, reduced))
    ops, end = [step.op for step in path], path[-1].matrix if path else A
    E = identity(len(A))
    for op in ops:
        E = product(op.elementary(len(A)), E)
    assert elementary_product(ops, len(A)) == E
    assert product(E, A) == end


@st.composite
def systems(draw):
    """A and b, half of them solvable on purpose."""
    A = draw(matrices())
    count = len(A[0]) if (solvable := draw(st.booleans())) else len(A)
    x = draw(st.lists(SMALL, min_size=count, max_size=count))
    return A, [row[0] for row in product(A, [[v] for v in x])] if solvable else x


@settings(max_examples=400, deadline=None)
@given(systems(), st.lists(SMALL, min_size=8, max_size=8))
def test_every_solution_solves_and_no_other_does(system, chosen):
    A, b = system
    found = solve(A, b)
    n, both = len(A[0]), augmented(A, [[x] for x in b])
    r, consistent = rank(A), rank(A) == rank(both)  # Rouché and Capelli
    assert found.kind == ("none" if not consistent else "unique" if r == n else "infinitely many")
    current = both
    for step in found.steps:
        current = apply(step.op, current)
    if not consistent:
        assert found.particular is None
        assert found.contradiction in current
        assert not any(found.contradiction[:-1])
        assert found.contradiction[-1] != 0
        assert str(found).startswith("0 = ")
        return
    assert current == oracle(both)[0]
    assert found.null_basis == null_space(A)
    assert len(found.free) == n - r
    x = list(found.particular)
    for factor, v in zip(chosen, found.null_basis, strict=False):
        x = [a + factor * c for a, c in zip(x, v, strict=True)]
    assert [row[0] for row in product(A, [[v] for v in x])] == b
    assert [x[j] for j in found.free] == chosen[: len(found.free)]


def test_the_ways_a_system_can_end_read_as_on_the_blackboard():
    assert str(solve([[1, 2, 0], [0, 0, 1]], [3, "1/2"])) == "x1 = 3 − 2 x2, x2 free, x3 = 1/2"
    assert str(solve([[2, 0], [0, -1]], [0, 1])) == "x1 = 0, x2 = −1"
    found = solve([[1, 1], [2, 2]], [1, 5])
    assert (found.kind, found.contradiction) == ("none", (0, 0, 3))
    assert str(solve([[0]], [2])) == "0 = 2"


def test_how_a_determinant_comes_about():
    assert determinant([[2, 1], [0, -3]]).how == "det A = 2 · (−3) = −6 (no swaps)"
    assert determinant([[5]]).how == "det A = 5 (no swaps)"
    assert determinant([[0, 1], [-2, 3]]).how == "det A = −1 · (−2) · 1 = 2 (1 swap)"
    assert "dependent" in determinant([[1, 1], [1, 1]]).how


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: determinant([[1, 2, 3], [4, 5, 6]]), "2 × 3: only a square one has a determinant"),
        (lambda: inverse([[1], [2]]), "2 × 1: only a square one has an inverse"),
        (lambda: inverse([[1, 2], [2, 4]]), "its rank is 1, and a 2 × 2 matrix needs 2"),
        (lambda: solve([[1], [2]], [1]), "b has 1 of the 2 entries it needs"),
        (lambda: solve([[1], [2]], [1, "y"]), "'y' is not a finite number"),
        (lambda: augmented([[1]], [[1], [2]]), "equally many rows, not 1 and 2"),
    ],
)
def test_what_cannot_be_is_said(make, words):
    with pytest.raises(InputError, match=words):
        make()


@settings(max_examples=200, deadline=None)
@given(matrices())
def test_the_four_subspaces_have_their_dimensions_and_complement_each_other(A):
    m, n = len(A), len(A[0])
    found = fundamental(A)
    r = rank(A)
    spaces = (found.column, found.left_null, found.row, found.null)
    assert [s.ambient for s in spaces] == [m, m, n, n]
    assert [s.dimension for s in spaces] == [r, m - r, r, n - r]
    for U, V in found.orthogonal_pairs:
        assert all(dot(u, v) == 0 for u in U.basis for v in V.basis)
        assert all(len(v) == U.ambient for v in (*U.basis, *V.basis))
        assert rank([*U.basis, *V.basis]) == U.ambient  # so together they span all of it
    assert all(rank([*A, v]) == r for v in found.row.basis)
    assert all(rank(augmented(A, transpose([v]))) == r for v in found.column.basis)
    assert f"= {n} = n" in found.identities[1]


@settings(max_examples=1000, deadline=None)
@given(matrices())
def test_a_is_c_times_r(A):
    found = cr(A)
    m, n, r = len(A), len(A[0]), rank(A)
    assert [len(found.C), len(found.C[0]), len(found.R)] == [m, r, r]
    assert tuple(tuple(row[j] for j in found.columns) for row in A) == found.C
    R, columns = oracle(A)
    assert (found.R, found.columns) == (R[:r], columns)
    assert product(found.C, found.R) == A if r else not any(map(any, A))
    assert all(len(row) == n for row in found.R)
