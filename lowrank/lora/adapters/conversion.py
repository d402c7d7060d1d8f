"""Between adapters and training: a finished run as a PEFT adapter, and any adapter in a model."""

import math
from dataclasses import replace

import numpy as np

from lowrank.errors import InputError
from lowrank.llama.linear import Dense, LoRA, Projection, bias_of
from lowrank.llama.model import Params, projections, replaced
from lowrank.llama.trainable import DoRA
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.adapters.peft_files import Adapter, Pair
from lowrank.lora.training_state import State
from lowrank.lora.tuning import LIKE_W0, Method, pairs


def trained(method: Method, state: State, base_model: str | None = None) -> Adapter:
    """What a LoRA run has learnt as an adapter, which `save` writes and PEFT loads.

    A run that began with PiSSA or OLoRA becomes a plain adapter of twice the rank and the same
    scale, so that it fits the original W0; one that began with LoftQ fits the quantized base alone.
    `base_model` is recorded as its name.

    Raises InputError for another method: whole matrices and adapter layers are no LoRA.
    """
    if not isinstance(method, AdapterConfig):
        raise InputError(
            "{kind} make no LoRA adapter: only LoRA is saved as one.",
            kind=type(method).__name__,
        )
    config = replace(
        method,
        task_type=method.task_type or "CAUSAL_LM",
        base_model_name_or_path=base_model or method.base_model_name_or_path,
    )
    if method.init_lora_weights in LIKE_W0:
        # alpha / r stays if both double, alpha / sqrt(r) if alpha grows by sqrt(2).
        more = math.sqrt(2) if method.use_rslora else 2
        config = replace(
            config,
            init_lora_weights=True,
            r=2 * method.r,
            lora_alpha=more * method.lora_alpha,
            rank_pattern={k: 2 * r for k, r in method.rank_pattern.items()},
            alpha_pattern={k: more * a for k, a in method.alpha_pattern.items()},
        )
    elif method.init_lora_weights in ("kaiming", "loftq"):
        # PEFT's name for the first; at the second it would quantize the base again.
        config = replace(config, init_lora_weights=True)
    held = {name: np.asarray(array, np.float32) for name, array in state.weights.items()}
    found = {
        name: Pair(
            name,
            np.asarray(A, np.float32),
            np.asarray(B, np.float32),
            method.scale(name),
            held.get(f"{name}.lora_magnitude_vector"),
        )
        for name, (A, B) in pairs(state).items()
    }
    return Adapter(config, found, {n: b for n, b in held.items() if n.endswith(".bias")})


def applied(params: Params, adapter: Adapter, scale: float = 1.0) -> Params:
    """The model with `scale` times an adapter: LoRA beside its matrices, biases replaced.

    0 is the model as it was, 1 what PEFT makes of it. Raises InputError if the adapter does not fit
    the model, or changes what is no projection (embeddings, norms).
    """
    held, t, new = projections(params), float(scale), dict[str, Projection]()
    for name, value in adapter.replaced.items():
        module, _, part = name.rpartition(".")
        if module not in held or part not in ("weight", "bias"):
            raise InputError(
                "The adapter changes {name}, which cannot be applied live.",
                name=name[:200],
            )
        inner = new.get(module, held[module])
        W, b = inner.matrix(), bias_of(inner)
        old = W if part == "weight" else b
        if old is None or old.shape != value.shape:
            raise InputError(
                "The adapter's {name} does not fit the model.",
                name=name[:200],
            )
        moved = old + t * (value - old)
        new[module] = Dense(moved, b) if part == "weight" else Dense(W, moved)
    for name, pair in adapter.pairs.items():
        if name not in held or pair.embedding:
            raise InputError(
                "The adapter changes {name}, which cannot be applied live.",
                name=name[:200],
            )
        inner = new.get(name, held[name])
        if pair.bias is not None:
            b = bias_of(inner)
            added = t * pair.scale * pair.bias
            inner = Dense(inner.matrix(), added if b is None else b + added)
        lora = LoRA(inner, pair.A, t * pair.B if t != 1 else pair.B, pair.scale)
        new[name] = lora
        if pair.magnitude is not None:
            length = np.linalg.norm(held[name].matrix(), axis=1)
            new[name] = DoRA(lora, length + t * (pair.magnitude - length))
    return replaced(params, new)
