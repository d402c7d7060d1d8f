"""Fine-tuning a Llama in numpy: `finetune(params, data, config)` yields one record a step.

>>> import numpy as np
>>> from lowrank import llama
>>> from lowrank.lora import train
>>> params = llama.random(llama.TINY, np.random.default_rng(0))
>>> data = [train.Example((1, 2, 3, 4), (False, False, True, True))]
>>> config = train.TrainConfig(train.AdapterConfig(r=2), steps=20, learning_rate=0.02)
>>> run = train.finetune(params, data, config)
>>> losses = [record.loss for record in run]
>>> len(losses), losses[-1] < losses[0] / 2
(20, True)
>>> answer = llama.forward(train.adapted(params, config.method, run.state), [1, 2, 3])
"""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError, InputError, SourceError
from lowrank.files import whole
from lowrank.llama import backward
from lowrank.llama.model import HEAD, Params, projections
from lowrank.lora import tuning
from lowrank.lora.config import AdapterConfig
from lowrank.lora.training_examples import Example, answers
from lowrank.lora.tuning import AdapterLayers, Matrices, Method, Report, merged, report

__all__ = [
    "AdapterConfig",
    "AdapterLayers",
    "Example",
    "Finetuning",
    "Matrices",
    "Method",
    "Record",
    "Report",
    "State",
    "TrainConfig",
    "adamw",
    "adapted",
    "answers",
    "clipped",
    "evaluate",
    "finetune",
    "merged",
    "report",
    "schedule",
    "start",
]

Floats = NDArray[np.floating]
Arrays = Mapping[str, Floats]
Schedule = Literal["linear", "cosine", "constant"]
SCHEDULES = ("linear", "cosine", "constant")


