"""From an open model to `Params` in float32, if it is a Llama or a relative and fits in memory."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError, InputError
from lowrank.llama.config import LlamaConfig
from lowrank.llama.linear import Dense
from lowrank.llama.model import Layer, Params
from lowrank.llama.names import HEAD, LINEAR, name_of
from lowrank.llama.relatives import RELATIVES, why_not
from lowrank.llama.rope import rotation

EMBEDDINGS, NORM = "model.embed_tokens.weight", "model.norm.weight"
DIVISORS = {  # GGUF's tensors for the factors of a scaling
    "rope_freqs.weight": "short_factor",
    "rope_factors_short.weight": "short_factor",
    "rope_factors_long.weight": "long_factor",
}
WORKING = 150_000_000  # bytes beside the weights: activations, logits, one matrix as stored
PROC, CGROUPS = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


class Weights(Protocol):
    """What `load` asks of an open model; the readers' `Model` answers all of it."""

    @property
    def title(self) -> str: ...
    @property
    def config(self) -> LlamaConfig | None: ...
    @property
    def model_type(self) -> str | None: ...
    @property
    def given_config(self) -> Mapping[str, Any] | None: ...
    @property
    def tensors(self) -> Mapping[str, Any]: ...
    def read(self, name: str) -> NDArray[np.float32]: ...


def load(
    model: Weights,
    memory: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    read: Callable[[str], NDArray[np.float32]] | None = None,
) -> Params:
    """All weights of an open model as float32, ready for `forward`; tied embeddings held once.

    `read` takes the place of the model's own, as where processes share what is read. `memory` is
    how many bytes may be used, by default what this machine has to give. `progress` hears how many
    tensors are read, and of how many.

    Raises:
        InputError: the model is no Llama, nor a relative that runs here; or it does not fit into
            memory.
        FormatError: tensors are missing, have the wrong shape, or hold NaN or infinity.
        SourceError: the model cannot be read.
    """
    config = checked_config(model)
    shapes = expected(model, config)
    check_memory(model.title, shapes, available() if memory is None else memory)
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, shape in shapes.items():
        arrays[name] = finite((read or model.read)(name).reshape(shape), name)
        if progress:
            progress(len(arrays), len(shapes))

    def dense(name: str) -> Dense:
        return Dense(arrays[f"{name}.weight"], arrays.get(f"{name}.bias"))

    layers = tuple(
        Layer(
            input_layernorm=arrays[f"model.layers.{i}.input_layernorm.weight"],
            post_attention_layernorm=arrays[f"model.layers.{i}.post_attention_layernorm.weight"],
            **{short: dense(name_of(i, short)) for short in LINEAR},
            q_norm=arrays.get(f"model.layers.{i}.self_attn.q_norm.weight"),
            k_norm=arrays.get(f"model.layers.{i}.self_attn.k_norm.weight"),
            window=config.window(i),
            turned=config.turned(i),
        )
        for i in range(config.num_hidden_layers)
    )
    head = dense(HEAD) if f"{HEAD}.weight" in arrays else Dense(arrays[EMBEDDINGS])
    config = stretched(config, arrays)
    check_turning(config)
    return Params(config, arrays[EMBEDDINGS], layers, arrays[NORM], head)


def checked_config(model: Weights) -> LlamaConfig:
    """The model's sizes. Raises InputError for a model that these equations do not describe."""
    config, given = model.config, model.given_config or {}
    family = model.model_type or "llama"
    reason = why_not(family)
    if reason is not None:
        raise InputError(
            "{title} does not run here; its matrices open. It is {reason}.",
            title=model.title,
            reason=reason,
        )
    if config is None:
        raise InputError(
            "{title} is not a Llama: its sizes are not known.",
            title=model.title,
        )
    activation = given.get("hidden_act", "silu")
    if activation not in ("silu", None):
        raise InputError(
            "{title} has the activation {activation!r}; expected 'silu'.",
            title=model.title,
            activation=str(activation)[:40],
        )
    if config.partial_rotary_factor != 1.0 or config.head_dim % 2:
        raise InputError(
            "{title} turns only a part of each head, which is not supported.",
            title=model.title,
        )
    if config.num_attention_heads % config.num_key_value_heads:
        raise InputError(
            "{title} has {heads} heads, which {keys} keys and values cannot share equally.",
            title=model.title,
            heads=config.num_attention_heads,
            keys=config.num_key_value_heads,
        )
    if DIVISORS.keys().isdisjoint(model.tensors):
        check_turning(config)  # before anything is read
    return config


