"""Sensitivity maps on any executor: one kind of projection, cut in one way, is a job of its own."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import lru_cache, partial
from itertools import product

from lowrank import llama
from lowrank.errors import InputError
from lowrank.files import cache_folder
from lowrank.llama.names import LINEAR
from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers import Model
from lowrank.readers.elsewhere import opened, results
from lowrank.readers.identity import identity
from lowrank.spectra.svd.threads import restored, use
from lowrank.surgery import texts
from lowrank.surgery.factor_store import FactorStore, folder_name
from lowrank.surgery.operation import Measured, sensitivity

WAYS = ("plain", "aware")


def mapped(
    model: Model,
    text: str,
    fractions: Sequence[float],
    layers: Sequence[int] | None = None,
    kinds: Sequence[str] = LINEAR,
    executor: Executor | None = None,
    threads: int = 1,
) -> Iterator[Measured]:
    """`sensitivity` of a model in both WAYS on a text, wherever its points are measured.

    With an executor workers open the model by its source and take its factors from their cache
    folder, or make them, and points come in any order, each on so many BLAS `threads`; without one
    they are measured here, in theirs.

    Raises InputError as `sensitivity` does and for a model without a vocabulary, SourceError if a
    worker died or has another file under that source.
    """
    store, words = stored(model.source, identity(model))
    ids = tuple(words.begin(text))
    if executor is None:
        sources = {way: store.source(way) for way in WAYS}
        yield from sensitivity(store.params, ids, sources, kinds, fractions, layers)
        return
    job = partial(_points, model.source, identity(model), ids, fractions, layers, threads)
    for _, points in results(executor, job, product(kinds, WAYS)):
        yield from points


@lru_cache(maxsize=1)
def stored(source: str, content: str) -> tuple[FactorStore, Tokenizer]:
    """The factors of a model for the built-in calibration text, in the cache folder; its words."""
    model = opened(source, content)
    if model.vocabulary is None:
        raise InputError("{title} brings no vocabulary, so it can read no text.", title=model.title)
    params, words, passages = llama.load(model), Tokenizer(model.vocabulary), texts.calibration()
    longest = params.config.max_position_embeddings
    folder = cache_folder() / "surgery" / folder_name(content, passages)
    return FactorStore(folder, params, [words.begin(each)[:longest] for each in passages]), words


def _points(
    source: str,
    content: str,
    ids: Sequence[int],
    fractions: Sequence[float],
    layers: Sequence[int] | None,
    threads: int,
    cut: tuple[str, str],
) -> list[Measured]:
    """What a worker does: the points of one kind and way."""
    (store, _), (kind, way) = stored(source, content), cut
    with restored():
        use(threads)
        sources = {way: store.source(way)}
        return list(sensitivity(store.params, ids, sources, [kind], fractions, layers))
