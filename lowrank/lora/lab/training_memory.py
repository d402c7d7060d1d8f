"""What a training step really holds: the bytes of the arrays themselves, not of a formula."""

from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from lowrank.llama import backward
from lowrank.llama.linear import Dense, Projection
from lowrank.llama.model import Params, projections
from lowrank.llama.names import HEAD
from lowrank.lora import tuning
from lowrank.lora.training_examples import Example
from lowrank.lora.training_state import State
from lowrank.lora.tuning import Method
from lowrank.memory.accounting import Memory
from lowrank.memory.quantized_model import QuantizedDense


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
    """Every array of a model as it was loaded, or quantized."""
    found = [params.embed_tokens, params.norm]
    for layer in params.layers:
        found += [layer.input_layernorm, layer.post_attention_layernorm]
    for projection in projections(params).values():
        found += arrays_of(projection)
    return found


def matrix_bytes(params: Params) -> int:
    """Bytes of the layers' matrices as they are kept, numbers or codes: embeddings and head apart.

    >>> from lowrank import memory
    >>> from lowrank.llama.model import TINY, random
    >>> params = random(TINY, np.random.default_rng(0))
    >>> matrix_bytes(params), matrix_bytes(memory.quantized(params, memory.int8))
    (3840, 1408)
    """
    of_layers = (p for name, p in projections(params).items() if name != HEAD)
    return nbytes(array for projection in of_layers for array in arrays_of(projection))


def arrays_of(projection: Projection) -> list[np.ndarray]:
    """The arrays that a projection of a loaded or quantized model keeps."""
    if isinstance(projection, Dense):
        held = [projection.W, projection.bias]
    elif isinstance(projection, QuantizedDense):
        held = [*vars(projection.W).values(), projection.bias]
    else:
        held = []
    return [each for each in held if isinstance(each, np.ndarray)]


def nbytes(arrays: Iterable[np.ndarray]) -> int:
    """Bytes of the memory that arrays stand on: views of one count once.

    Of a file that is mapped only those parts count that arrays show.

    >>> a = np.zeros(4)
    >>> nbytes([a, a[1:], a.reshape(2, 2), np.zeros(1)])
    40
    """
    owners = {}
    for array in arrays:
        base = array
        while isinstance(base.base, np.ndarray):
            base = base.base
        if isinstance(base, np.memmap):
            base = array
        owners[base.ctypes.data, base.nbytes] = base
    return sum(base.nbytes for base in owners.values())
