"""What each family of decoders adds to a Llama's tensors: the one table, and what follows from it.

A family is a row. Its modules are named as Hugging Face's checkpoints name them, within a layer or
outside; GGUF's names for the same ones come from the `gguf` package's own tables (`gguf_names`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

LLAMA = (
    "input_layernorm",
    *(f"self_attn.{each}_proj" for each in "qkvo"),
    "post_attention_layernorm",
    *(f"mlp.{each}_proj" for each in ("gate", "up", "down")),
)
NORMED = ("self_attn.q_norm", "self_attn.k_norm")
FOUR_NORMS = ("pre_feedforward_layernorm", "post_feedforward_layernorm", *NORMED)
EXPERTS = ("mlp.gate", *(f"mlp.experts.*.{each}_proj" for each in ("gate", "up", "down")))
QKV, GATE_UP = ("q", "k", "v"), ("gate", "up")
# What torch.compile, FSDP and activation checkpointing put into the names of what they wrap.
WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
REPLICA = "module."  # what DistributedDataParallel puts before all of them

# Whose head is the embeddings where a config.json does not say, as in transformers.
TIED = frozenset(
    (
        *("gemma", "gemma2", "gemma3_text", "cohere", "cohere2", "starcoder2", "smollm3"),
        *("minicpm3", "gpt2", "bloom", "falcon"),
    )
)


@dataclass(frozen=True)
class Fused:
    """A matrix that holds several: module, its parts' names, and in which order their rows lie.

    All rows of one part after all of another; or, `grouped`, head by head of the keys, each with
    its queries before it and its values after it.
    """

    module: str
    parts: tuple[str, ...]
    grouped: bool = False


@dataclass(frozen=True)
class Family:
    """One family: `types` are model_type in config.json, `architectures` general.architecture.

    `adds` are modules of a layer beside or instead of a Llama's, `*` for an expert's number.
    `turned` are stored as (in, out). `norm_shift` is what llama.cpp adds to the norms' weights.
    """

    title: str
    types: tuple[str, ...]
    architectures: tuple[str, ...]
    adds: tuple[str, ...] = ()
    fused: tuple[Fused, ...] = ()
    layers: str = "model.layers"
    outside: tuple[str, ...] = ("model.embed_tokens", "model.norm", "lm_head")
    turned: tuple[str, ...] = ()
    norm_shift: float = 0.0

    @property
    def prefix(self) -> str:
        """The first word of the names, which a checkpoint of the base model alone leaves out."""
        return self.layers.partition(".")[0] + "."


BLOCK = ("input_layernorm", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
FALCON = Family(
    "Falcon",
    ("falcon", "RefinedWeb", "RefinedWebModel"),
    ("falcon",),
    ("self_attention.query_key_value", "self_attention.dense", *BLOCK),
    (Fused("self_attention.query_key_value", QKV, grouped=True),),
    layers="transformer.h",
    outside=("transformer.word_embeddings", "transformer.ln_f", "lm_head"),
)
FAMILIES = (
    Family(
        "Llama",
        ("llama", "mistral", "qwen2", "smollm3", "arcee", "granite", "minicpm", "olmo"),
        ("llama", "mistral3", "qwen2", "smollm3", "arcee", "granite", "minicpm", "olmo"),
    ),
    Family(
        "Qwen 3, Cohere", ("qwen3", "cohere", "cohere2"), ("qwen3", "command-r", "cohere2"), NORMED
    ),
    Family("Gemma", ("gemma",), ("gemma",), norm_shift=1.0),
    Family(
        "Gemma 2, 3", ("gemma2", "gemma3_text"), ("gemma2", "gemma3"), FOUR_NORMS, norm_shift=1.0
    ),
    Family("OLMo 2", ("olmo2", "olmo3"), ("olmo2",), FOUR_NORMS[1:]),
    Family(
        "Phi-3, Phi-4",
        ("phi3",),
        ("phi3",),
        ("self_attn.qkv_proj", "mlp.gate_up_proj"),
        (Fused("self_attn.qkv_proj", QKV), Fused("mlp.gate_up_proj", GATE_UP)),
    ),
    Family("StarCoder 2", ("starcoder2",), ("starcoder2",), ("mlp.c_fc", "mlp.c_proj")),
    Family(
        "Mixtral",
        ("mixtral",),
        ("llama experts",),
        ("block_sparse_moe.gate", *(f"block_sparse_moe.experts.*.w{i}" for i in (1, 2, 3))),
    ),
    Family(
        "Qwen-MoE",
        ("qwen2_moe", "qwen3_moe", "olmoe"),
        ("qwen2moe", "qwen3moe", "olmoe"),
        (
            *NORMED,
            *EXPERTS,
            *(f"mlp.shared_expert.{each}_proj" for each in ("gate", "up", "down")),
            "mlp.shared_expert_gate",
        ),
    ),
    Family(
        "DeepSeek-V2, V3",
        ("deepseek", "deepseek_v2", "deepseek_v3"),
        ("deepseek", "deepseek2"),
        (
            *(f"self_attn.{each}" for each in ("q_a_proj", "q_a_layernorm", "q_b_proj")),
            *(f"self_attn.kv_{each}" for each in ("a_proj_with_mqa", "a_layernorm", "b_proj")),
            *EXPERTS,
            "mlp.gate.e_score_correction",
            *(f"mlp.shared_experts.{each}_proj" for each in ("gate", "up", "down")),
        ),
    ),
    Family(
        "Baichuan",
        ("baichuan",),
        ("baichuan",),
        ("self_attn.W_pack",),
        (Fused("self_attn.W_pack", QKV),),
    ),
    Family(
        "InternLM 2",
        ("internlm2",),
        ("internlm2",),
        (
            *("attention_norm", "attention.wqkv", "attention.wo", "ffn_norm"),
            *(f"feed_forward.w{i}" for i in (1, 2, 3)),
        ),
        (Fused("attention.wqkv", QKV, grouped=True),),
        outside=("model.tok_embeddings", "model.norm", "output"),
    ),
    FALCON,
    replace(
        FALCON,
        title="Falcon 40B",
        architectures=("falcon two norms",),
        adds=(*FALCON.adds, "ln_mlp", "ln_attn"),
    ),
    Family(
        "BLOOM",
        ("bloom",),
        ("bloom",),
        (
            *("self_attention.query_key_value", "self_attention.dense"),
            *("post_attention_layernorm", *BLOCK),
        ),
        (Fused("self_attention.query_key_value", QKV, grouped=True),),
        layers="transformer.h",
        outside=(
            *("transformer.word_embeddings", "transformer.word_embeddings_layernorm"),
            *("transformer.ln_f", "lm_head"),
        ),
    ),
    Family(
        "GPT-NeoX",
        ("gpt_neox",),
        ("gptneox",),
        ("attention.query_key_value", "attention.dense", "post_attention_layernorm", *BLOCK),
        (Fused("attention.query_key_value", QKV, grouped=True),),
        layers="gpt_neox.layers",
        outside=("gpt_neox.embed_in", "gpt_neox.final_layer_norm", "embed_out"),
    ),
    Family(
        "GPT-2",
        ("gpt2",),
        ("gpt2",),
        ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"),
        (Fused("attn.c_attn", QKV),),
        layers="transformer.h",
        outside=("transformer.wte", "transformer.wpe", "transformer.ln_f", "lm_head"),
        turned=("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"),
    ),
)


def family_of(config: Mapping[str, Any] | None) -> Family | None:
    """The row of a config.json's model_type; None where there is none."""
    kind = (config or {}).get("model_type")
    found = (family for family in FAMILIES if kind in family.types)
    return next(found, None) if isinstance(kind, str) else None


