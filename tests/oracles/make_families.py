"""Record how transformers names, shapes and cuts the tensors of many families of decoders.

python tests/oracles/make_families.py     writes tests/fixtures/families.json anew

Of each family: a tiny config.json, the names and shapes that save_pretrained writes, and for one
vector x, where one matrix makes them, its queries, keys and values, before any turning: the model
reads one token at position 0, where rotary positions change nothing. Needs torch 2.13 and
transformers 5, which the test suite does not.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from transformers import AttentionInterface, AutoConfig, AutoModelForCausalLM

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.families import weights  # noqa: E402

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 16,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ALIKE = {key: size for key, size in SIZES.items() if key != "num_key_value_heads"}
HEAD = {"head_dim": 8}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "vocab_size": 16}
ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
LATENT = {
    "q_lora_rank": 12,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 6,
    "num_key_value_heads": 4,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "moe_intermediate_size": 8,
    "first_k_dense_replace": 1,
    "num_experts_per_tok": 2,
    "n_group": 2,
    "topk_group": 1,
}
MOE = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 8,
    "shared_expert_intermediate_size": 24,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
}
FAMILIES = {
    "llama": SIZES,
    "mistral": SIZES,
    "qwen2": SIZES,
    "qwen3": SIZES | HEAD,
    "smollm3": SIZES | {"no_rope_layers": [1, 1], "layer_types": ["full_attention"] * 2},
    "gemma": SIZES | HEAD,
    "gemma2": SIZES | HEAD,
    "gemma3_text": SIZES | HEAD,
    "phi3": SIZES,
    "olmo": SIZES,
    "olmo2": SIZES,
    "granite": SIZES,
    "mixtral": SIZES | {"num_local_experts": 4},
    "qwen2_moe": SIZES | MOE,
    "qwen3_moe": SIZES | MOE | HEAD,
    "deepseek_v2": SIZES | LATENT | {"topk_method": "greedy", "scoring_func": "softmax"},
    "deepseek_v3": SIZES | LATENT,
    "starcoder2": SIZES,
    "cohere": SIZES,
    "gpt2": GPT | ENDS,
    "gpt_neox": ALIKE,
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": 16} | ENDS,
    "falcon": ALIKE | {"new_decoder_architecture": True, "num_kv_heads": 2, "bias": True},
    "falcon one key": ALIKE | {"multi_query": True, "new_decoder_architecture": False},
    "falcon all keys": ALIKE | {"multi_query": False, "alibi": True, "bias": True},
}
FUSED = ("phi3", "gpt2", "gpt_neox", "bloom", "falcon")
SEEN: list[tuple[torch.Tensor, ...]] = []


def spy(module, query, key, value, attention_mask=None, **kwargs):
    """An attention that writes down what it is given, (batch, heads, tokens, size)."""
    SEEN.append((query, key, value))
    keys = value.repeat_interleave(query.shape[1] // value.shape[1], dim=1)
    return keys.transpose(1, 2).contiguous(), None


def cut(name: str, model, x: np.ndarray) -> list[list[float]]:
    """q, k and v of the first layer for the vector x that its attention is given."""
    given = torch.from_numpy(x)[None, None]
    if name.startswith(("bloom", "falcon")):  # they cut in a method of their own
        attention = model.transformer.h[0].self_attention
        fused = attention.query_key_value(given)
        split = attention._reshape if name == "bloom" else attention._split_heads
        parts = split(fused)
        if name == "bloom":
            return [part.detach().numpy().ravel().tolist() for part in parts]
        # (1, 1, heads, size): keys and values are repeated for the queries that share them
        kv = attention.num_kv_heads
        q, k, v = (part.detach().numpy()[0, 0] for part in parts)
        step = len(k) // kv if len(k) > kv else 1
        return [q.ravel().tolist(), k[::step].ravel().tolist(), v[::step].ravel().tolist()]
    base = model.base_model
    layer = (base.h if hasattr(base, "h") else base.layers)[0]
    names = ("self_attn", "attention", "attn")
    attention = next(getattr(layer, n) for n in names if hasattr(layer, n))
    place = torch.zeros((1, 1), dtype=torch.long)
    SEEN.clear()
    kwargs = {"attention_mask": None}
    if hasattr(base, "rotary_emb"):
        kwargs["position_embeddings"] = base.rotary_emb(given, place)
    attention(given, **kwargs)
    return [part.detach().numpy().ravel().tolist() for part in SEEN[0]]


def recorded(name: str, sizes: dict) -> dict:
    """One family's configuration, names, shapes, and what it makes of x."""
    config = AutoConfig.for_model(name.split()[0], **sizes)
    with tempfile.TemporaryDirectory() as work:
        AutoModelForCausalLM.from_config(config).save_pretrained(work)
        path = Path(work) / "model.safetensors"
        with safe_open(path, "np") as file:
            shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
        given = json.loads((Path(work) / "config.json").read_text())
        save_file(weights(shapes), path, {"format": "pt"})
        spied = "eager" if name.startswith(("bloom", "falcon")) else "spy"
        model = AutoModelForCausalLM.from_pretrained(
            work, attn_implementation=spied, dtype="float32"
        )
        fused = name.startswith(FUSED)
        parts = cut(name, model.eval(), weights({"x": [32]})["x"]) if fused else []
    given.pop("transformers_version", None)
    qkv = [[round(value, 5) for value in part] for part in parts]
    return {"config": given, "shapes": shapes, "qkv": qkv}


def main() -> None:
    """Write the fixture."""
    AttentionInterface.register("spy", spy)
    found = {name: recorded(name, sizes) for name, sizes in FAMILIES.items()}
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
    path = ROOT / "tests" / "fixtures" / "families.json"
    path.write_text("{\n" + lines + "\n}\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    with torch.no_grad():
        np.set_printoptions(precision=4)
        main()
