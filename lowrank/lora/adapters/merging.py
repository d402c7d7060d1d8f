"""One tensor of a model with an adapter merged in: W0 + scale B A, or DoRA's, or a new value.

Hu et al., arXiv 2106.09685, section 4.1; Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation",
arXiv 2402.09353, equation 5.
"""

import numpy as np

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.lora.adapters.peft_files import Adapter, Floats, Pair
from lowrank.lora.equations import dora_merge, merge
from lowrank.readers.checkpoint_config import EMBEDDINGS, HEAD, is_tied
from lowrank.readers.interface import Model


def merged_names(model: Model, adapter: Adapter) -> tuple[str, ...]:
    """The tensors of the merged model, in the model's order.

    A model with tied embeddings has an lm_head.weight of its own only if the adapter changes one of
    the two: adapted, they are no longer the same matrix.

    Raises InputError if the adapter changes what the model lacks.
    """
    changed, tied = changes(adapter), is_tied(model)
    names = tuple(name for name in model.tensors if not (tied and name == HEAD))
    parted = changed - {EMBEDDINGS} if moves_both(adapter) else changed
    if tied and (parted & {EMBEDDINGS, HEAD} or EMBEDDINGS.rpartition(".")[0] in adapter.pairs):
        names += (HEAD,)
    for name in sorted(changed - set(names)):
        module_is_here = f"{name.rpartition('.')[0]}.weight" in names
        others = any(f"{module}.weight" in names for module in adapter.pairs)
        why = _("other modules of it are there") if others else _("it was made for another model")
        why = _("its module is there") if module_is_here else why
        raise InputError(
            "The adapter changes {name}, which {title} lacks: {why}.",
            name=name[:200],
            title=model.title,
            why=why,
        )
    return names


def changes(adapter: Adapter) -> set[str]:
    """Names of all tensors that an adapter changes."""
    biased = {f"{module}.bias" for module, each in adapter.pairs.items() if each.bias is not None}
    return {f"{module}.weight" for module in adapter.pairs} | biased | set(adapter.replaced)


def moves_both(adapter: Adapter) -> bool:
    """Whether the adapter has new base embeddings, which a tied head follows.

    PEFT saves them so when the vocabulary was resized. Embeddings of modules_to_save are a copy
    instead, beside which the head stays as it was.
    """
    module = EMBEDDINGS.rpartition(".")[0]
    saved = adapter.config.modules_to_save or ()
    return EMBEDDINGS in adapter.replaced and not adapter.config.names(saved, module)


def merged(model: Model, adapter: Adapter, name: str) -> Floats:
    """One tensor of the merged model as float32, in the model's own layout; a new array.

    Raises InputError if the model has no such tensor, or if an update does not fit it.
    """
    if name in adapter.replaced:
        value = adapter.replaced[name].copy()
        known = model.tensors.get(name)
        # A new vocabulary may have more rows than the old one; nothing else may change its shape.
        if known and (known.shape[1:] != value.shape[1:] or value.ndim != len(known.shape)):
            raise unfit(name, value.shape, known.shape)
    else:
        stored = EMBEDDINGS if name == HEAD and is_tied(model) else name
        both = stored == EMBEDDINGS and moves_both(adapter)
        value = adapter.replaced[EMBEDDINGS].copy() if both else model.read(stored)
    module, _, part = name.rpartition(".")
    found = adapter.pairs.get(module)
    if found is None:
        return value
    if part == "bias" and found.bias is not None:
        if found.bias.shape != value.shape:
            raise unfit(name, found.bias.shape, value.shape)
        return value + np.float32(found.scale) * found.bias
    return (
        adapted(value, found, turned(model, adapter, found, value.shape))
        if part == "weight"
        else value
    )


def adapted(W0: Floats, found: Pair, transposed: bool) -> Floats:
    """W0 with a pair merged in; `transposed` says that W0 is stored as (in, out)."""
    W = W0.T if transposed else W0
    (out, r), n = found.B.shape, found.A.shape[1]
    if W.shape != (out, n):
        raise unfit(found.module, (out, n), W.shape)
    if found.magnitude is None:
        W = merge(W, found.A, found.B, found.scale * r, r)
    else:
        W = dora_merge(W, found.A, found.B, found.magnitude, found.scale * r, r)
    return W.T if transposed else W


def turned(model: Model, adapter: Adapter, found: Pair, shape: tuple[int, ...]) -> bool:
    """Whether a stored weight is (in, out): an embedding, or a layer with fan_in_fan_out.

    A shape that fits only one way decides; a square one is as the configuration says, except that
    a Llama's layers never are (PEFT corrects the field for these, too).
    """
    if found.embedding:
        return True
    here, there = (len(found.B), found.A.shape[1]), (found.A.shape[1], len(found.B))
    if here != there:
        return shape == there
    return adapter.config.fan_in_fan_out and model.config is None


def unfit(name: str, update: tuple[int, ...], shape: tuple[int, ...]) -> InputError:
    return InputError(
        "The adapter's {name} has shape {update} and the model's {shape}: they do not fit.",
        name=name[:200],
        update=update,
        shape=shape,
    )
