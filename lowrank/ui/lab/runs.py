"""The lab's work beside the page: a training run, two answers, the merged model compared."""

import hashlib
import json
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from lowrank.files import cache_folder, drop_oldest
from lowrank.language import gettext as _
from lowrank.llama import Params, projections
from lowrank.llama.generation import last_logits
from lowrank.llama.names import HEAD
from lowrank.lora import adapters
from lowrank.lora.adapters import Adapter
from lowrank.lora.finetuning import Finetuning, Record, evaluate, finetune
from lowrank.lora.initial import loftq_start
from lowrank.lora.lab import held_in_training
from lowrank.lora.lab.timing import in_turns
from lowrank.lora.lab.training_memory import matrix_bytes
from lowrank.lora.training_examples import Example, answers
from lowrank.lora.training_state import State
from lowrank.lora.tuning import adapted, merged
from lowrank.memory.accounting import Memory
from lowrank.readers import HUB, uploads
from lowrank.readers.default_model import DEFAULT
from lowrank.ui import cached
from lowrank.ui.answering import Said, answers_in_turns
from lowrank.ui.jobs import Job, Stopped, Work
from lowrank.ui.lab.settings import BASES, Choice
from lowrank.ui.progress import begin, latest, link_of, soon, sought

PATIENCE = 900.0  # seconds a run goes on without its visitor: pages may be changed meanwhile
LOOKING = 60.0  # the same for an answer
MOMENT = 0.2  # seconds a page waits for what may be quick, so that it is drawn at once
MOST_STATES = 10**9  # bytes of runs that were stopped and can go on, kept in all
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
    """The loss on examples that are not trained on, after so many steps; `stored` is that of the
    same run on the base as stored, where it was asked for."""

    step: int
    loss: float
    stored: float | None = None


@dataclass(frozen=True)
class Beside:
    """The loss before the step of the same run on the base as stored."""

    loss: float


@dataclass(frozen=True)
class Kept:
    """Bytes of the base's matrices as this run keeps them and as stored, and of the largest as
    numbers: so much is made anew when it is used."""

    kept: int
    stored: int
    largest: int


@dataclass(frozen=True)
class Halted:
    """The names under which a run that was stopped is kept, that on the base as stored second."""

    step: int
    names: tuple[str, ...]


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


def begin_training(source: str, choice: Choice, halted: Job | None = None) -> None:
    """Start a run, which `going` finds again; `halted` is one that it goes on with."""
    before = tuple(each for each in halted.records if isinstance(each, TOLD)) if halted else ()
    names = stopped.names if halted and (stopped := halted.newest(Halted)) else ()
    begin("lab", partial(_training, source, choice, names, before), PATIENCE)
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


TOLD = (Record, HeldOut, Beside, Memory)  # what a run that goes on says again


