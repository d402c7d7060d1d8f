"""The paper's experiments on any executor: each of their runs is a job of its own."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import asdict
from functools import lru_cache, partial
from typing import Any

from lowrank import llama
from lowrank.errors import InputError
from lowrank.llama.model import Params
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora.lab import experiments
from lowrank.lora.lab.experiments import Floats, Redo, Settings, Trial
from lowrank.lora.lab.records import Doing
from lowrank.readers import Model
from lowrank.readers.elsewhere import opened, results
from lowrank.readers.identity import identity
from lowrank.spectra.svd.threads import restored, use

Kept = dict[str, Floats]


def work(
    model: Model, redo: Redo, executor: Executor | None = None, threads: int = 1
) -> Iterator[Doing]:
    """`experiments.work` on a model that is opened by its source, wherever the runs are done.

    With an executor runs are filled in as they come, each on so many BLAS `threads`; it yields
    after each. Without one it is the same work done here, and yields after every step.

    Raises InputError as `experiments.work` does and for a model without a vocabulary, SourceError
    if a worker died or has another file under that source.
    """
    params, tokenizer = ready(model.source, identity(model))
    settings = redo.settings
    experiments.check(params, settings)
    if executor is not None:
        redo.record["settings"] = asdict(settings)
        job = partial(_run, model.source, identity(model), settings, threads)
        while todo := redo.next():
            for trial, (numbers, kept) in results(executor, job, todo):
                redo.runs[trial.name] = numbers
                redo.kept |= kept
                yield Doing(redo.share, trial.words)
    yield from experiments.work(params, tokenizer, redo)  # what is missing: with runs, the rest


@lru_cache(maxsize=1)
def ready(source: str, content: str) -> tuple[Params, Tokenizer]:
    """A model that runs, and its words; kept from one run to the next."""
    model = opened(source, content)
    if model.vocabulary is None:
        raise InputError("{title} brings no vocabulary, so it can read no text.", title=model.title)
    return llama.load(model), Tokenizer(model.vocabulary)


def _run(
    source: str, content: str, settings: Settings, threads: int, trial: Trial
) -> tuple[dict[str, Any], Kept]:
    """What a worker does: one run's numbers, and what it keeps for the comparisons."""
    params, tokenizer = ready(source, content)
    alone = Redo(settings)
    with restored():
        use(threads)
        for _ in experiments.run(params, experiments.data(tokenizer, settings), trial, alone):
            pass
    return alone.runs[trial.name], alone.kept
