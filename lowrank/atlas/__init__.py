"""A survey of a whole model: the spectrum and the ranks of every matrix, on any executor.

>>> from lowrank.readers import open_model
>>> model = open_model("synthetic")
>>> names = ["model.layers.0.self_attn.k_proj.weight"]
>>> (row,) = survey(model, names=names).rows
>>> row.projection, row.rows, row.columns, row.numerical_rank
('k_proj', 192, 576, 192)
"""

from lowrank.atlas.differences import Compared, compare
from lowrank.atlas.journal import Journal, Survey, read_survey
from lowrank.atlas.measuring import MEASURES, Row, matrices, measured
from lowrank.atlas.savings import SHARES, Saving, saving
from lowrank.atlas.surveying import survey, surveyed

__all__ = [
    "MEASURES",
    "SHARES",
    "Compared",
    "Journal",
    "Row",
    "Saving",
    "Survey",
    "compare",
    "matrices",
    "measured",
    "read_survey",
    "saving",
    "survey",
    "surveyed",
]
