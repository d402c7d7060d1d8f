"""Fine-tuning a Llama in numpy: `finetune(params, data, config)` yields one record a step.

>>> import numpy as np
>>> from lowrank import llama, lora
>>> params = llama.random(llama.TINY, np.random.default_rng(0))
>>> data = [lora.Example((1, 2, 3, 4), (False, False, True, True))]
>>> config = lora.TrainConfig(lora.AdapterConfig(r=2), steps=20, learning_rate=0.02)
>>> run = lora.finetune(params, data, config)
>>> losses = [record.loss for record in run]
>>> len(losses), losses[-1] < losses[0] / 2
(20, True)
>>> answer = llama.forward(lora.adapted(params, config.method, run.state), [1, 2, 3])
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama import backward
from lowrank.llama.model import Params, projections
from lowrank.llama.names import HEAD
from lowrank.lora import tuning
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.initial import beginning, eva
from lowrank.lora.optimizer import adamw, clipped, global_norm, schedule
from lowrank.lora.train_config import TrainConfig
from lowrank.lora.training_examples import Example
from lowrank.lora.training_state import Arrays, Floats, State
from lowrank.lora.tuning import Method


@dataclass(frozen=True)
class Record:
    """One step: its number from 1 on, the loss before it in nats, and how it went.

    `grad_norm` is the norm of all gradients together, before clipping; `elapsed` are seconds since
    the run (or its resumption) began.
    """

    step: int
    loss: float
    grad_norm: float
    learning_rate: float
    tokens: int
    tokens_per_second: float
    elapsed: float


def start(params: Params, config: TrainConfig, data: Sequence[Example] = ()) -> State:
    """The state before the first step; EVA looks at `data` for it.

    Raises InputError if the method does not fit the model, or needs data that is not there; LoftQ
    needs the base before it was quantized: see `initial.loftq_start`.
    """
    method = config.method
    weights, stay = tuning.begin(params, method, config.seed)
    if isinstance(method, AdapterConfig) and method.init_lora_weights == "loftq":
        raise InputError(
            "init_lora_weights is 'loftq': it begins with what quantization has lost of W0, for "
            "which it needs the model before it was quantized."
        )
    if isinstance(method, AdapterConfig) and method.init_lora_weights == "eva":
        weights = {**weights, **eva(params, method, data)}
    return beginning(weights, stay, config)


def finetune(
    params: Params, data: Sequence[Example], config: TrainConfig, state: State | None = None
) -> "Finetuning":
    """An iterator over the steps' records; its `state` is what has been learnt so far.

    `close()` ends it between steps. With the `state` of an earlier run it goes on from there, and
    the result is the same, bit for bit, as if it had never stopped.

    Raises InputError at once if data, configuration, model and state do not fit each other; and in
    a step whose loss is not finite.
    """
    return Finetuning(params, data, config, state)


class Finetuning(Iterator[Record]):
    """A run of `finetune`: iterate over it, look at its `state`, `close()` it."""

    def __init__(
        self, params: Params, data: Sequence[Example], config: TrainConfig, state: State | None
    ) -> None:
        self._data, self._config = checked_data(data, params), config
        if state is None:
            self.state = start(params, config, self._data)
        else:
            self.state = fitting(state, params, config)
        self._base = tuning.without(params, config.method, self.state.stay)
        self._began = time.perf_counter()
        self._closed = False

    def __next__(self) -> Record:
        if self._closed or self.state.step >= self._config.steps:
            raise StopIteration
        began = time.perf_counter()
        step, config = self.state.step, self._config
        chosen = [self._data[i] for i in order(len(self._data), config, step)]
        rate = config.learning_rate * schedule(
            config.lr_scheduler_type, step, config.warmup_steps, config.steps
        )
        with np.errstate(over="ignore", invalid="ignore"):  # told by the loss, not by a warning
            loss, gradients = step_gradients(self._base, chosen, config, self.state)
            norm = global_norm(gradients)
            if not math.isfinite(loss) or not math.isfinite(norm):
                raise InputError(
                    "The loss is no longer finite at step {step}: choose a lower learning_rate "
                    "than {learning_rate:g}.",
                    step=step + 1,
                    learning_rate=config.learning_rate,
                )
            self.state = stepped(self.state, gradients, config, rate)
        now, tokens = time.perf_counter(), sum(len(example.ids) for example in chosen)
        speed, elapsed = tokens / (now - began), now - self._began
        return Record(step + 1, loss, norm, rate, tokens, speed, elapsed)

    def close(self) -> None:
        """End the run: no further step is made. What was learnt stays in `state`."""
        self._closed = True


def step_gradients(
    base: Params, chosen: Sequence[Example], config: TrainConfig, state: State
) -> tuple[float, dict[str, Floats]]:
    """The loss over all the examples of a step, and its gradient, `batch_size` of them at a time.

    `base` is `tuning.without(...)` of the model.
    """
    parts = [
        backward.batch(chosen[i : i + config.batch_size], base.config)
        for i in range(0, len(chosen), config.batch_size)
    ]
    count = sum(len(part.targets) for part in parts)
    rng = np.random.default_rng([config.seed, 1, state.step])
    loss, total = 0.0, dict[str, Floats]()
    for part in parts:
        noise = dropped(base, config.method, part, rng)
        params = tuning.in_place(base, config.method, state.weights, noise)
        more, gradients = backward.gradients(params, part, state.weights, count)
        loss += more
        total = {n: total[n] + g if n in total else g for n, g in gradients.items()}
    return loss, total


def stepped(state: State, gradients: Arrays, config: TrainConfig, rate: float) -> State:
    """The state after AdamW has taken one step along the clipped gradients."""
    new = {
        name: adamw(
            state.weights[name],
            g,
            state.m[name],
            state.v[name],
            step=state.step + 1,
            rate=rate * (config.loraplus_lr_ratio if name.endswith(".lora_B") else 1.0),
            weight_decay=config.weight_decay,
            betas=(config.adam_beta1, config.adam_beta2),
            eps=config.adam_epsilon,
        )
        for name, g in clipped(gradients, config.max_grad_norm).items()
    }
    weights, m, v = ({name: each[i] for name, each in new.items()} for i in range(3))
    return replace(state, step=state.step + 1, weights=weights, m=m, v=v)


def order(n: int, config: TrainConfig, step: int) -> list[int]:
    """Which of n examples a step takes, counted from 0; all are seen before one is seen again."""
    size = config.batch_size * config.gradient_accumulation_steps
    found = []
    for position in range(step * size, (step + 1) * size):
        lap, place = divmod(position, n)
        if config.shuffle:
            place = int(np.random.default_rng([config.seed, 2, lap]).permutation(n)[place])
        found.append(place)
    return found


def dropped(
    base: Params, method: Method, batch: backward.Batch, rng: np.random.Generator
) -> dict[str, NDArray[np.bool_]]:
    """Which entries of each LoRA branch's input stay, each with probability 1 - lora_dropout."""
    if not isinstance(method, AdapterConfig) or method.lora_dropout == 0:
        return {}
    held, kept = projections(base), {}
    for name in tuning.modules(held, method):
        rows = len(batch.rows) if name == HEAD else len(batch.ids)  # the head sees those that count
        drawn = rng.random((rows, held[name].shape[1]), dtype=np.float32)
        kept[name] = drawn >= method.lora_dropout
    return kept


