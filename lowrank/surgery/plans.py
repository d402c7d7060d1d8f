"""Which projections are cut to which rank: by rank, fraction, energy, or out of a budget."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.model import Params, projections
from lowrank.llama.names import LINEAR, name_of
from lowrank.spectra.measures import rank_at_energy
from lowrank.spectra.svd import checked_rank
from lowrank.surgery.factors import Source

Plan = Mapping[str, int]
"""The rank that each projection named is cut to; the others stay whole."""
Rule = Literal["uniform", "energy", "sensitivity", "loss"]
"""How `allocate` shares a budget out: evenly, by energy, by losses measured or predicted."""
UNKNOWN = 100.0  # nats that a kind of projection is taken to lose with no rank at all


def chosen(
    params: Params, kinds: Sequence[str], layers: Iterable[int] | None = None
) -> tuple[str, ...]:
    """The names of the projections of those kinds ("q_proj") in those layers, by default all.

    Raises InputError for a kind or layer that the model does not have, or if nothing is chosen.
    """
    count = len(params.layers)
    numbers = range(count) if layers is None else sorted(set(layers))
    for kind in kinds:
        if kind not in LINEAR:
            raise InputError(
                "projection is {kind!r}; expected {linear}.",
                kind=kind,
                linear=", ".join(LINEAR),
            )
    for layer in numbers:
        if not 0 <= layer < count:
            raise InputError(
                "layer is {layer}; this model has layers 0 to {count}.",
                layer=layer,
                count=count - 1,
            )
    if not kinds or not list(numbers):
        raise InputError("No projection is chosen; expected at least one, in at least one layer.")
    return tuple(name_of(layer, kind) for layer in numbers for kind in kinds)


def by_rank(params: Params, names: Sequence[str], k: int) -> Plan:
    """Rank k for each of them, or full rank for those that have no more.

    Raises InputError if k is not at least 1.
    """
    held = projections(params)
    return {name: min(checked_rank(k, max(k, 1)), min(held[name].shape)) for name in names}


def by_fraction(params: Params, names: Sequence[str], fraction: float) -> Plan:
    """That share of min(m, n), rounded, at least 1. A fraction of 1/2 leaves k(m + n) = mn for a
    square matrix: half the rank saves nothing there yet.

    Raises InputError unless 0 < fraction <= 1.
    """
    if not 0 < fraction <= 1:
        raise InputError(
            "fraction is {fraction}; expected more than 0 and at most 1.",
            fraction=fraction,
        )
    held = projections(params)
    return {name: max(1, round(fraction * min(held[name].shape))) for name in names}


def by_energy(names: Sequence[str], factors: Source, level: float) -> Plan:
    """For each the smallest rank that keeps that share of sum s_i^2 of its factors.

    Raises InputError unless 0 < level <= 1.
    """
    return {name: max(rank_at_energy(factors(name).s, level), 1) for name in names}


def allocate(
    params: Params,
    names: Sequence[str],
    share: float,
    rule: Rule,
    factors: Source | None = None,
    sensitivity: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> Plan:
    """Ranks at which the chosen matrices together store at most `share` of their parameters.

    A pair of rank k stores k (m + n); a matrix of full rank stays as it is, and stores mn.

    "uniform": each matrix keeps that share of its own parameters, k = share mn/(m + n). The others
    spend one budget on all of them, where a parameter gains most. "energy": of sum s_i^2 / ||s||^2.
    "loss": of sum s_i^2 itself, which for factors weighted from both sides is twice the predicted
    rise of nll (see `fisher`). "sensitivity": of a measured nll; `sensitivity` gives for each kind
    of projection points (fraction of full rank, rise of nll when all layers are cut to it).

    Raises InputError unless 0 < share <= 1, for an unknown rule, a missing source, a kind without
    a curve, or a budget too small for rank 1 everywhere.
    """
    checked_share(share)
    shapes = {name: projections(params)[name].shape for name in names}
    if rule == "uniform":
        return {
            name: min(min(m, n), max(1, int(share * m * n / (m + n))))
            for name, (m, n) in shapes.items()
        }
    if rule in ("energy", "loss") and factors is not None:
        gains = {name: factors(name).s ** 2 for name in names}
        if rule == "energy":
            gains = {name: each / (each.sum() or 1.0) for name, each in gains.items()}
    elif rule == "sensitivity" and sensitivity is not None:
        counts = {kind: sum(_kind(name) == kind for name in names) for kind in map(_kind, names)}
        gains = {
            name: _measured_gains(_curve(sensitivity, _kind(name)), min(shapes[name]))
            / counts[_kind(name)]
            for name in names
        }
    else:
        raise InputError(
            "rule is {rule!r}; expected 'uniform', 'energy', 'sensitivity' or 'loss'.",
            rule=rule,
        )
    budget = share * sum(m * n for m, n in shapes.values())
    return _spend(shapes, gains, budget)


def checked_share(share: float) -> float:
    """The share itself. Raises InputError unless 0 < share <= 1."""
    if not 0 < share <= 1:
        raise InputError(
            "share is {share}; expected more than 0 and at most 1.",
            share=share,
        )
    return share


def stored(shape: tuple[int, int], k: int) -> int:
    """Numbers held for one matrix: those of its pair, or at full rank the matrix itself.

    >>> stored((4, 6), 2), stored((4, 6), 4)
    (20, 24)
    """
    return shape[0] * shape[1] if k == min(shape) else k * sum(shape)


def _spend(
    shapes: Mapping[str, tuple[int, int]], gains: Mapping[str, NDArray[np.float64]], budget: float
) -> Plan:
    """Ranks in the order of gain a parameter, each bought as long as it is within the budget.

    Until one is not, no plan of the same size loses less (the knapsack's relaxation is solved by
    its own order); that matrix then has what it has, and the rest goes to the others.
    """
    ranks = {
        name: 1 if stored(shape, 1) < prod(shape) else min(shape) for name, shape in shapes.items()
    }
    left = budget - sum(stored(shapes[name], k) for name, k in ranks.items())
    if left < 0:
        raise InputError("The budget is too small: even rank 1 everywhere holds more parameters.")
    offers = [
        (*step, name) for name, shape in shapes.items() for step in _steps(shape, gains[name])
    ]
    ended = set[str]()
    for _worth, cost, k, name in sorted(offers, key=lambda offer: -offer[0]):
        if name in ended or cost > left:
            ended.add(name)
        else:
            ranks[name], left = k, left - cost
    return ranks


def _steps(
    shape: tuple[int, int], gains: NDArray[np.float64]
) -> Iterator[tuple[float, int, int]]:  # gains (min(m, n),)
    """What a matrix may have beyond rank 1, as (gain a parameter, parameters, rank after it).

    One rank after the other, and from where the rest is worth more a parameter, all of the rest:
    the whole matrix stores mn, fewer than its pair from break-even on.
    """
    price, size = sum(shape), prod(shape)
    pairs = np.arange(1, (size - 1) // price + 1)  # ranks below break-even
    if not len(pairs):
        return
    lost = np.maximum(gains.sum() - np.cumsum(gains)[: len(pairs)], 0.0)
    last = int((lost / (size - price * pairs)).argmin()) + 1
    rest = size - price * last
    worth = np.append(gains[1:last] / price, lost[last - 1] / rest)
    worth = np.minimum.accumulate(worth)  # they fall: what rounding turns round would be refused
    for k, each in enumerate(worth[:-1], start=2):
        yield float(each), price, k
    yield float(worth[-1]), rest, min(shape)


def _measured_gains(curve: Sequence[tuple[float, float]], most: int) -> NDArray[np.float64]:
    """How much nll falls with each further rank: slopes of the convex hull below the curve.

    Below the least fraction that was measured nothing is known, so those ranks come first.
    """
    points = sorted({(0.0, max(y for _, y in curve) + UNKNOWN), *curve, (1.0, 0.0)})
    hull: list[tuple[float, float]] = []
    for x, y in points:
        while len(hull) > 1 and _above(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    at = np.arange(most + 1) / most
    heights = np.interp(at, [x for x, _ in hull], [y for _, y in hull])
    return np.maximum(-np.diff(heights), 0.0)


def _above(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Whether b lies on or above the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])


def _curve(
    curves: Mapping[str, Sequence[tuple[float, float]]], kind: str
) -> Sequence[tuple[float, float]]:
    if not curves.get(kind):
        raise InputError(
            "sensitivity has no curve for {kind}; it has {curves}.",
            kind=kind,
            curves=", ".join(curves),
        )
    return curves[kind]


def _kind(name: str) -> str:
    return name.rpartition(".")[2]
