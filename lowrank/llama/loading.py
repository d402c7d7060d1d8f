"""From an open model to `Params` in float32, if it is a plain Llama and there is memory for it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError, InputError
from lowrank.llama.config import LlamaConfig
from lowrank.llama.linear import Dense
from lowrank.llama.model import Layer, Params
from lowrank.llama.names import HEAD, LINEAR, name_of
from lowrank.llama.rope import frequencies

EMBEDDINGS, NORM, ROPE_FREQS = "model.embed_tokens.weight", "model.norm.weight", "rope_freqs.weight"
WORKING = 150_000_000  # bytes beside the weights: activations, logits, one matrix as stored
FAMILIES = ("llama", "mistral", "qwen2")  # of the same equations, with or without biases
PROC, CGROUPS = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


class Weights(Protocol):
    """What `load` asks of an open model; the readers' `Model` answers all of it."""

    @property
    def title(self) -> str: ...
    @property
    def config(self) -> LlamaConfig | None: ...
    @property
    def given_config(self) -> Mapping[str, Any] | None: ...
    @property
    def tensors(self) -> Mapping[str, Any]: ...
    def read(self, name: str) -> NDArray[np.float32]: ...


def load(
    model: Weights,
    memory: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Params:
    """All weights of an open model as float32, ready for `forward`; tied embeddings held once.

    `memory` is how many bytes may be used, by default what this machine has to give. `progress`
    hears how many tensors are read, and of how many.

    Raises:
        InputError: the model is not a plain Llama, or there is too little memory for it.
        FormatError: tensors are missing, have the wrong shape, or hold NaN or infinity.
        SourceError: the model cannot be read.
    """
    config = checked_config(model)
    shapes = expected(model, config)
    check_memory(model.title, shapes, available() if memory is None else memory)
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, shape in shapes.items():
        arrays[name] = finite(model.read(name).reshape(shape), name)
        if progress:
            progress(len(arrays), len(shapes))

    def dense(name: str) -> Dense:
        return Dense(arrays[f"{name}.weight"], arrays.get(f"{name}.bias"))

    layers = tuple(
        Layer(
            input_layernorm=arrays[f"model.layers.{i}.input_layernorm.weight"],
            post_attention_layernorm=arrays[f"model.layers.{i}.post_attention_layernorm.weight"],
            **{short: dense(name_of(i, short)) for short in LINEAR},
        )
        for i in range(config.num_hidden_layers)
    )
    head = dense(HEAD) if f"{HEAD}.weight" in arrays else Dense(arrays[EMBEDDINGS])
    speeds = speeds_of(config, arrays.get(ROPE_FREQS))
    return Params(config, arrays[EMBEDDINGS], layers, arrays[NORM], head, speeds)


def checked_config(model: Weights) -> LlamaConfig:
    """The model's sizes. Raises InputError for a model that these equations do not describe."""
    config, given = model.config, model.given_config or {}
    if config is None:
        raise InputError(f"{model.title} is not a Llama: its sizes are not known.")
    family, activation = given.get("model_type", "llama"), given.get("hidden_act", "silu")
    if family not in FAMILIES or activation != "silu":
        raise InputError(
            f"{model.title} is of type {str(family)[:40]!r} with activation "
            f"{str(activation)[:40]!r}; expected {', '.join(FAMILIES)} with 'silu'."
        )
    window = given.get("sliding_window")
    if isinstance(window, int) and given.get("use_sliding_window", True):
        raise InputError(f"{model.title} attends to a sliding window, which is not supported.")
    rope = given.get("rope_parameters")
    rope = rope if isinstance(rope, dict) else {}
    turning = given.get("partial_rotary_factor", rope.get("partial_rotary_factor", 1.0))
    if turning != 1.0 or config.head_dim % 2:
        raise InputError(f"{model.title} turns only a part of each head, which is not supported.")
    if config.num_attention_heads % config.num_key_value_heads:
        raise InputError(
            f"{model.title} has {config.num_attention_heads} heads, which "
            f"{config.num_key_value_heads} keys and values cannot share equally."
        )
    if ROPE_FREQS not in model.tensors:
        frequencies(config)  # refuses a scaling that is not known, before anything is read
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
    if ROPE_FREQS in model.tensors:
        shapes[ROPE_FREQS] = (config.head_dim // 2,)
    for name, shape in shapes.items():
        if name not in model.tensors:
            raise FormatError(f"{model.title} is no complete Llama: it has no {name}.")
        if model.tensors[name].shape != shape:
            raise FormatError(
                f"{name} of {model.title} has shape {model.tensors[name].shape}; expected {shape}."
            )
    ignored = {f"{HEAD}.weight"} if config.tie_word_embeddings else set()
    others = [n for n in model.tensors if n not in shapes and n not in ignored]
    others = [n for n in others if not n.endswith("rotary_emb.inv_freq")]  # computed, not learnt
    if others:
        raise InputError(
            f"{model.title} is not a plain Llama: it also has {others[0][:120]!r} "
            f"({len(others):,} such tensors)."
        )
    return shapes


def check_memory(title: str, shapes: Mapping[str, tuple[int, ...]], memory: int | None) -> None:
    """Raises InputError, with both numbers, if the weights in float32 do not fit into `memory`."""
    needed = 4 * sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes.values()) + WORKING
    if memory is not None and needed > memory:
        raise InputError(
            f"{title} needs {needed / 1e9:.1f} GB of memory to run in float32, and "
            f"{memory / 1e9:.1f} GB are available here."
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


def speeds_of(config: LlamaConfig, divisors: NDArray[np.float32] | None) -> NDArray[np.float64]:
    """The turning speeds; a GGUF file may bring the divisors of Llama 3's scaling as a tensor."""
    scaling = config.rope_scaling
    if divisors is None or (scaling is not None and scaling.rope_type != "factors"):
        return frequencies(config)
    plain = config.rope_theta ** (-np.arange(len(divisors)) / len(divisors))
    return plain / divisors.astype(np.float64)


def finite(W: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """The array itself, read-only. Raises FormatError if an entry is NaN or infinite."""
    # Least and greatest tell, and need no array of their own.
    if not (np.isfinite(W.min()) and np.isfinite(W.max())):
        raise FormatError(f"{name} holds NaN or infinite entries: the model cannot be run.")
    W.setflags(write=False)
    return W
