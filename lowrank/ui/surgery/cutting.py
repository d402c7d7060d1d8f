"""The work behind the page: factors, readings, answers, maps; each a job that yields."""

import secrets
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lowrank.files import cache_folder, drop_oldest, whole
from lowrank.language import SOURCE, Sentence, speaking
from lowrank.language import gettext as _
from lowrank.llama import projections
from lowrank.spectra.svd import energies
from lowrank.surgery import (
    Answers,
    Cost,
    Measured,
    Plan,
    Reading,
    Report,
    Step,
    Usage,
    Written,
    answers,
    by_fraction,
    chosen,
    cost,
    operate,
    reading,
    save_cut,
    sensitivity,
    texts,
    usage,
)
from lowrank.surgery.recorded import BY_LAYER, FRACTIONS, some_layers
from lowrank.surgery.report import METHODS
from lowrank.ui import cached
from lowrank.ui.answering import Said, answers_in_turns
from lowrank.ui.jobs import Doing, Job, one_thread
from lowrank.ui.progress import begin, soon, sought, visitor, watched
from lowrank.ui.surgery.choice import KINDS, Choice

PATIENCE = 20.0  # seconds that work goes on after its visitor has left
SAVED = 2 * 10**9  # bytes of truncated models that wait to be taken, of all visitors
MOMENT = 0.8  # seconds a page waits for short work before it shows progress instead

Ids = tuple[int, ...]


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


def factors_job(source: str, way: str, names: tuple[str, ...]) -> Job | None:
    """Factors that are not on disk are computed while the visitor watches; None if all are there"""
    store = cached.factors(source)
    if not store.missing(way, names):
        return None
    key = f"factors {visitor()} {store.folder.name} {way} {hash(names)}"
    job = sought(key, partial(_preparing, source, way, names), "factors", PATIENCE)
    watched(job)
    return job


def _preparing(source: str, way: str, names: Sequence[str]) -> Iterator[Doing]:
    with one_thread():  # the other core is for those who read
        for done, total, name in cached.factors(source).prepare(way, names):
            words = Sentence("Decomposing, once for everyone: {name}", name=name)
            yield Doing(done / max(total, 1), words)


def cut_now(source: str, choice: Choice, ids: Ids) -> tuple[Cut | None, Job | None]:
    """Both models have read the text, for whoever asked first; or the work that is under way."""
    of = cached.factors(source).folder.name, choice, ids
    known = cached.results().get(("cut", *of))
    if isinstance(known, Cut):
        return known, None
    key = f"cut {visitor()} {hash(of)}"
    work = partial(_cutting, source, choice, ids)
    job = soon(sought(key, work, "cut", PATIENCE, "short"), MOMENT)
    watched(job)
    if job and job.over and isinstance(job.last, Cut):
        cached.results().put(("cut", *of), job.last)
        return job.last, job
    return None, job


def _cutting(source: str, choice: Choice, ids: Ids) -> Iterator[Doing | Cut]:
    store = cached.factors(source)
    with one_thread():
        yield Doing(0.1, Sentence("The whole model reads the text"))
        before = cached.whole_reading(source, ids)
        yield Doing(0.5, Sentence("The cut model reads the text"))
        plan = choice.plan(store)
        after = operate(store.params, plan, store.source(choice.way))
        read = reading(after, ids)
    yield Cut(plan, (cost(store.params), cost(after)), (before, read))


@dataclass(frozen=True)
class Saved:
    """A truncated model that waits to be taken: a zip in the cache, and its report."""

    zipped: Path
    report: Report


def save_cut_model(source: str, choice: Choice, written: Written) -> Job:
    """The model with its cut is written into a zip."""
    return begin("save", partial(_saving, source, choice, written), PATIENCE)


def _saving(source: str, choice: Choice, written: Written) -> Iterator[Doing | Saved]:
    store, folder = cached.factors(source), cache_folder() / "saved"
    method = next(method for method, way in METHODS.items() if way == choice.way)
    for doing in _preparing(source, choice.way, choice.names(store)):
        yield Doing(0.5 * doing.share, doing.words)
    folder.mkdir(parents=True, exist_ok=True)
    with speaking(SOURCE):
        ranks = choice.words()
    # Whatever ends this process half-way leaves a name that is cleared away a day later.
    with one_thread(), tempfile.TemporaryDirectory(suffix=".new", dir=folder) as work:
        place = Path(work) / "model"
        plan = choice.plan(store)
        for record in save_cut(cached.model(source), store, plan, method, ranks, written, place):
            if isinstance(record, Step):
                share = 0.5 + 0.4 * record.done / record.total
                yield Doing(share, Sentence(record.words))
            else:
                report = record
        yield Doing(0.9, Sentence("packing"))
        drop_oldest(folder, SAVED)
        zipped = folder / f"{secrets.token_hex(8)}.zip"
        with whole(zipped) as out, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(place.iterdir()):
                archive.write(path, path.name)
    yield Saved(zipped, report)


