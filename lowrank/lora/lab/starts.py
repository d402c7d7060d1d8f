"""The starts of A and B beside the plain one: the same data, order of examples, steps and rate.

References: Meng et al., arXiv 2404.02948 (PiSSA); Buyukakyuz, arXiv 2406.01775 (OLoRA); Paischer et
al., arXiv 2410.07170 (EVA); Li et al., arXiv 2310.08659 (LoftQ).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lowrank.language import Sentence, gettext_noop, joined
from lowrank.language import gettext as _
from lowrank.llama import Params
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.finetuning import evaluate, finetune
from lowrank.lora.initial import loftq_start
from lowrank.lora.lab.records import Doing
from lowrank.lora.train_config import TrainConfig
from lowrank.lora.training_examples import Example
from lowrank.lora.training_state import State
from lowrank.lora.tuning import adapted
from lowrank.memory.quantization import nf4_double
from lowrank.memory.quantized_model import quantized

# By base, the plain start first: those after it are compared with it. Names as PEFT has them.
STARTS: Mapping[str, tuple[bool | str, ...]] = {
    gettext_noop("as stored"): (True, "pissa", "olora", "eva"),
    gettext_noop("in NF4"): (True, "loftq"),
}
PLAIN = gettext_noop("plain start")


@dataclass(frozen=True)
class Compared:
    """A start beside the plain one on the same base: its loss, the mean over seeds, and by how much
    it is above the plain start's (below: negative), seed by seed, in nats."""

    start: str
    base: str
    loss: float
    differences: tuple[float, ...]

    @property
    def difference(self) -> float:
        """The mean over seeds."""
        return float(np.mean(self.differences))

    @property
    def verdict(self) -> int:
        """-1 where it is lower with every seed, 1 where it is higher with every seed, else 0."""
        signs = {int(np.sign(each)) for each in self.differences}
        return signs.pop() if len(signs) == 1 else 0


def work(
    params: Params,
    data: Sequence[Example],
    unseen: Sequence[Example],
    config: TrainConfig,
    seeds: Sequence[int],
    record: dict[str, Any],
) -> Iterator[Doing]:
    """Train from every start with every seed and fill `record`; yields after every step.

    A run that is in the record is not made again. Raises InputError as `finetune` does.
    """
    assert isinstance(config.method, AdapterConfig)
    runs: dict[str, Any] = record.setdefault("runs", {})
    todo = [(s, base, kind) for s in seeds for base, kinds in STARTS.items() for kind in kinds]
    coded = quantized(params, nf4_double)
    for i, (seed, base, kind) in enumerate(todo):
        name = f"{base}/{name_of_start(kind)}/{seed}"
        if name in runs:
            continue
        method = replace(config.method, init_lora_weights=kind)
        wanted = replace(config, method=method, seed=seed)
        model: Params = params if base == "as stored" else coded
        state: State | None = None
        if kind == "loftq":
            model, state = loftq_start(params, wanted, nf4_double)
        run, losses = finetune(model, data, wanted, state), list[float]()
        for step in run:
            losses.append(round(step.loss, 4))
            words = Sentence(
                "{start}, base {base}, seed {seed}",
                start=Sentence(name_of_start(kind)),
                base=Sentence(base),
                seed=seed,
            )
            yield Doing((i + step.step / config.steps) / len(todo), words)
        after = adapted(model, method, run.state)
        runs[name] = {"losses": losses, "held out": round(evaluate(after, unseen), 4)}


def name_of_start(kind: bool | str) -> str:
    """A start as the record and the page call it."""
    return PLAIN if kind is True else str(kind)


def curves(record: Mapping[str, Any], base: str) -> dict[str, list[float]]:
    """The loss of every step by start on one base, the mean over seeds.

    >>> losses = {"in NF4/plain start/0": [3.0, 2.0], "in NF4/plain start/1": [4.0, 2.0]}
    >>> curves({"runs": {name: {"losses": each} for name, each in losses.items()}}, "in NF4")
    {'plain start': [3.5, 2.0]}
    """
    found: dict[str, list[list[float]]] = {}
    for name, numbers in record["runs"].items():
        of, start, _seed = name.split("/")
        if of == base:
            found.setdefault(start, []).append(numbers["losses"])
    return {start: np.mean(losses, axis=0).tolist() for start, losses in found.items()}


def training(numbers: Mapping[str, Any]) -> float:
    """How fast a run learnt: the mean of its losses over all steps."""
    return float(np.mean(numbers["losses"]))


def held_out(numbers: Mapping[str, Any]) -> float:
    """What a run is worth beyond its examples: the loss on others after the last step."""
    return float(numbers["held out"])


def compared(
    record: Mapping[str, Any], measure: Callable[[Mapping[str, Any]], float] = training
) -> list[Compared]:
    """Every start beside the plain one on its base, by one measure of a run.

    >>> losses = {"plain start/0": [3.0, 2.0], "plain start/1": [3.0, 3.0], "eva/0": [2.0, 1.0],
    ...           "eva/1": [3.0, 2.0]}
    >>> runs = {f"as stored/{name}": {"losses": each} for name, each in losses.items()}
    >>> (found,) = compared({"runs": runs})
    >>> found.start, found.loss, found.differences, found.verdict
    ('eva', 2.0, (-1.0, -0.5), -1)
    """
    found: dict[tuple[str, str], dict[str, float]] = {}
    for name, numbers in record["runs"].items():
        base, start, seed = name.split("/")
        found.setdefault((base, start), {})[seed] = measure(numbers)
    return [
        Compared(
            start,
            base,
            float(np.mean([*by_seed.values()])),
            tuple(loss - found[base, PLAIN][seed] for seed, loss in by_seed.items()),
        )
        for (base, start), by_seed in found.items()
        if start != PLAIN
    ]


def verdict(record: Mapping[str, Any]) -> str:
    """Which start learns fastest, and whether it is worth it, in words made from the numbers."""
    fast = _(
        "**Training loss**, the mean over all steps, beside the plain start on the same base, "
        "{seeds} seeds: lower with every seed: {lower}. Higher with every seed: {higher}. No "
        "difference found: {same}."
    )
    worth = _(
        "**Held-out loss** after the last step, likewise: lower with every seed: {lower}. Higher "
        "with every seed: {higher}. No difference found: {same}."
    )
    told = []
    for words, measure in ((fast, training), (worth, held_out)):
        found = sorted(compared(record, measure), key=lambda each: each.difference)
        seeds = len(found[0].differences)
        lower, same, higher = (_named(found, sign) for sign in (-1, 0, 1))
        told.append(words.format(seeds=seeds, lower=lower, higher=higher, same=same))
    return "\n\n".join(told)


def _named(found: Sequence[Compared], sign: int) -> str:
    """Those of one verdict, each with its mean difference."""
    words = _("{start} ({difference:+.2f} nats)")
    told = [
        words.format(start=_(each.start), difference=each.difference)
        for each in found
        if each.verdict == sign
    ]
    return joined(told, _("{first}, {last}")) if told else _("none")


def rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for each step of each run, as a table wants them."""
    found = []
    for name, numbers in record["runs"].items():
        base, start, seed = name.split("/")
        of = {"base": base, "start": start, "seed": int(seed), "held_out": numbers["held out"]}
        found += [of | {"step": i, "loss": loss} for i, loss in enumerate(numbers["losses"], 1)]
    return found
