"""Singular values and what follows from them: truncation, measures of rank, completion.

>>> F = full([[3.0, 0.0], [0.0, 4.0]])
>>> F.s.tolist(), stable_rank(F.s)
([4.0, 3.0], 1.5625)
"""

from lowrank.spectra.completion import (
    Completion,
    als,
    complete,
    finish,
    needed_fraction,
    soft_impute,
)
from lowrank.spectra.components import PCA, pca
from lowrank.spectra.measures import (
    effective_rank,
    numerical_rank,
    random_spectrum,
    rank_at_energy,
    similarity,
    stable_rank,
)
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
    singular_values,
    truncate,
    truncated,
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
    "effective_rank",
    "energy",
    "finish",
    "frobenius",
    "full",
    "needed_fraction",
    "numerical_rank",
    "of_product",
    "pca",
    "random_spectrum",
    "rank_at_energy",
    "similarity",
    "singular_values",
    "soft_impute",
    "stable_rank",
    "truncate",
    "truncated",
    "truncation_error",
]
