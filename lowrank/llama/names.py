"""What Hugging Face calls the parts of a Llama, and which of them go together.

The layers' matrices stand in the order in which they are applied.
"""

import re

from lowrank.language import gettext_noop

QKV, GATE_UP = ("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj")  # each fed one vector
ATTENTION = (*QKV, "o_proj")
MLP = (*GATE_UP, "down_proj")
LINEAR = ATTENTION + MLP
PEFT_DEFAULT = ("q_proj", "v_proj")  # what PEFT adapts in a Llama if nothing is said
EMBEDDINGS, HEAD = "embed_tokens", "lm_head"


def short(projection: str) -> str:
    """What people call a projection: q for q_proj."""
    return projection.removesuffix("_proj")


LABELS = {name: short(name) for name in LINEAR} | {
    EMBEDDINGS: gettext_noop("embeddings"),
    HEAD: gettext_noop("head"),
}
"""What people call them, looked up where it is shown; links say it too, so it does not change."""

FED_LIKE = {name: group[0] for group in (QKV, GATE_UP) for name in group[1:]}
"""The projections that take in the very vector that an earlier one does, and which."""

LAYER = re.compile(r"\b(?:layers|h|blk)\.(\d{1,6})\.")


def name_of(layer: int, projection: str) -> str:
    """The full name of a projection of a layer.

    >>> name_of(3, "up_proj")
    'model.layers.3.mlp.up_proj'
    """
    block = "self_attn" if projection in ATTENTION else "mlp"
    return f"model.layers.{layer}.{block}.{projection}"


def fed_first(name: str) -> str:
    """The full name of the first projection that takes in the same vector as this one.

    >>> fed_first("model.layers.3.self_attn.v_proj")
    'model.layers.3.self_attn.q_proj'
    """
    block, _, projection = name.rpartition(".")
    return f"{block}.{FED_LIKE.get(projection, projection)}"


def place(name: str) -> tuple[int | None, str | None]:
    """(layer, projection) that a tensor's name speaks of, None where it does not.

    >>> place("model.layers.3.mlp.up_proj.weight"), place("model.norm.weight")
    ((3, 'up_proj'), (None, 'norm'))
    """
    layer = LAYER.search(name)
    rest, _, ending = name.rpartition(".")
    module = rest.rpartition(".")[2] if ending in ("weight", "bias") else ""
    return int(layer[1]) if layer else None, module or None


def within(name: str, layer: int) -> str:
    """What a tensor is called within its layer, where its projection is not enough to tell it.

    >>> within("model.layers.3.mlp.experts.7.up_proj.weight", 3)
    'mlp.experts.7.up_proj'
    """
    return name.partition(f".{layer}.")[2].removesuffix(".weight") or name
