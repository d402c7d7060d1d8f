"""Text from a Llama, token by token, and how surprised it is by a text."""

from collections.abc import Callable, Collection, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.llama.cache import Cache
from lowrank.llama.model import Floats, Params, checked_ids, forward, softmax

CHUNK = 128  # tokens at a time where a text may be long: bounds the memory for scores and logits


def generate(
    params: Params,
    ids: ArrayLike,
    max_new_tokens: int = 64,
    *,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int | np.random.Generator | None = None,
    stop_ids: Collection[int] = (),
    cache: Cache | None = None,
) -> Iterator[int]:
    """The tokens that follow `ids`, one by one; nothing is computed until the next is asked for.

    Temperature 0 takes the most probable token, the first of equals. Otherwise tokens are drawn
    from `distribution(logits, temperature, top_p)` with a generator made from `seed`. Ends after
    `max_new_tokens`, before a token of `stop_ids` (which is not yielded), or where the model has no
    more positions. With a `cache`, `ids` continue what it has seen.

    Raises InputError at once if an argument is not what it should be.

    >>> from lowrank.llama.model import TINY, random
    >>> params = random(TINY, np.random.default_rng(0))
    >>> list(generate(params, [1, 2, 3], 4)) == list(generate(params, [1, 2, 3], 4, top_p=0.5))
    True
    """
    cache = Cache() if cache is None else cache
    given = checked_ids(ids, params.config, cache.length)
    _check_sampling(temperature, top_p)
    if max_new_tokens < 0:
        raise InputError(
            "max_new_tokens is {most}; expected at least 0.",
            most=max_new_tokens,
        )
    rng = np.random.default_rng(seed)

    def tokens() -> Iterator[int]:
        logits = last_logits(params, given, cache)
        for step in range(max_new_tokens):
            token = sample(logits, temperature, top_p, rng)
            if token in stop_ids:
                return
            yield token
            full = cache.length >= params.config.longest
            if full or step + 1 == max_new_tokens:
                return
            logits = last_logits(params, np.array([token]), cache)

    return tokens()


def last_logits(params: Params, ids: ArrayLike, cache: Cache | None = None) -> Floats:
    """The logits of the next token, (vocab,): a long text goes through in parts, to save memory.

    Raises InputError as `forward` does.
    """
    cache = Cache() if cache is None else cache
    given = checked_ids(ids, params.config, cache.length)
    cache.awaited = cache.length + len(given)
    for start in range(0, len(given), CHUNK):
        logits = forward(params, given[start : start + CHUNK], cache, positions=[-1])
    return logits[0]


def sample(
    logits: Floats, temperature: float, top_p: float, rng: np.random.Generator
) -> int:  # (vocab,)
    """One token: the most probable at temperature 0, else drawn from `distribution`."""
    if temperature == 0:
        return int(logits.argmax())
    p = distribution(logits, temperature, top_p)
    return int(rng.choice(len(p), p=p))


def distribution(
    logits: Floats, temperature: float = 1.0, top_p: float = 1.0
) -> NDArray[np.float64]:
    """Probabilities of the next token, (vocab,), float64: softmax(logits / temperature), cut.

    `top_p` < 1 keeps the fewest most probable tokens whose sum reaches it, and gives the others 0.
    Reference: Holtzman et al., "The Curious Case of Neural Text Degeneration", arXiv 1904.09751.

    Raises InputError if temperature is not positive or top_p not in (0, 1].

    >>> distribution(np.log([0.5, 0.3, 0.2]), top_p=0.6).round(3).tolist()
    [0.625, 0.375, 0.0]
    """
    _check_sampling(temperature, top_p)
    if temperature == 0:
        raise InputError("temperature is 0; expected above 0 (at 0 one token has it all).")
    p = softmax(logits.astype(np.float64) / temperature)
    if top_p < 1:
        order = np.argsort(-p, kind="stable")
        kept = int(np.searchsorted(np.cumsum(p[order]), top_p)) + 1
        p[order[kept:]] = 0
    return p / p.sum()


def nll(
    params: Params, ids: ArrayLike, progress: Callable[[int, int], object] | None = None
) -> NDArray[np.float64]:
    """-ln p of every token but the first, given all before it: (T - 1,), in nats.

    Its mean is the loss of training; see `perplexity`. The text goes through in parts with a cache,
    so memory does not grow with it; `progress` hears tokens done and all, and may raise to stop.

    Raises InputError as `forward` does, and for a single token.

    >>> from lowrank.llama.model import TINY, random
    >>> params = random(TINY, np.random.default_rng(0))
    >>> nll(params, [1, 2, 3]).shape
    (2,)
    """
    given = checked_ids(ids, params.config)
    if len(given) < 2:
        raise InputError("The text has 1 token; expected at least 2, since the first is given.")
    inputs, targets = given[:-1], given[1:]
    cache, found = Cache(len(inputs)), []
    for start in range(0, len(inputs), CHUNK):
        part = slice(start, start + CHUNK)
        found.append(cross_entropy(forward(params, inputs[part], cache), targets[part]))
        if progress:
            progress(min(start + CHUNK, len(inputs)), len(inputs))
    return np.concatenate(found)


def cross_entropy(logits: Floats, targets: NDArray[np.integer]) -> NDArray[np.float64]:
    """ln sum exp(logits) - logits[target] of each row: (T, vocab), (T,) -> (T,).

    >>> cross_entropy(np.zeros((1, 4)), np.array([2])).round(4).tolist()
    [1.3863]
    """
    top = logits.max(axis=-1, keepdims=True)
    total = np.exp(logits - top).sum(axis=-1, dtype=np.float64)
    chosen = np.take_along_axis(logits - top, targets[:, None], axis=-1)[:, 0]
    return np.log(total) - chosen


def perplexity(losses: ArrayLike) -> float:
    """exp of the mean of `nll`: how many equally likely tokens would be as hard to guess.

    >>> round(perplexity([np.log(8.0)] * 3), 6)
    8.0
    """
    return float(np.exp(np.mean(np.asarray(losses, np.float64))))


def _check_sampling(temperature: float, top_p: float) -> None:
    if not (np.isfinite(temperature) and temperature >= 0):
        raise InputError(
            "temperature is {temperature}; expected a number of at least 0.",
            temperature=temperature,
        )
    if not 0 < top_p <= 1:
        raise InputError(
            "top_p is {top_p}; expected above 0 and at most 1.",
            top_p=top_p,
        )
