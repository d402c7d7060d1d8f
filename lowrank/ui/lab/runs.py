"""The lab's work beside the page: a training run, two answers, the merged model compared."""

import hashlib
import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from lowrank.errors import InputError
from lowrank.llama import generate
from lowrank.llama.generation import last_logits
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora import adapters
from lowrank.lora.adapters import Adapter
from lowrank.lora.finetuning import Record, evaluate, finetune
from lowrank.lora.lab import held_in_training
from lowrank.lora.training_examples import Example, answers
from lowrank.lora.tuning import merged
from lowrank.memory.accounting import Memory
from lowrank.readers import Model, uploads
from lowrank.ui import cached
from lowrank.ui.jobs import Job
from lowrank.ui.lab.settings import Choice

PATIENCE = 900.0  # seconds a run goes on without its visitor: pages may be changed meanwhile
LOOKING = 60.0  # the same for an answer
LONGEST_EXAMPLE = 160  # tokens
LONGEST_ANSWER = 40


@dataclass(eq=False)
class Run:
    """A run while it goes on and after it: what was asked, and the adapter once it is kept."""

    choice: Choice
    kept: str = ""
    memory: Memory | None = None
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Said:
    """A new token of one of the two models, "before" or "after"."""

    side: str
    token: int


@dataclass(frozen=True)
class Merged:
    """How far the merged model's logits are from those of W0 with A and B beside it."""

    difference: float
    largest: float
    seconds: Mapping[str, float] = field(default_factory=dict)


def visitor() -> str:
    """A name for this session, so that its newer work replaces its older."""
    return str(st.session_state.setdefault("visitor", uuid.uuid4().hex))


def words(model: Model) -> Tokenizer:
    """The model's tokenizer. Raises InputError if it has none."""
    found = cached.tokenizer(model.source)
    if found is None:
        raise InputError(f"{model.title} brings no vocabulary, so it can read no text.")
    return found


def begin(model: Model, choice: Choice) -> Job:
    """Start a run and remember it in the session and the address."""
    run = Run(choice)
    name = uuid.uuid4().hex[:12]
    job = cached.jobs().start(
        f"lab {name}", lambda: training(model, run), f"lab {visitor()}", PATIENCE
    )
    st.session_state["lab run"] = name
    st.session_state.setdefault("taken run", "")  # whatever comes of it is to be taken in hand
    return job


def going() -> Job | None:
    """The run of this session or of the address, if the server remembers it."""
    state = st.session_state
    name = state.get("lab run") or st.query_params.get("run", "")
    job = cached.jobs().get(f"lab {name[:40]}") if name else None
    if job is None:
        return None
    state["lab run"] = name
    if st.query_params.get("run") != name:
        st.query_params["run"] = name
    return job


def laid_out(model: Model, choice: Choice) -> tuple[Example, ...]:
    """The chosen examples as tokens; it takes a process of its own, so this is work for a job.

    Raises our own errors naming the example that cannot be learnt.
    """
    return tuple(answers(words(model), choice.pairs, LONGEST_EXAMPLE))


def training(model: Model, run: Run) -> Iterator[Run | Record]:
    """The run, then a record a step; what was learnt is kept on disk even if it is stopped."""
    yield run
    run.examples = laid_out(model, run.choice)
    params = cached.params(model.source)
    config = run.choice.config
    steps = finetune(params, run.examples, config)
    try:
        for record in steps:
            if record.step == 1:
                longest = max(run.examples, key=lambda example: len(example.ids))
                run.memory = held_in_training(params, config.method, steps.state, longest)
            yield record
    finally:
        if steps.state.step:
            run.kept = keep(adapters.trained(config.method, steps.state, model.title))


def keep(adapter: Adapter) -> str:
    """The name under which an adapter is kept, from its content."""
    with tempfile.TemporaryDirectory() as folder:
        path = adapters.save(adapter, folder)
        return uploads.keep_adapter({p.name: p.read_bytes() for p in Path(path).iterdir()})


def kept_adapter(name: str) -> Adapter:
    """An adapter that was trained or uploaded here. Raises our own errors if it is none."""
    return cached.adapter(str(uploads.find_adapter(name)))


def answer_job(model: Model, name: str, prompt: str, scale: float) -> Job:
    """Both models answer, a token each in turn; the same question is not asked twice."""
    key = digest("answer", model.source, name, prompt, f"{scale:g}")

    def work() -> Iterator[Said]:
        params = cached.params(model.source)
        after = adapters.applied(params, kept_adapter(name), scale)
        ids, stop = cached.chat_ids(model.source, prompt), words(model).stop_ids
        sides = {"before": params, "after": after}
        turns = {s: generate(p, ids, LONGEST_ANSWER, stop_ids=stop) for s, p in sides.items()}
        while turns:
            for side in list(turns):
                token = next(turns[side], None)
                if token is None:
                    del turns[side]
                else:
                    yield Said(side, token)

    return started(key, work, "answer")


def started(key: str, work: Callable[[], Iterator[Any]], what: str) -> Job:
    """The short job of that key; one that ran out of patience begins again."""
    job = cached.answers().start(key, work, f"{what} {visitor()}", LOOKING)
    job.looked_at()
    end = time.monotonic() + 0.2  # a moment, so that what is quick is drawn at once
    while not job.over and time.monotonic() < end:
        time.sleep(0.01)
    return job


def loss_job(model: Model, name: str, examples: tuple[Example, ...]) -> Job:
    """The loss on the training answers with 0 to 2 times the update: (scale, loss) a record."""

    def work() -> Iterator[tuple[float, float]]:
        params, adapter = cached.params(model.source), kept_adapter(name)
        for scale in (1.0, 0.0, 2.0, 0.5, 1.5, 0.25, 0.75, 1.25, 1.75):
            placed = adapters.applied(params, adapter, scale) if scale else params
            yield scale, evaluate(placed, examples[:6])

    return started(digest("losses", model.source, name, str(hash(examples))), work, "losses")


def merge_job(model: Model, name: str, prompt: str) -> Job:
    """The logits after the prompt, with A and B beside W0 and with one matrix each."""

    def work() -> Iterator[Merged]:
        params = cached.params(model.source)
        beside = adapters.applied(params, kept_adapter(name))
        one = merged(beside)
        ids, seconds, found = (
            cached.chat_ids(model.source, prompt),
            dict[str, float](),
            dict[str, np.ndarray](),
        )
        for label, each in (("warm", one), ("beside", beside), ("merged", one), ("plain", params)):
            began = time.perf_counter()
            found[label] = last_logits(each, ids)
            seconds[label] = time.perf_counter() - began
        difference = float(np.abs(found["beside"] - found["merged"]).max())
        yield Merged(difference, float(np.abs(found["beside"]).max()), seconds)

    return started(digest("merge", model.source, name, prompt), work, "merge")


def digest(*parts: str) -> str:
    """A short key of some texts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def told(model: Model, job: Job, side: str) -> str:
    """What one of the two has said so far."""
    tokens = [r.token for r in job.records if isinstance(r, Said) and r.side == side]
    return words(model).decode(tokens)


def records(job: Job) -> list[Record]:
    """The steps so far."""
    return [record for record in list(job.records) if isinstance(record, Record)]


def run_of(job: Job) -> Run | None:
    """What was asked for, once the run has begun."""
    return next((r for r in job.records[:1] if isinstance(r, Run)), None)
