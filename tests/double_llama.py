"""A Llama's numbers in float64, for tests that float32's rounding would blur."""

from dataclasses import replace

import numpy as np

from lowrank import llama


def doubled(params: llama.Params) -> llama.Params:
    """The same weights in float64; the head is the embeddings, as in the default model."""
    layers = tuple(
        replace(layer, **{name: wide(part) for name, part in vars(layer).items()})
        for layer in params.layers
    )
    embeddings, norm = wide(params.embed_tokens), wide(params.norm)
    head = llama.Dense(embeddings)
    return replace(params, embed_tokens=embeddings, layers=layers, norm=norm, lm_head=head)


def wide(part):
    """An array or a dense projection in float64; what is neither (a flag, an absent norm) as is."""
    if isinstance(part, llama.Dense):
        return llama.Dense(part.matrix().astype(np.float64))
    return part.astype(np.float64) if isinstance(part, np.ndarray) else part
