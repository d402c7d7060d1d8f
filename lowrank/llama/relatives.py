"""The Llama's relatives: what each family adds to it, and why other families do not run here.

A relative is one row of `RELATIVES`: what it adds, and what transformers takes for granted where a
config.json is silent. The equations are in `model`, each addition one line there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lowrank.language import gettext as _
from lowrank.language import gettext_noop

Said = Mapping[str, Any]  # a config.json, with what it leaves out filled in
Rule = Callable[[Said, int], bool]  # whether something holds of a layer


def every_layer(said: Said, i: int) -> bool:
    """The rule that holds of all layers."""
    return True


def from_some_layer_on(said: Said, i: int) -> bool:
    """The rule of layers from `max_window_layers` on, or as `layer_types` names them."""
    return typed(said, i, i >= said["max_window_layers"])


def where_nothing_turns(said: Said, i: int) -> bool:
    """The rule of layers without rotary positions, or as `layer_types` names them."""
    return typed(said, i, not turning(said, i))


def typed(said: Said, i: int, otherwise: bool) -> bool:
    """Whether `layer_types` calls layer i a sliding one; `otherwise` where it is not given."""
    types = said.get("layer_types")
    return types[i] == "sliding_attention" if types else otherwise


def turning(said: Said, i: int) -> bool:
    """Whether layer i turns q and k: a list says so, or else every n-th layer does not."""
    turned, interval = said.get("no_rope_layers"), said.get("no_rope_layer_interval")
    return bool(turned[i]) if turned else not interval or (i + 1) % interval != 0


@dataclass(frozen=True)
class Relative:
    """A family that runs here.

    `windowed` says which layers look back over a window only, where the configuration has one;
    `turned` which layers turn q and k by position; `qk_norm` whether each head of q and k is
    normalised before. Biases need no row: they are used where a file has them.
    """

    title: str
    architecture: str  # transformers' class
    adds: str
    defaults: Said = field(default_factory=dict)
    windowed: Rule | None = None
    turned: Rule = every_layer
    qk_norm: bool = False


QWEN: Said = {
    "num_key_value_heads": 32,
    "max_position_embeddings": 32_768,
    "use_sliding_window": False,
    "sliding_window": 4096,
    "max_window_layers": 28,
}

RELATIVES: Mapping[str, Relative] = {
    "llama": Relative("Llama", "LlamaForCausalLM", "nothing"),
    "mistral": Relative(
        "Mistral",
        "MistralForCausalLM",
        "every layer looks back over a window",
        {
            "num_key_value_heads": 8,
            "max_position_embeddings": 131_072,
            "sliding_window": 4096,
        },
        windowed=every_layer,
    ),
    "qwen2": Relative(
        "Qwen2",
        "Qwen2ForCausalLM",
        "biases of q, k and v; a window in the upper layers, if wanted",
        QWEN,
        windowed=from_some_layer_on,
    ),
    "qwen3": Relative(
        "Qwen3",
        "Qwen3ForCausalLM",
        "every head of q and k normalised; a window in the upper layers, if wanted",
        {**QWEN, "head_dim": 128},
        windowed=from_some_layer_on,
        qk_norm=True,
    ),
    "smollm3": Relative(
        "SmolLM3",
        "SmolLM3ForCausalLM",
        "every fourth layer without rotary positions",
        {
            "num_key_value_heads": 4,
            "max_position_embeddings": 32_768,
            "rope_theta": 2_000_000.0,
            "tie_word_embeddings": True,
            "use_sliding_window": False,
            "no_rope_layer_interval": 4,
        },
        windowed=where_nothing_turns,
        turned=turning,
    ),
}
"""By transformers' `model_type`, which is llama.cpp's architecture too (Mistral's is "llama")."""

FUSED = gettext_noop("q, k and v are one matrix, and so are gate and up")
UNGATED = gettext_noop("norms subtract the mean, and the MLP has no gate")
EXPERTS = gettext_noop("each token goes to a few of many experts")
LATENT = gettext_noop("keys and values are made from a narrow vector, and experts share the MLP")
SCALED = gettext_noop("embeddings, sums and logits are scaled")
PARALLEL_TURNING = gettext_noop(
    "attention and MLP read the same vector, side by side, and a part of each head turns"
)
PARALLEL_SCALED = gettext_noop(
    "attention and MLP read the same vector, side by side, and logits are scaled"
)
TWO_KINDS = gettext_noop("its layers have two more norms, and two kinds of positions")
ONE_MATRIX = gettext_noop("q, k and v are one matrix")

REFUSED: Mapping[str, tuple[str, str]] = {
    "gemma": ("Gemma", gettext_noop("embeddings are scaled, and norms multiply by 1 + weight")),
    "gemma2": ("Gemma 2", gettext_noop("logits are soft-capped")),
    "gemma3": ("Gemma 3", TWO_KINDS),
    "gemma3_text": ("Gemma 3", TWO_KINDS),
    "phi": ("Phi", PARALLEL_TURNING),
    "phi2": ("Phi 2", PARALLEL_TURNING),
    "phi3": ("Phi-3", FUSED),
    "olmo": ("OLMo", gettext_noop("norms have no weights and subtract the mean")),
    "olmo2": ("OLMo 2", gettext_noop("norms come after attention and MLP, not before")),
    "olmoe": ("OLMoE", EXPERTS),
    "granite": ("Granite", SCALED),
    "minicpm": ("MiniCPM", SCALED),
    "minicpm3": ("MiniCPM 3", LATENT),
    "mixtral": ("Mixtral", EXPERTS),
    "qwen2_moe": ("Qwen2-MoE", EXPERTS),
    "qwen2moe": ("Qwen2-MoE", EXPERTS),
    "qwen3_moe": ("Qwen3-MoE", EXPERTS),
    "qwen3moe": ("Qwen3-MoE", EXPERTS),
    "llama4": ("Llama 4", EXPERTS),
    "gpt_oss": ("gpt-oss", EXPERTS),
    "gpt-oss": ("gpt-oss", EXPERTS),
    "deepseek_v2": ("DeepSeek-V2", LATENT),
    "deepseek_v3": ("DeepSeek-V3", LATENT),
    "deepseek2": ("DeepSeek-V2 or V3", LATENT),
    "falcon": (
        "Falcon",
        gettext_noop(
            "attention and MLP read the same vector, side by side, and the MLP has no gate"
        ),
    ),
    "gpt2": (
        "GPT-2",
        gettext_noop("positions are learnt, norms subtract the mean, and the MLP has no gate"),
    ),
    "gpt_neox": ("GPT-NeoX", PARALLEL_TURNING),
    "gptneox": ("GPT-NeoX", PARALLEL_TURNING),
    "bloom": (
        "BLOOM",
        gettext_noop(
            "positions are biases of attention, norms subtract the mean, and the MLP has no gate"
        ),
    ),
    "starcoder2": ("StarCoder 2", UNGATED),
    "stablelm": (
        "StableLM",
        gettext_noop("norms subtract the mean, and a part of each head turns"),
    ),
    "cohere": ("Cohere", PARALLEL_SCALED),
    "cohere2": ("Cohere 2", PARALLEL_SCALED),
    "command-r": ("Cohere", PARALLEL_SCALED),
    "internlm2": ("InternLM 2", ONE_MATRIX),
    "baichuan": ("Baichuan", ONE_MATRIX),
}
"""Families that people have and that do not run here, by either name: what they are, and why."""


def why_not(family: str) -> str | None:
    """Why a family does not run here, for people; None if it does.

    >>> why_not("qwen3"), why_not("gemma2")
    (None, 'Gemma 2: logits are soft-capped')
    """
    if family in RELATIVES:
        return None
    if family in REFUSED:
        name, reason = REFUSED[family]
        return _("{family}: {reason}").format(family=name, reason=_(reason))
    runs = ", ".join(relative.title for relative in RELATIVES.values())
    return _("of the type {family!r}, which is not among {runs}").format(
        family=family[:40], runs=runs
    )