def evaluate(params: Params, data: Sequence[Example], tokens: int = 256) -> float:
    """The mean of -ln p over the tokens that count, in nats: the loss on held-out examples.

    About `tokens` go through the model at a time. Raises InputError as `finetune` does for data.
    """
    losses, held = list[NDArray[np.float64]](), list[Example]()
    for example in (*checked_data(data, params), None):
        if held and (example is None or sum(len(e.ids) for e in (*held, example)) > tokens):
            losses.append(backward.loss(params, backward.batch(held, params.config)))
            held = []
        if example is not None:
            held.append(example)
    return float(np.concatenate(losses).mean())


def checked_data(data: Sequence[Example], params: Params) -> list[Example]:
    """The examples. Raises InputError if there is none, or one that cannot be learnt, by number."""
    if not len(data):
        raise InputError("There are no examples to train on.")
    for i, example in enumerate(data):
        try:
            backward.batch([example], params.config)
        except InputError as error:
            raise InputError(
                "Example {number}: {error}",
                number=i + 1,
                error=error,
            ) from error
    return list(data)


def fitting(state: State, params: Params, config: TrainConfig) -> State:
    """The state itself. Raises InputError if it belongs to another configuration or model."""
    mine, theirs = config.to_json(), dict(state.config)
    for name in mine.keys() | theirs.keys():
        if mine.get(name) != theirs.get(name):
            raise InputError(
                "The saved run has {name} = {saved!s:.200}, and this one {own!s:.200}: "
                "only the same one goes on with the same result.",
                name=name,
                saved=theirs.get(name),
                own=mine.get(name),
            )
    method = config.method
    # Only shapes matter here, not what it costs to take W0 apart.
    plain = replace(method, init_lora_weights=True) if isinstance(method, AdapterConfig) else method
    wanted = {n: a.shape for n, a in tuning.begin(params, plain)[0].items()}
    for group in (state.weights, state.m, state.v):
        if {n: a.shape for n, a in group.items()} != wanted:
            raise InputError("The saved run belongs to a model of other shapes.")
    return state
