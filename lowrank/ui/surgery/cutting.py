"""The work behind the page: factors, readings, generations, maps; each a job that yields."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.llama import Params, generate
from lowrank.spectra.svd.threads import restored, use
from lowrank.surgery import (
    Answers,
    Cost,
    FactorStore,
    Measured,
    Plan,
    Reading,
    Usage,
    answers,
    by_fraction,
    chosen,
    cost,
    operate,
    reading,
    sensitivity,
    usage,
)
from lowrank.surgery.recorded import BY_LAYER, FRACTIONS, some_layers
from lowrank.ui import cached
from lowrank.ui.jobs import Job, Jobs
from lowrank.ui.progress import outcome, progress, watched
from lowrank.ui.surgery.cut import KINDS, Choice

PATIENCE = 20.0  # seconds that work goes on after its visitor has left
MOMENT = 0.8  # seconds a page waits for short work before it shows progress instead


@dataclass(frozen=True)
class Doing:
    """How far a job is, and with what."""

    share: float
    words: str


@dataclass(frozen=True, eq=False)
class Cut:
    """A model before and after a cut: plan, cost of both, and how both read one text."""

    plan: Plan
    costs: tuple[Cost, Cost]
    readings: tuple[Reading, Reading]


@dataclass(frozen=True, eq=False)
class Evidence:
    """How a text uses one matrix; `aware` is the share of the output that rank k keeps at best."""

    usage: Usage
    aware: NDArray[np.float64]


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of linear algebra a worker: two of two threads on two cores only wait."""
    with restored():
        use(1)
        yield


def visitor() -> str:
    """A name for this session, so that its newer work replaces its older."""
    return str(st.session_state.setdefault("visitor", uuid.uuid4().hex))


def factors_ready(kept: FactorStore, way: str, names: Sequence[str]) -> bool:
    """Whether the factors are on disk. If not, they are computed while the visitor watches."""
    missing = kept.missing(way, names)
    if not missing:
        return True
    key = f"factors {visitor()} {kept.folder.name} {way} {hash(tuple(names))}"
    job = asked_again(cached.jobs(), key, lambda: _preparing(kept, way, names), "factors")
    watched(job, lambda job: shown(job, "Factors"))
    return job.state == "done"


def _preparing(kept: FactorStore, way: str, names: Sequence[str]) -> Iterator[Doing]:
    with one_thread():  # the other core is for those who read
        for done, total, name in kept.prepare(way, names):
            yield Doing(done / max(total, 1), f"Decomposing, once for everyone: {name}")


def asked_again(
    jobs: Jobs, key: str, work: Callable[[], Iterator[Any]], what: str, shared: bool = False
) -> Job:
    """The job of that key, begun now; one that was stopped begins again when asked to."""
    job = jobs.get(key)
    stopped = job is not None and job.state in ("cancelled", "failed")
    if job is None or not stopped or st.button("Go on", key=f"again {key}"):
        owner = "" if shared else f"{what} {visitor()}"
        job = jobs.start(key, work, owner, None if shared else PATIENCE)
    job.looked_at()
    return job


def shown(job: Job, what: str) -> None:
    """Progress of a job that yields `Doing`, or why it stopped."""
    doing = [r for r in job.records[-2:] if isinstance(r, Doing)]
    share, words = (doing[-1].share, doing[-1].words) if doing else (0.0, what)
    progress(job, share, words)
    outcome(job)


def settle(job: Job, seconds: float = MOMENT) -> Job:
    """Wait a moment for short work, so that its result is drawn at once and nothing flickers."""
    end = time.monotonic() + seconds
    while not job.over and time.monotonic() < end:
        time.sleep(0.01)
    return job


def cut_job(kept: FactorStore, choice: Choice, ids: Sequence[int]) -> Job:
    """Both models read the text."""
    key = f"cut {visitor()} {kept.folder.name} {choice} {hash(tuple(ids))}"
    return settle(
        asked_again(cached.answers(), key, lambda: _cutting(kept, choice, ids), "reading")
    )


def _cutting(kept: FactorStore, choice: Choice, ids: Sequence[int]) -> Iterator[Doing | Cut]:
    with one_thread():
        yield Doing(0.1, "The whole model reads the text")
        before = whole_reading(kept, ids)
        yield Doing(0.5, "The cut model reads the text")
        plan = choice.plan(kept)
        after = operate(kept.params, plan, kept.source(choice.way))
        read = reading(after, ids)
    yield Cut(plan, (cost(kept.params), cost(after)), (before, read))


def whole_reading(kept: FactorStore, ids: Sequence[int]) -> Reading:
    """The untouched model's reading, remembered for the last texts."""
    held = _READ.setdefault(kept.folder.name, {})
    key = tuple(ids)
    if key not in held:
        while len(held) >= 32:
            held.pop(next(iter(held)), None)
        held[key] = reading(kept.params, ids)
    return held[key]


