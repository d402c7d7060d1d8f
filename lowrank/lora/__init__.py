"""LoRA: the equations, training by hand-written gradients, and adapters as PEFT keeps them.

`lora.adapters` (files) and `lora.lab` (training sets, experiments) are rooms of their own.

>>> import numpy as np
>>> W, x = np.eye(3), np.ones(3)
>>> A, B = init(3, 3, r=1, rng=np.random.default_rng(0))
>>> bool(np.allclose(forward(x, W, A, B, alpha=2, r=1), W @ x))  # B starts at zero
True
"""

from lowrank.lora.config import AdapterConfig
from lowrank.lora.equations import (
    dora_forward,
    dora_merge,
    forward,
    init,
    lora_forward_matmul,
    merge,
    regular_forward_matmul,
    update,
)
from lowrank.lora.extraction import Extraction, extract
from lowrank.lora.train import TrainConfig, adamw, adapted, evaluate, finetune
from lowrank.lora.training_examples import Example, answers
from lowrank.lora.tuning import merged

__all__ = [
    "AdapterConfig",
    "Example",
    "Extraction",
    "TrainConfig",
    "adamw",
    "adapted",
    "answers",
    "dora_forward",
    "dora_merge",
    "evaluate",
    "extract",
    "finetune",
    "forward",
    "init",
    "lora_forward_matmul",
    "merge",
    "merged",
    "regular_forward_matmul",
    "update",
]
