"""The LoRA paper's experiments again, on a small Llama: ranks, matrices, subspaces, amplification.

A redo, not a replication: another model, task and length of training. Each comparison changes one
thing: every way to train has the learning rate that is best for it, by a validation split and one
seed, and then the same lines in the same order for every seed. `work` runs them, yields as it goes,
and goes on from an earlier record; its record is plain JSON.

Reference: Hu et al., "LoRA", arXiv 2106.09685, section 7 and tables 5, 6 and 7.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.language import Sentence, gettext_noop
from lowrank.llama.model import Params, projections
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.finetuning import evaluate, finetune, start
from lowrank.lora.lab import restaurants
from lowrank.lora.lab.records import Doing
from lowrank.lora.lab.subspace_overlap import amplification, phi
from lowrank.lora.parameter_count import report
from lowrank.lora.train_config import TrainConfig
from lowrank.lora.training_examples import Example, Words
from lowrank.lora.tuning import Matrices, Method, adapted
from lowrank.spectra.measures import effective_rank

RANKS = (64, 8, 1, 2, 4)  # in this order: subspaces are compared between the first two
RS_RANKS, RS_ALPHA = (1, 8, 64), 16.0  # rsLoRA: alpha as in the paper, over the root of r
# Equal parameters, not equal r: with grouped queries k and v have a third of q's rows, so that
# 2 (576 + 576) = 3 (192 + 576). Each of these trains 276,480 numbers of SmolLM2-135M.
EQUAL = {
    "q": {"q_proj": 8},
    "k": {"k_proj": 12},
    "v": {"v_proj": 12},
    "o": {"o_proj": 8},
    "q, k": {"q_proj": 4, "k_proj": 6},
    "q, v": {"q_proj": 4, "v_proj": 6},
    "q, k, v, o": {"q_proj": 2, "k_proj": 3, "v_proj": 3, "o_proj": 2},
}
COMPARED = ("q_proj", "v_proj")
FULL = gettext_noop("full q, v")
FULL_UPDATE = gettext_noop("full fine-tuning")
TABLES = (gettext_noop("ranks"), gettext_noop("matrices"), gettext_noop("update"))
RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
RATE, FULL_RATE = 1e-3, 1e-4  # where the search begins: LoRA's, and that of whole matrices

Floats = NDArray[np.floating]
Runs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Settings:
    """How long and how often; which of the three tables.

    `tuned`: look for the best learning rate of every way to train, on `validation` lines; else each
    has the one where the search begins. alpha is 2 r, so that the scale is the same everywhere, but
    with rsLoRA, whose scale is RS_ALPHA / sqrt(r).
    """

    steps: int = 150
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    tables: tuple[str, ...] = TABLES
    tuned: bool = True
    lines: int = 240
    validation: int = 24
    held_out: int = 48
    layer: int = 15

    def __post_init__(self) -> None:
        if not set(self.tables) <= set(TABLES) or not self.tables:
            raise InputError(
                "tables is {tables}; expected some of {expected}.",
                tables=self.tables,
                expected=", ".join(TABLES),
            )
        if not self.seeds or self.steps < 1:
            raise InputError("seeds and steps: expected at least one of each.")


@dataclass(frozen=True)
class Way:
    """One way to train: in which table it stands, under which label, and what is trained."""

    table: str
    label: str
    method: Method

    @property
    def first_rate(self) -> float:
        """Where the search for its learning rate begins."""
        return FULL_RATE if isinstance(self.method, Matrices) else RATE


@dataclass(frozen=True)
class Trial:
    """One run of a way, at a learning rate, with a seed."""

    way: Way
    rate: float
    seed: int

    @property
    def name(self) -> str:
        """Its key in the record."""
        return f"{self.way.table}/{self.way.label}/{self.rate:g}/{self.seed}"

    @property
    def words(self) -> Sentence:
        """What it is, for people."""
        return Sentence(
            "{table}: {trial}, learning rate {rate}, seed {seed}",
            table=Sentence(self.way.table),
            trial=Sentence(self.way.label),
            rate=f"{self.rate:g}",
            seed=self.seed,
        )


def ways(settings: Settings) -> list[Way]:
    """Everything that is compared in the chosen tables.

    >>> [way.label for way in ways(Settings(tables=("update",)))]
    ['64', '8', 'full q, v']
    """
    found = []
    if "ranks" in settings.tables or "update" in settings.tables:
        for r in RANKS if "ranks" in settings.tables else RANKS[:2]:
            found.append(Way("ranks", str(r), AdapterConfig(r=r, lora_alpha=2.0 * r)))
    if "ranks" in settings.tables:
        for r in RS_RANKS:
            method = AdapterConfig(r=r, lora_alpha=RS_ALPHA, use_rslora=True)
            found.append(Way("rsLoRA", str(r), method))
    if "matrices" in settings.tables:
        found += [Way("matrices", name, equal(of)) for name, of in EQUAL.items()]
    if "update" in settings.tables:
        found.append(Way("update", FULL, Matrices(COMPARED)))
    return found


def equal(ranks: Mapping[str, int]) -> AdapterConfig:
    """LoRA with a rank for each kind of matrix, and alpha twice that rank."""
    return AdapterConfig(
        target_modules=tuple(ranks),
        rank_pattern=dict(ranks),
        alpha_pattern={name: 2.0 * r for name, r in ranks.items()},
    )


def next_rates(losses: Mapping[float, float], first: float) -> list[float]:
    """The learning rates to try next, given the validation losses of those that were tried.

    `first` and its neighbours in RATES; then, as long as the best is at an edge, the one beyond it.
    None once the best is between two that are worse.

    >>> next_rates({}, 1e-3), next_rates({3e-4: 2.0, 1e-3: 1.5, 3e-3: 1.2}, 1e-3)
    ([0.0003, 0.001, 0.003], [0.01])
    >>> next_rates({3e-4: 2.0, 1e-3: 1.5, 3e-3: 1.7}, 1e-3)
    []
    """
    at = RATES.index(first if not losses else min(losses, key=losses.__getitem__))
    return [rate for rate in RATES[max(at - 1, 0) : at + 2] if rate not in losses]


def tuning(runs: Runs, way: Way, seed: int) -> dict[float, float]:
    """The validation losses of a way by learning rate, with the seed that rates are chosen by."""
    found = {}
    for rate in RATES:
        if numbers := runs.get(Trial(way, rate, seed).name):
            found[rate] = math.inf if numbers["loss"] is None else numbers["validation"]
    return found


def best_rate(runs: Runs, way: Way, settings: Settings) -> float | None:
    """The learning rate that a way is trained with; None as long as it is not known."""
    if not settings.tuned:
        return way.first_rate
    losses = tuning(runs, way, settings.seeds[0])
    return None if next_rates(losses, way.first_rate) else min(losses, key=losses.__getitem__)


def missing(runs: Runs, settings: Settings) -> list[Trial]:
    """The runs that can be made now: of what is not tuned, those that tell its learning rate; of
    the rest all seeds, seed by seed: what is done first is a smaller redo. None: all is done.

    >>> [trial.name for trial in missing({}, Settings(tables=("update",)))][:2]
    ['ranks/64/0.0003/0', 'ranks/64/0.001/0']
    """
    found, chosen = list[Trial](), list[tuple[Way, float]]()
    for way in ways(settings):
        if (rate := best_rate(runs, way, settings)) is not None:
            chosen.append((way, rate))
            continue
        losses = tuning(runs, way, settings.seeds[0])
        found += [
            Trial(way, rate, settings.seeds[0]) for rate in next_rates(losses, way.first_rate)
        ]
    if not found:
        found = [Trial(way, rate, seed) for seed in settings.seeds for way, rate in chosen]
    return [trial for trial in found if trial.name not in runs]


@dataclass(eq=False)
class Redo:
    """The experiments as far as they are: a record in plain JSON, and what was learnt of one layer.

    `kept` has the trained arrays of that layer by trial, "ranks/8/0.001/0/q_proj.lora_A" and its
    kin, where subspaces and spectra are compared.
    """

    settings: Settings
    record: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Floats] = field(default_factory=dict)

    @property
    def layer(self) -> str:
        """The beginning of the compared matrices' names."""
        return f"model.layers.{self.settings.layer}.self_attn."

    @property
    def runs(self) -> dict[str, Any]:
        """The numbers of every run by its name."""
        return self.record.setdefault("runs", {})

    @property
    def share(self) -> float:
        """About how much is done, 0 to 1: rates beyond the first three are not foreseen."""
        extra = 2 * self.settings.tuned  # rates that are not chosen
        foreseen = len(ways(self.settings)) * (len(self.settings.seeds) + extra)
        share = len(self.runs) / foreseen
        return min(share, 0.99) if missing(self.runs, self.settings) else 1.0

    def next(self) -> list[Trial]:
        """What can be run now, `missing`; the learning rates that are known are in the record."""
        self.record["rates"] = {
            f"{way.table}/{way.label}": rate
            for way in ways(self.settings)
            if (rate := best_rate(self.runs, way, self.settings)) is not None
        }
        return missing(self.runs, self.settings)


