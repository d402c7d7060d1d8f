"""Row reduction with nothing rounded: every step, and what the echelon form says about a matrix.

Matrices are tuples of rows of `Fraction`; whatever a person would type is read by `exact` (entries)
or `parse_matrix` (text).

>>> A = [["1/2", 1, 0], [1, 2, 1]]
>>> [str(step.op) for step in steps(A)]
['R2 ← R2 − 2 R1']
>>> rank(A), [str(x) for x in dependencies([[1, 2], [2, 4]])]
(2, ['R2 = 2 R1'])
"""

from lowrank.exact.derivation import Derivation
from lowrank.exact.elimination import (
    Step,
    echelon,
    floating_echelon,
    leading_columns,
    next_step,
    pivots,
    rank,
    reduced_echelon,
    steps,
)
from lowrank.exact.matrices import (
    Matrix,
    RowOp,
    add,
    apply,
    exact,
    identity,
    product,
    scale,
    swap,
    transpose,
)
from lowrank.exact.modular import echelon_mod, rank_mod, steps_mod
from lowrank.exact.moves import explain_next, is_echelon, is_reduced_echelon, parse_operation
from lowrank.exact.notation import to_code, to_latex, to_markdown
from lowrank.exact.parsing import parse_matrix
from lowrank.exact.subspaces import dependencies, fundamental, null_space, rank_nullity
from lowrank.exact.systems import determinant, inverse, plu, solve

__all__ = [
    "Derivation",
    "Matrix",
    "RowOp",
    "Step",
    "add",
    "apply",
    "dependencies",
    "determinant",
    "echelon",
    "echelon_mod",
    "exact",
    "explain_next",
    "floating_echelon",
    "fundamental",
    "identity",
    "inverse",
    "is_echelon",
    "is_reduced_echelon",
    "leading_columns",
    "next_step",
    "null_space",
    "parse_matrix",
    "parse_operation",
    "pivots",
    "plu",
    "product",
    "rank",
    "rank_mod",
    "rank_nullity",
    "reduced_echelon",
    "scale",
    "solve",
    "steps",
    "steps_mod",
    "swap",
    "to_code",
    "to_latex",
    "to_markdown",
    "transpose",
]
