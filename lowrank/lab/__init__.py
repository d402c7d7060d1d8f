"""The LoRA lab: small training sets, and what a run of one holds in memory.

>>> from lowrank import lab
>>> sorted(lab.built_in())
['island', 'json', 'pirate']
"""

from lowrank.lab.measured import held_in_training
from lowrank.lab.sets import TrainingSet, built_in, typed

__all__ = ["TrainingSet", "built_in", "held_in_training", "typed"]
