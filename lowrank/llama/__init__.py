"""A small, readable Llama in numpy: `forward(params, ids)`, and what people do with it.

>>> import numpy as np
>>> from lowrank import llama
>>> params = llama.random(llama.TINY, np.random.default_rng(0))  # llama.load(open_model("default"))
>>> llama.forward(params, [1, 2, 3]).shape
(3, 11)
"""

from lowrank.llama.cache import Cache
from lowrank.llama.config import SMOLLM2_135M, LlamaConfig, RopeScaling
from lowrank.llama.generation import (
    cross_entropy,
    distribution,
    generate,
    last_logits,
    nll,
    perplexity,
)
from lowrank.llama.linear import Dense, LoRA, LowRank, Projection
from lowrank.llama.loading import load
from lowrank.llama.model import (
    TINY,
    Layer,
    Params,
    forward,
    observed,
    projections,
    random,
    replaced,
)
from lowrank.llama.tokenizer import Tokenizer

__all__ = [
    "SMOLLM2_135M",
    "TINY",
    "Cache",
    "Dense",
    "Layer",
    "LlamaConfig",
    "LoRA",
    "LowRank",
    "Params",
    "Projection",
    "RopeScaling",
    "Tokenizer",
    "cross_entropy",
    "distribution",
    "forward",
    "generate",
    "last_logits",
    "load",
    "nll",
    "observed",
    "perplexity",
    "projections",
    "random",
    "replaced",
]
