"""Ways to change a model by training: LoRA, whole matrices, adapter layers.

Each says which arrays are trained, how they begin, and what the model is with them in place. Names
of arrays are those of `lowrank.llama.backward.gradients`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.llama.linear import Dense, LoRA, Projection, bias_of
from lowrank.llama.model import Params, projections, replaced
from lowrank.llama.trainable import BOTTLENECK_PARTS, Bottleneck, DoRA, Dropped
from lowrank.lora import equations
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.extraction import split
from lowrank.lora.training_state import Arrays, Floats, State
from lowrank.memory.quantized_model import QuantizedDense

NOTHING: Mapping[str, Any] = MappingProxyType({})
EMBEDDINGS = "model.embed_tokens"
INITS = (True, "kaiming", "gaussian", "pissa", "olora", "eva", "loftq")
LIKE_W0 = ("pissa", "olora")  # they begin with a part of W0, which is taken out of W0


@dataclass(frozen=True)
class Matrices:
    """Full fine-tuning of some matrices: each that a name in `target_modules` fits, as a whole."""

    target_modules: tuple[str, ...]


@dataclass(frozen=True)
class AdapterLayers:
    """Bottleneck adapter layers (Houlsby et al. 2019): two a layer, after attention and MLP.

    Raises InputError unless the bottleneck is at least 1.
    """

    bottleneck: int = 8

    def __post_init__(self) -> None:
        if type(self.bottleneck) is not int or self.bottleneck < 1:
            raise InputError(
                "bottleneck is {bottleneck!r}; expected at least 1.",
                bottleneck=self.bottleneck,
            )


Method = AdapterConfig | Matrices | AdapterLayers


def check_trainable(method: Method) -> None:
    """Raises InputError naming a field of a LoRA configuration that training does not support."""
    if not isinstance(method, AdapterConfig):
        return
    kind = method.init_lora_weights
    for name, fits, expected in (
        (
            "init_lora_weights",
            kind in INITS,
            _("True, 'kaiming', 'gaussian', 'pissa', 'olora', 'eva' or 'loftq'"),
        ),
        ("lora_dropout", 0 <= method.lora_dropout < 1, _("0 to below 1")),
        ("fan_in_fan_out", not method.fan_in_fan_out, _("false: a Llama's layers are (out, in)")),
        ("lora_bias", not method.lora_bias, "false"),
        ("modules_to_save", not method.modules_to_save, _("none")),
    ):
        if not fits:
            raise InputError(
                "{name} is {value!r}: training supports {expected}.",
                name=name,
                value=getattr(method, name),
                expected=expected,
            )
    if method.use_dora and (method.lora_dropout or kind in (*LIKE_W0, "loftq")):
        raise InputError(
            "use_dora cannot be trained with lora_dropout, 'pissa', 'olora' or 'loftq' here."
        )
    if method.targets(EMBEDDINGS):
        raise InputError(
            "target_modules names {embeddings}: LoRA of embeddings is not supported.",
            embeddings=EMBEDDINGS,
        )


def modules(held: Mapping[str, Any], method: Method) -> tuple[str, ...]:
    """The names of `held`, projections or their shapes by name, that the method changes.

    Raises InputError if there is none, as PEFT does.
    """
    if isinstance(method, AdapterLayers):
        found = [n for n in held if n.endswith(("o_proj", "down_proj"))]
    elif isinstance(method, Matrices):
        found = [n for n in held if AdapterConfig.names(method.target_modules, n)]
    else:
        found = [n for n in held if method.targets(n)]
    if not found:
        wanted = str(getattr(method, "target_modules", ""))[:200]
        raise InputError(
            "target_modules is {wanted}: the model has no such projection.",
            wanted=wanted,
        )
    return tuple(found)


def biased(params: Params, method: Method) -> tuple[str, ...]:
    """Modules whose biases are trained too: PEFT's `bias`, "none", "all" or "lora_only".

    As in PEFT, a model without biases (a Llama, usually) has none to train, whatever it says.
    """
    if not isinstance(method, AdapterConfig) or method.bias == "none":
        return ()
    held = projections(params)
    chosen = modules(held, method) if method.bias == "lora_only" else tuple(held)
    return tuple(name for name in chosen if bias_of(held[name]) is not None)


def begin(params: Params, method: Method, seed: int = 0) -> tuple[Arrays, Arrays]:
    """The arrays to train as they begin, and those that stay: what PiSSA and OLoRA took of W0.

    LoRA begins with B = 0 (kaiming, gaussian: `equations.init`). PiSSA begins with the top r
    singular triplets of W0, OLoRA with its QR factors, and W0 loses them (see `without`). EVA and
    LoftQ need more than W0, and take the place of what is drawn here: see `initial`.
    References: Meng et al., arXiv 2404.02948; Buyukakyuz, arXiv 2406.01775; Houlsby et al., 2019.

    >>> from lowrank.llama.model import TINY, random
    >>> params = random(TINY, np.random.default_rng(0))
    >>> weights, _ = begin(params, AdapterConfig(r=2))
    >>> len(weights), weights["model.layers.0.self_attn.v_proj.lora_A"].shape
    (8, (2, 8))
    """
    check_trainable(method)
    held, rng = projections(params), np.random.default_rng([seed, 0])
    dtype = params.embed_tokens.dtype
    weights: dict[str, Floats] = {}
    stay: dict[str, Floats] = {}
    for name in modules(held, method):
        W0 = held[name]
        if isinstance(method, Matrices):
            weights[f"{name}.weight"] = W0.matrix().copy()
        elif isinstance(method, AdapterLayers):
            weights |= adapter_layer(name, W0.shape[0], method.bottleneck, rng, dtype)
        else:
            r, kind = method.rank(name), method.init_lora_weights
            if kind in LIKE_W0:
                if isinstance(W0, QuantizedDense):
                    raise InputError(
                        "init_lora_weights is {kind!r}, which takes a part out of W0: a quantized "
                        "base keeps none of its numbers to take it from. 'loftq' begins with what "
                        "quantization has lost.",
                        kind=kind,
                    )
                A, B = parts_of(W0.matrix(), r, method.scale(name), str(kind))
                stay |= {f"{name}.lora_A": A, f"{name}.lora_B": B}
            else:
                drawn: equations.Init = "gaussian" if kind == "gaussian" else "kaiming"
                A, B = equations.init(*W0.shape, r, rng, drawn)
            weights |= {f"{name}.lora_A": A.astype(dtype), f"{name}.lora_B": B.astype(dtype)}
            if method.use_dora:
                weights[f"{name}.lora_magnitude_vector"] = np.linalg.norm(W0.matrix(), axis=1)
    for name in biased(params, method):
        weights[f"{name}.bias"] = np.array(bias_of(held[name]))
    return weights, stay


def parts_of(W0: Floats, r: int, scale: float, kind: str) -> tuple[Floats, Floats]:
    """A (r, in) and B (out, r) such that scale B A is the part of W0 that is to be trained.

    "pissa": U_r diag(s_r) Vt_r, the root of s_r to each side. "olora": Q_r R_r of W0 = Q R, not
    divided by scale, as in PEFT.

    >>> A, B = parts_of(np.diag([3.0, 2.0]), 1, 0.5, "pissa")
    >>> (0.5 * B @ A).round(12).tolist()
    [[3.0, 0.0], [0.0, 0.0]]
    """
    if not 1 <= r <= min(W0.shape):
        raise InputError(
            "r is {r}; expected 1 to min(out, in) = {most}.",
            r=r,
            most=min(W0.shape),
        )
    if kind == "pissa":
        (_, pair), root = split(W0, r), math.sqrt(scale)
        return (pair.A / root).astype(W0.dtype), (pair.B / root).astype(W0.dtype)
    Q, R = np.linalg.qr(W0)
    return R[:r], Q[:, :r]


def adapter_layer(
    name: str, h: int, m: int, rng: np.random.Generator, dtype: Any
) -> dict[str, Floats]:
    """An adapter layer near the identity: weights of deviation 0.01, biases 0 (Houlsby, 3.6)."""
    D, U = 0.01 * rng.standard_normal((m, h)), 0.01 * rng.standard_normal((h, m))
    made = (D.astype(dtype), np.zeros(m, dtype), U.astype(dtype), np.zeros(h, dtype))
    return {f"{name}.{part}": a for part, a in zip(BOTTLENECK_PARTS, made, strict=True)}


def without(params: Params, method: Method, stay: Arrays) -> Params:
    """The model that training goes on from: W0 - scale B0 A0 where PiSSA or OLoRA took a part."""
    if not stay or not isinstance(method, AdapterConfig):
        return params
    held, new = projections(params), dict[str, Projection]()
    for name in modules(held, method):
        taken = method.scale(name) * (stay[f"{name}.lora_B"] @ stay[f"{name}.lora_A"])
        new[name] = Dense(held[name].matrix() - taken, bias_of(held[name]))
    return replaced(params, new)


def in_place(
    base: Params, method: Method, weights: Arrays, noise: Mapping[str, NDArray[np.bool_]] = NOTHING
) -> Params:
    """The model with the trained arrays in place, for training: `base` is `without(...)`.

    `noise` says for each module which entries of its LoRA branch's input stay.
    """
    held, new = projections(base), dict[str, Projection]()
    for name in biased(base, method):
        new[name] = Dense(held[name].matrix(), weights[f"{name}.bias"])
    for name in modules(held, method):
        inner = new.get(name, held[name])
        if isinstance(method, Matrices):
            new[name] = Dense(weights[f"{name}.weight"], bias_of(inner))
        elif isinstance(method, AdapterLayers):
            new[name] = Bottleneck(inner, *(weights[f"{name}.{p}"] for p in BOTTLENECK_PARTS))
        else:
            A, B = weights[f"{name}.lora_A"], weights[f"{name}.lora_B"]
            pair = LoRA(inner, A, B, method.scale(name))
            new[name] = pair
            if method.use_dora:
                new[name] = DoRA(pair, weights[f"{name}.lora_magnitude_vector"])
            elif name in noise:
                new[name] = Dropped(pair, noise[name], method.lora_dropout)
    return replaced(base, new)


def pairs(state: State) -> dict[str, tuple[Floats, Floats]]:
    """A and B by module such that W0 + scale B A is the result, W0 being the model's own.

    Where W0 lost a part B0 A0, the pair is (A, A0), (B, -B0), of twice the rank and the same scale:
    PEFT's path_initial_model_for_weight_conversion.
    """
    found, (weights, stay) = {}, (state.weights, state.stay)
    for name in (n.removesuffix(".lora_A") for n in weights if n.endswith(".lora_A")):
        A, B = weights[f"{name}.lora_A"], weights[f"{name}.lora_B"]
        if f"{name}.lora_A" in stay:
            A = np.concatenate([A, stay[f"{name}.lora_A"]])
            B = np.concatenate([B, -stay[f"{name}.lora_B"]], axis=1)
        found[name] = (A, B)
    return found


def adapted(params: Params, method: Method, state: State, scale: float = 1.0) -> Params:
    """The model with `scale` times what a run has learnt: 0 is as it was, 1 the result.

    LoRA stands beside its matrices; `merged` of it makes one matrix of each. Raises InputError if
    scale is not finite.
    """
    if not math.isfinite(scale):
        raise InputError(
            "scale is {scale}; expected a finite number.",
            scale=scale,
        )
    held, t = projections(params), float(scale)

    def between(old: Floats, new: Floats) -> Floats:
        return new if t == 1 else old + t * (new - old)

    moved: dict[str, Floats] = {}
    for name, new in state.weights.items():
        module, _, part = name.rpartition(".")
        if part == "bias" and module in held:
            moved[name] = between(np.asarray(bias_of(held[module])), new)
        elif part == "weight" and module in held:
            moved[name] = between(held[module].matrix(), new)
        elif part == "lora_magnitude_vector":
            moved[name] = between(np.linalg.norm(held[module].matrix(), axis=1), new)
        elif ".up." in name:
            moved[name] = t * new
        else:
            moved[name] = new
    if isinstance(method, AdapterConfig):
        for name, (A, B) in pairs(state).items():
            moved |= {f"{name}.lora_A": A, f"{name}.lora_B": t * B}
    return in_place(params, method, moved)


def merged(params: Params) -> Params:
    """The same model with one matrix for each LoRA or DoRA: no work is left beside the product.

    Adapter layers stay as they are: no matrix does what they do.
    """
    new = {
        name: Dense(p.matrix(), bias_of(p))
        for name, p in projections(params).items()
        if isinstance(p, LoRA | DoRA)
    }
    return replaced(params, new)