def work(params: Params, tokenizer: Words, redo: Redo) -> Iterator[Doing]:
    """Run what is missing in `redo` and fill it; yields after every step.

    Raises InputError as `finetune` does, but for a run that diverges, which is recorded without a
    loss; and for a layer that the model does not have.
    """
    check(params, redo.settings)
    lines = data(tokenizer, redo.settings)
    redo.record["settings"] = asdict(redo.settings)
    if "before" not in redo.record:
        yield Doing(redo.share, Sentence("Reading the held-out lines before any training"))
        redo.record["before"] = round(evaluate(params, lines.held_out), 5)
    while todo := redo.next():
        for trial in todo:
            for _done in run(params, lines, trial, redo):
                yield Doing(redo.share, trial.words)
    if "update" in redo.settings.tables:
        ends = [*spread(redo.record, "ranks").values(), *spread(redo.record, "update").values()]
        if all(map(math.isfinite, chain(*ends))):  # else there is nothing to compare
            redo.record["update"] = compared(params, redo)


def check(params: Params, settings: Settings) -> None:
    """Raises InputError for a layer that the model does not have."""
    if not 0 <= settings.layer < len(params.layers):
        raise InputError(
            "layer is {layer}; the model has {count}.",
            layer=settings.layer,
            count=len(params.layers),
        )


