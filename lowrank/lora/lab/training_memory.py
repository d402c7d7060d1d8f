"""What a training step really holds: the bytes of the arrays themselves, not of a formula."""

from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from lowrank.llama import backward
from lowrank.llama.linear import Dense
from lowrank.llama.model import Params, projections
from lowrank.lora import tuning
from lowrank.lora.training_examples import Example
from lowrank.lora.training_state import State
from lowrank.lora.tuning import Method
from lowrank.memory.accounting import Memory


def held_in_training(params: Params, method: Method, state: State, example: Example) -> Memory:
    """Bytes of weights, trained arrays, gradients, Adam's moments, activations and logits.

    Gradients and activations are those of one step on `example`, made here and measured. An array
    counts once however many views of it are kept. Logits count once: their gradient takes their
    place.

    Raises InputError as `finetune` does.
    """
    base = tuning.without(params, method, state.stay)
    placed = tuning.in_place(base, method, state.weights)
    batch = backward.batch([example], params.config)
    touched = [int(n.split(".")[2]) for n in state.weights if n.startswith("model.layers.")]
    lowest = min(touched, default=len(params.layers))
    _, kept = backward.kept_forward(placed, batch, backward.places(placed, batch), lowest)
    _, gradients = backward.gradients(placed, batch, state.weights)
    logits = len(batch.rows) * params.config.vocab_size * params.embed_tokens.itemsize
    own = (getattr(layer, each.name) for layer in kept for each in fields(layer))
    arrays = [a for held in own for a in (held if isinstance(held, tuple) else (held,))]
    return Memory(
        weights=nbytes(weights_of(params)),
        added=nbytes(state.weights.values()),
        gradients=nbytes(gradients.values()),
        moments=nbytes([*state.m.values(), *state.v.values()]),
        activations=nbytes(a for a in arrays if a is not None),
        logits=logits,
    )


def weights_of(params: Params) -> list[np.ndarray]:
    """Every array of a model as it was loaded."""
    found = [params.embed_tokens, params.norm]
    for layer in params.layers:
        found += [layer.input_layernorm, layer.post_attention_layernorm]
    for projection in projections(params).values():
        if isinstance(projection, Dense):
            found += [projection.W, *([] if projection.bias is None else [projection.bias])]
    return found


def nbytes(arrays: Iterable[np.ndarray]) -> int:
    """Bytes of the memory that arrays stand on: views of one count once.

    >>> a = np.zeros(4)
    >>> nbytes([a, a[1:], a.reshape(2, 2), np.zeros(1)])
    40
    """
    owners = {}
    for array in arrays:
        base = array
        while isinstance(base.base, np.ndarray):
            base = base.base
        owners[id(base)] = base
    return sum(base.nbytes for base in owners.values())
