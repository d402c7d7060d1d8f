"""The lab's work beside the page: a training run, two answers, the merged model compared."""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from lowrank.language import gettext as _
from lowrank.llama.generation import last_logits
from lowrank.lora import adapters
from lowrank.lora.adapters import Adapter
from lowrank.lora.finetuning import Record, evaluate, finetune
from lowrank.lora.lab import held_in_training
from lowrank.lora.training_examples import Example, answers
from lowrank.lora.tuning import adapted, merged
from lowrank.memory.accounting import Memory
from lowrank.readers import HUB, uploads
from lowrank.readers.default_model import DEFAULT
from lowrank.ui import cached
from lowrank.ui.answering import Said, in_turns
from lowrank.ui.jobs import Job, Stopped, Work
from lowrank.ui.lab.settings import Choice
from lowrank.ui.progress import begin, latest, link_of, soon, sought

PATIENCE = 900.0  # seconds a run goes on without its visitor: pages may be changed meanwhile
LOOKING = 60.0  # the same for an answer
MOMENT = 0.2  # seconds a page waits for what may be quick, so that it is drawn at once
LONGEST_EXAMPLE = 160  # tokens
LONGEST_ANSWER = 40
LOOKS = 12  # at the held-out examples in a run
TURNS = 7  # passes of each model, in turns, for their times
SCALES = (1.0, 0.0, 2.0, 0.5, 1.5, 0.25, 0.75, 1.25, 1.75)


@dataclass(frozen=True, eq=False)
class Run:
    """What was asked for, and its examples once they are laid out."""

    choice: Choice
    examples: tuple[Example, ...] = ()

    @property
    def longest(self) -> int:
        """Tokens of the longest example; 0 before they are laid out."""
        return max((len(example.ids) for example in self.examples), default=0)


@dataclass(frozen=True)
class HeldOut:
    """The loss on examples that are not trained on, after so many steps."""

    step: int
    loss: float


@dataclass(frozen=True)
class Learnt:
    """The name under which the adapter of a run is kept; where it could not be, why, and itself."""

    name: str
    problem: str = ""
    adapter: Adapter | None = None


@dataclass(frozen=True)
class Merged:
    """How far the merged model's logits are from those of W0 with A and B beside it.

    `seconds` are those of every pass, by model; the passes took turns.
    """

    difference: float
    largest: float
    seconds: Mapping[str, Sequence[float]]


def begin_training(source: str, choice: Choice) -> None:
    """Start a run, which `going` finds again."""
    begin("lab", partial(_training, source, choice), PATIENCE)
    st.session_state.setdefault("taken run", "")  # whatever comes of it is to be taken in hand


def going() -> Job | None:
    """The run of this session or of the address, if the server remembers it."""
    job = latest("lab", st.query_params.get("run", "")[:40])
    if job:
        st.query_params["run"] = link_of(job, st.session_state["lab run"])
    return job


def examples(source: str, choice: Choice) -> tuple[Example, ...]:
    """The chosen pairs as the model reads them."""
    return tuple(answers(cached.words(source), choice.pairs, LONGEST_EXAMPLE))