def expected(model: Weights, config: LlamaConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor to read. Raises FormatError for one missing or misshapen.

    Raises InputError if the model has others, which these equations would leave out.
    """
    hidden = (config.hidden_size,)
    shapes: dict[str, tuple[int, ...]] = {EMBEDDINGS: config.projection_shape("embed_tokens")}
    for i in range(config.num_hidden_layers):
        shapes[f"model.layers.{i}.input_layernorm.weight"] = hidden
        shapes[f"model.layers.{i}.post_attention_layernorm.weight"] = hidden
        if config.qk_norm:
            for norm in ("q_norm", "k_norm"):
                shapes[f"model.layers.{i}.self_attn.{norm}.weight"] = (config.head_dim,)
        for short in LINEAR:
            m, n = config.projection_shape(short)
            name = name_of(i, short)
            shapes[f"{name}.weight"] = (m, n)
            if f"{name}.bias" in model.tensors:
                shapes[f"{name}.bias"] = (m,)
        if not shapes.keys() <= model.tensors.keys():
            break  # a depth that the file does not bear out is not worth listing
    shapes[NORM] = hidden
    if not config.tie_word_embeddings:
        shapes[f"{HEAD}.weight"] = config.projection_shape(HEAD)
    shapes |= {name: (config.head_dim // 2,) for name in DIVISORS if name in model.tensors}
    for name, shape in shapes.items():
        if name not in model.tensors:
            raise FormatError(
                "{title} is no complete Llama: it has no {name}.",
                title=model.title,
                name=name,
            )
        if model.tensors[name].shape != shape:
            raise FormatError(
                "{name} of {title} has shape {shape}; expected {expected}.",
                name=name,
                title=model.title,
                shape=model.tensors[name].shape,
                expected=shape,
            )
    ignored = {f"{HEAD}.weight"} if config.tie_word_embeddings else set()
    others = [n for n in model.tensors if n not in shapes and n not in ignored]
    others = [n for n in others if not n.endswith("rotary_emb.inv_freq")]  # computed, not learnt
    if others:
        raise InputError(
            "{title} is no plain {family}: it also has {name!r} ({count:,} such tensors).",
            title=model.title,
            family=RELATIVES[config.model_type].title,
            name=others[0][:120],
            count=len(others),
        )
    return shapes


def check_memory(title: str, shapes: Mapping[str, tuple[int, ...]], memory: int | None) -> None:
    """Raises InputError, with both numbers, if the weights in float32 do not fit into `memory`."""
    needed = 4 * sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes.values()) + WORKING
    if memory is not None and needed > memory:
        raise InputError(
            "{title} needs {needed:.1f} GB of memory to run in float32, and {memory:.1f} "
            "GB are available here.",
            title=title,
            needed=needed / 1e9,
            memory=memory / 1e9,
        )


def available() -> int | None:
    """Bytes of memory that a process here may still take, or None where that is not known.

    The least of what the system has free and what the process's control group allows.
    """
    limits = [_system_memory(), *_cgroup_memory()]
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def _system_memory() -> int | None:
    try:
        for line in PROC.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _cgroup_memory() -> list[int]:
    """What the group's limit leaves, for either version of control groups; none if unlimited."""
    pairs = [
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ]
    found = []
    for limit, used in pairs:
        try:
            left = int((CGROUPS / limit).read_text()) - int((CGROUPS / used).read_text())
            found.append(max(0, left))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return found


def stretched(config: LlamaConfig, arrays: Mapping[str, NDArray[np.float32]]) -> LlamaConfig:
    """The configuration with the factors that a GGUF file brings as tensors."""
    found: dict[str, Any] = {
        DIVISORS[n]: tuple(arrays[n].tolist()) for n in DIVISORS if n in arrays
    }
    if config.rope_scaling is None or config.rope_scaling.rope_type not in ("factors", "longrope"):
        return config
    return replace(config, rope_scaling=replace(config.rope_scaling, **found))


def check_turning(config: LlamaConfig) -> None:
    """Raises InputError for positions scaled in a way that is not known, or to no finite angles."""
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            for length in (1, config.longest):
                rotation(config, np.array([0, length]), length)
    except FloatingPointError as error:
        raise InputError(
            "The model's rotary positions have no finite angles: see rope_theta and rope_scaling."
        ) from error


def finite(W: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """The array itself, read-only. Raises FormatError if an entry is NaN or infinite."""
    # Least and greatest tell, and need no array of their own.
    if not (np.isfinite(W.min()) and np.isfinite(W.max())):
        raise FormatError(
            "{name} holds NaN or infinite entries: the model cannot be run.",
            name=name,
        )
    W.setflags(write=False)
    return W