@dataclass(frozen=True)
class Lines:
    """What is trained on, what learning rates are chosen by, and what the results are read from."""

    trained: Sequence[Example]
    validation: Sequence[Example]
    held_out: Sequence[Example]


def data(tokenizer: Words, settings: Settings) -> Lines:
    """The lines of the settings, no line in two parts."""
    first, second = settings.lines, settings.lines + settings.validation
    found = restaurants.examples(tokenizer, restaurants.lines(second + settings.held_out))
    return Lines(found[:first], found[first:second], found[second:])


def run(params: Params, lines: Lines, trial: Trial, redo: Redo) -> Iterator[None]:
    """One trial: yields after every step; at the end its numbers are in `redo`."""
    settings, method = redo.settings, trial.way.method
    config = TrainConfig(
        method,
        steps=settings.steps,
        learning_rate=trial.rate,
        warmup_steps=min(4, settings.steps - 1),
        seed=trial.seed,
    )
    began, losses = time.perf_counter(), list[float]()
    steps = finetune(params, lines.trained, config)
    found = dict.fromkeys(("loss", "validation", "last losses"), math.nan)
    with suppress(InputError):  # it diverged: that rate is not chosen
        for record in steps:
            losses.append(record.loss)
            yield
        after = adapted(params, method, steps.state)
        found["loss"] = evaluate(after, lines.held_out)
        found["validation"] = evaluate(after, lines.validation)
        found["last losses"] = float(np.mean(losses[-8:]))
    if finite := math.isfinite(sum(found.values())):
        keep(params, trial, config, steps.state.weights, redo)
    redo.runs[trial.name] = {
        **{name: round(value, 5) if finite else None for name, value in found.items()},
        "trained": report(params, method).trainable,
        "seconds": round(time.perf_counter() - began, 1),
    }


def keep(
    params: Params, trial: Trial, config: TrainConfig, weights: Mapping[str, Floats], redo: Redo
) -> None:
    """Keep what the comparisons need: one layer's arrays, and how far A came from its start."""
    way = trial.way
    if way.table == "update" or (way.table, way.label) in (("ranks", "8"), ("ranks", "64")):
        layer = {n.removeprefix(redo.layer): W for n, W in weights.items() if redo.layer in n}
        redo.kept |= {f"{trial.name}/{name}": array for name, array in layer.items()}
        if way.table == "ranks":
            begun = start(params, config).weights
            redo.kept |= {
                f"{trial.name}/{short}.start": begun[f"{redo.layer}{short}.lora_A"]
                for short in COMPARED
            }


