"""The LoRA paper's experiments again, on a small Llama: ranks, matrices, subspaces, amplification.

A redo, not a replication: another model, task and length of training. `work` runs them, yields as
it goes, and goes on from an earlier record; its record is plain JSON.

Reference: Hu et al., "LoRA", arXiv 2106.09685, section 7 and tables 5, 6 and 7.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.llama.model import Params, projections
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.counting import report
from lowrank.lora.finetuning import evaluate, finetune
from lowrank.lora.lab import restaurants
from lowrank.lora.lab.sets import FOLDER
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
TABLES = ("ranks", "matrices", "update")

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
            raise InputError(f"tables is {self.tables}; expected some of {', '.join(TABLES)}.")
        if not self.seeds or self.steps < 1:
            raise InputError("seeds and steps are not what they should be: at least one of each.")


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


@dataclass(frozen=True)
class Doing:
    """How far the work is, 0 to 1, and what it is doing."""

    share: float
    words: str


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
            found.append(Trial("update", "full q", whole, seed))
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
    """The experiments as far as they are: a record in plain JSON, and the pairs of one layer.

    `pairs` has "r/seed/q_proj" and its kin to (A, B, scale), and `full` the update of the whole
    matrix: what the comparisons of subspaces and spectra are made from.
    """

    settings: Settings
    record: dict[str, Any] = field(default_factory=dict)
    pairs: dict[str, tuple[Floats, Floats, float]] = field(default_factory=dict)
    full: Floats | None = None


def work(params: Params, tokenizer: Words, redo: Redo) -> Iterator[Doing]:
    """Run what is missing in `redo` and fill it; yields after every step.

    Raises InputError as `finetune` does, and for a layer that the model does not have.
    """
    settings = redo.settings
    if not 0 <= settings.layer < len(params.layers):
        raise InputError(f"layer is {settings.layer}; the model has {len(params.layers)}.")
    pairs = restaurants.lines(settings.lines + settings.held_out)
    data = restaurants.examples(tokenizer, pairs)
    train_on, held = data[: settings.lines], data[settings.lines :]
    runs: dict[str, Any] = redo.record.setdefault("runs", {})
    redo.record["settings"] = asdict(settings)
    if "before" not in redo.record:
        yield Doing(0.0, "Reading the held-out lines before any training")
        redo.record["before"] = round(evaluate(params, held), 5)
    todo = trials(settings)
    for i, trial in enumerate(todo):
        if trial.name in runs:
            continue
        for done, found in run(params, train_on, held, trial, settings, redo):
            if found:
                runs[trial.name] = found
            yield Doing((i + done) / len(todo), f"{trial.table}: {trial.label}, seed {trial.seed}")
    if "update" in settings.tables:
        yield Doing(0.99, "Comparing subspaces and spectra")
        redo.record["update"] = compared(params, redo)


def comparable(redo: Redo) -> bool:
    """Whether the runs that `compared` needs are done."""
    needed = {f"{r}/{redo.settings.seeds[0]}/{short}" for r in (8, 64) for short in COMPARED}
    return needed <= redo.pairs.keys()


def run(
    params: Params,
    data: Sequence[Example],
    held: Sequence[Example],
    trial: Trial,
    settings: Settings,
    redo: Redo,
) -> Iterator[tuple[float, dict[str, Any] | None]]:
    """One trial: the share done after every step, and at the end its numbers."""
    whole = isinstance(trial.method, Matrices)
    config = TrainConfig(
        trial.method,
        steps=settings.steps,
        learning_rate=settings.full_learning_rate if whole else settings.learning_rate,
        warmup_steps=min(4, settings.steps - 1),
        seed=trial.seed,
    )
    began, losses = time.perf_counter(), list[float]()
    steps = finetune(params, data, config)
    for record in steps:
        losses.append(record.loss)
        yield record.step / (settings.steps + 1), None
    keep(params, trial, settings, steps.state.weights, redo)
    loss = evaluate(adapted(params, trial.method, steps.state), held)
    yield (
        1.0,
        {
            "loss": round(loss, 5),
            "trained": report(params, trial.method).trainable,
            "last losses": round(float(np.mean(losses[-8:])), 5),
            "seconds": round(time.perf_counter() - began, 1),
        },
    )


def keep(
    params: Params, trial: Trial, settings: Settings, weights: Mapping[str, Floats], redo: Redo
) -> None:
    """Put aside what the comparisons need of one layer."""
    name = f"model.layers.{settings.layer}.self_attn."
    if isinstance(trial.method, Matrices):
        W0 = projections(params)[f"{name}q_proj"].matrix()
        redo.full = weights[f"{name}q_proj.weight"] - W0
    elif trial.table == "ranks" and trial.label in ("8", "64"):
        for short in COMPARED:
            A, B = weights[f"{name}{short}.lora_A"], weights[f"{name}{short}.lora_B"]
            scale = (
                trial.method.scale(name + short) if isinstance(trial.method, AdapterConfig) else 1
            )
            redo.pairs[f"{trial.label}/{trial.seed}/{short}"] = A, B, scale


def phi(A: ArrayLike, B: ArrayLike) -> NDArray[np.float64]:
    """phi(i, j) of all i and j: how much of the smaller span lies in the other, 0 to 1.

    ||U_A^i^T U_B^j||_F^2 / min(i, j), U the right singular vectors of A (r, in) and B (s, in), the
    top i and j of them: an array (r, s), phi(1, 1) first. By chance about max(i, j) / in.

    Raises InputError unless A and B have as many columns.
    Reference: Hu et al., equation 4.

    >>> phi([[2.0, 0, 0], [0, 1.0, 0]], [[0, 5.0, 0]]).tolist()
    [[0.0], [1.0]]
    """
    A, B = np.asarray(A, np.float64), np.asarray(B, np.float64)
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[1]:
        raise InputError(f"A is {A.shape} and B {B.shape}; expected (r, in) and (s, in).")
    U_A, U_B = (np.linalg.svd(each, full_matrices=False)[2] for each in (A, B))
    inside = np.cumsum(np.cumsum((U_A @ U_B.T) ** 2, axis=0), axis=1)
    i, j = np.arange(1, len(U_A) + 1), np.arange(1, len(U_B) + 1)
    return inside / np.minimum(i[:, None], j)


def chance(i: int, j: int, n: int) -> float:
    """The mean of phi(i, j) over random subspaces of R^n: max(i, j) / n.

    >>> chance(8, 64, 576)
    0.1111111111111111
    """
    return max(i, j) / n


def amplification(update: ArrayLike, W: ArrayLike, r: int, seed: int = 0) -> dict[str, float]:
    """Table 7 of the paper: W seen in the update's top r directions, in its own, in random ones.

    `within` ||U^T W V||_F for the update's directions U, V; `own` for W's; `random` for directions
    of a Gaussian matrix; `norm` ||update||_F; `factor` norm / within. All floats.

    >>> found = amplification(np.diag([0.0, 2.0]), np.diag([3.0, 1.0]), r=1)
    >>> found["factor"], found["own"]
    (2.0, 3.0)
    """
    D, W = np.asarray(update, np.float64), np.asarray(W, np.float64)
    G = np.random.default_rng(seed).standard_normal(W.shape)

    def seen(M: NDArray[np.float64]) -> float:
        U, _, Vt = np.linalg.svd(M, full_matrices=False)
        return float(np.linalg.norm(U[:, :r].T @ W @ Vt[:r].T))

    within, norm = seen(D), float(np.linalg.norm(D))
    return {
        "within": within,
        "own": seen(W),
        "random": seen(G),
        "norm": norm,
        "factor": norm / within if within else float("inf"),
    }


def compared(params: Params, redo: Redo) -> dict[str, Any]:
    """Figures 3 and 4, table 7 and the spectra, from the pairs kept; lists of rounded numbers."""
    settings, seeds = redo.settings, redo.settings.seeds
    base = f"model.layers.{settings.layer}.self_attn."
    found: dict[str, Any] = {"layer": settings.layer, "modules": {}}
    for short in COMPARED:
        W = projections(params)[base + short].matrix()
        (A8, B8, s8), (A64, B64, s64) = (redo.pairs[f"{r}/{seeds[0]}/{short}"] for r in (8, 64))
        each: dict[str, Any] = {"in": W.shape[1], "8 and 64": short_list(phi(A8, A64))}
        if len(seeds) > 1 and f"64/{seeds[1]}/{short}" in redo.pairs:
            again = redo.pairs[f"64/{seeds[1]}/{short}"][0]
            each["two seeds"] = short_list(phi(A64, again))
        rng = np.random.default_rng(0)
        each["random"] = short_list(phi(*(rng.standard_normal(A.shape) for A in (A8, A64))))
        updates = {"8": s8 * B8 @ A8, "64": s64 * B64 @ A64}
        each["amplification"] = {
            r: {k: round(v, 4) for k, v in amplification(D, W, int(r)).items()}
            for r, D in updates.items()
        }
        spectra = {"W0": W, "LoRA, r = 8": updates["8"], "LoRA, r = 64": updates["64"]}
        if short == "q_proj" and redo.full is not None:
            spectra["full fine-tuning"] = redo.full
        values = {name: np.linalg.svd(M, compute_uv=False) for name, M in spectra.items()}
        each["spectra"] = {
            name: [float(f"{x:.4g}") for x in s if x > 1e-6 * s[0]] for name, s in values.items()
        }
        each["effective rank"] = {
            name: round(effective_rank(s), 1) for name, s in values.items() if s[0] > 0
        }
        found["modules"][short] = each
    return found


def short_list(values: Floats) -> list[list[float]]:
    """Four digits are enough for a picture, and make a small file."""
    return np.round(values, 4).tolist()


def stored() -> dict[str, Any] | None:
    """The record of the default model that comes with the package, made by scripts/experiments.py.

    It says when and with which command. None if this package has none.
    """
    path = FOLDER / "experiments.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def spread(record: Mapping[str, Any], table: str) -> dict[str, list[float]]:
    """The held-out losses of a table by label, one a seed.

    >>> spread({"runs": {"ranks/8/0": {"loss": 2.0}, "ranks/8/1": {"loss": 3.0}}}, "ranks")
    {'8': [2.0, 3.0]}
    """
    found: dict[str, list[float]] = {}
    for name, numbers in record.get("runs", {}).items():
        where, label, _ = name.split("/")
        if where == table:
            found.setdefault(label, []).append(float(numbers["loss"]))
    return found


def rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every run as one row of a table: what a CSV file has."""
    found = []
    for name, numbers in record.get("runs", {}).items():
        table, label, seed = name.split("/")
        found.append({"table": table, "label": label, "seed": int(seed)} | dict(numbers))
    return found
