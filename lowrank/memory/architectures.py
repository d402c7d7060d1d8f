"""What the families that are counted here have beside a Llama's tensors, experts above all.

A row of FAMILIES says what transformers' class has whatever the sizes; a config.json says the rest.
A family that has no row is refused: its sizes would be counted as if it were a Llama.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lowrank.errors import InputError
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import ATTENTION, MLP, QKV
from lowrank.llama.relatives import Rule, typed

Given = Mapping[str, Any]
MOST_LAYERS = 10_000


@dataclass(frozen=True)
class Family:
    """What a family has of its own: norms a layer, norms of q and k, biases, what goes unsaid.

    `experts` are the keys of config.json for how many experts there are and how wide one is;
    `windowed` says which layers look back over a window only, where `layer_types` does not. What
    runs here says so itself (`llama.relatives`).
    """

    norms: int = 2
    qk_norms: bool = False
    biased: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()  # of biases, that it knows
    experts: tuple[str, str] | None = None
    windowed: Rule | None = None
    unsaid: Given = field(default_factory=dict)  # transformers' defaults


def every_second(said: Given, i: int) -> bool:
    """Gemma 2's rule: the first layer has a window, the second has none, and so on."""
    return typed(said, i, i % 2 == 0)


def all_but_the_sixth(said: Given, i: int) -> bool:
    """Gemma 3's rule: every sixth layer, or as many as it says, has none."""
    return typed(said, i, (i + 1) % (said.get("sliding_window_pattern") or 6) != 0)


TIED: Given = {"tie_word_embeddings": True}
FAMILIES: Mapping[str, Family] = {
    "llama": Family(flags=("attention_bias", "mlp_bias")),
    "mistral": Family(),
    "phi3": Family(),
    "smollm3": Family(flags=("attention_bias", "mlp_bias")),
    "granite": Family(flags=("attention_bias", "mlp_bias")),
    "qwen2": Family(biased=QKV),
    "qwen3": Family(qk_norms=True, flags=("attention_bias",)),
    "gemma": Family(
        flags=("attention_bias",), unsaid={**TIED, "head_dim": 256, "num_key_value_heads": 16}
    ),
    "gemma2": Family(
        norms=4,
        flags=("attention_bias",),
        windowed=every_second,
        unsaid={**TIED, "head_dim": 256, "num_key_value_heads": 4, "sliding_window": 4096},
    ),
    "gemma3_text": Family(
        norms=4,
        qk_norms=True,
        flags=("attention_bias",),
        windowed=all_but_the_sixth,
        unsaid={**TIED, "head_dim": 256, "num_key_value_heads": 4, "sliding_window": 4096},
    ),
    "mixtral": Family(
        experts=("num_local_experts", "intermediate_size"),
        unsaid={"num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2},
    ),
    "qwen2_moe": Family(
        biased=QKV,
        experts=("num_experts", "moe_intermediate_size"),
        unsaid={
            "num_key_value_heads": 16,
            "num_experts": 60,
            "num_experts_per_tok": 4,
            "moe_intermediate_size": 1408,
            "shared_expert_intermediate_size": 5632,
        },
    ),
    "qwen3_moe": Family(
        qk_norms=True,
        flags=("attention_bias",),
        experts=("num_experts", "moe_intermediate_size"),
        unsaid={
            "num_key_value_heads": 4,
            "num_experts": 128,
            "num_experts_per_tok": 8,
            "moe_intermediate_size": 768,
        },
    ),
}


@dataclass(frozen=True)
class Sizes(LlamaConfig):
    """A Llama's sizes, and what the family adds: see `Family`.

    Of `sparse_layers` each has `experts` MLPs of width `expert_width`, of which a token uses
    `used`, a router that chooses them, and a shared expert of `shared_width` with a gate of its
    own, if that is not 0. All other layers have one MLP of `intermediate_size`.
    """

    norms: int = 2
    qk_norms: bool = False
    biased: tuple[str, ...] = ()
    experts: int = 0
    used: int = 0
    expert_width: int = 0
    shared_width: int = 0
    sparse_layers: int = 0


def family_of(given: Given) -> Family:
    """The family that a config.json names; a Llama where it names none.

    Raises InputError for one that is not counted here.

    >>> family_of({"model_type": "gemma"}).unsaid["tie_word_embeddings"]
    True
    """
    name = given.get("model_type") or "llama"
    if not isinstance(name, str) or name not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise InputError(
            "The model is a {name!r}, which is not counted: {known} are.",
            name=str(name)[:40],
            known=known,
        )
    return FAMILIES[name]


def sizes_of(config: LlamaConfig, given: Given) -> Sizes:
    """The sizes of a config.json as `config` has them, with what its family adds.

    Raises InputError for a family that is not counted, experts that are no whole numbers, or more
    layers than any model has.
    """
    family = family_of(given)
    said = {**family.unsaid, **given}
    if config.num_hidden_layers > MOST_LAYERS:
        raise InputError(
            "num_hidden_layers is {layers:,}; at most {most:,} are counted.",
            layers=config.num_hidden_layers,
            most=MOST_LAYERS,
        )
    named = {"attention_bias": ATTENTION, "mlp_bias": MLP}
    flagged = [each for flag in family.flags if said.get(flag) is True for each in named[flag]]
    more: dict[str, Any] = {
        "norms": family.norms,
        "qk_norms": family.qk_norms,
        "biased": tuple(dict.fromkeys([*family.biased, *flagged])),
    }
    if family.windowed and said.get("sliding_window") is not None:
        more["sliding_window"] = _whole(said, "sliding_window")
        more["layer_types"] = _layer_types(family.windowed, said, config.num_hidden_layers)
    if family.experts:
        count, width = family.experts
        layers, steps = range(config.num_hidden_layers), said.get("decoder_sparse_step", 1)
        dense = said.get("mlp_only_layers") or []
        more |= {
            "experts": _whole(said, count),
            "used": _whole(said, "num_experts_per_tok"),
            "expert_width": _whole(said, width),
            "shared_width": said.get("shared_expert_intermediate_size", 0),
            "sparse_layers": sum(i not in dense and (i + 1) % (steps or 1) == 0 for i in layers),
        }
    return Sizes(**{f.name: getattr(config, f.name) for f in fields(LlamaConfig)} | more)


def _layer_types(windowed: Rule, said: Given, layers: int) -> tuple[str, ...]:
    listed = said.get("layer_types")
    if listed is not None and not (isinstance(listed, list) and len(listed) >= layers):
        raise InputError("layer_types does not name the {layers} layers.", layers=layers)
    if said.get("sliding_window_pattern") is not None:
        _whole(said, "sliding_window_pattern")
    kinds = ("full_attention", "sliding_attention")
    return tuple(kinds[windowed(said, i)] for i in range(layers))


def _whole(said: Given, key: str) -> int:
    value = said.get(key)
    if type(value) is not int or not 0 < value < 2**31:
        raise InputError(
            "{key} is {value!r}; expected a whole number of at least 1.",
            key=key,
            value=str(value)[:40],
        )
    return value
