"""A Llama's sizes from the `config.json` that Hugging Face keeps beside its weights."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from math import log
from typing import Any, TypeGuard

from lowrank.llama.config import LlamaConfig, RopeScaling
from lowrank.llama.relatives import RELATIVES, every_layer
from lowrank.readers.families import TIED

NEEDED = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "vocab_size",
)
ORIGINAL = "original_max_position_embeddings"
USED = {  # what a type of scaling has beside its name
    "linear": ("factor",),
    "dynamic": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", ORIGINAL),
    "yarn": ("factor", ORIGINAL, "attention_factor", "beta_fast", "beta_slow", "truncate"),
    "longrope": ("factor", ORIGINAL, "attention_factor", "short_factor", "long_factor"),
}
MOST_LAYERS = 10_000
KINDS = {True: "sliding_attention", False: "full_attention"}


def llama_config_from_json(given: Any) -> LlamaConfig | None:
    """The configuration in a parsed config.json, with transformers' defaults for what is left out.

    None if a size is missing or absurd: such a model opens as a plain list of matrices.

    >>> llama_config_from_json({"model_type": "gpt2", "n_embd": 768}) is None
    True
    """
    if not isinstance(given, dict) or not all(_whole(given.get(key)) for key in NEEDED):
        return None
    family = model_type(given) or "llama"
    said = dict(RELATIVES[family].defaults) if family in RELATIVES else {}
    said |= given  # null is said, too: no window, a key for each query
    sizes = {key: given[key] for key in NEEDED}
    heads, hidden = sizes["num_attention_heads"], sizes["hidden_size"]
    kv_heads, head_dim = said.get("num_key_value_heads"), said.get("head_dim")
    if heads > hidden and not _whole(head_dim):
        return None
    if family in RELATIVES and not layers_listed(said):
        return None
    rope = stretching(said)
    turning = rope.get("partial_rotary_factor", said.get("partial_rotary_factor"))
    return LlamaConfig(
        **sizes,
        num_key_value_heads=kv_heads if _whole(kv_heads) else heads,
        head_dim=head_dim if _whole(head_dim) else hidden // heads,
        max_position_embeddings=_longest(said),
        rope_theta=_real(rope.get("rope_theta"), _real(said.get("rope_theta"), 10_000.0)),
        rms_norm_eps=_real(said.get("rms_norm_eps"), 1e-6),
        tie_word_embeddings=said.get("tie_word_embeddings", family in TIED) is True,
        rope_scaling=rope_scaling(said),
        partial_rotary_factor=_real(turning, 1.0),
        model_type=family,
        **layers_of(family, said),
    )


def model_type(given: Mapping[str, Any] | None) -> str | None:
    """The family that a config.json names, if it names one."""
    said = (given or {}).get("model_type")
    return said[:40] if isinstance(said, str) else None


def layers_listed(said: Mapping[str, Any]) -> bool:
    """Whether there are as many layers as any model has, and what tells them apart is sound."""
    count = said["num_hidden_layers"]
    lists = [said[key] for key in ("layer_types", "no_rope_layers") if said.get(key) is not None]
    fit = all(isinstance(each, list) and len(each) >= count for each in lists)
    steps = [said.get(key, 0) for key in ("max_window_layers", "no_rope_layer_interval")]
    return fit and count <= MOST_LAYERS and all(type(n) is int and n >= 0 for n in steps)


def layers_of(family: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Which layers have a window and which turn: the fields that its row of relatives speaks of."""
    if family not in RELATIVES:
        return {}
    relative, count = RELATIVES[family], said["num_hidden_layers"]
    fields: dict[str, Any] = {}
    turned = [int(relative.turned(said, i)) for i in range(count)]
    if not all(turned):
        fields["no_rope_layers"] = tuple(turned)
    window = said.get("sliding_window")
    if relative.windowed and _whole(window) and said.get("use_sliding_window", True):
        windowed = [relative.windowed(said, i) for i in range(count)]
        if any(windowed):
            fields["sliding_window"] = window
        if any(windowed) and not all(windowed):
            fields["layer_types"] = tuple(KINDS[each] for each in windowed)
    return fields


