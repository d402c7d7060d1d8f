"""Tiny models of the Llama's relatives, as files of either format, drawn from their tensors' names.

Nothing here knows the package: the oracle (`tests/oracles/make_relatives.py`) writes the same files
for transformers, which keeps the fixture to configurations, shapes and logits.
"""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from gguf import GGUFWriter
from safetensors.numpy import save_file

FIXTURE = Path(__file__).parent / "fixtures" / "relatives.json"
IDS = [3, 1, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6]
SIZES = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": 16,
    "max_position_embeddings": 64,
    "rope_theta": 100.0,
    "rms_norm_eps": 1e-5,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
LONG = {
    "rope_type": "longrope",
    "short_factor": [1.0, 1.1, 1.2, 1.3],
    "long_factor": [1.0, 2.0, 4.0, 8.0],
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}


def scaled(**rope: Any) -> dict[str, Any]:
    return {"model_type": "llama", "rope_scaling": rope}


CASES: Mapping[str, dict[str, Any]] = {
    "Llama 1": {"model_type": "llama", "num_key_value_heads": None, "rms_norm_eps": 1e-6},
    "Llama 2": {"model_type": "llama"},
    "Llama 3": {"model_type": "llama", "rope_scaling": LLAMA3, "tie_word_embeddings": True},
    "Llama, linear": scaled(type="linear", factor=2.0),
    "Llama, dynamic": scaled(type="dynamic", factor=2.0) | {"max_position_embeddings": 12},
    "Llama, YaRN": scaled(**YARN),
    "Llama, YaRN as DeepSeek": scaled(
        **YARN | {"beta_fast": 8, "beta_slow": 2, "truncate": False},
        mscale=1.0,
        mscale_all_dim=0.7,
    ),
    "Llama, longrope short": scaled(**LONG, original_max_position_embeddings=32),
    "Llama, longrope long": scaled(**LONG, original_max_position_embeddings=16),
    "Mistral": {"model_type": "mistral", "sliding_window": 5},
    "Qwen2": {"model_type": "qwen2", "tie_word_embeddings": True, "sliding_window": 4},
    "Qwen2, window": {
        "model_type": "qwen2",
        "sliding_window": 4,
        "use_sliding_window": True,
        "max_window_layers": 2,
    },
    "Qwen3": {"model_type": "qwen3"},
    "Qwen3, YaRN": {"model_type": "qwen3", "rope_scaling": YARN},
    "SmolLM3": {"model_type": "smollm3", "pad_token_id": 0},
    "SmolLM3, window": {
        "model_type": "smollm3",
        "pad_token_id": 0,
        "no_rope_layers": [1, 0, 1, 0],
        "use_sliding_window": True,
        "sliding_window": 4,
    },
    "rope_parameters wins": {
        "model_type": "llama",
        "rope_theta": 7.0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 50.0},
    },
}
"""What each adds to SIZES: config.json as people's files have it, older keys and newer."""


def config_of(case: str) -> dict[str, Any]:
    return SIZES | CASES[case]


def drawn(name: str, shape: list[int]) -> np.ndarray:
    """The tensor of that name: norms near 1, biases and matrices large enough to matter."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    x = rng.standard_normal(shape).astype(np.float32)
    if "norm" in name:
        return 1 + x / 2
    return x / 2 if len(shape) == 1 else x * np.float32(1.5 / np.sqrt(shape[1]))


def drawn_all(shapes: Mapping[str, list[int]]) -> dict[str, np.ndarray]:
    return {name: drawn(name, shape) for name, shape in shapes.items()}


def as_safetensors(folder: Path, config: Mapping[str, Any], held: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(dict(held), folder / "model.safetensors")
    return folder


NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}


def gguf_name(name: str) -> str:
    layer, rest = re.fullmatch(r"(?:model\.layers\.(\d+)\.)?(.*)", name).groups()
    module, _, ending = rest.rpartition(".")
    return f"blk.{layer}.{NAMES[module]}.{ending}" if layer else f"{NAMES[module]}.{ending}"


def by_pairs(W: np.ndarray, heads: int) -> np.ndarray:
    """The rows of each head as llama.cpp's converter orders them for its rotary pairs."""
    halves = W.reshape(heads, 2, W.shape[0] // heads // 2, *W.shape[1:])
    return halves.swapaxes(1, 2).reshape(W.shape)


def as_gguf(
    path: Path,
    config: Mapping[str, Any],
    held: Mapping[str, np.ndarray],
    windows: Sequence[int | None],
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """The file that llama.cpp's converter makes of a checkpoint, its words left out.

    Each layer's window stands in GGUF's keys for it, which other architectures use. `more` are keys
    to be added or changed.
    """
    family = {"mistral": "llama"}.get(config["model_type"], config["model_type"])
    heads = config["num_attention_heads"]
    keys = config["num_key_value_heads"] or heads
    writer = GGUFWriter(path, family)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(keys)
    writer.add_key_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    writer.add_rope_freq_base(rope.get("rope_theta", config["rope_theta"]))
    if any(windows):
        writer.add_sliding_window(config["sliding_window"])
        if not all(windows):
            writer.add_sliding_window_pattern([each is not None for each in windows])
    add_scaling(writer, config, rope)
    for key, value in more.items():
        writer.kv_data[0].pop(key, None)
        add = {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
        add[type(value)](key, value)
    for name, W in held.items():
        paired = family in ("llama", "smollm3") and re.search(r"\.([qk])_proj\.", name)
        rows = by_pairs(W, heads if paired[1] == "q" else keys) if paired else W
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(rows))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_scaling(writer: GGUFWriter, config: Mapping[str, Any], rope: Mapping[str, Any]) -> None:
    """Keys and tensors of stretched positions: YaRN's own 0.1 ln(factor) + 1 is not written."""
    kind = rope.get("rope_type", rope.get("type"))
    if kind == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_divisors(config, rope))
    if kind == "longrope":
        original = rope["original_max_position_embeddings"]
        for which in ("short", "long"):
            factors = np.array(rope[f"{which}_factor"], np.float32)
            writer.add_tensor(f"rope_factors_{which}.weight", factors)
        writer.add_rope_scaling_orig_ctx_len(original)
        grown = np.log(config["max_position_embeddings"] / original)
        writer.add_rope_scaling_attn_factors(float(np.sqrt(1 + grown / np.log(original))))
    if kind == "linear":
        writer.add_float32(f"{writer.arch}.rope.scaling.factor", rope["factor"])
    if kind == "yarn":
        writer.add_string(f"{writer.arch}.rope.scaling.type", "yarn")
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])


def llama3_divisors(config: Mapping[str, Any], rope: Mapping[str, Any]) -> np.ndarray:
    """llama.cpp's rope_freqs: 1 for short waves, `factor` for long ones, a ramp between."""
    half = config["head_dim"] // 2
    waves = 2 * np.pi * config["rope_theta"] ** (np.arange(half) / half)
    length, low, high = (
        rope[key]
        for key in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor")
    )
    found = []
    for wave in waves:
        if wave < length / high:
            found.append(1.0)
        elif wave > length / low:
            found.append(rope["factor"])
        else:
            s = (length / wave - low) / (high - low)
            found.append(1 / ((1 - s) / rope["factor"] + s))
    return np.array(found, np.float32)
