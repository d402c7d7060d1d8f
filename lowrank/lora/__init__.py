"""LoRA: the equations, training by hand-written gradients, and adapters as PEFT keeps them.

`lora.adapters` (files) and `lora.lab` (training sets, experiments) are rooms of their own, loaded
when they are first used.

>>> import numpy as np
>>> from lowrank import lora
>>> W, x = np.eye(3), np.ones(3)
>>> A, B = lora.init(3, 3, r=1, rng=np.random.default_rng(0))
>>> bool(np.allclose(lora.forward(x, W, A, B, alpha=2, r=1), W @ x))  # B starts at zero
True
"""

from importlib import import_module
from types import ModuleType

from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.equations import (
    dora_merge,
    forward,
    init,
    lora_forward_matmul,
    merge,
    regular_forward_matmul,
    update,
)
from lowrank.lora.extraction import Extraction, extract, split
from lowrank.lora.finetuning import Finetuning, Record, evaluate, finetune, start
from lowrank.lora.initial import loftq_start
from lowrank.lora.optimizer import SCHEDULES, adamw, clipped, schedule
from lowrank.lora.parameter_count import Report, report
from lowrank.lora.train_config import TrainConfig
from lowrank.lora.training_examples import Example, answers
from lowrank.lora.training_state import State
from lowrank.lora.tuning import AdapterLayers, Matrices, adapted, merged

__all__ = [
    "SCHEDULES",
    "AdapterConfig",
    "AdapterLayers",
    "Example",
    "Extraction",
    "Finetuning",
    "Matrices",
    "Record",
    "Report",
    "State",
    "TrainConfig",
    "adamw",
    "adapted",
    "adapters",
    "answers",
    "clipped",
    "dora_merge",
    "evaluate",
    "extract",
    "finetune",
    "forward",
    "init",
    "lab",
    "loftq_start",
    "lora_forward_matmul",
    "merge",
    "merged",
    "regular_forward_matmul",
    "report",
    "schedule",
    "split",
    "start",
    "update",
]


def __getattr__(name: str) -> ModuleType:
    """A room of this one, loaded now. Raises AttributeError for any other name."""
    if name in ("adapters", "lab"):
        return import_module(f"lowrank.lora.{name}")
    raise AttributeError(f"module 'lowrank.lora' has no attribute {name!r}")
