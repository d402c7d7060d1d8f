"""Truncating a Llama's projections, running what is left, and saving it: plans, ways, costs.

Plain truncation keeps W_k, the matrix nearest to W. Activation-aware truncation keeps the W'_k of
rank k whose outputs W'_k x are nearest to W x on a calibration text: inputs are far from round, so
the two differ, and what counts in a network is the output.

Wang et al., "SVD-LLM", arXiv 2403.07378 (2024), whiten by a Cholesky factor of the inputs' second
moment, which in single precision and undamped is often not positive definite (COALA, arXiv
2507.07580, never squares for that reason); here it is summed in float64 and damped, which bounds
its condition (`factors.triangle`). `fisher` weights the outputs too, by the gradients that come
back to them, and predicts what each rank costs in loss.

>>> import numpy as np
>>> from lowrank.llama.model import TINY, random
>>> params = random(TINY, np.random.default_rng(0))
>>> names = chosen(params, ["q_proj"])
>>> cut = operate(params, by_rank(params, names, 2), plain_factors(params))
>>> cost(cut).parameters < cost(params).parameters
True
"""

from lowrank.surgery.factor_store import FactorStore
from lowrank.surgery.factors import (
    DAMPING,
    Factors,
    Source,
    Usage,
    aware,
    aware_factors,
    plain,
    plain_factors,
    second_moments,
    usage,
    weighted,
)
from lowrank.surgery.operation import (
    Answers,
    Cost,
    Measured,
    Reading,
    answers,
    cost,
    operate,
    reading,
    sensitivity,
)
from lowrank.surgery.plans import (
    Plan,
    Rule,
    allocate,
    by_energy,
    by_fraction,
    by_rank,
    chosen,
    stored,
)
from lowrank.surgery.report import Order, Report
from lowrank.surgery.saving import Written, kept, save
from lowrank.surgery.truncating import Step, save_cut, store_of, truncate_and_save

__all__ = [
    "DAMPING",
    "Answers",
    "Cost",
    "FactorStore",
    "Factors",
    "Measured",
    "Order",
    "Plan",
    "Reading",
    "Report",
    "Rule",
    "Source",
    "Step",
    "Usage",
    "Written",
    "allocate",
    "answers",
    "aware",
    "aware_factors",
    "by_energy",
    "by_fraction",
    "by_rank",
    "chosen",
    "cost",
    "kept",
    "operate",
    "plain",
    "plain_factors",
    "reading",
    "save",
    "save_cut",
    "second_moments",
    "sensitivity",
    "store_of",
    "stored",
    "truncate_and_save",
    "usage",
    "weighted",
]