def family_in_gguf(architecture: str, variants: Iterable[str] = ()) -> Family:
    """The row of a GGUF architecture, by preference of a variant: "experts", "two norms".

    The Llama's for an architecture that is in none.
    """
    for name in (*(f"{architecture} {variant}" for variant in variants), architecture):
        for family in FAMILIES:
            if name in family.architectures:
                return family
    return FAMILIES[0]


def full_names(names: Iterable[str], config: Mapping[str, Any] | None) -> dict[str, str]:
    """Stored names -> full names, without what was wrapped around the model.

    A checkpoint of the base model alone leaves the first word out; as transformers does it, it is
    put back only where no tensor at all has the word.

    >>> list(full_names(["layers.0.mlp.up_proj.weight", "lm_head.weight"], None).values())
    ['model.layers.0.mlp.up_proj.weight', 'lm_head.weight']
    """
    held, family = unwrapped(names), family_of(config)
    first = {name.partition(".")[0] for name in held.values()}
    for row in [family] if family else FAMILIES:
        word, _, inside = row.layers.partition(".")
        if inside in first and word not in first:
            whole = tuple(f"{each}." for each in row.outside if not each.startswith(row.prefix))
            return {n: m if m.startswith(whole) else row.prefix + m for n, m in held.items()}
    return held