def stretching(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a config.json says of rotary positions, in either of transformers' ways to say it."""
    rope = said.get("rope_scaling") or said.get("rope_parameters")
    return rope if isinstance(rope, dict) else {}


def rope_scaling(given: Mapping[str, Any]) -> RopeScaling | None:
    """How the positions of a config.json are stretched; None if they are not.

    A factor without a type is a type that is not known, so that it is refused rather than ignored.

    >>> rope_scaling({"rope_scaling": {"type": "linear", "factor": 2}}).factor
    2.0
    """
    said = stretching(given)
    kind = said.get("rope_type") or said.get("type")
    if kind is None:
        odd = [key for key, value in said.items() if key == "factor" or isinstance(value, dict)]
        return RopeScaling(f"{odd[0]} without a type"[:60]) if odd else None
    if kind == "default":
        return None
    usual = RopeScaling(str(kind)[:40])
    lengths = (given.get(ORIGINAL), said.get(ORIGINAL))
    original = next(filter(_whole, lengths), _longest(given))
    factor = _real(said.get("factor"), 0.0)
    if not factor:  # DeepSeek and Phi-3 leave it to the two lengths
        longer = usual.rope_type in ("yarn", "longrope")
        factor = _longest(given) / original if longer else usual.factor
    found = {
        "factor": factor,
        "low_freq_factor": _real(said.get("low_freq_factor"), usual.low_freq_factor),
        "high_freq_factor": _real(said.get("high_freq_factor"), usual.high_freq_factor),
        ORIGINAL: original,
        "attention_factor": attention_factor(said, factor),
        "beta_fast": _real(said.get("beta_fast"), usual.beta_fast),
        "beta_slow": _real(said.get("beta_slow"), usual.beta_slow),
        "truncate": said.get("truncate") is not False,
        "short_factor": _reals(said.get("short_factor")),
        "long_factor": _reals(said.get("long_factor")),
    }
    used: dict[str, Any] = {key: found[key] for key in USED.get(usual.rope_type, ())}
    return replace(usual, **used)


def attention_factor(said: Mapping[str, Any], factor: float) -> float | None:
    """What turned pairs are multiplied by, where a configuration says so: itself, or by two scales.

    >>> attention_factor({"mscale": 1.0, "mscale_all_dim": 1.0}, 40.0), attention_factor({}, 40.0)
    (1.0, None)
    """
    given = _real(said.get("attention_factor"), 0.0)
    if given:
        return given
    scales = [_real(said.get(key), 0.0) for key in ("mscale", "mscale_all_dim")]
    if not all(scales):
        return None
    grown = log(max(factor, 1.0))
    return (0.1 * scales[0] * grown + 1) / (0.1 * scales[1] * grown + 1)


def to_json(config: LlamaConfig) -> dict[str, Any]:
    """A config.json with these sizes, for a model that came without one.

    >>> from lowrank.llama.config import SMOLLM2_135M
    >>> llama_config_from_json(to_json(SMOLLM2_135M)) == SMOLLM2_135M
    True
    """
    relative = RELATIVES.get(config.model_type, RELATIVES["llama"])
    found = {"architectures": [relative.architecture]} | asdict(config)
    layers = range(config.num_hidden_layers)
    if relative.windowed:  # said even where there is none, since Mistral's default is one
        found["use_sliding_window"] = config.sliding_window is not None
    if relative.windowed not in (None, every_layer):
        found["layer_types"] = [KINDS[config.window(i) is not None] for i in layers]
    if relative.turned is not every_layer:
        found["no_rope_layers"] = [int(config.turned(i)) for i in layers]
    if config.rope_scaling:
        kind = config.rope_scaling.rope_type
        scaling = {key: found["rope_scaling"][key] for key in USED.get(kind, ())}
        found["rope_scaling"] = {"rope_type": kind} | listed(scaling)
    return listed({key: value for key, value in found.items() if value != ()})


def listed(held: Mapping[str, Any]) -> dict[str, Any]:
    """The same with lists for tuples, as JSON has them."""
    return {key: list(x) if isinstance(x, tuple) else x for key, x in held.items()}


def _whole(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 < value < 2**31


def _longest(said: Mapping[str, Any]) -> int:
    longest = said.get("max_position_embeddings")
    return longest if _whole(longest) else 2048


def _reals(value: Any) -> tuple[float, ...]:
    listed = value if isinstance(value, list) and len(value) <= MOST_LAYERS else []
    return tuple(_real(each, 1.0) for each in listed)


def _real(value: Any, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    return float(value) if 0 < value < 1e30 else default
