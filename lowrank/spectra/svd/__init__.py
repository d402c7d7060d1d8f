"""The singular value decomposition: full, of a product, the whole spectrum with bounds, and the
top k of a large matrix with a certificate of how good they are.

>>> truncate([[3.0, 0.0], [4.0, 0.0]], 1).svd.s.tolist()
[5.0]
"""

from lowrank.spectra.svd.certificate import Certificate
from lowrank.spectra.svd.checks import (
    Floats,
    checked_matrix,
    checked_rank,
    checked_spectrum,
    frobenius,
    real_matrix,
)
from lowrank.spectra.svd.dense import (
    SVD,
    Norm,
    break_even_rank,
    energies,
    energy,
    full,
    of_product,
    parameters,
    residual_norm,
    truncation_error,
    with_fixed_signs,
)
from lowrank.spectra.svd.truncation import Truncation, truncate
from lowrank.spectra.svd.values import Spectrum, singular_values

__all__ = [
    "SVD",
    "Certificate",
    "Floats",
    "Norm",
    "Spectrum",
    "Truncation",
    "break_even_rank",
    "checked_matrix",
    "checked_rank",
    "checked_spectrum",
    "energies",
    "energy",
    "frobenius",
    "full",
    "of_product",
    "parameters",
    "real_matrix",
    "residual_norm",
    "singular_values",
    "truncate",
    "truncation_error",
    "with_fixed_signs",
]
