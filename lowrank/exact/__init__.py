"""Row reduction with nothing rounded: every step, and what the echelon form says about a matrix.

Matrices are tuples of rows of `Fraction`; whatever a person would type is read by `exact` (entries)
or `parse_matrix` (text).

>>> A = [["1/2", 1, 0], [1, 2, 1]]
>>> [str(step.op) for step in steps(A)]
['R2 ← R2 − 2 R1']
>>> rank(A), [str(x) for x in dependencies([[1, 2], [2, 4]])]
(2, ['R2 = 2 R1'])

- Matrices and row operations: `exact`, `parse_matrix`, `identity`, `transpose`, `product`; `swap`,
  `scale`, `add`, `parse_operation`, `apply`.
- Reducing: `steps`, `next_step`, `echelon`, `reduced_echelon`, `leading_columns`, `pivots`, `rank`,
  `is_echelon`, `is_reduced_echelon`; one's own way: `Derivation`, `explain_next`.
- What follows: `dependencies`, `independent_rows`, `null_space`, `rank_nullity`, `fundamental`,
  `solve`, `least_squares`, `augmented`, `inverse`, `determinant`, `plu`, `cr`; as flats of R^n:
  `column_space`, `kernel`.
- Other arithmetic: `eliminate` and `parting` for floating point; `steps_mod`, `echelon_mod`,
  `rank_mod`, `null_space_mod`, `solve_mod`, `inverse_mod`, `falling_primes` modulo a prime. Letters
  are in `lowrank.exact.parametric`, which loads sympy.
- Writing down: `to_latex`, `to_markdown`, `to_code`; steps, derivations and solutions show
  themselves as mathematics in a notebook.
"""

from lowrank.exact.derivation import Derivation
from lowrank.exact.elimination import (
    Step,
    echelon,
    leading_columns,
    next_step,
    pivots,
    rank,
    reduced_echelon,
    steps,
)
from lowrank.exact.floating import eliminate, parting
from lowrank.exact.geometry import Flat, column_space, kernel
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
from lowrank.exact.modular import (
    SolutionMod,
    echelon_mod,
    falling_primes,
    inverse_mod,
    null_space_mod,
    rank_mod,
    solve_mod,
    steps_mod,
)
from lowrank.exact.moves import explain_next, is_echelon, is_reduced_echelon, parse_operation
from lowrank.exact.notation import to_code, to_latex, to_markdown
from lowrank.exact.parsing import parse_matrix
from lowrank.exact.projection import LeastSquares, least_squares
from lowrank.exact.subspaces import (
    dependencies,
    fundamental,
    independent_rows,
    null_space,
    rank_nullity,
)
from lowrank.exact.systems import Solution, augmented, cr, determinant, inverse, plu, solve

__all__ = [
    "Derivation",
    "Flat",
    "LeastSquares",
    "Matrix",
    "RowOp",
    "Solution",
    "SolutionMod",
    "Step",
    "add",
    "apply",
    "augmented",
    "column_space",
    "cr",
    "dependencies",
    "determinant",
    "echelon",
    "echelon_mod",
    "eliminate",
    "exact",
    "explain_next",
    "falling_primes",
    "fundamental",
    "identity",
    "independent_rows",
    "inverse",
    "inverse_mod",
    "is_echelon",
    "is_reduced_echelon",
    "kernel",
    "leading_columns",
    "least_squares",
    "next_step",
    "null_space",
    "null_space_mod",
    "parse_matrix",
    "parse_operation",
    "parting",
    "pivots",
    "plu",
    "product",
    "rank",
    "rank_mod",
    "rank_nullity",
    "reduced_echelon",
    "scale",
    "solve",
    "solve_mod",
    "steps",
    "steps_mod",
    "swap",
    "to_code",
    "to_latex",
    "to_markdown",
    "transpose",
]
