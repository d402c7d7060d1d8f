"""The LoRA paper's experiments again, on a small Llama: ranks, matrices, subspaces, amplification.

A redo, not a replication: another model, task and length of training. `work` runs them, yields as
it goes, and goes on from an earlier record; its record is plain JSON.

Reference: Hu et al., "LoRA", arXiv 2106.09685, section 7 and tables 5, 6 and 7.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.language import Sentence, gettext_noop
from lowrank.llama.model import Params, projections
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.counting import report
from lowrank.lora.finetuning import evaluate, finetune
from lowrank.lora.lab import restaurants
from lowrank.lora.lab.records import Doing
from lowrank.lora.lab.subspaces import amplification, phi
from lowrank.lora.train_config import TrainConfig
from lowrank.lora.training_examples import Example, Words
from lowrank.lora.tuning import Matrices, Method, adapted
from lowrank.spectra.measures import effective_rank

RANKS = (64, 8, 1, 2, 4)  # in this order: subspaces are compared between the first two
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
TABLES = (gettext_noop("ranks"), gettext_noop("matrices"), gettext_noop("update"))

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Settings:
    """How long and how often; which of the three tables.

    `learning_rate` is LoRA's and `full_learning_rate` that of a whole matrix. alpha is fixed at
    `lora_alpha` in the rank sweep, as in the paper; at equal budgets alpha is 2 r for every matrix.
    """

    steps: int = 60
    seeds: tuple[int, ...] = (0, 1)
    tables: tuple[str, ...] = TABLES
    learning_rate: float = 1e-3
    full_learning_rate: float = 1e-4
    lora_alpha: float = 16
    lines: int = 240
    held_out: int = 24
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
class Trial:
    """One run: in which table it stands, under which label, what is trained, with which seed."""

    table: str
    label: str
    method: Method
    seed: int

    @property
    def name(self) -> str:
        """Its key in the record."""
        return f"{self.table}/{self.label}/{self.seed}"

    @property
    def words(self) -> Sentence:
        """What it is, for people."""
        table, trial = Sentence(self.table), Sentence(self.label)
        return Sentence("{table}: {trial}, seed {seed}", table=table, trial=trial, seed=self.seed)


def trials(settings: Settings) -> list[Trial]:
    """Every run of the chosen tables, seed by seed: what is done first is a smaller redo.

    >>> len(trials(Settings(seeds=(0, 1)))), trials(Settings(tables=("ranks",)))[3].name
    (25, 'ranks/2/0')
    """
    whole = Matrices((f"layers.{settings.layer}.self_attn.q_proj",))
    found = []
    for seed in settings.seeds:
        if "ranks" in settings.tables or "update" in settings.tables:
            for r in RANKS if "ranks" in settings.tables else RANKS[:2]:
                method = AdapterConfig(r=r, lora_alpha=settings.lora_alpha)
                found.append(Trial("ranks", str(r), method, seed))
        if "matrices" in settings.tables:
            found += [Trial("matrices", name, equal(of), seed) for name, of in EQUAL.items()]
        if "update" in settings.tables and seed == settings.seeds[0]:
            found.append(Trial("update", gettext_noop("full q"), whole, seed))
    return found


def equal(ranks: Mapping[str, int]) -> AdapterConfig:
    """LoRA with a rank for each kind of matrix, and alpha twice that rank."""
    return AdapterConfig(
        target_modules=tuple(ranks),
        rank_pattern=dict(ranks),
        alpha_pattern={name: 2.0 * r for name, r in ranks.items()},
    )


@dataclass(eq=False)
class Redo:
    """The experiments as far as they are: a record in plain JSON, and what was learnt of one layer.

    `kept` has the trained arrays of that layer by trial, "ranks/8/0/q_proj.lora_A" and its kin,
    where subspaces and spectra are compared.
    """

    settings: Settings
    record: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Floats] = field(default_factory=dict)

    @property
    def layer(self) -> str:
        """The beginning of the compared matrices' names."""
        return f"model.layers.{self.settings.layer}.self_attn."


