"""Singular values and what follows from them.

Decompositions: `full` and `of_product` give every triplet, `truncate` the top k of a large matrix
with a certificate, `singular_values` the whole spectrum with bounds. What rank k costs:
`truncation_error`, `residual_norm`, `energy`, `parameters`, `break_even_rank`. How many directions
count: `numerical_rank`, `stable_rank`, `effective_rank`, `rank_at_energy`, and `random_spectrum` to
compare them with. Missing entries: `complete`, or `als` and `soft_impute` step by step, judged by
what `split` held out. `pca` is the SVD of centred rows.

>>> F = full([[3.0, 0.0], [0.0, 4.0]])
>>> F.s.tolist(), stable_rank(F.s)
([4.0, 3.0], 1.5625)
"""

from lowrank.spectra.completion import als, complete, finish, soft_impute
from lowrank.spectra.components import PCA, pca
from lowrank.spectra.measures import (
    cosines,
    effective_rank,
    numerical_rank,
    random_cosines,
    random_spectrum,
    rank_at_energy,
    similarity,
    stable_rank,
)
from lowrank.spectra.phase_transition import phase
from lowrank.spectra.recovery import Completion, mean_fill, needed_fraction, relative_error, split
from lowrank.spectra.svd import (
    SVD,
    Certificate,
    Spectrum,
    Truncation,
    break_even_rank,
    energy,
    frobenius,
    full,
    of_product,
    parameters,
    residual_norm,
    singular_values,
    truncate,
    truncation_error,
)

__all__ = [
    "PCA",
    "SVD",
    "Certificate",
    "Completion",
    "Spectrum",
    "Truncation",
    "als",
    "break_even_rank",
    "complete",
    "cosines",
    "effective_rank",
    "energy",
    "finish",
    "frobenius",
    "full",
    "mean_fill",
    "needed_fraction",
    "numerical_rank",
    "of_product",
    "parameters",
    "pca",
    "phase",
    "random_cosines",
    "random_spectrum",
    "rank_at_energy",
    "relative_error",
    "residual_norm",
    "similarity",
    "singular_values",
    "soft_impute",
    "split",
    "stable_rank",
    "truncate",
    "truncation_error",
]
