"""The other way round: what is the most that a card holds?

>>> from lowrank.memory import PUBLISHED
>>> room = 24 * 2**30 - RESERVE
>>> found = {each.storage: each for each in inference_fits(PUBLISHED["Llama 3.1 8B"], room)}
>>> found["bfloat16"].context, found["GGUF Q4_K_M"].batch
(66446, 36)
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lowrank.errors import InputError
from lowrank.language import gettext_noop
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import PEFT_DEFAULT
from lowrank.memory.accounting import (
    BFLOAT16,
    FLOAT32,
    NF4_DOUBLE,
    RESERVE,
    Memory,
    Precision,
    Storage,
    adapter_parameters,
    cache_bytes,
    lora_parameters,
    parameters,
    training_memory,
    weight_bytes,
)
from lowrank.memory.storages import STORAGES

MOST_ROWS = 4096  # sequences at once that are looked for
# Adapter layers read two vectors as wide as the model in every layer: as much as q and gate do.
ADAPTERS_READ = ("q_proj", "gate_proj")


def largest(need: Callable[[int], int], room: int, most: int) -> int:
    """The largest of 1 to `most` whose need, which grows, is at most `room`; 0 if there is none.

    >>> largest(lambda n: 10 * n, room=55, most=100), largest(lambda n: 10 * n, 9, 100)
    (5, 0)
    """
    return bisect_right(range(1, most + 1), room, key=need)


def room_of(card: float, reserve: float = RESERVE / 1e9) -> int:
    """Bytes that a card of so many gigabytes of 2**30 has beside `reserve` gigabytes of 10**9.

    Raises InputError if nothing is left, or a number is none of those.
    """
    if not (0 < card <= 1e6 and 0 <= reserve <= 1e6 and card * 2**30 > reserve * 1e9):
        raise InputError(
            "The card is {card:g} GB, of which {reserve:g} are reserved; expected something left.",
            card=card,
            reserve=reserve,
        )
    return int(card * 2**30 - reserve * 1e9)


@dataclass(frozen=True)
class InferenceFit:
    """What a card holds of a model in one storage; 0 tokens or sequences: not even one."""

    storage: str
    weights: int  # bytes
    context: int  # most tokens, of as many sequences as were asked for
    batch: int  # most sequences, of as many tokens as were asked for


def inference_fits(
    config: LlamaConfig,
    room: int,
    context: int = 4096,
    batch: int = 1,
    cache_bits: int = 16,
    cards: int = 1,
) -> tuple[InferenceFit, ...]:
    """For every storage the longest context of `batch` sequences, and most sequences of `context`.

    `room` is what each of `cards` has, between which the model is split. A context is at most as
    long as the model's positions.

    Raises InputError as `inference_memory`.
    """

    def cache(tokens: int, rows: int) -> int:
        return cache_bytes(config, tokens, rows, cache_bits, cards)

    held = {name: weight_bytes(config, storage, cards) for name, storage in STORAGES.items()}
    return tuple(
        InferenceFit(
            name,
            weights,
            largest(lambda n: cache(n, batch), room - weights, config.longest),
            largest(lambda n: cache(context, n), room - weights, MOST_ROWS),
        )
        for name, weights in held.items()
    )


@dataclass(frozen=True)
class Step:
    """One training step: how long and how many its sequences are, and what is trained."""

    tokens: int = 512
    batch: int = 1
    r: int = 8  # LoRA's rank, and the bottleneck of adapter layers
    targets: Collection[str] = PEFT_DEFAULT
    recompute: bool = False
    adam: Precision = FLOAT32
    paged: bool = False

    def memory(self, config: LlamaConfig, method: str) -> Memory:
        """What a step of a method of `METHODS` holds; see `training_memory`."""
        storage, kind = METHODS[method]
        trained = {
            "full": lambda: parameters(config),
            "lora": lambda: lora_parameters(config, self.r, self.targets),
            "adapters": lambda: adapter_parameters(config, self.r),
        }[kind]()
        return training_memory(
            config,
            storage,
            trained,
            self.tokens,
            self.batch,
            full=kind == "full",
            recompute=self.recompute,
            compute_bits=32 if storage.rest is FLOAT32 else 16,
            targets=ADAPTERS_READ if kind == "adapters" else self.targets,
            adam=self.adam,
            paged=self.paged,
        )


METHODS: Mapping[str, tuple[Storage, str]] = {
    gettext_noop("full, float32"): (Storage(FLOAT32, FLOAT32), "full"),
    gettext_noop("full, mixed precision"): (Storage(), "full"),
    gettext_noop("LoRA, float32"): (Storage(FLOAT32, FLOAT32), "lora"),
    gettext_noop("LoRA, bfloat16"): (Storage(), "lora"),
    gettext_noop("QLoRA, NF4"): (Storage(NF4_DOUBLE, BFLOAT16), "lora"),
    gettext_noop("adapter layers, bfloat16"): (Storage(), "adapters"),
}


@dataclass(frozen=True)
class TrainingFit:
    """What a card trains of a model by one method; 0: not even one. A full method has no rank."""

    method: str
    held: int  # bytes of the step that was asked for
    tokens: int
    batch: int
    r: int | None


def training_fits(config: LlamaConfig, room: int, step: Step) -> tuple[TrainingFit, ...]:
    """For every method the longest sequences, most sequences, and highest rank beside the rest.

    Each alone: the other two as in `step`. Sequences are at most as long as the model's positions;
    a rank is at most the model's width.

    Raises InputError as `training_memory`.
    """
    limits = {"tokens": config.longest, "batch": MOST_ROWS, "r": config.hidden_size}

    def most(method: str, name: str) -> int:
        def need(n: int) -> int:
            changed: Any = {name: n}
            return replace(step, **changed).memory(config, method).total

        return largest(need, room, limits[name])

    return tuple(
        TrainingFit(
            method,
            step.memory(config, method).total,
            most(method, "tokens"),
            most(method, "batch"),
            None if kind == "full" else most(method, "r"),
        )
        for method, (_, kind) in METHODS.items()
    )
