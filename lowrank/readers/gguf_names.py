"""GGUF's names of tensors, and Hugging Face's: by the tables of the `gguf` package."""

import re
from functools import lru_cache

from lowrank.readers.families import FAMILIES, LLAMA, Family

BIASED = "e_score_correction"  # a bias without a module of its own, and an underscore before it


def from_gguf(name: str, architecture: str = "llama", family: Family = FAMILIES[0]) -> str:
    """The Hugging Face name of a GGUF tensor; one that neither table knows stays as it is.

    >>> from_gguf("blk.3.attn_q.weight"), from_gguf("token_embd.weight")
    ('model.layers.3.self_attn.q_proj.weight', 'model.embed_tokens.weight')
    """
    found = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)(?:\.(\d+))?\.(weight|bias)", name)
    if found is None:
        return name
    layer, short, expert, ending = found.groups()
    short = short if layer is None else f"blk.0.{short}"
    if expert is not None:  # older files keep each expert as a tensor of its own
        short = f"{short.removesuffix('_exps')}_exps.*"
    long = modules(architecture, family).get(short)
    if long is None:
        return name
    long = long.replace("{layer}", layer or "").replace("*", expert or "*")
    return f"{long}_{ending}" if long.endswith(BIASED) else f"{long}.{ending}"


@lru_cache(maxsize=64)
def modules(architecture: str, family: Family) -> dict[str, str]:
    """GGUF's names of a family's modules, with layer 0 for all, to Hugging Face's.

    What a family adds comes last, so that it stands instead of what a Llama calls the same.
    """
    from gguf.constants import MODEL_ARCH, MODEL_ARCH_NAMES
    from gguf.tensor_mapping import get_tensor_name_map

    arch = next((a for a, n in MODEL_ARCH_NAMES.items() if n == architecture), MODEL_ARCH.LLAMA)
    table = get_tensor_name_map(arch, 1)
    found = {}
    layers = [f"{family.layers}.{{layer}}.{each}" for each in (*LLAMA, *family.adds)]
    for name in (*family.outside, *layers):
        asked = name.replace("{layer}", "0").replace(".*", "")
        short = table.get_name(asked) or table.get_name(asked.removeprefix(family.prefix))
        if short is not None:
            found[f"{short}.*" if "*" in name else short] = name
    return found