def work(params: Params, tokenizer: Words, redo: Redo) -> Iterator[Doing]:
    """Run what is missing in `redo` and fill it; yields after every step.

    Raises InputError as `finetune` does, and for a layer that the model does not have.
    """
    settings = redo.settings
    check(params, settings)
    train_on, held = data(tokenizer, settings)
    runs: dict[str, Any] = redo.record.setdefault("runs", {})
    redo.record["settings"] = asdict(settings)
    todo = trials(settings)
    if "before" not in redo.record:
        done = sum(trial.name in runs for trial in todo) / len(todo)
        yield Doing(done, Sentence("Reading the held-out lines before any training"))
        redo.record["before"] = round(evaluate(params, held), 5)
    for i, trial in enumerate(todo):
        if trial.name not in runs:
            for done in run(params, train_on, held, trial, redo):
                yield Doing((i + done) / len(todo), trial.words)
    if "update" in settings.tables:
        yield Doing(1.0, Sentence("Comparing subspaces and spectra"))
        redo.record["update"] = compared(params, redo)


def check(params: Params, settings: Settings) -> None:
    """Raises InputError for a layer that the model does not have."""
    if not 0 <= settings.layer < len(params.layers):
        raise InputError(
            "layer is {layer}; the model has {count}.",
            layer=settings.layer,
            count=len(params.layers),
        )


def data(tokenizer: Words, settings: Settings) -> tuple[Sequence[Example], Sequence[Example]]:
    """The lines that are trained on, and those that are held out."""
    pairs = restaurants.lines(settings.lines + settings.held_out)
    found = restaurants.examples(tokenizer, pairs)
    return found[: settings.lines], found[settings.lines :]


def run(
    params: Params, lines: Sequence[Example], held: Sequence[Example], trial: Trial, redo: Redo
) -> Iterator[float]:
    """One trial: the share done after every step; at the end its numbers are in `redo`."""
    settings, method = redo.settings, trial.method
    whole = isinstance(method, Matrices)
    config = TrainConfig(
        method,
        steps=settings.steps,
        learning_rate=settings.full_learning_rate if whole else settings.learning_rate,
        warmup_steps=min(4, settings.steps - 1),
        seed=trial.seed,
    )
    began, losses = time.perf_counter(), list[float]()
    steps = finetune(params, lines, config)
    for record in steps:
        losses.append(record.loss)
        yield record.step / (settings.steps + 1)
    if whole or (trial.table, trial.label) in (("ranks", "8"), ("ranks", "64")):
        redo.kept |= {
            f"{trial.name}/{name.removeprefix(redo.layer)}": array
            for name, array in steps.state.weights.items()
            if name.startswith(redo.layer)
        }
    redo.record["runs"][trial.name] = {
        "loss": round(evaluate(adapted(params, method, steps.state), held), 5),
        "trained": report(params, method).trainable,
        "last losses": round(float(np.mean(losses[-8:])), 5),
        "seconds": round(time.perf_counter() - began, 1),
    }
    yield 1.0


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
    settings = redo.settings
    seed, *others = settings.seeds

    def side(name: str, r: int, seed: int = seed) -> Floats:
        return redo.kept[f"ranks/{r}/{seed}/{short}.lora_{name}"]

    A = {r: side("A", r) for r in (8, 64)}
    updates = {r: settings.lora_alpha / r * side("B", r) @ A[r] for r in A}
    found: dict[str, Any] = {"in": W0.shape[1], "8 and 64": rounded(phi(A[8], A[64]))}
    if others:
        found["two seeds"] = rounded(phi(A[64], side("A", 64, others[0])))
    rng = np.random.default_rng(0)
    found["random"] = rounded(phi(*(rng.standard_normal(each.shape) for each in A.values())))
    found["amplification"] = {
        str(r): {k: round(v, 4) for k, v in amplification(D, W0, r).items()}
        for r, D in updates.items()
    }
    spectra = {"W0": W0} | {f"LoRA, r = {r}": D for r, D in updates.items()}
    full = redo.kept.get(f"update/full q/{seed}/{short}.weight")
    if full is not None:
        spectra[gettext_noop("full fine-tuning")] = full - W0
    values = {name: np.linalg.svd(M, compute_uv=False) for name, M in spectra.items()}
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
    """The held-out losses of a table by label, one a seed.

    >>> spread({"runs": {"ranks/8/0": {"loss": 2.0}, "ranks/8/1": {"loss": 3.0}}}, "ranks")
    {'8': [2.0, 3.0]}
    """
    found: dict[str, list[float]] = {}
    for row in rows(record):
        if row["table"] == table:
            found.setdefault(row["label"], []).append(float(row["loss"]))
    return found


def rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every run as one row of a table: what a CSV file has."""
    found = []
    for name, numbers in record.get("runs", {}).items():
        table, label, seed = name.split("/")
        found.append({"table": table, "label": label, "seed": int(seed)} | dict(numbers))
    return found
