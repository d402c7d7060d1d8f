"""What a notebook shows of a step, a derivation and a solution: the mathematics that they are."""

from fractions import Fraction
from itertools import pairwise

from lowrank.exact import Derivation, exact, least_squares, scale, solve, steps, steps_mod, swap
from lowrank.exact.notation import latex_matrix, to_latex

A = exact([[2, 4], [3, 7]])


def test_a_step_is_the_matrix_before_and_after_with_the_operation_between():
    (step,) = steps(A)
    before, after = latex_matrix(A), latex_matrix(exact([[2, 4], [0, 1]]))
    arrow = r"\xrightarrow{R_{2} \leftarrow R_{2} - \frac{3}{2} R_{1}}"
    assert step._repr_latex_() == f"${before} {arrow} {after}$"


def test_a_step_on_the_way_starts_from_the_matrix_at_its_place():
    path = list(steps(A, reduced=True))
    for before, step in pairwise(path):
        shown = step._repr_latex_()
        assert shown.startswith(f"${latex_matrix(before.matrix)} ")
        assert shown.endswith(f" {latex_matrix(step.matrix)}$")
        assert step.op.latex() in shown


def test_ones_own_step_is_shown_alike():
    own = Derivation(A).do(scale(0, 5)).last
    assert own._repr_latex_() == (
        rf"${latex_matrix(A)} \xrightarrow{{R_{{1}} \leftarrow 5 R_{{1}}}} "
        rf"{latex_matrix(exact([[10, 20], [3, 7]]))}$"
    )


def test_a_derivation_is_shown_up_to_where_one_stands():
    d = Derivation(A).do(swap(0, 1)).do(scale(0, Fraction(1, 3))).undo()
    assert d._repr_latex_() == to_latex(A, [swap(0, 1)])


def test_a_solution_is_a_vector_and_the_free_unknowns_times_theirs():
    one = solve([[1, 1], [1, -1]], [4, 2])
    assert one._repr_latex_() == f"$x = {column(3, 1)}$"
    many = solve([[1, 2, 0], [0, 0, 1]], [3, 5])
    assert many._repr_latex_() == f"$x = {column(3, 0, 5)} + x_{{2}} {column(-2, 1, 0)}$"
    assert solve([[1, 1], [1, 1]], [1, 2])._repr_latex_() == "$0 = 1$, so there is no solution"


def test_least_squares_are_every_x_the_projection_and_the_rest():
    found = least_squares([[1, 0], [1, 1], [1, 2]], [6, 0, 0])
    assert found._repr_latex_() == (
        f"$x = {column(5, -3)}$, $A x = {column(5, 2, -1)}$, $b - A x = {column(1, -2, 1)}$"
    )


def test_a_step_modulo_a_prime_is_its_operation_and_the_matrix_after_it():
    (step,) = steps_mod([[2, 1], [1, 1]], 3)
    after = latex_matrix(exact([[2, 1], [0, 2]]))
    assert step._repr_latex_() == rf"$\xrightarrow{{R_{{2}} \leftarrow R_{{2}} + R_{{1}}}} {after}$"


def column(*entries):
    return latex_matrix(exact([[x] for x in entries]))