def ask_both(source: str, choice: Choice, ids: Ids, length: int, temperature: float) -> Job:
    """The whole and the cut model begin to answer."""
    work = partial(_answering, source, choice, ids, length, temperature)
    return begin("answer", work, PATIENCE, "short")


def _answering(
    source: str, choice: Choice, ids: Ids, length: int, temperature: float
) -> Iterator[Said]:
    store, tokenizer = cached.factors(source), cached.words(source)
    after = operate(store.params, choice.plan(store), store.source(choice.way))
    yield from answers_in_turns(store.params, after, ids, length, tokenizer.stop_ids, temperature)


def map_job(source: str, ids: Ids, layers: bool) -> Job | None:
    """The sensitivity map measured here and now; None until somebody asks. One for everyone."""
    key = f"map {cached.factors(source).folder.name} {layers}"
    return sought(key, partial(_mapping, source, ids, layers), "map", ask=_("Measure it here"))


def map_points(layers: bool, count: int) -> int:
    """How many cuts the map of a model with `count` layers measures, both ways together."""
    return 2 * len(KINDS) * (len(some_layers(count)) if layers else len(FRACTIONS))


def _mapping(source: str, ids: Ids, layers: bool) -> Iterator[Doing | Measured]:
    store = cached.factors(source)
    names = chosen(store.params, KINDS)
    for way in ("plain", "aware"):
        yield from _preparing(source, way, names)
    sources = {way: store.source(way) for way in ("plain", "aware")}
    each = some_layers(len(store.params.layers)) if layers else None
    fractions = [BY_LAYER] if layers else list(FRACTIONS)
    points = map_points(layers, len(store.params.layers))
    with one_thread():
        found = sensitivity(store.params, ids, sources, fractions=fractions, layers=each)
        for i, point in enumerate(found):
            yield point
            words = Sentence(
                "Reading with less of {kind}, {way}", kind=point.kind, way=Sentence(point.way)
            )
            yield Doing((i + 1) / points, words)


def evidence_job(source: str, name: str) -> Job | None:
    """How the calibration text uses one matrix; the same for all visitors."""
    store = cached.factors(source)
    ask = "" if store.has("aware", name) else _("Look at its inputs")
    work = partial(_looking, source, name)
    return soon(sought(f"evidence {store.folder.name} {name}", work, "evidence", ask=ask), MOMENT)


def _looking(source: str, name: str) -> Iterator[Doing | Evidence]:
    for doing in _preparing(source, "aware", [name]):
        yield Doing(0.8 * doing.share, doing.words)
    yield Doing(0.8, Sentence("Comparing inputs and matrix"))
    store = cached.factors(source)
    W = projections(store.params)[name].matrix()
    yield Evidence(usage(W, store.moment(name)), energies(store.source("aware")(name).s))


def noise_job(source: str, name: str, percent: int) -> Job | None:
    """The questions asked of the whole model and of one with a single matrix cut."""
    key = f"noise {visitor()} {cached.factors(source).folder.name} {name} {percent}"
    return sought(key, partial(_asking, source, name, percent), "noise", PATIENCE, "short")


def _asking(source: str, name: str, percent: int) -> Iterator[Doing | tuple[Answers, Answers]]:
    store, tokenizer = cached.factors(source), cached.words(source)
    plan = by_fraction(store.params, [name], percent / 100)
    models = [store.params, operate(store.params, plan, store.source("plain"))]
    both: list[list[tuple[float, bool]]] = [[], []]
    asked = texts.questions()
    with one_thread():
        for i, (question, word) in enumerate(asked):
            words = Sentence("Question {number} of {count}", number=i + 1, count=len(asked))
            yield Doing(i / len(asked), words)
            ids = tokenizer.begin(question), tokenizer.encode(f" {word}")
            for found, params in zip(both, models, strict=True):
                found.extend(answers(params, [ids]).each)
    yield Answers(tuple(both[0])), Answers(tuple(both[1]))
