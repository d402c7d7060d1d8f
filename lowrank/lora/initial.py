"""Starts of A and B that need more than W0: its inputs (EVA), or what its codes lose (LoftQ)."""

from collections.abc import Sequence

import numpy as np

from lowrank.errors import InputError
from lowrank.llama import backward
from lowrank.llama.linear import bias_of
from lowrank.llama.model import Params, observed, projections, replaced
from lowrank.llama.names import fed_first
from lowrank.lora import tuning
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.train_config import TrainConfig
from lowrank.lora.training_examples import Example
from lowrank.lora.training_state import Arrays, Floats, State
from lowrank.memory.quantized_model import Code, QuantizedDense, Quantizer, quantized
from lowrank.spectra.svd import truncate

TOKENS = 1024  # about so many inputs of each module are looked at


def eva(params: Params, method: AdapterConfig, data: Sequence[Example]) -> Arrays:
    """A (r, in) of each module by name: the top r right singular vectors of its inputs.

    The inputs are those of all tokens of the first examples, less their mean: A x then holds as
    much of their variance as r numbers can. B stays 0. PEFT's EvaConfig(rho=1,
    use_label_mask=False), which leaves every module its rank.

    Raises InputError if there are no more tokens than r.
    Reference: Paischer et al., "Parameter Efficient Fine-tuning via Explained Variance Adaptation",
    arXiv 2410.07170, section 3; the mean is taken out by its incremental SVD.
    """
    seen: dict[str, list[Floats]] = {}
    names = tuning.modules(projections(params), method)
    first = {name: fed_first(name) for name in names}  # q, k and v take in the same

    def look(name: str, x: Floats) -> None:
        seen.setdefault(name, []).append(x)

    watched, tokens = observed(params, look, sorted(set(first.values()))), 0
    for example in data:
        if tokens < TOKENS:
            tokens += len(example.ids)
            backward.loss(watched, backward.batch([example], params.config))
    found, r = dict[str, Floats](), {name: method.rank(name) for name in names}
    for source in set(first.values()):
        inputs = np.concatenate(seen[source]) if source in seen else np.zeros((0, 1))
        fed = [name for name in names if first[name] == source]
        directions = principal(inputs, max(r[name] for name in fed))
        found |= {f"{name}.lora_A": directions[: r[name]] for name in fed}
    return found


def principal(X: Floats, r: int) -> Floats:  # (N, in) -> (r, in)
    """The top r right singular vectors of X less the mean of its rows: principal components.

    Raises InputError if X has no more than r rows.

    >>> principal(np.array([[2.0, 1.0], [0.0, 1.0], [-2.0, 1.0]]), 1).round(12).tolist()
    [[1.0, 0.0]]
    """
    if len(X) <= r:
        raise InputError(
            "init_lora_weights is 'eva': the examples have {tokens} tokens that it can look at; "
            "more than r = {r} are needed.",
            tokens=len(X),
            r=r,
        )
    return truncate(X - X.mean(axis=0), r).svd.Vt.astype(X.dtype)


def loftq(
    W0: Floats, r: int, scale: float, quantizer: Quantizer, iterations: int = 1
) -> tuple[Code, Floats, Floats]:
    """Codes Q, A (r, in) and B (out, r) such that Q + scale B A is near W0 (out, in).

    In turns, so many `iterations` (PEFT's loftq_iter): Q is W0 - scale B A quantized, and scale B A
    the best approximation of rank r to W0 - Q. The root of scale goes to each side; PEFT leaves
    scale out, which is the same where it is 1.

    Reference: Li et al., "LoftQ", arXiv 2310.08659, algorithm 1.
    """
    Q = quantizer(W0)
    A, B = tuning.parts_of(W0 - Q.matrix(), r, scale, "pissa")
    for _ in range(iterations - 1):
        Q = quantizer(W0 - scale * (B @ A))
        A, B = tuning.parts_of(W0 - Q.matrix(), r, scale, "pissa")
    return Q, A, B


def loftq_start(
    params: Params, config: TrainConfig, quantizer: Quantizer, iterations: int = 1
) -> tuple[Params, State]:
    """The model quantized, and the state before the first step on it: together near `params`.

    With one iteration the base is that of `quantized`, so that what is learnt fits the model as
    bitsandbytes quantizes it. Raises InputError if the method is no LoRA or does not fit the model.
    """
    method = config.method
    if not isinstance(method, AdapterConfig):
        raise InputError("LoftQ is a start of LoRA: no other method has A and B.")
    weights, stay = tuning.begin(params, method, config.seed)
    held, codes = projections(params), dict[str, QuantizedDense]()
    for name in tuning.modules(held, method):
        r, scale = method.rank(name), method.scale(name)
        Q, A, B = loftq(held[name].matrix(), r, scale, quantizer, iterations)
        codes[name] = QuantizedDense(Q, bias_of(held[name]))
        weights = {**weights, f"{name}.lora_A": A, f"{name}.lora_B": B}
    return replaced(quantized(params, quantizer), codes), beginning(weights, stay, config)


def beginning(weights: Arrays, stay: Arrays, config: TrainConfig) -> State:
    """The state before the first step: AdamW's moments are 0."""
    zeros = {name: np.zeros_like(array) for name, array in weights.items()}
    return State(0, weights, zeros, zeros, stay, config.to_json())
