"""Small models as files, each with something that its export must say in config.json.

`made` writes the files with numpy and gguf alone, so that the oracle and the tests make the same.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lowrank.lora.adapters import Adapter, AdapterConfig, Pair
from tests import families
from tests import relative_models as relatives

IDS = [3, 17, 44, 8, 21, 59, 2, 30, 30, 11, 5, 40]
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "vocab_size": 60,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500_000.0,
    "tie_word_embeddings": True,
}
ATTENTION = tuple(
    f"{kind}.weight" for kind in ("q_proj", "q_a_proj", "qkv_proj", "query_key_value", "c_attn")
)
E, HEAD, Q = "model.embed_tokens.weight", "lm_head.weight", "model.layers.1.self_attn.q_proj"

OF_RELATIVES = json.loads(relatives.FIXTURE.read_text())["models"]
IDS_OF_RELATIVES = relatives.IDS
UNSAID = ("Llama, dynamic", "Llama, YaRN as DeepSeek", "SmolLM3, window")  # GGUF has no keys for it
RELATIVES = [
    (f"{case}, {kind}", case, kind)
    for case in relatives.CASES
    for kind in ("safetensors", "gguf")
    if kind == "safetensors" or case not in UNSAID
]
FIRST = "model.layers.0.self_attn.q_proj"
NOTHING = Adapter(
    AdapterConfig(r=1, target_modules=("q_proj",)),
    {FIRST: Pair(FIRST, np.zeros((1, 16), "f4"), np.zeros((32, 1), "f4"), 1.0)},
)


def relative(case: str, kind: str, folder: Path) -> Path:
    """The tiny model of a relative as a file of that kind; see `tests.relative_models`."""
    config, held = relatives.config_of(case), relatives.drawn_all(OF_RELATIVES[case]["shapes"])
    if kind == "safetensors":
        return relatives.as_safetensors(folder / "base", config, held)
    windows = OF_RELATIVES[case]["config"]["windows"]
    folder.mkdir(parents=True, exist_ok=True)
    return relatives.as_gguf(folder / "base.gguf", config, held, windows)


FAMILIES = [name for name in families.FAMILIES if name not in families.NOT_IN_TRANSFORMERS]
FAMILIES_IDS = [3, 1, 14, 8, 2, 5]


def change_of(family: str) -> tuple[Adapter, dict[str, np.ndarray]]:
    """A small update of a matrix of a family's first layer, and all weights after it."""
    held = families.weights(families.FAMILIES[family]["shapes"])
    name = next(n for n in held if ".0." in n and n.endswith(ATTENTION))
    (out, n), turned = held[name].shape, family == "gpt2"  # which keeps it as (in, out)
    if turned:
        out, n = n, out
    rng = np.random.default_rng(1)
    A, B = (rng.standard_normal(shape, dtype=np.float32) for shape in ((2, n), (out, 2)))
    module = name.removesuffix(".weight")
    config = AdapterConfig(r=2, target_modules=(module.rpartition(".")[2],), fan_in_fan_out=turned)
    update = np.float32(0.5) * (B @ A)
    held[name] = held[name] + (update.T if turned else update)
    return Adapter(config, {module: Pair(module, A, B, 0.5)}), held


@dataclass(frozen=True)
class Case:
    """What the whole model's configuration truly is, and which projections have biases."""

    gguf: bool
    config: dict[str, Any] = field(default_factory=dict)
    biased: tuple[str, ...] = ()
    rows: int = 0  # that the adapter adds to the vocabulary
    head: bool = False  # whether the adapter changes the head


def llama3(factor: float, low: float, high: float, length: int) -> dict[str, Any]:
    named = {"low_freq_factor": low, "high_freq_factor": high}
    length_key = {"original_max_position_embeddings": length}
    return {"rope_scaling": {"rope_type": "llama3", "factor": factor, **named, **length_key}}


CASES = {
    "biases of q, k, v in a GGUF": Case(True, {"attention_bias": True}, ("q", "k", "v")),
    "biases everywhere in a GGUF": Case(
        True,
        {"attention_bias": True, "mlp_bias": True},
        ("q", "k", "v", "o", "gate", "up", "down"),
    ),
    "Llama 3.1's scaling in a GGUF": Case(True, llama3(8.0, 1.0, 4.0, 8192)),
    "Llama 3.2's scaling in a GGUF": Case(True, llama3(32.0, 1.0, 4.0, 8192)),
    "an unusual scaling in a GGUF": Case(True, llama3(6.0, 2.0, 40.0, 3000)),
    "a head of its own in a GGUF": Case(True, {"tie_word_embeddings": False}),
    "a larger vocabulary": Case(False, {}, rows=5),
    "a larger vocabulary in a GGUF": Case(True, {}, rows=5),
    "embeddings and head that part": Case(False, {}, head=True),
    "a Qwen2": Case(False, {"model_type": "qwen2"}, ("q", "k", "v")),
}


def weights(case: Case) -> dict[str, np.ndarray]:
    """Random numbers, always the same, under Hugging Face's names."""
    rng, c = np.random.default_rng(0), SIZES | case.config
    n, m, d = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    q, k = c["num_attention_heads"] * d, c["num_key_value_heads"] * d
    shapes = {"self_attn.q_proj": (q, n), "self_attn.k_proj": (k, n), "self_attn.v_proj": (k, n)}
    shapes |= {"self_attn.o_proj": (n, q), "mlp.gate_proj": (m, n), "mlp.up_proj": (m, n)}
    shapes["mlp.down_proj"] = (n, m)
    held = {E: rng.standard_normal((c["vocab_size"], n)), "model.norm.weight": np.ones(n)}
    for i in range(c["num_hidden_layers"]):
        for name, shape in shapes.items():
            held[f"model.layers.{i}.{name}.weight"] = 0.3 * rng.standard_normal(shape)
            if name.split(".")[1].removesuffix("_proj") in case.biased:
                held[f"model.layers.{i}.{name}.bias"] = rng.standard_normal(shape[0])
        for name in ("input_layernorm", "post_attention_layernorm"):
            held[f"model.layers.{i}.{name}.weight"] = 1 + 0.1 * rng.standard_normal(n)
    if not c["tie_word_embeddings"]:
        held[HEAD] = rng.standard_normal((c["vocab_size"], n))
    return {name: value.astype(np.float32) for name, value in held.items()}


def made(case: Case, folder: Path) -> Path:
    """The base model's file or folder, as others write it."""
    folder.mkdir(parents=True)
    if case.gguf:
        config = {"model_type": "llama"} | SIZES | case.config
        return relatives.as_gguf(folder / "base.gguf", config, weights(case), [None])
    config = {"model_type": "llama", "hidden_act": "silu"} | SIZES | case.config
    return relatives.as_safetensors(folder, config, weights(case))


def adapter(case: Case) -> Adapter:
    """A small update, and what else the case asks for."""
    rng = np.random.default_rng(1)
    A, B = (rng.standard_normal(shape, dtype=np.float32) for shape in ((2, 32), (32, 2)))
    pairs = {Q: Pair(Q, A, B, 0.1)}
    if case.head:
        out = rng.standard_normal((60, 2), dtype=np.float32)
        pairs["lm_head"] = Pair("lm_head", A, out, 0.1)
    more = rng.standard_normal((case.rows, 32), dtype=np.float32)
    replaced = {E: np.concatenate([weights(case)[E], more])} if case.rows else {}
    targets = tuple(name.rpartition(".")[2] for name in pairs)
    return Adapter(AdapterConfig(r=2, target_modules=targets), pairs, replaced)
