"""Surveying: one job a matrix, on any `concurrent.futures.Executor`, here or on a cluster."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import numpy as np

from lowrank.atlas.journal import Journal, Survey
from lowrank.atlas.measuring import NOT_FINITE, Row, Spectrum, matrices, measured, unmeasured
from lowrank.errors import InputError, LowrankError
from lowrank.language import SOURCE, speaking
from lowrank.readers import Model
from lowrank.readers.elsewhere import opened, results
from lowrank.readers.identity import identity
from lowrank.spectra.svd import singular_values
from lowrank.spectra.svd.threads import restored, use

Progress = Callable[[int, int, Row], None]


def survey(
    model: Model,
    executor: Executor | None = None,
    folder: str | Path | Journal | None = None,
    names: Sequence[str] | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Survey:
    """Every matrix of a model measured: rows in the model's order and all singular values.

    `executor` may be any `concurrent.futures.Executor`, a process pool or a Dask client's; its
    workers open the model by `model.source` and read only the matrices they are given. Without one
    the work is done here. Each job runs its BLAS on `threads` threads, so that workers do not
    compete for cores and the numbers do not depend on how many there are. With a `folder` each
    result is kept as it comes, and a survey that was stopped goes on where it was. `progress`
    hears of each matrix: how many are done, of how many, and the row.

    Raises InputError for names that are no matrix of the model or a folder of another survey,
    SourceError if the folder cannot be written or a worker process died.

    Memory: one matrix in float32 and float64 for each worker.
    """
    names = matrices(model) if names is None else tuple(names)
    journal = folder if isinstance(folder, Journal) else None
    if isinstance(folder, (str, Path)):
        journal = Journal(Path(folder), model.title, names, identity(model))
    found = dict(journal.done) if journal else {}
    for row, s in surveyed(model, [n for n in names if n not in found], executor, threads):
        found[row.name] = (row, s)
        if journal:
            journal.add(row, s)
        if progress:
            progress(len(found), len(names), row)
    if journal:
        return journal.finish()
    return Survey(model.title, tuple(found[n][0] for n in names), {n: found[n][1] for n in names})


def surveyed(
    model: Model, names: Sequence[str], executor: Executor | None = None, threads: int = 1
) -> Iterator[tuple[Row, Spectrum]]:
    """Rows and singular values as they come, in any order; closing it cancels what has not begun.

    Raises InputError for a name that is no matrix, SourceError if a worker process died.
    """
    for name in names:
        if name not in model.tensors or len(model.tensors[name].shape) != 2:
            raise InputError(
                "{title} has no matrix named {name!r}.",
                title=model.title,
                name=name,
            )
    if executor is None:
        for name in names:
            yield _named(model, name, spectrum_of(model, name, threads))
        return
    job = partial(_job, model.source, identity(model), threads)
    for name, found in results(executor, job, names):
        yield _named(model, name, found)


Found = tuple[Spectrum, float, str]


def spectrum_of(model: Model, name: str, threads: int = 1) -> Found:
    """All singular values of one matrix, the largest error among them, and what went wrong.

    That is kept on disk and seen by anybody, so it is in English; see `Row.why`.
    """
    with restored(), speaking(SOURCE):
        use(threads)
        try:
            W = model.read(name)
            strange = W.size - np.count_nonzero(np.isfinite(W))
            if strange:
                return np.empty(0), 0.0, NOT_FINITE.format(count=strange)
            found = singular_values(W)
            return found.s, float(found.bound.max()), ""
        except LowrankError as error:
            return np.empty(0), 0.0, str(error)


def _job(source: str, content: str, threads: int, name: str) -> Found:
    """What a worker does."""
    return spectrum_of(opened(source, content), name, threads)


def _named(model: Model, name: str, found: Found) -> tuple[Row, Spectrum]:
    info, (s, error, problem) = model.tensors[name], found
    return (unmeasured(info, problem) if problem else measured(info, s, error)), s
