"""The config.json of an exported model: what transformers must know to compute the same numbers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from lowrank.errors import InputError
from lowrank.llama.loading import DIVISORS, EMBEDDINGS, stretched
from lowrank.llama.names import ATTENTION, MLP, QKV, name_of
from lowrank.llama.names import HEAD as HEAD_MODULE
from lowrank.llama.relatives import RELATIVES
from lowrank.llama.rope_divisors import scaling_of
from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers.gguf import GGUFModel
from lowrank.readers.hf_config import to_json
from lowrank.readers.interface import Model

HEAD = f"{HEAD_MODULE}.weight"
Table = dict[str, tuple[str, tuple[int, ...]]]  # stored type and shape by name
TORCH = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
# Which projections have a bias in transformers: where a flag says so, and always.
FLAGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "llama": {"attention_bias": ATTENTION, "mlp_bias": MLP},
    "qwen3": {"attention_bias": ATTENTION},
    "smollm3": {"attention_bias": ATTENTION, "mlp_bias": MLP},
}
ALWAYS = {"qwen2": QKV}


def is_tied(model: Model) -> bool:
    """Whether the output head is the embedding matrix; a head stored beside it counts for nothing.

    It is where the configuration says so, and where no head is stored.
    """
    said = model.config is not None and model.config.tie_word_embeddings
    return EMBEDDINGS in model.tensors and (said or HEAD not in model.tensors)


def config_of(model: Model, table: Table) -> dict[str, Any]:
    """The config.json for an export of these tensors; empty where nothing is known of the sizes.

    A configuration that the model brings is kept, but for what the export changed: a vocabulary of
    another size, a head of its own, the stored type, codes that are numbers now. Raises InputError
    for a model that no configuration describes.
    """
    brought = model.given_config is not None
    config = dict(model.given_config) if model.given_config is not None else _made(model, table)
    if not config and isinstance(model, GGUFModel):
        raise InputError(
            "{title} is of a kind for which no config.json can be made.",
            title=model.title,
        )
    if not config:
        return {}
    config.pop("quantization_config", None)
    if EMBEDDINGS in table and "vocab_size" in config:
        config["vocab_size"] = table[EMBEDDINGS][1][0]
    if HEAD in table:
        config["tie_word_embeddings"] = False
    counted = Counter[str]()
    for dtype, shape in table.values():
        counted[dtype] += prod(shape)
    usual = TORCH[counted.most_common(1)[0][0]]
    said = [key for key in ("dtype", "torch_dtype") if key in config]
    return config | dict.fromkeys(said if brought else ["torch_dtype"], usual)


def as_expected(model: Model, table: Table) -> Table:
    """A table of a model's tensors as transformers expects them.

    Of a model without a config.json, a GGUF, divisors of positions become part of the
    configuration, and where transformers has biases that the model lacks, they are added; their
    values are zeros.
    """
    if model.given_config is not None or model.config is None:
        return table
    table = {name: found for name, found in table.items() if name not in DIVISORS}
    for _, projections in flags(model.config.model_type, table):
        for layer in range(model.config.num_hidden_layers):
            for module in (name_of(layer, each) for each in projections):
                kind, (out, *_) = table[f"{module}.weight"]
                table.setdefault(f"{module}.bias", (kind, (out,)))
    return table


def _made(model: Model, table: Table) -> dict[str, Any]:
    """A configuration for a model that came without one, from its sizes, tensors and vocabulary."""
    if model.config is None or model.config.model_type not in RELATIVES:
        return {}
    divisors = {name: model.read(name) for name in DIVISORS if name in model.tensors}
    known = stretched(model.config, divisors)
    scaling = known.rope_scaling
    if scaling and scaling.rope_type == "factors":
        found = scaling_of(np.array(scaling.short_factor), known.rope_theta)
        known = replace(known, rope_scaling=found)
    config = to_json(known) | {"pad_token_id": None}  # else a family's own, which may not be there
    config |= {flag: True for flag, _ in flags(known.model_type, table)}
    if model.vocabulary:
        words, turn = Tokenizer(model.vocabulary), model.vocabulary.end_of_turn
        ends = [end for end in dict.fromkeys((words.eos, turn)) if end is not None]
        config |= {"bos_token_id": words.bos, "eos_token_id": ends if len(ends) > 1 else words.eos}
    return config


def flags(family: str, table: Table) -> list[tuple[str, tuple[str, ...]]]:
    """Those flags of biases that a made configuration must set, each with its projections.

    Raises InputError for biases that transformers' model of the family has no place for.
    """
    found = {name.split(".")[-2] for name in table if name.endswith(".bias")}
    wanted = [(flag, these) for flag, these in FLAGS.get(family, {}).items() if found & {*these}]
    known = {*ALWAYS.get(family, ()), *(name for _, these in wanted for name in these)}
    if found - known:
        raise InputError(
            "The model has biases of {names}, for which transformers' {family} has no place.",
            names=", ".join(sorted(found - known)),
            family=family,
        )
    return wanted