def compared(params: Params, redo: Redo) -> dict[str, Any]:
    """Figures 3 and 4, table 7 and the spectra, from what was kept; lists of rounded numbers."""
    held = projections(params)
    return {
        "layer": redo.settings.layer,
        "modules": {
            short: directions(held[redo.layer + short].matrix(), short, redo) for short in COMPARED
        },
    }


def directions(W0: Floats, short: str, redo: Redo) -> dict[str, Any]:
    """One matrix, W0 (out, in), and its updates of r = 8 and r = 64: subspaces and spectra."""
    seed, *others = redo.settings.seeds
    rates = redo.record["rates"]

    def kept(way: str, name: str, seed: int = seed) -> Floats:
        return redo.kept[f"{way}/{rates[way]:g}/{seed}/{short}.{name}"]

    A = {r: kept(f"ranks/{r}", "lora_A") for r in (8, 64)}
    updates = {r: 2.0 * kept(f"ranks/{r}", "lora_B") @ A[r] for r in A}  # alpha is 2 r
    found: dict[str, Any] = {"in": W0.shape[1], "8 and 64": rounded(phi(A[8], A[64]))}
    if others:
        found["two seeds"] = rounded(phi(A[64], kept("ranks/64", "lora_A", others[0])))
    rng = np.random.default_rng(0)
    found["random"] = rounded(phi(*(rng.standard_normal(each.shape) for each in A.values())))
    moved = {r: A[r] - kept(f"ranks/{r}", "start") for r in A}
    found["A moved by"] = {
        str(r): round(float(np.linalg.norm(moved[r]) / np.linalg.norm(A[r] - moved[r])), 4)
        for r in A
    }
    updates_of = {f"LoRA, r = {r}": D for r, D in updates.items()}
    updates_of[FULL_UPDATE] = kept(f"update/{FULL}", "weight") - W0
    found["amplification"] = {
        name: {k: round(v, 4) for k, v in amplification(D, W0, r).items()}
        for (name, D), r in zip(updates_of.items(), (8, 64, 8), strict=True)
    }
    values = {
        name: np.linalg.svd(M, compute_uv=False) for name, M in ({"W0": W0} | updates_of).items()
    }
    found["spectra"] = {
        name: [float(f"{x:.4g}") for x in s if x > 1e-6 * s[0]] for name, s in values.items()
    }
    found["effective rank"] = {
        name: round(effective_rank(s), 1) for name, s in values.items() if s[0] > 0
    }
    return found


def rounded(values: Floats) -> list[list[float]]:
    """Four digits are enough for a picture, and make a small file."""
    return np.round(values, 4).tolist()


def spread(record: Mapping[str, Any], table: str) -> dict[str, list[float]]:
    """The held-out losses of a table by label, one a seed, each way at the rate it was given.

    Infinite for a run that diverged.

    >>> runs = {"ranks/8/0.001/0": {"loss": 2.0}, "ranks/8/0.001/1": {"loss": 3.0}}
    >>> runs["ranks/8/0.003/0"] = {"loss": 4.0}  # tried, and not chosen
    >>> spread({"runs": runs, "rates": {"ranks/8": 0.001}}, "ranks")
    {'8': [2.0, 3.0]}
    """
    found: dict[str, list[float]] = {}
    for row in sorted(rows(record), key=lambda row: row["seed"]):
        if row["table"] == table and row["chosen"]:
            found.setdefault(row["label"], []).append(
                math.inf if row["loss"] is None else float(row["loss"])
            )
    return found


def by_rank(record: Mapping[str, Any], table: str = "ranks") -> dict[int, list[float]]:
    """`spread` of a table whose labels are ranks, by rank and in that order."""
    found = {int(r): losses for r, losses in spread(record, table).items()}
    return dict(sorted(found.items()))


def rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every run as one row of a table: what a CSV file has. `chosen`: at the way's own rate."""
    found, rates = [], record.get("rates", {})
    for name, numbers in record.get("runs", {}).items():
        table, label, rate, seed = name.split("/")
        chosen = rates.get(f"{table}/{label}") == float(rate)
        of = {"table": table, "label": label, "rate": float(rate), "seed": int(seed)}
        found.append(of | {"chosen": chosen} | dict(numbers))
    return found
