"""Measurements of the default model that take minutes, stored with the package.

`python scripts/sensitivity.py` measures them again and writes the file.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lowrank.surgery.operation import Measured

FILE = Path(__file__).with_name("data") / "sensitivity.json"
COMMAND = "python scripts/sensitivity.py"
FRACTIONS = (0.75, 0.5, 0.25, 0.125)
BY_LAYER = 0.25  # the fraction at which each layer is cut by itself


@dataclass(frozen=True)
class Denoised:
    """One matrix cut to a fraction, plainly: right answers of `of`, and mean ln p of the words."""

    kind: str
    layer: int
    fraction: float
    right: int
    logp: float


@dataclass(frozen=True)
class Stored:
    """What the file holds. `base_right` and `base_logp` are the whole model's on the questions."""

    model: str
    text: str
    tokens: int
    calibration_tokens: int
    base: float
    points: tuple[Measured, ...]
    questions: int
    base_right: int
    base_logp: float
    denoised: tuple[Denoised, ...]

    def curves(self, way: str) -> dict[str, list[tuple[float, float]]]:
        """For each kind of projection (fraction, rise of nll), all layers cut: see `allocate`."""
        found: dict[str, list[tuple[float, float]]] = {}
        for p in self.points:
            if p.way == way and p.layer is None:
                found.setdefault(p.kind, []).append((p.fraction, max(p.rise, 0.0)))
        return found


@cache
def stored() -> Stored:
    """The stored measurements of the default model."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    base = found["base"]
    points = [Measured(k, layer, f, way, nll, base) for k, layer, f, way, nll in found["points"]]
    denoised = [Denoised(*row) for row in found["denoised"]]
    known = {name: found[name] for name in found if name not in ("points", "denoised", "command")}
    return Stored(points=tuple(points), denoised=tuple(denoised), **known)


def write(found: Stored) -> None:
    """Write the file, one measurement a line."""
    head = {
        "command": COMMAND,
        "model": found.model,
        "text": found.text,
        "tokens": found.tokens,
        "calibration_tokens": found.calibration_tokens,
        "base": round(found.base, 5),
        "questions": found.questions,
        "base_right": found.base_right,
        "base_logp": round(found.base_logp, 4),
    }
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    rows = [[p.kind, p.layer, p.fraction, p.way, round(p.nll, 5)] for p in found.points]
    lines.append(_block("points", rows))
    rows = [[d.kind, d.layer, d.fraction, d.right, round(d.logp, 4)] for d in found.denoised]
    lines.append(_block("denoised", rows))
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _block(name: str, rows: Sequence[Sequence[object]]) -> str:
    return f" {json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]"
