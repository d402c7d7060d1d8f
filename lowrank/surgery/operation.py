"""A plan carried out: the model with thin pairs in place of matrices, its cost and its loss."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.cache import Cache
from lowrank.llama.generation import CHUNK, cross_entropy, distribution, nll
from lowrank.llama.linear import Projection, bias_of
from lowrank.llama.model import (
    Params,
    check_names,
    checked_ids,
    forward,
    projections,
    replaced,
)
from lowrank.llama.names import HEAD, LINEAR
from lowrank.spectra.svd import checked_rank
from lowrank.surgery.factors import Source
from lowrank.surgery.plans import Plan, by_fraction, chosen


def operate(params: Params, plan: Plan, factors: Source) -> Params:
    """The model with each planned projection replaced by its pair of that rank; all else shared.

    A matrix that keeps its full rank loses nothing, so it stays as it is: a pair would hold more
    numbers and round differently.

    Raises InputError for a name that the model does not have or a rank out of range.
    """
    held = projections(params)
    new: dict[str, Projection] = {}
    check_names(held, plan)
    for name, k in plan.items():
        if checked_rank(k, min(held[name].shape)) == min(held[name].shape):
            continue
        new[name] = factors(name).pair(k, bias_of(held[name]))
    return replaced(params, new)


@dataclass(frozen=True)
class Cost:
    """What a model holds and does: parameters, bytes at 4 a parameter, operations a new token.

    Operations count a multiplication and an addition for each weight that a token meets; those of
    attention over earlier tokens, which truncation does not change, are left out.
    """

    parameters: int
    nbytes: int
    flops: int


def cost(params: Params) -> Cost:
    """Parameters, bytes and operations a token of a model as it stands; a tied head counts once."""
    held = projections(params)
    weights = sum(p.parameters for p in held.values())
    head = held[HEAD]
    tied = head.parameters == params.embed_tokens.size and params.config.tie_word_embeddings
    norms = params.norm.size * (2 * len(params.layers) + 1)
    parameters = weights + norms + (0 if tied else params.embed_tokens.size)
    return Cost(parameters, 4 * parameters, 2 * weights)


@dataclass(frozen=True)
class Measured:
    """One point of a sensitivity map: mean nll with those projections cut to that fraction."""

    kind: str
    layer: int | None  # None: all layers
    fraction: float
    way: str
    nll: float
    base: float

    @property
    def rise(self) -> float:
        """How much worse than the whole model, in nats a token."""
        return self.nll - self.base


def sensitivity(
    params: Params,
    ids: Sequence[int],
    factors: Mapping[str, Source],
    kinds: Sequence[str] = LINEAR,
    fractions: Sequence[float] = (0.75, 0.5, 0.25, 0.125),
    layers: Sequence[int] | None = None,
) -> Iterator[Measured]:
    """Mean nll of a text with one kind of projection cut, for each kind, fraction and way.

    `factors` gives a source for each way, such as {"plain": …, "aware": …}. With `layers` each of
    those layers is cut by itself; without, all are cut together. One point at a time, so that a
    caller can show them and stop.

    Raises InputError as `chosen`, `by_fraction` and `nll` do.
    """
    base = float(nll(params, ids).mean())
    for kind in kinds:
        for layer in [None] if layers is None else layers:
            names = chosen(params, [kind], None if layer is None else [layer])
            for way, source in factors.items():
                kept = {name: source(name) for name in names}
                for fraction in fractions:
                    plan = by_fraction(params, names, fraction)
                    cut = operate(params, plan, kept.__getitem__)
                    loss = float(nll(cut, ids).mean())
                    yield Measured(kind, layer, fraction, way, loss, base)


@dataclass(frozen=True, eq=False)
class Reading:
    """A text as a model reads it: -ln p of every token but the first, and what it expects next."""

    losses: NDArray[np.float64]  # (T - 1,), in nats
    next: NDArray[np.float64]  # (vocab,), probabilities

    @property
    def nll(self) -> float:
        """The mean loss; NaN for a single token, of which nothing was guessed."""
        return float(self.losses.mean()) if len(self.losses) else float("nan")


def reading(params: Params, ids: Sequence[int]) -> Reading:
    """Losses and next-token distribution in one pass over the text, in parts that bound memory.

    Raises InputError as `forward` does.
    """
    given = checked_ids(ids, params.config)
    cache = Cache(len(given))
    found = [np.empty(0)]
    for start in range(0, len(given), CHUNK):
        part = given[start : start + CHUNK]
        logits = forward(params, part, cache)
        targets = given[start + 1 : start + 1 + len(part)]
        if len(targets):
            found.append(cross_entropy(logits[: len(targets)], targets))
    return Reading(np.concatenate(found), distribution(logits[-1]))


@dataclass(frozen=True)
class Answers:
    """How a model completes questions: ln p of each word, and whether it would say it itself."""

    each: tuple[tuple[float, bool], ...]

    @property
    def right(self) -> int:
        """How many words the model would have said itself."""
        return sum(first for _, first in self.each)

    @property
    def logp(self) -> float:
        """The mean log-probability of the right words, in nats."""
        return float(np.mean([p for p, _ in self.each]))


def answers(params: Params, questions: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Answers:
    """For each (beginning, word), both token ids: ln p(word), and whether greedy decoding says it.

    Raises InputError as `forward` does, or if there is no question or an empty one.
    """
    if not questions or not all(a and b for a, b in questions):
        raise InputError("questions hold an empty one; expected a beginning and a word in each.")
    each = []
    for beginning, word in questions:
        rows = slice(len(beginning) - 1, None)
        logits = forward(params, [*beginning, *word[:-1]], positions=rows)  # (len(word), vocab)
        first = bool((logits.argmax(axis=-1) == np.asarray(word)).all())
        each.append((-float(cross_entropy(logits, np.asarray(word)).sum()), first))
    return Answers(tuple(each))
