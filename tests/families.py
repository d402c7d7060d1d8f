"""Tiny models of many families: their numbers, the same wherever they are asked for, and as GGUF.

What is known of the families is transformers' (tests/oracles/make_families.py), and for the three
it does not hold what their own modelling code says.
"""

import json
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]
FIXTURE = Path(__file__).parent / "fixtures" / "families.json"
ATTENTION = {"num_attention_heads": 4, "hidden_size": 32}


def weights(shapes: Mapping[str, list[int]]) -> Arrays:
    """A tensor for each name, which its values follow from."""
    return {
        name: np.random.default_rng(zlib.crc32(name.encode())).standard_normal(
            shape, dtype=np.float32
        )
        for name, shape in shapes.items()
    }


def by_hand(outside: dict[str, list[int]], layer: dict[str, list[int]]) -> dict[str, list[int]]:
    """Shapes of a model of two layers."""
    inside = {f"model.layers.{i}.{n}.weight": s for i in (0, 1) for n, s in layer.items()}
    return {f"{n}.weight": s for n, s in outside.items()} | inside


MLP = {"mlp.gate_proj": [48, 32], "mlp.up_proj": [48, 32], "mlp.down_proj": [32, 48]}
NORMS = {"input_layernorm": [32], "post_attention_layernorm": [32]}
USUAL = {"model.embed_tokens": [16, 32], "model.norm": [32], "lm_head": [16, 32]}
QKVO = {f"self_attn.{p}_proj": [16 if p in "kv" else 32, 32] for p in "qkvo"}
NOT_IN_TRANSFORMERS = {
    "baichuan": {
        "config": {"model_type": "baichuan", **ATTENTION},
        "shapes": by_hand(
            USUAL, {"self_attn.W_pack": [96, 32], "self_attn.o_proj": [32, 32]} | MLP | NORMS
        ),
    },
    "internlm2": {
        "config": {"model_type": "internlm2", "num_key_value_heads": 2, **ATTENTION},
        "shapes": by_hand(
            {"model.tok_embeddings": [16, 32], "model.norm": [32], "output": [16, 32]},
            {
                "attention.wqkv": [64, 32],
                "attention.wo": [32, 32],
                "attention_norm": [32],
                "ffn_norm": [32],
                "feed_forward.w1": [48, 32],
                "feed_forward.w2": [32, 48],
                "feed_forward.w3": [48, 32],
            },
        ),
    },
    "minicpm": {
        "config": {"model_type": "minicpm", "num_key_value_heads": 2, **ATTENTION},
        "shapes": by_hand(USUAL, QKVO | MLP | NORMS),
    },
}
FAMILIES = json.loads(FIXTURE.read_text()) | NOT_IN_TRANSFORMERS if FIXTURE.exists() else {}
IN_GGUF = {
    "mistral": "llama",
    "mixtral": "llama",
    "gemma3_text": "gemma3",
    "qwen2_moe": "qwen2moe",
    "qwen3_moe": "qwen3moe",
    "deepseek_v2": "deepseek2",
    "deepseek_v3": "deepseek2",
    "cohere": "command-r",
    "gpt_neox": "gptneox",
    "falcon one key": "falcon",
    "falcon all keys": "falcon",
}
PERMUTED = {"llama", "smollm3", "granite", "olmo", "minicpm", "baichuan", "internlm2"}


