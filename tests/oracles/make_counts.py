"""Record how many parameters transformers' classes have, built without memory on the meta device.

python tests/oracles/make_counts.py        writes tests/fixtures/counts.json anew

Needs torch and transformers 5. Sizes are those of published models. Active parameters are all but
those of the experts that a token is not sent to.
"""

import json
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

FIXTURE = Path(__file__).parents[1] / "fixtures" / "counts.json"


def sizes(h: int, middle: int, layers: int, heads: int, words: int, **more) -> dict:
    return {
        "hidden_size": h,
        "intermediate_size": middle,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "vocab_size": words,
        **more,
    }


CASES = {
    "Llama 3 8B": sizes(4096, 14336, 32, 32, 128256, model_type="llama", num_key_value_heads=8),
    "a Llama with biases": sizes(
        64, 96, 3, 4, 50, model_type="llama", attention_bias=True, mlp_bias=True
    ),
    "Mistral 7B": sizes(4096, 14336, 32, 32, 32000, model_type="mistral"),
    "Qwen2.5 7B": sizes(3584, 18944, 28, 28, 152064, model_type="qwen2", num_key_value_heads=4),
    "Qwen3 4B": sizes(
        2560, 9728, 36, 32, 151936, model_type="qwen3", num_key_value_heads=8, head_dim=128,
        tie_word_embeddings=True,
    ),
    "SmolLM3 3B": sizes(2048, 11008, 36, 16, 128256, model_type="smollm3", num_key_value_heads=4),
    "Phi-3 mini": sizes(3072, 8192, 32, 32, 32064, model_type="phi3", pad_token_id=0),
    "Granite 2B": sizes(
        2048, 8192, 40, 32, 49155, model_type="granite", num_key_value_heads=8,
        tie_word_embeddings=True,
    ),
    "Gemma 7B": sizes(3072, 24576, 28, 16, 256000, model_type="gemma"),
    "Gemma 2 9B": sizes(3584, 14336, 42, 16, 256000, model_type="gemma2", num_key_value_heads=8),
    "Gemma 3 1B": sizes(
        1152, 6912, 26, 4, 262144, model_type="gemma3_text", num_key_value_heads=1
    ),
    "Mixtral 8x7B": sizes(4096, 14336, 32, 32, 32000, model_type="mixtral"),
    "Mixtral 8x22B": sizes(6144, 16384, 56, 48, 32000, model_type="mixtral"),
    "Mistral Small 24B": sizes(
        5120, 32768, 40, 32, 131072, model_type="mistral", num_key_value_heads=8, head_dim=128
    ),
    "Qwen2.5 0.5B": sizes(
        896, 4864, 24, 14, 151936, model_type="qwen2", num_key_value_heads=2,
        tie_word_embeddings=True,
    ),
    "Qwen3 235B A22B": sizes(
        4096, 12288, 94, 64, 151936, model_type="qwen3_moe", num_key_value_heads=4, head_dim=128,
        moe_intermediate_size=1536,
    ),
    "Gemma 2 27B": sizes(
        4608, 36864, 46, 32, 256000, model_type="gemma2", num_key_value_heads=16, head_dim=128
    ),
    "Gemma 3 27B": sizes(
        5376, 21504, 62, 32, 262208, model_type="gemma3_text", num_key_value_heads=16,
        head_dim=128,
    ),
    "Qwen1.5-MoE A2.7B": sizes(
        2048, 5632, 24, 16, 151936, model_type="qwen2_moe", num_key_value_heads=16
    ),
    "Qwen3 30B A3B": sizes(
        2048, 6144, 48, 32, 151936, model_type="qwen3_moe", num_key_value_heads=4, head_dim=128
    ),
    "a Qwen3-MoE, some layers dense": sizes(
        64, 96, 6, 4, 50, model_type="qwen3_moe", num_key_value_heads=2, head_dim=16,
        num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24, mlp_only_layers=[1],
        decoder_sparse_step=2,
    ),
}  # fmt: skip


def counted(given: dict) -> dict:
    """All parameters, and those that a token uses."""
    config = AutoConfig.for_model(**given)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    total = model.num_parameters()
    experts = sum(p.numel() for n, p in model.named_parameters() if ".experts." in n)
    count = getattr(config, "num_local_experts", 0) or getattr(config, "num_experts", 0) or 1
    idle = experts // count * (count - getattr(config, "num_experts_per_tok", count))
    return {"config": given, "total": total, "active": total - idle}


def main() -> None:
    """Write the fixture."""
    found = {name: counted(given) for name, given in CASES.items()}
    for name, each in found.items():
        print(f"{name:32} {each['total']:>15,} {each['active']:>15,}")
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in found.items())
    FIXTURE.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