@dataclass(frozen=True)
class TrainConfig:
    """What to train and how; names as in PEFT's LoraConfig and transformers' TrainingArguments.

    A step takes `batch_size * gradient_accumulation_steps` examples, in an order drawn anew each
    time all have been seen (or always the given one, without `shuffle`); its loss is the mean over
    all their tokens that count. The learning rate rises for `warmup_steps` and then follows
    `lr_scheduler_type` to the last step; B's is `loraplus_lr_ratio` times it (Hayou et al.,
    "LoRA+", arXiv 2402.12354). `weight_decay` is AdamW's, for every trained array.
    `max_grad_norm` 0 leaves gradients as they are.

    Raises InputError naming a field that is out of its range, or not supported.
    """

    method: Method = field(default_factory=AdapterConfig)
    steps: int = 100
    learning_rate: float = 1e-3
    batch_size: int = 1
    gradient_accumulation_steps: int = 1
    lr_scheduler_type: Schedule = "linear"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    loraplus_lr_ratio: float = 1.0
    shuffle: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        tuning.checked(self.method)
        for name, least in (
            ("steps", 1),
            ("batch_size", 1),
            ("gradient_accumulation_steps", 1),
            ("warmup_steps", 0),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise InputError(f"{name} is {value!r}; expected a whole number from {least} on.")
        for name in ("learning_rate", "adam_epsilon", "loraplus_lr_ratio"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"{name} is {getattr(self, name)!r}; expected above 0.")
        for name in ("weight_decay", "max_grad_norm"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise InputError(f"{name} is {getattr(self, name)!r}; expected 0 or more.")
        for name in ("adam_beta1", "adam_beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)!r}; expected 0 to below 1.")
        if self.lr_scheduler_type not in SCHEDULES:
            raise InputError(
                f"lr_scheduler_type is {self.lr_scheduler_type!r}; expected one of "
                f"{', '.join(SCHEDULES)}."
            )

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON has them; two runs with equal ones, data and model are equal."""
        plain = asdict(self) | {"method": {"kind": type(self.method).__name__}}
        plain["method"] |= asdict(self.method)
        return json.loads(json.dumps(plain))


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


@dataclass(frozen=True, eq=False)
class State:
    """All that a run needs to go on: trained arrays by name, AdamW's two moments, steps done.

    `stay` are the parts of W0 that PiSSA or OLoRA began with. Nothing random is in it: what is
    drawn at a step depends on the seed and the step alone.
    """

    step: int
    weights: Arrays
    m: Arrays
    v: Arrays
    stay: Arrays
    config: Mapping[str, Any]

    def save(self, path: str | Path) -> None:
        """Write it as an .npz file without pickles. Raises SourceError if that cannot be done."""
        held: dict[str, Any] = {
            "about": np.array(json.dumps({"step": self.step, "config": self.config}))
        }
        for group in GROUPS:
            held |= {f"{group}/{name}": a for name, a in getattr(self, group).items()}
        with whole(Path(path)) as out:
            np.savez(out, **held)

    @classmethod
    def load(cls, path: str | Path) -> "State":
        """What `save` wrote. Raises SourceError if there is no such file, FormatError otherwise."""
        try:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                groups: dict[str, dict[str, Floats]] = {group: {} for group in GROUPS}
                for key in file.files:
                    group, _, name = key.partition("/")
                    if name:
                        groups[group][name] = file[key]
            return cls(step=int(about["step"]), config=dict(about["config"]), **groups)
        except OSError as error:
            raise SourceError(f"{Path(path).name} cannot be read: {error}.") from error
        except Exception as error:  # zipfile and numpy raise many kinds
            raise FormatError(f"{Path(path).name} is no saved training state.") from error


GROUPS = ("weights", "m", "v", "stay")


def start(params: Params, config: TrainConfig) -> State:
    """The state before the first step. Raises InputError if the method does not fit the model."""
    weights, stay = tuning.begin(params, config.method, config.seed)
    zeros = {name: np.zeros_like(array) for name, array in weights.items()}
    return State(0, weights, zeros, zeros, stay, config.to_json())


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
        first = start(params, config) if state is None else state
        self.state = fitting(first, params, config)
        self._data, self._config = checked_data(data, params), config
        self._base = tuning.without(params, config.method, first.stay)
        self._began = time.perf_counter()
        self._closed = False

    def __next__(self) -> Record:
        if self._closed or self.state.step >= self._config.steps:
            raise StopIteration
        began = time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):  # told by the loss, not by a warning
            self.state, loss, norm, rate, tokens = advance(
                self._base, self._data, self._config, self.state
            )
        now = time.perf_counter()
        speed, elapsed = tokens / (now - began), now - self._began
        return Record(self.state.step, loss, norm, rate, tokens, speed, elapsed)

    def close(self) -> None:
        """End the run: no further step is made. What was learnt stays in `state`."""
        self._closed = True


def advance(
    base: Params, data: Sequence[Example], config: TrainConfig, state: State
) -> tuple[State, float, float, float, int]:
    """One step: the next state, the loss, the gradients' norm, the learning rate, the tokens."""
    chosen = [data[i] for i in order(len(data), config, state.step)]
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
    norm = global_norm(total)
    if not math.isfinite(loss) or not math.isfinite(norm):
        raise InputError(
            f"The loss is no longer finite at step {state.step + 1}: choose a lower learning_rate "
            f"than {config.learning_rate:g}."
        )
    total = clipped(total, config.max_grad_norm, norm)
    rate = config.learning_rate * schedule(
        config.lr_scheduler_type, state.step, config.warmup_steps, config.steps
    )
    new: dict[str, tuple[Floats, Floats, Floats]] = {
        name: adamw(
            state.weights[name],
            total[name],
            state.m[name],
            state.v[name],
            step=state.step + 1,
            rate=rate * (config.loraplus_lr_ratio if name.endswith(".lora_B") else 1.0),
            weight_decay=config.weight_decay,
            betas=(config.adam_beta1, config.adam_beta2),
            eps=config.adam_epsilon,
        )
        for name in state.weights
    }
    weights, m, v = ({name: each[i] for name, each in new.items()} for i in range(3))
    after = replace(state, step=state.step + 1, weights=weights, m=m, v=v)
    return after, loss, norm, rate, sum(len(part.ids) for part in parts)


def adamw(
    p: Floats,
    g: Floats,
    m: Floats,
    v: Floats,
    step: int,
    rate: float,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Floats, Floats, Floats]:
    """One step of Adam with decoupled weight decay: the new p, m and v; `step` counts from 1.

    p (1 - rate decay) - rate m' / (sqrt v' + eps), m' and v' freed of their start at zero.
    Reference: Loshchilov and Hutter, arXiv 1711.05101, algorithm 2, as torch.optim.AdamW has it.

    >>> p, m, v = adamw(np.ones(1), np.array([5.0]), np.zeros(1), np.zeros(1), 1, rate=0.1)
    >>> p.round(6).tolist()
    [0.9]
    """
    beta1, beta2 = betas
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g * g)
    size = np.sqrt(v) / math.sqrt(1 - beta2**step) + eps
    return (1 - rate * weight_decay) * p - (rate / (1 - beta1**step)) * (m / size), m, v


def schedule(kind: Schedule, step: int, warmup: int, steps: int) -> float:
    """The factor of the learning rate at a step counted from 0: up over `warmup`, then down.

    Reference: transformers' get_linear_, get_cosine_ and get_constant_schedule_with_warmup.

    >>> [schedule("linear", step, warmup=2, steps=6) for step in range(7)]
    [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0]
    """
    if step < warmup:
        return step / max(1, warmup)
    if kind == "constant":
        return 1.0
    done = (step - warmup) / max(1, steps - warmup)
    return max(0.0, 1 - done if kind == "linear" else 0.5 * (1 + math.cos(math.pi * done)))


def global_norm(gradients: Arrays) -> float:
    """The Euclidean norm of all arrays as one vector."""
    return math.sqrt(sum(float(np.vdot(g, g)) for g in gradients.values()))


def clipped(gradients: Arrays, most: float, norm: float | None = None) -> dict[str, Floats]:
    """The gradients, scaled together so that their norm is at most `most`; 0 leaves them.

    Reference: Pascanu et al., arXiv 1211.5063; torch.nn.utils.clip_grad_norm_, its 1e-6 included.

    >>> clipped({"a": np.array([3.0, 4.0])}, most=1.0)["a"].round(3).tolist()
    [0.6, 0.8]
    """
    factor = most / ((global_norm(gradients) if norm is None else norm) + 1e-6)
    if most == 0 or factor >= 1:
        return dict(gradients)
    return {name: factor * g for name, g in gradients.items()}


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


def adapted(params: Params, method: Method, state: State, scale: float = 1.0) -> Params:
    """The model with `scale` times what a run has learnt: 0 is as it was, 1 the result.

    LoRA stands beside its matrices; `merged` of it makes one matrix of each. Raises InputError if
    scale is not finite.
    """
    return tuning.adapted(params, method, state.weights, state.stay, scale)


def checked_data(data: Sequence[Example], params: Params) -> list[Example]:
    """The examples. Raises InputError if there is none, or one that cannot be learnt, by number."""
    if not len(data):
        raise InputError("There are no examples to train on.")
    for i, example in enumerate(data):
        try:
            backward.batch([example], params.config)
        except InputError as error:
            raise InputError(f"Example {i + 1}: {error}") from error
    return list(data)


def fitting(state: State, params: Params, config: TrainConfig) -> State:
    """The state itself. Raises InputError if it belongs to another configuration or model."""
    mine, theirs = config.to_json(), dict(state.config)
    for name in mine.keys() | theirs.keys():
        if mine.get(name) != theirs.get(name):
            raise InputError(
                f"The saved run has {name} = {theirs.get(name)!s:.200}, and this one "
                f"{mine.get(name)!s:.200}: only the same one goes on with the same result."
            )
    wanted = {n: a.shape for n, a in tuning.begin(params, plain(config.method))[0].items()}
    for group in (state.weights, state.m, state.v):
        if {n: a.shape for n, a in group.items()} != wanted:
            raise InputError("The saved run belongs to a model of other shapes.")
    return state


def plain(method: Method) -> Method:
    """The same arrays without the cost of taking W0 apart, where only their shapes matter."""
    if isinstance(method, AdapterConfig):
        return replace(method, init_lora_weights=True)
    return method