def written(folder: Path, name: str) -> Path:
    """A family's checkpoint as Hugging Face keeps it."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights(FAMILIES[name]["shapes"]), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(FAMILIES[name]["config"]))
    return folder


def heads_of(name: str) -> tuple[int, int]:
    """Heads of queries, and of keys and values."""
    config = FAMILIES[name]["config"]
    queries = config.get("num_attention_heads") or config["n_head"]
    keys = config.get("num_key_value_heads") or queries
    if name.startswith("falcon"):
        keys = {"falcon": 2, "falcon one key": 1, "falcon all keys": queries}[name]
    return queries, keys


def by_pairs(w: np.ndarray, heads: int) -> np.ndarray:
    """q or k as llama.cpp's converter orders its rows: each half's i-th beside the other's."""
    size = len(w) // heads
    order = [
        h * size + i + half * size // 2
        for h in range(heads)
        for i in range(size // 2)
        for half in (0, 1)
    ]
    return w[order]


def separated(w: np.ndarray, queries: int, keys: int) -> list[np.ndarray]:
    """A matrix of groups (its queries, a key, a value) as q, k and v."""
    size, share = len(w) // (queries + 2 * keys), queries // keys
    blocks = w.reshape(keys, share + 2, size, *w.shape[1:])
    cut = (blocks[:, :share], blocks[:, share], blocks[:, share + 1])
    return [part.reshape(-1, *w.shape[1:]) for part in cut]


def converted(name: str, split_latent: bool = True) -> Arrays:
    """A family's tensors as llama.cpp's converter makes them, still under Hugging Face's names."""
    (queries, keys), held = heads_of(name), weights(FAMILIES[name]["shapes"])
    found: Arrays = {}
    experts: dict[str, dict[int, np.ndarray]] = {}
    for key, w in held.items():
        if expert := re.fullmatch(r"(.*\.experts)\.(\d+)(\..*)", key):
            experts.setdefault(expert[1] + expert[3], {})[int(expert[2])] = w
        elif "gemma" in name and key.endswith("norm.weight"):
            found[key] = w + 1
        elif name == "gpt2" and re.search(r"\.c_\w+\.weight", key):
            found[key] = w.T
        elif "query_key_value" in key:
            found[key] = np.concatenate(separated(w, queries, keys))
        elif "W_pack" in key or "wqkv" in key:
            packed = "W_pack" in key
            parts = np.split(w, 3) if packed else separated(w, queries, keys)
            for part, cut in zip("qkv", parts, strict=True):
                at = key.replace("W_pack", f"{part}_proj").replace(
                    "attention.wqkv", f"self_attn.{part}_proj"
                )
                found[at] = cut
        elif split_latent and "kv_b_proj" in key:
            config = FAMILIES[name]["config"]
            nope, v = config["qk_nope_head_dim"], config["v_head_dim"]
            whole = w.reshape(queries, nope + v, -1)
            found[key.replace("kv_b", "k_b")] = whole[:, :nope].swapaxes(1, 2)
            found[key.replace("kv_b", "v_b")] = whole[:, nope:]
        else:
            found[key] = w
    if IN_GGUF.get(name, name) in PERMUTED:
        for part, heads in (("q_proj", queries), ("k_proj", keys)):
            found |= {key: by_pairs(w, heads) for key, w in found.items() if part in key}
    stacked = {key: np.stack([w for _, w in sorted(e.items())]) for key, e in experts.items()}
    return found | stacked


def as_gguf(path: Path, name: str, split_latent: bool = True, architecture: str = "") -> Path:
    """A family's model in one GGUF file, its names by the gguf package's tables."""
    from gguf import GGUFWriter, get_tensor_name_map
    from gguf.constants import MODEL_ARCH_NAMES

    (queries, keys), config = heads_of(name), FAMILIES[name]["config"]
    known = IN_GGUF.get(name, name)
    table = get_tensor_name_map(next(a for a, n in MODEL_ARCH_NAMES.items() if n == known), 2)
    writer = GGUFWriter(path, architecture or known)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(48)
    writer.add_head_count(queries)
    writer.add_head_count_kv(keys)
    if config.get("head_dim"):
        writer.add_key_length(config["head_dim"])
    if name == "mixtral":
        writer.add_expert_count(4)
    for key, w in converted(name, split_latent).items():
        key = key.replace("e_score_correction_bias", "e_score_correction.bias")
        module, _, ending = key.rpartition(".")
        short = table.get_name(module) or table.get_name(module.removeprefix("transformer."))
        assert short, key
        writer.add_tensor(f"{short}.{ending}", np.ascontiguousarray(w))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