def _training(
    source: str, choice: Choice, names: Sequence[str] = (), before: Sequence[object] = ()
) -> Iterator[object]:
    """A record a step; what was learnt is kept on disk even if it is stopped, to go on with, too.

    `names` are those of a stopped run's states and `before` what it told.
    """
    yield Run(choice)
    laid, count = examples(source, choice), len(choice.learnt)
    run, unseen = Run(choice, laid[:count]), laid[count:]
    yield run
    yield from before
    base, *runs = begun(source, choice, run.examples, [find_state(name) for name in names])
    yield kept_bytes(base, cached.params(source))
    steps, seen = runs[0], {each.step for each in before if isinstance(each, HeldOut)}
    spent = max((each.elapsed for each in before if isinstance(each, Record)), default=0.0)

    def after(step: int) -> Iterator[object]:
        """What is told after a step, once."""
        for plain in runs[1:]:
            while plain.state.step < step:
                yield Beside(next(plain).loss)
        if step == 1 and not any(isinstance(each, Memory) for each in before):
            longest = max(run.examples, key=lambda example: len(example.ids))
            yield held_in_training(base, choice.method, steps.state, longest)
        due = step == 1 or step % max(1, choice.config.steps // LOOKS) == 0
        if unseen and due and step not in seen:
            yield HeldOut(step, *losses_of(base, source, choice, runs, unseen))

    try:
        if before:  # it may have been stopped in the midst of a step
            yield from after(steps.state.step)
        for record in steps:
            yield replace(record, elapsed=spent + record.elapsed)
            yield from after(record.step)
    except Stopped:
        pass
    if steps.state.step:
        yield kept_or_held(adapters.trained(choice.method, steps.state, base_name(source)))
        if steps.state.step < choice.config.steps:
            with suppress(OSError):  # where the disk will not have it, there is no way on
                yield Halted(steps.state.step, tuple(keep_state(each.state) for each in runs))


def begun(
    source: str, choice: Choice, data: Sequence[Example], states: Sequence[State]
) -> tuple[Params, *tuple[Finetuning, ...]]:
    """The base, the run on it, and that on the base as stored if asked for; from states, if any."""
    stored, config, method = cached.params(source), choice.config, choice.method
    base, first = base_of(source, choice.base), states[0] if states else None
    if method.init_lora_weights == "loftq" and choice.quantizer and not first:
        base, first = loftq_start(stored, config, choice.quantizer)
    runs = [finetune(base, data, config, first)]
    if choice.beside:
        # On numbers as stored nothing is lost that LoftQ could begin with.
        loftq = method.init_lora_weights == "loftq"
        plain = replace(method, init_lora_weights=True) if loftq else method
        second = states[1] if len(states) > 1 else None
        runs.append(finetune(stored, data, replace(config, method=plain), second))
    return base, *runs


def losses_of(
    base: Params, source: str, choice: Choice, runs: Sequence[Finetuning], unseen: Sequence[Example]
) -> list[float]:
    """The held-out loss of every run as it is now."""
    models = base, cached.params(source)
    return [
        evaluate(adapted(model, choice.method, run.state), unseen)
        for model, run in zip(models, runs, strict=False)
    ]


def base_of(source: str, base: str) -> Params:
    """The model on a base of BASES."""
    quantizer = BASES[base]
    return cached.quantized_params(source, quantizer) if quantizer else cached.params(source)


def kept_bytes(base: Params, stored: Params) -> Kept:
    """What the base's matrices take."""
    shapes = (p.shape for name, p in projections(base).items() if name != HEAD)
    largest = max(4 * m * n for m, n in shapes)
    return Kept(matrix_bytes(base), matrix_bytes(stored), largest)


def keep_state(state: State) -> str:
    """The name under which a stopped run's state is kept; nobody else is told it."""
    name = secrets.token_hex(16)
    state.save(states_folder() / f"{name}.npz")
    drop_oldest(states_folder(), MOST_STATES)
    return name


def find_state(name: str) -> State:
    """The state that `keep_state` kept. Raises SourceError if it is no longer there."""
    return State.load(states_folder() / f"{name}.npz")


def states_folder() -> Path:
    """Where the states of stopped runs are kept."""
    return cache_folder() / "runs"


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


def answer_job(source: str, base: str, name: str, prompt: str, scale: float) -> Job | None:
    """Both models answer on a base of BASES, a token each in turn."""
    asked = source, base, name, prompt, scale
    return _soon("answer", partial(_answering, *asked), *asked)


def _answering(source: str, base: str, name: str, prompt: str, scale: float) -> Iterator[Said]:
    params = base_of(source, base)
    after = adapters.applied(params, kept_adapter(name), scale)
    ids, stop_ids = cached.chat_ids(source, prompt), cached.words(source).stop_ids
    yield from answers_in_turns(params, after, ids, LONGEST_ANSWER, stop_ids)


def loss_job(source: str, name: str, run: Run) -> Job | None:
    """The loss on a run's first answers with 0 to 2 times the update: (scale, loss) a record."""
    asked = source, run.choice.base, name, run.examples[:6]
    return _soon("losses", partial(_losses, *asked), *asked)


def _losses(
    source: str, base: str, name: str, few: tuple[Example, ...]
) -> Iterator[tuple[float, float]]:
    params, adapter = base_of(source, base), kept_adapter(name)
    for scale in SCALES:
        placed = adapters.applied(params, adapter, scale) if scale else params
        yield scale, evaluate(placed, few)


def merge_job(source: str, base: str, name: str, prompt: str) -> Job | None:
    """The logits after the prompt, with A and B beside W0 and with one matrix each."""
    asked = source, base, name, prompt
    return _soon("merge", partial(_merging, *asked), *asked)


def _merging(source: str, base: str, name: str, prompt: str) -> Iterator[Merged]:
    params, ids = base_of(source, base), cached.chat_ids(source, prompt)
    beside = adapters.applied(params, kept_adapter(name))
    one = merged(beside)
    placed, together = last_logits(beside, ids), last_logits(one, ids)  # and all is warm
    difference, largest = float(np.abs(placed - together).max()), float(np.abs(placed).max())
    models = {"plain": params, "beside": beside, "merged": one}
    passes = {label: partial(last_logits, each, ids) for label, each in models.items()}
    yield Merged(difference, largest, in_turns(passes, TURNS))


def seconds_a_step(job: Job | None) -> float | None:
    """The median time of a step of a run on this machine; None before it has two."""
    elapsed = [record.elapsed for record in job.all(Record)] if job else []
    return float(np.median(np.diff(elapsed))) if len(elapsed) > 1 else None
