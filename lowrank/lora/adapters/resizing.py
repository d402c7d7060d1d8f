"""An adapter at a lower rank, and which rank its own spectrum asks for."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.lora.adapters.fitting import kind_of
from lowrank.lora.adapters.peft_files import Adapter, Pair
from lowrank.spectra.measures import effective_rank, rank_at_energy
from lowrank.spectra.random_matrix import beyond_random_factors
from lowrank.spectra.svd import SVD, energy, full, of_product

ENOUGH = 0.95  # of the energy of an update: what a rank that is suggested keeps
Rule = Callable[[NDArray[np.float64], tuple[int, int]], int]


@dataclass(frozen=True)
class Resized:
    """One update before and after: its ranks, and ||D - D_r||_F over ||D||_F; 0 where D is 0."""

    module: str
    before: int
    r: int
    error: float


@dataclass(frozen=True)
class Suggestion:
    """What one update's singular values ask for.

    at_energy  the least rank that keeps `ENOUGH` of its energy.
    edge       how many values are beyond what two random factors give, 0 if none is.
    """

    module: str
    r: int
    at_energy: int
    edge: int
    effective_rank: float


def resized(
    adapter: Adapter,
    r: int | None = None,
    level: float | None = None,
    edge: bool = False,
) -> tuple[Adapter, tuple[Resized, ...]]:
    """The adapter with each update replaced by its best approximation of lower rank; scales are 1.

    One rule decides each rank, which never grows: `r` for all; the least that keeps the share
    `level` of the update's energy; or as many as are beyond the edge of two random factors
    (`spectra.random_matrix.beyond_random_factors`), at least 1. The configuration lists ranks by
    module. DoRA's magnitudes, biases and whole tensors stay as they are.

    Raises InputError unless one rule is given, for an r below 1 or above every update's, or for a
    level that is no share. Reference: Eckart and Young (1936); the rules of kohya-ss's
    resize_lora.
    """
    rule = rule_of(adapter, r, level, edge)
    rows, pairs = [], {}
    for module, pair in adapter.pairs.items():
        found = decomposed(pair)
        k = max(1, min(rule(found.s, found.shape), len(found.s)))
        rows.append(Resized(module, pair.r, k, sqrt(max(0.0, 1 - energy(found.s, k)))))
        pairs[module] = from_svd(pair, found.top(k))
    config = adapter.config.with_ranks({module: pair.r for module, pair in pairs.items()})
    return replace(adapter, config=config, pairs=pairs), tuple(rows)


def rule_of(adapter: Adapter, r: int | None, level: float | None, edge: bool) -> Rule:
    """How a rank follows from an update's singular values and shape."""
    if (r is not None) + (level is not None) + edge != 1:
        raise InputError("Expected one of a rank, a share of the energy, and the edge.")
    if level is not None:
        share = level
        if not 0 < share <= 1:
            raise InputError(
                "The energy is {energy}; expected more than 0 and at most 1.", energy=share
            )
        return lambda s, shape: rank_at_energy(s, share)
    if r is None:
        return beyond_random_factors
    wanted, most = r, max(pair.r for pair in adapter.pairs.values())
    if not 1 <= wanted <= most:
        raise InputError(
            "The rank is {r}; expected 1 to {most}, the adapter's own.", r=wanted, most=most
        )
    return lambda s, shape: wanted


def decomposed(pair: Pair) -> SVD:
    """scale B A by its singular values: r of them, or min(out, in) where r is larger."""
    if pair.r <= min(len(pair.B), pair.A.shape[1]):
        return of_product(np.float32(pair.scale) * pair.B, pair.A)
    return full(pair.delta())


def from_svd(pair: Pair, svd: SVD) -> Pair:
    """The pair of scale 1 whose B A is U diag(s) Vt; each side takes sqrt(s)."""
    root = np.sqrt(svd.s).astype(np.float32)
    bias = None if pair.bias is None else np.float32(pair.scale) * pair.bias
    A, B = root[:, None] * np.float32(svd.Vt), np.float32(svd.U) * root  # (r, in), (out, r)
    return replace(pair, A=A, B=B, scale=1.0, bias=bias)


def suggestions(adapter: Adapter) -> tuple[Suggestion, ...]:
    """What each update's spectrum asks for; see `ranks_by_kind` for a configuration."""
    return tuple(suggestion(pair, decomposed(pair).s) for pair in adapter.pairs.values())


def suggestion(pair: Pair, s: NDArray[np.float64]) -> Suggestion:
    """What the singular values s of a pair's scale B A ask for."""
    edge = beyond_random_factors(s, (len(pair.B), pair.A.shape[1]))
    return Suggestion(pair.module, pair.r, rank_at_energy(s, ENOUGH), edge, effective_rank(s))


def ranks_by_kind(rows: Iterable[Suggestion]) -> dict[str, int]:
    """A rank for each kind of module, as LoraConfig's rank_pattern takes it: its layers' largest.

    >>> row = Suggestion("layers.0.q_proj", 8, 3, 1, 2.5)
    >>> ranks_by_kind((row, Suggestion("layers.1.q_proj", 8, 5, 2, 4.0)))
    {'q_proj': 5}
    """
    found: dict[str, int] = defaultdict(lambda: 1)
    for row in rows:
        found[kind_of(row.module)] = max(found[kind_of(row.module)], row.at_energy)
    return dict(found)
