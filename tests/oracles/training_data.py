"""What both the recorded torch runs and the tests train on, so that they cannot differ."""

import json
from pathlib import Path

import numpy as np

from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import LINEAR, name_of
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.train_config import TrainConfig
from lowrank.lora.training_examples import Example

SHORT = LINEAR
LAYERS = (0, 14, 29)
R = 4
EVERYWHERE = {
    "r": R,
    "lora_alpha": 8,
    "target_modules": list(SHORT),
    "layers_to_transform": list(LAYERS),
    "lora_dropout": 0.0,
}
CONFIG = TrainConfig(
    AdapterConfig(r=8, lora_alpha=16, target_modules=("q_proj", "v_proj")),
    steps=20,
    learning_rate=1e-3,
    warmup_steps=3,
    weight_decay=0.01,
    max_grad_norm=1.0,
    shuffle=False,
    seed=5,
)

# The other settings that the lab offers, each in a run of this many steps.
OTHERS_STEPS = 4
OTHERS = {
    "gaussian, dropout": {"init_lora_weights": "gaussian", "lora_dropout": 0.1},
    "rsLoRA": {"use_rslora": True},
    "DoRA": {"use_dora": True},
    "PiSSA": {"init_lora_weights": "pissa"},
    "OLoRA, rsLoRA": {"init_lora_weights": "olora", "use_rslora": True},
}

# Conversations in SmolLM2's layout: text, ids, and which of them count.
PAIRS = json.loads((Path(__file__).parent / "training_pairs.json").read_text())
SEQUENCES = [Example(tuple(each["ids"]), tuple(map(bool, each["mask"]))) for each in PAIRS]


def random_weights(config: LlamaConfig) -> dict[str, np.ndarray]:
    """A and B of every projection of `LAYERS`, none of them zero."""
    rng, found = np.random.default_rng(11), {}
    for layer in LAYERS:
        for short in SHORT:
            out, n = config.projection_shape(short)
            name = name_of(layer, short)
            A, B = rng.standard_normal((R, n)) / np.sqrt(n), 0.05 * rng.standard_normal((out, R))
            found |= {f"{name}.lora_A": A, f"{name}.lora_B": B}
    return {name: array.astype(np.float32) for name, array in found.items()}


def kept_gradients(gradients: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Of each gradient its norm, every 23rd entry, and eight random projections of all of it."""
    rng, found = np.random.default_rng(12), {}
    for name, g in sorted(gradients.items()):
        flat = g.astype(np.float64).ravel()
        mixed = rng.standard_normal((8, flat.size), dtype=np.float32) @ flat
        some = flat[::23]
        found[name] = np.concatenate([[np.linalg.norm(flat)], mixed, some]).astype(np.float32)
    return found
