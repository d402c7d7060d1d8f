"""Measurements of the default model that take minutes, stored with the package.

`python scripts/sensitivity.py` in a checkout measures them again and writes the files.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lowrank.surgery.operation import Measured

FOLDER = Path(__file__).with_name("data")
COMMAND = "python scripts/sensitivity.py"
FRACTIONS = (0.75, 0.5, 0.25, 0.125)
BY_LAYER = 0.25  # the fraction at which each layer is cut by itself


def some_layers(count: int) -> list[int]:
    """Every third layer and the last: those that are cut by themselves.

    >>> some_layers(8)
    [0, 3, 6, 7]
    """
    return sorted({*range(0, count, 3), count - 1})


@dataclass(frozen=True)
class Map:
    """Points of nll on a built-in text of so many tokens; `base` is the whole model's nll."""

    text: str
    tokens: int
    calibration_tokens: int
    base: float
    points: tuple[Measured, ...]

    def curves(self, way: str) -> dict[str, list[tuple[float, float]]]:
        """See `curves`."""
        return curves(self.points, way)


def curves(points: Iterable[Measured], way: str) -> dict[str, list[tuple[float, float]]]:
    """For each kind of projection (fraction, rise of nll), all layers cut: see `allocate`."""
    found: dict[str, list[tuple[float, float]]] = {}
    for p in points:
        if p.way == way and p.layer is None:
            found.setdefault(p.kind, []).append((p.fraction, max(p.rise, 0.0)))
    return found


@dataclass(frozen=True)
class Denoised:
    """One matrix cut plainly to a fraction: right answers, and mean ln p of the right words."""

    kind: str
    layer: int
    fraction: float
    right: int
    logp: float


@dataclass(frozen=True)
class Noise:
    """Single late matrices cut, and the built-in questions; `right`, `logp`: the whole model's."""

    questions: int
    right: int
    logp: float
    cuts: tuple[Denoised, ...]


@dataclass(frozen=True)
class Cut:
    """All projections cut in one way to a share of their parameters: nll of held-out text.

    `predicted` is the rise of nll by the Fisher information, `ranks` those of all projections,
    layer after layer; both only where they were kept.
    """

    way: str
    rule: str
    share: float
    nll: float
    predicted: float | None = None
    ranks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Methods:
    """Every way to cut at the same sizes; `base` is the whole model's nll on so many tokens."""

    command: str
    tokens: int
    calibration_tokens: int
    base: float
    cuts: tuple[Cut, ...]

    def best(self, share: float) -> Cut:
        """The cut of that size that loses least."""
        return min((cut for cut in self.cuts if cut.share == share), key=lambda cut: cut.nll)


@cache
def methods() -> Methods:
    """What `scripts/truncation_methods.py` measured."""
    found = _read("methods")
    cuts = tuple(Cut(**row | {"ranks": tuple(row.get("ranks", ()))}) for row in found["rows"])
    head = {key: found[key] for key in ("command", "tokens", "calibration_tokens", "base")}
    return Methods(**head, cuts=cuts)


@cache
def together() -> Map:
    """Each kind of projection cut in all layers, at every one of FRACTIONS, in both ways."""
    return _map("sensitivity")


@cache
def by_layer() -> Map:
    """Each kind of projection cut in one of `some_layers` at a time, at BY_LAYER, in both ways."""
    return _map("layers")


@cache
def noise() -> Noise:
    """The effect of cutting single late MLP matrices on the built-in questions."""
    found = _read("noise")
    cuts = tuple(Denoised(*row) for row in found["rows"])
    return Noise(found["questions"], found["right"], found["logp"], cuts)


def _map(name: str) -> Map:
    found = _read(name)
    base = found["base"]
    rows = found["rows"]
    points = tuple(Measured(k, layer, f, way, nll, base) for k, layer, f, way, nll in rows)
    return Map(found["text"], found["tokens"], found["calibration_tokens"], base, points)


def _read(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