def unwrapped(names: Iterable[str]) -> dict[str, str]:
    """Stored names -> the model's own, without `WRAPPERS` and `REPLICA`.

    As they are where two of them would become one.

    >>> unwrapped(["module.model._orig_mod.norm.weight"])
    {'module.model._orig_mod.norm.weight': 'model.norm.weight'}
    """
    held = found = list(names)
    if any(wrapper in name for name in held for wrapper in WRAPPERS):
        parts = [name.split(".") for name in held]
        found = [".".join([p for p in some if p not in WRAPPERS] + [last]) for *some, last in parts]
    while found and all(name.startswith(REPLICA) for name in found):
        found = [name.removeprefix(REPLICA) for name in found]
    return dict(zip(held, found if len(set(found)) == len(held) else held, strict=True))


@dataclass(frozen=True)
class Heads:
    """How many heads of queries, how many of keys and values, and the rows of each."""

    queries: int
    keys: int
    size: int


def heads_of(config: Mapping[str, Any]) -> Heads | None:
    """A config.json's heads, under the names that families give them; None if they are not said."""

    def said(*keys: str) -> int:
        values = (config.get(key) for key in keys)
        return next((v for v in values if type(v) is int and 0 < v < 2**20), 0)

    queries, hidden = (
        said("num_attention_heads", "n_head"),
        said("hidden_size", "n_embd", "n_embed"),
    )
    keys = said("num_key_value_heads", "num_kv_heads", "n_head_kv") or queries
    if config.get("model_type") in ("falcon", "RefinedWeb", "RefinedWebModel"):
        shared = config.get("multi_query", True) and not config.get("new_decoder_architecture")
        keys = 1 if shared else keys
    size = said("head_dim") or (hidden // queries if queries else 0)
    return Heads(queries, keys, size) if size and keys and queries % keys == 0 else None


def part_rows(fused: Fused, rows: int, heads: Heads | None) -> dict[str, NDArray[np.intp]] | None:
    """Which rows of a fused matrix are which part's; None where that does not come out even.

    >>> found = part_rows(Fused("qkv", QKV, grouped=True), 8, Heads(4, 2, 1))
    >>> {name: at.tolist() for name, at in found.items()}
    {'q': [0, 1, 4, 5], 'k': [2, 6], 'v': [3, 7]}
    """
    if fused.parts == QKV:
        if heads is None:
            return None
        sizes = [heads.size * n for n in (heads.queries, heads.keys, heads.keys)]
    else:
        sizes = [rows // len(fused.parts)] * len(fused.parts)
    if sum(sizes) != rows:
        return None
    groups = heads.keys if fused.grouped and heads else 1
    by_group = np.arange(rows).reshape(groups, -1)
    ends = np.cumsum([size // groups for size in sizes])[:-1]
    cut = np.split(by_group, ends, axis=1)
    return {name: at.ravel() for name, at in zip(fused.parts, cut, strict=True)}
