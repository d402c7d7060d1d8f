"""LoRA beside what one could do instead: the same data and steps, three ways to train a model.

References: Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", arXiv 1902.00751
(adapter layers); Hu et al., arXiv 2106.09685, table 1 (the latency that they add).
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from lowrank.language import Sentence, gettext_noop
from lowrank.llama import Cache, Params, forward
from lowrank.lora.finetuning import finetune
from lowrank.lora.lab.records import Doing
from lowrank.lora.lab.timing import in_turns
from lowrank.lora.lab.training_memory import held_in_training
from lowrank.lora.parameter_count import report
from lowrank.lora.train_config import TrainConfig
from lowrank.lora.training_examples import Example
from lowrank.lora.tuning import AdapterLayers, Matrices, Method, adapted, merged

LORA = "LoRA"  # the three ways: keys of records, and looked up where they are shown
WHOLE, LAYERS = gettext_noop("one whole matrix"), gettext_noop("adapter layers")
TURNS = 41  # tokens that each model makes, in turns, for their times


Quartiles = tuple[float, float, float]


@dataclass(frozen=True)
class Outcome:
    """What one way came to.

    `seconds` is the median of a step's. `latency` is the time of a token over the untouched
    model's in the same turn: lower quartile, median, upper quartile; 1 means no slower.
    `latency_merged` is that after merging; None for what cannot be merged.
    Bytes of gradients and of Adam's moments are those of the arrays kept.
    """

    label: str
    trained: int
    losses: tuple[float, ...]
    seconds: float
    state_bytes: int
    latency: Quartiles
    latency_merged: Quartiles | None

    def to_json(self) -> dict[str, Any]:
        """The fields in plain JSON."""
        return {
            **vars(self),
            "losses": [round(loss, 4) for loss in self.losses],
            "latency": list(self.latency),
            "latency_merged": self.latency_merged and list(self.latency_merged),
        }


def ways(config: TrainConfig, layers: int) -> dict[str, Method]:
    """The three ways: `config`'s LoRA, and two beside it, all to be trained with its settings.

    At 0.003, the rate of the built-in sets, none of the three is held back: a whole matrix of the
    default model came to a loss of 1.94 in 40 steps, to 2.90, 3.71 and 4.18 at 0.001, 0.0003 and
    0.0001; LoRA and the adapter layers also did better at 0.003 than at 0.001.
    """
    return {
        LORA: config.method,
        WHOLE: Matrices((f"layers.{layers // 2}.mlp.down_proj",)),
        LAYERS: AdapterLayers(8),
    }


def work(params: Params, data: Sequence[Example], config: TrainConfig) -> Iterator[Doing | Outcome]:
    """Train each way, then time all together; yields after every step, and an Outcome for each.

    Raises InputError as `finetune` does.
    """
    chosen = ways(config, len(params.layers))
    models, learnt = {"plain": params}, dict[str, tuple[Method, list[float], float, int]]()
    for i, (label, method) in enumerate(chosen.items()):
        run = finetune(params, data, replace(config, method=method))
        losses, times = list[float](), list[float]()
        for record in run:
            losses.append(record.loss)
            times.append(record.tokens / record.tokens_per_second)
            share = 0.95 * (i + record.step / config.steps) / len(chosen)
            way = Sentence(label)
            words = Sentence(
                "{way}: step {step} of {steps}", way=way, step=record.step, steps=config.steps
            )
            yield Doing(share, words)
        held = held_in_training(params, method, run.state, data[0])
        learnt[label] = method, losses, statistics.median(times), held.gradients + held.moments
        models[label] = adapted(params, method, run.state)
    models["merged"] = merged(models[LORA])
    yield Doing(0.95, Sentence("Timing the next token of each"))
    slower = latencies(token_times(models, data[0].ids[:16]))
    # A whole matrix is one already; adapter layers cannot become one.
    one = {LORA: slower["merged"], WHOLE: slower[WHOLE]}
    for label, (method, losses, seconds, size) in learnt.items():
        yield Outcome(
            label,
            report(params, method).trainable,
            tuple(losses),
            seconds,
            size,
            slower[label],
            one.get(label),
        )


def token_times(models: Mapping[str, Params], ids: Sequence[int]) -> dict[str, list[float]]:
    """The seconds that each model takes for one more token after `ids`, once in each of TURNS."""
    caches = {name: Cache() for name in models}
    for name, params in models.items():
        forward(params, ids, caches[name], positions=[-1])
    return in_turns(
        {name: partial(forward, models[name], ids[-1:], caches[name], [-1]) for name in models},
        TURNS,
    )


def latencies(seconds: Mapping[str, Sequence[float]]) -> dict[str, Quartiles]:
    """Each model's times over those of "plain" in the same turn: their quartiles.

    >>> latencies({"plain": [1.0, 2.0, 1.0], "slow": [2.0, 2.0, 3.0]})["slow"]
    (1.5, 2.0, 2.5)
    """
    plain = np.array(seconds["plain"])
    quartiles = {name: np.percentile(s / plain, [25, 50, 75]) for name, s in seconds.items()}
    return {name: (float(a), float(b), float(c)) for name, (a, b, c) in quartiles.items()}


def rows(made: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each step of each way, as a table wants them: what was measured of a way beside.

    >>> rows([{"label": "LoRA", "trained": 8, "losses": [2.5, 2.0]}])[1]
    {'label': 'LoRA', 'step': 2, 'loss': 2.0, 'trained': 8}
    """
    return [
        {"label": each["label"], "step": step, "loss": loss} | _measured(each)
        for each in made
        for step, loss in enumerate(each["losses"], 1)
    ]


def _measured(each: Mapping[str, Any]) -> dict[str, Any]:
    """What was measured of one way, a number a column."""
    found = dict[str, Any]()
    for key, value in each.items():
        if isinstance(value, list) and key != "losses":
            names = (f"{key}_lower_quartile", key, f"{key}_upper_quartile")
            found |= zip(names, value, strict=True)
        elif key not in ("label", "losses"):
            found[key] = value
    return found
