"""The LoRA lab: small training sets, and what a run of one holds in memory.

>>> from lowrank.lora import lab
>>> sorted(lab.built_in())
['island', 'json', 'pirate']
"""

from lowrank.lora.lab.sets import TrainingSet, built_in, from_jsonl, typed
from lowrank.lora.lab.training_memory import held_in_training

__all__ = ["TrainingSet", "built_in", "from_jsonl", "held_in_training", "typed"]
