"""Which projections are cut to which rank: by rank, fraction, energy, or out of a budget."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.model import Params, projections
from lowrank.llama.names import LINEAR, name_of
from lowrank.spectra.measures import rank_at_energy
from lowrank.spectra.svd import checked_rank
from lowrank.surgery.factors import Factors, Source

Plan = Mapping[str, int]
Rule = Literal["uniform", "energy", "sensitivity"]


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
    """Ranks whose pairs together hold at most `share` of the parameters of the chosen matrices.

    "uniform": each matrix keeps that share of its own parameters, k = share mn/(m + n).
    "energy": ranks go where a parameter keeps most of sum s_i^2 / ||s||^2, until the budget is
    spent; no other plan of that budget loses less of it. "sensitivity": ranks go where a measured
    curve says that nll falls most a parameter; `sensitivity` gives for each kind of projection
    points (fraction of full rank, rise of nll when all layers are cut to it).

    Raises InputError unless 0 < share <= 1, for an unknown rule, a missing source, a kind without
    a curve, or a budget too small for rank 1 everywhere.
    """
    if not 0 < share <= 1:
        raise InputError(
            "share is {share}; expected more than 0 and at most 1.",
            share=share,
        )
    shapes = {name: projections(params)[name].shape for name in names}
    if rule == "uniform":
        return {
            name: min(min(m, n), max(1, int(share * m * n / (m + n))))
            for name, (m, n) in shapes.items()
        }
    if rule == "energy" and factors is not None:
        gains = {name: _energy_gains(factors(name)) for name in names}
    elif rule == "sensitivity" and sensitivity is not None:
        counts = {kind: sum(_kind(name) == kind for name in names) for kind in map(_kind, names)}
        gains = {
            name: _measured_gains(_curve(sensitivity, _kind(name)), min(shapes[name]))
            / counts[_kind(name)]
            for name in names
        }
    else:
        raise InputError(
            "rule is {rule!r}; expected 'uniform', 'energy' or 'sensitivity'.",
            rule=rule,
        )
    budget = share * sum(m * n for m, n in shapes.values())
    return _spend(shapes, gains, budget)


def _spend(
    shapes: Mapping[str, tuple[int, int]], gains: Mapping[str, NDArray[np.float64]], budget: float
) -> Plan:
    """Ranks in the order of gain a parameter; gains of one matrix fall, so order is no conflict."""
    names = list(shapes)
    price = np.array([sum(shapes[name]) for name in names])
    if price.sum() > budget:
        raise InputError("The budget is too small: even rank 1 everywhere holds more parameters.")
    owner = np.concatenate([np.full(len(gains[n]) - 1, i) for i, n in enumerate(names)])
    worth = np.concatenate([gains[n][1:] / price[i] for i, n in enumerate(names)])
    order = np.argsort(-worth, kind="stable")
    spent = price.sum() + np.cumsum(price[owner[order]])
    bought = owner[order][: int(np.searchsorted(spent, budget, side="right"))]
    ranks = 1 + np.bincount(bought, minlength=len(names))
    return {name: int(k) for name, k in zip(names, ranks, strict=True)}


def _energy_gains(factors: Factors) -> NDArray[np.float64]:
    squares = factors.s**2
    return squares / (squares.sum() or 1.0)


def _measured_gains(curve: Sequence[tuple[float, float]], most: int) -> NDArray[np.float64]:
    """How much nll falls with each further rank: slopes of the convex hull below the curve."""
    points = sorted({(0.0, max(y for _, y in curve) * 2), *((x, y) for x, y in curve), (1.0, 0.0)})
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