def _training(source: str, choice: Choice) -> Iterator[Run | Record | HeldOut | Memory | Learnt]:
    """A record a step; what was learnt is kept on disk even if it is stopped."""
    yield Run(choice)
    params, config = cached.params(source), choice.config
    laid, count = examples(source, choice), len(choice.learnt)
    run, unseen = Run(choice, laid[:count]), laid[count:]
    yield run
    steps, apart = finetune(params, run.examples, config), max(1, config.steps // LOOKS)
    try:
        for record in steps:
            yield record
            if record.step == 1:
                longest = max(run.examples, key=lambda example: len(example.ids))
                yield held_in_training(params, config.method, steps.state, longest)
            if unseen and (record.step == 1 or record.step % apart == 0):
                now = adapted(params, config.method, steps.state)
                yield HeldOut(record.step, evaluate(now, unseen))
    except Stopped:
        pass
    if steps.state.step:
        yield kept_or_held(adapters.trained(config.method, steps.state, base_name(source)))


def base_name(source: str) -> str:
    """What an adapter names as its base: the hub's id with its owner, or the file's name.

    >>> base_name("default"), base_name("hf://acme/tiny@1a2b")
    ('HuggingFaceTB/SmolLM2-135M-Instruct', 'acme/tiny')
    """
    if source == "default":
        return DEFAULT.base_repo
    repo = source.removeprefix(HUB).partition("@")[0]
    return repo if source.startswith(HUB) else cached.model(source).title


def kept_or_held(adapter: Adapter) -> Learnt:
    """What was learnt: on disk, or with the job where the disk will not have it."""
    try:
        return Learnt(keep(adapter))
    except OSError as error:  # a SourceError too
        problem = _("What was learnt could not be kept: {error}").format(error=error)
        return Learnt("", problem, adapter)


def keep(adapter: Adapter) -> str:
    """The name under which an adapter is kept, from its content."""
    with tempfile.TemporaryDirectory() as folder:
        path = adapters.save(adapter, folder)
        return uploads.keep_adapter({p.name: p.read_bytes() for p in Path(path).iterdir()})


def kept_adapter(name: str) -> Adapter:
    """An adapter that was trained or uploaded here. Raises our own errors if it is none."""
    return cached.adapter(str(uploads.find_adapter(name)))


def _soon(what: str, work: Work, source: str, *parts: object) -> Job | None:
    """Short work with a model; who asks the same, `parts`, is given what is there."""
    asked = (cached.version(source), source, *parts)
    key = hashlib.sha256(json.dumps(asked, default=str).encode()).hexdigest()[:24]
    return soon(sought(f"{what} {key}", work, what, LOOKING, "short"), MOMENT)


def answer_job(source: str, name: str, prompt: str, scale: float) -> Job | None:
    """Both models answer, a token each in turn."""
    asked = source, name, prompt, scale
    return _soon("answer", partial(_answering, *asked), *asked)


def _answering(source: str, name: str, prompt: str, scale: float) -> Iterator[Said]:
    params = cached.params(source)
    after = adapters.applied(params, kept_adapter(name), scale)
    ids, stop_ids = cached.chat_ids(source, prompt), cached.words(source).stop_ids
    yield from in_turns(params, after, ids, LONGEST_ANSWER, stop_ids)


def loss_job(source: str, name: str, run: Run) -> Job | None:
    """The loss on a run's first answers with 0 to 2 times the update: (scale, loss) a record."""
    few = run.examples[:6]
    return _soon("losses", partial(_losses, source, name, few), source, name, few)


def _losses(source: str, name: str, few: tuple[Example, ...]) -> Iterator[tuple[float, float]]:
    params, adapter = cached.params(source), kept_adapter(name)
    for scale in SCALES:
        placed = adapters.applied(params, adapter, scale) if scale else params
        yield scale, evaluate(placed, few)


def merge_job(source: str, name: str, prompt: str) -> Job | None:
    """The logits after the prompt, with A and B beside W0 and with one matrix each."""
    asked = source, name, prompt
    return _soon("merge", partial(_merging, *asked), *asked)


def _merging(source: str, name: str, prompt: str) -> Iterator[Merged]:
    params, ids = cached.params(source), cached.chat_ids(source, prompt)
    beside = adapters.applied(params, kept_adapter(name))
    one = merged(beside)
    placed, together = last_logits(beside, ids), last_logits(one, ids)  # and all is warm
    difference, largest = float(np.abs(placed - together).max()), float(np.abs(placed).max())
    models = {"plain": params, "beside": beside, "merged": one}
    seconds: dict[str, list[float]] = {label: [] for label in models}
    for _turn in range(TURNS):
        for label, each in models.items():
            began = time.perf_counter()
            last_logits(each, ids)
            seconds[label].append(time.perf_counter() - began)
    yield Merged(difference, largest, seconds)


def seconds_a_step(job: Job | None) -> float | None:
    """The median time of a step of a run on this machine; None before it has two."""
    elapsed = [record.elapsed for record in job.all(Record)] if job else []
    return float(np.median(np.diff(elapsed))) if len(elapsed) > 1 else None
