"""Dependencies and null spaces hold exactly, and dimensions add up."""

from fractions import Fraction

from hypothesis import given, settings
from sympy import Matrix as SympyMatrix
from sympy import Rational

from lowrank.exact.elimination import rank
from lowrank.exact.matrices import product, transpose
from lowrank.exact.subspaces import dependencies, independent_rows, null_space, rank_nullity
from tests.exact.test_elimination import matrices


@settings(max_examples=300, deadline=None)
@given(matrices())
def test_each_dependent_row_is_the_combination_claimed(A):
    basis = independent_rows(A)
    found = dependencies(A)
    assert rank([A[i] for i in basis] or [[0]]) == len(basis) == rank(A)
    assert sorted([*basis, *(d.row for d in found)]) == list(range(len(A)))
    for dependency in found:
        total = [Fraction(0)] * len(A[0])
        for coefficient, row in dependency.terms:
            assert row in basis
            total = [t + coefficient * x for t, x in zip(total, A[row], strict=True)]
        assert tuple(total) == A[dependency.row]


@settings(max_examples=300, deadline=None)
@given(matrices())
def test_null_space_is_sent_to_zero_and_is_as_large_as_it_must_be(A):
    basis = null_space(A)
    counted = rank_nullity(A)
    assert (counted.rank, counted.nullity) == (rank(A), len(basis))
    assert counted.rank + counted.nullity == counted.columns == len(A[0])
    if basis:
        assert not any(any(row) for row in product(A, transpose(basis)))
        assert rank(basis) == len(basis)


def test_null_space_is_sympys():
    A = [[1, 2, 0, 3], [0, 0, 1, 4], [1, 2, 1, 7]]
    expected = [tuple(v) for v in SympyMatrix(A).nullspace()]
    assert [tuple(Rational(x.numerator, x.denominator) for x in v) for v in null_space(A)] == (
        expected
    )


def test_dependencies_read_as_on_the_blackboard():
    A = [[1, 0, 2], [0, 1, 1], [2, -1, 3], [0, 0, 0], [-1, 0, -2], ["1/2", 3, 4]]
    assert [str(d) for d in dependencies(A)] == [
        "R3 = 2 R1 − R2",
        "R4 = 0",
        "R5 = −R1",
        "R6 = 1/2 R1 + 3 R2",
    ]