_READ: dict[str, dict[tuple[int, ...], Reading]] = {}


@dataclass(frozen=True)
class Said:
    """A new token of one of the two models, "before" or "after"."""

    side: str
    token: int


def answer_job(
    kept: FactorStore,
    choice: Choice,
    ids: Sequence[int],
    length: int,
    temperature: float,
    seed: int,
    stop_ids: frozenset[int],
    key: str,
) -> Job:
    """Both models answer, a token each in turn."""

    def work() -> Iterator[Said]:
        after = operate(kept.params, choice.plan(kept), kept.source(choice.way))
        return _answering(
            {"before": kept.params, "after": after}, ids, length, temperature, seed, stop_ids
        )

    return cached.answers().start(key, work, f"answer {visitor()}", PATIENCE)


def _answering(
    models: Mapping[str, Params],
    ids: Sequence[int],
    length: int,
    temperature: float,
    seed: int,
    stop_ids: frozenset[int],
) -> Iterator[Said]:
    going = {
        side: generate(p, ids, length, temperature=temperature, seed=seed, stop_ids=stop_ids)
        for side, p in models.items()
    }
    with one_thread():
        while going:
            for side in list(going):
                token = next(going[side], None)
                if token is None:
                    del going[side]
                else:
                    yield Said(side, token)


def map_job(kept: FactorStore, ids: Sequence[int], layers: bool) -> Job | None:
    """The sensitivity map measured here and now; None until somebody asks. One for everyone."""
    key = f"map {kept.folder.name} {layers}"
    job = cached.jobs().get(key)
    if job is not None and job.state not in ("cancelled", "failed"):
        return job
    if st.button("Measure it here", key=f"measure {layers}", icon=":material/refresh:"):
        return cached.jobs().start(key, lambda: _mapping(kept, ids, layers))
    return job


def _mapping(kept: FactorStore, ids: Sequence[int], layers: bool) -> Iterator[Doing | Measured]:
    names = chosen(kept.params, KINDS)
    for way in ("plain", "aware"):
        yield from _preparing(kept, way, names)
    sources = {way: kept.source(way) for way in ("plain", "aware")}
    each = some_layers(len(kept.params.layers)) if layers else None
    fractions = [BY_LAYER] if layers else list(FRACTIONS)
    points = 2 * len(KINDS) * len(fractions) * (len(each) if each else 1)
    with one_thread():
        found = sensitivity(kept.params, ids, sources, fractions=fractions, layers=each)
        for i, point in enumerate(found):
            yield point
            yield Doing((i + 1) / points, f"Reading with less of {point.kind}, {point.way}")


def evidence_job(kept: FactorStore, name: str) -> Job:
    """How the calibration text uses one matrix; the same for all visitors."""
    key = f"evidence {kept.folder.name} {name}"
    return settle(
        asked_again(cached.jobs(), key, lambda: _looking(kept, name), "evidence", shared=True)
    )


def _looking(kept: FactorStore, name: str) -> Iterator[Doing | Evidence]:
    for doing in _preparing(kept, "aware", [name]):
        yield Doing(0.8 * doing.share, doing.words)
    yield Doing(0.8, "Comparing inputs and matrix")
    W = kept.params.layers[int(name.split(".")[2])]
    found = usage(getattr(W, name.rpartition(".")[2]).matrix(), kept.moment(name))
    squares = kept.source("aware")(name).s ** 2
    yield Evidence(found, np.cumsum(squares) / (squares.sum() or 1.0))


def noise_job(
    kept: FactorStore,
    kind: str,
    layer: int,
    percent: int,
    asked: Sequence[tuple[Sequence[int], Sequence[int]]],
) -> Job:
    """The questions asked of the whole model and of one with a single matrix cut."""
    key = f"noise {visitor()} {kept.folder.name} {kind} {layer} {percent}"
    return asked_again(
        cached.answers(), key, lambda: _asking(kept, kind, layer, percent, asked), "noise"
    )


def _asking(
    kept: FactorStore,
    kind: str,
    layer: int,
    percent: int,
    asked: Sequence[tuple[Sequence[int], Sequence[int]]],
) -> Iterator[Doing | tuple[Answers, Answers]]:
    plan = by_fraction(kept.params, chosen(kept.params, [kind], [layer]), percent / 100)
    both: list[list[tuple[float, bool]]] = [[], []]
    models = [kept.params, operate(kept.params, plan, kept.source("plain"))]
    with one_thread():
        for i, question in enumerate(asked):
            yield Doing(i / len(asked), f"Question {i + 1} of {len(asked)}")
            for found, params in zip(both, models, strict=True):
                found.extend(answers(params, [question]).each)
    yield Answers(tuple(both[0])), Answers(tuple(both[1]))
