"""A Llama's sizes from the `config.json` that Hugging Face keeps beside its weights."""

from dataclasses import asdict
from typing import Any, TypeGuard

from lowrank.llama.config import LlamaConfig, RopeScaling

NEEDED = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "vocab_size",
)


def llama_config_from_json(given: Any) -> LlamaConfig | None:
    """The configuration in a parsed config.json, with transformers' defaults for what is left out.

    None if a size is missing or absurd: such a model opens as a plain list of matrices.

    >>> llama_config_from_json({"model_type": "gpt2", "n_embd": 768}) is None
    True
    """
    if not isinstance(given, dict) or not all(_whole(given.get(key)) for key in NEEDED):
        return None
    sizes = {key: given[key] for key in NEEDED}
    heads, hidden = sizes["num_attention_heads"], sizes["hidden_size"]
    rope = given.get("rope_parameters")
    theta = given.get("rope_theta", rope.get("rope_theta") if isinstance(rope, dict) else None)
    kv_heads, head_dim = given.get("num_key_value_heads"), given.get("head_dim")
    longest = given.get("max_position_embeddings")
    if heads > hidden and not _whole(head_dim):
        return None
    return LlamaConfig(
        **sizes,
        num_key_value_heads=kv_heads if _whole(kv_heads) else heads,
        head_dim=head_dim if _whole(head_dim) else hidden // heads,
        max_position_embeddings=longest if _whole(longest) else 2048,
        rope_theta=_real(theta, 10_000.0),
        rms_norm_eps=_real(given.get("rms_norm_eps"), 1e-6),
        tie_word_embeddings=given.get("tie_word_embeddings") is True,
        rope_scaling=rope_scaling(given),
    )


def rope_scaling(given: dict[str, Any]) -> RopeScaling | None:
    """What a config.json says of stretched positions, in either of transformers' ways to say it.

    >>> rope_scaling({"rope_scaling": {"type": "linear", "factor": 2}}).factor
    2.0
    """
    said = given.get("rope_scaling") or given.get("rope_parameters")
    kind = said.get("rope_type", said.get("type", "default")) if isinstance(said, dict) else None
    if not isinstance(said, dict) or kind in ("default", None):
        return None
    usual, length = RopeScaling(str(kind)[:40]), said.get("original_max_position_embeddings")
    return RopeScaling(
        usual.rope_type,
        factor=_real(said.get("factor"), usual.factor),
        low_freq_factor=_real(said.get("low_freq_factor"), usual.low_freq_factor),
        high_freq_factor=_real(said.get("high_freq_factor"), usual.high_freq_factor),
        original_max_position_embeddings=(
            length if _whole(length) else usual.original_max_position_embeddings
        ),
    )


def to_json(config: LlamaConfig) -> dict[str, Any]:
    """A config.json with these sizes, for a model that came without one.

    >>> from lowrank.llama.config import SMOLLM2_135M
    >>> llama_config_from_json(to_json(SMOLLM2_135M)) == SMOLLM2_135M
    True
    """
    kind = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    return kind | asdict(config)


def _whole(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 < value < 2**31


def _real(value: Any, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    return float(value) if 0 < value < 1e30 else default
