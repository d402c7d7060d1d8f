"""Curves and heatmaps of fine-tuning: losses by step and by scale, memory, similarity, spectra."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, Settings, bar, dots, figure, line, rule, trace
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.memory.accounting import Memory

PARTS = {
    "weights": (gettext_noop("weights W₀"), COLOURS["W0"]),
    "added": (gettext_noop("A and B"), COLOURS["update"]),
    "gradients": (gettext_noop("gradients"), "#E69F00"),
    "moments": (gettext_noop("Adam's moments"), "#CC79A7"),
    "activations": (gettext_noop("activations"), "#56B4E9"),
    "logits": (gettext_noop("logits"), COLOURS["lost"]),
}
SEVERAL = (COLOURS["update"], COLOURS["result"], "#CC79A7", "#56B4E9")
WIDE, DOTS = 3, "lines+markers"


def losses(
    runs: Mapping[str, Sequence[float]],
    steps: int,
    colours: Mapping[str, str] | None = None,
    held_out: Sequence[tuple[int, float]] = (),
) -> Settings:
    """The loss of each step, and each run's mean over the last eight, on an axis of all steps.

    `held_out` are losses on examples that are not trained on, each after so many steps.
    """
    drawn = []
    for name, values in runs.items():
        colour = (colours or {}).get(name, COLOURS["update"])
        x = np.arange(1, len(values) + 1)
        marker, hover = {"color": colour, "size": 5, "opacity": 0.5}, _("step %{x}: %{y:.3f} nats")
        alone = {"showlegend": len(runs) == 1}
        each = _("{run}, each step").format(run=name)
        drawn.append(dots(x, list(values), each, marker, hover, **alone))
        label = name if len(runs) > 1 else _("mean of the last 8")
        drawn.append(line(x, running_mean(values), label, colour, "%{y:.3f}", WIDE))
    unseen = [loss for step, loss in held_out]
    if unseen:
        after, hover = [step for step, loss in held_out], _("after step %{x}: %{y:.3f}")
        drawn.append(line(after, unseen, _("held out"), COLOURS["result"], hover, WIDE, mode=DOTS))
    top = max((max(v) for v in (*runs.values(), unseen) if len(v)), default=5.0)
    y_axis = {"title": _("loss, nats a token"), "range": [0, 1.08 * top]}
    return figure(drawn, 320, {"title": _("step"), "range": [0, steps + 1]}, y_axis)


def running_mean(values: Sequence[float], width: int = 8) -> list[float]:
    """The mean of each value and up to `width` - 1 before it.

    >>> running_mean([1.0, 3.0, 5.0], width=2)
    [1.0, 2.0, 4.0]
    """
    return [float(np.mean(values[max(0, i + 1 - width) : i + 1])) for i in range(len(values))]


def by_scale(points: Mapping[float, float], chosen: float) -> Settings:
    """The loss on the training answers by how much of the update is added; the chosen marked."""
    x, hover = sorted(points), _("%{x:g} × update: %{y:.3f} nats")
    y = [points[t] for t in x]
    drawn = [line(x, y, _("loss"), COLOURS["result"], hover, WIDE, mode=DOTS)]
    marked = [rule("x", chosen, COLOURS["update"], 2, "dot")]
    x_axis = {"title": _("times the update"), "range": [-0.05, 2.05]}
    y_axis = {"title": _("loss on the examples"), "rangemode": "tozero"}
    return figure(drawn, 260, x_axis, y_axis, shapes=marked, showlegend=False)


def memory(runs: Mapping[str, Memory]) -> Settings:
    """Bytes of each run by what they hold, as bars side by side on one axis of megabytes."""
    names = list(runs)[::-1]
    drawn = [
        bar(
            [getattr(runs[name], part) / 1e6 for name in names],
            names,
            _(label),
            colour,
            "%{x:,.1f} MB",
            orientation="h",
        )
        for part, (label, colour) in PARTS.items()
    ]
    # Below the bars: on a phone its lines are many, and would lie over them.
    below = {"yanchor": "top", "y": -0.4, "traceorder": "normal"}
    return figure(drawn, 300, {"title": "MB"}, {}, barmode="stack", legend=below, margin={"t": 8})


def by_rank(points: Mapping[int, Sequence[float]]) -> Settings:
    """The mean over seeds at every rank, each seed a circle; ranks on a log scale."""
    ranks, colour = sorted(points), COLOURS["update"]
    means = [float(np.mean(points[r])) for r in ranks]
    marker, hover = {"color": colour, "size": 7, "symbol": "circle-open"}, "%{x}: %{y:.4f}"
    x = [r for r in ranks for value in points[r]]
    y = [value for r in ranks for value in points[r]]
    seeds = dots(x, y, _("each seed"), marker, hover)
    mean = line(ranks, means, _("mean"), colour, hover, WIDE, mode=DOTS)
    x_axis = {"title": "r", "type": "log", "tickvals": ranks}
    return figure([mean, seeds], 320, x_axis, {"title": _("loss on held-out lines, nats")})


def similarity(phi: NDArray[np.floating], rows: str, columns: str) -> Settings:
    """phi(i, j) from 0 to 1 as a heatmap; i counts directions of `rows`, j those of `columns`."""
    m, n = phi.shape
    drawn = trace(
        "heatmap",
        z=np.round(phi, 3),
        x=np.arange(1, n + 1),
        y=np.arange(1, m + 1),
        zmin=0,
        zmax=1,
        colorscale="Viridis",
        colorbar={"title": {"text": "φ"}, "thickness": 12},
        hovertemplate="φ(i = %{y}, j = %{x}) = %{z:.3f}<extra></extra>",
    )
    across, down = _("j of {matrix}"), _("i of {matrix}")
    y_axis = {"title": down.format(matrix=rows), "autorange": "reversed"}
    return figure([drawn], 300, {"title": across.format(matrix=columns)}, y_axis)


def beside_chance(
    lines: Mapping[str, NDArray[np.floating]], chance: NDArray[np.floating]
) -> Settings:
    """Each line phi(i, i) by i, and the value by chance dotted."""
    hover, i = "i = %{x}: %{y:.3f}", np.arange(1, len(chance) + 1)
    drawn = [
        line(np.arange(1, len(values) + 1), values, name, colour, hover, WIDE, mode=DOTS)
        for (name, values), colour in zip(lines.items(), SEVERAL, strict=False)
    ]
    drawn.append(line(i, chance, _("by chance"), COLOURS["lost"], hover, WIDE, dash="dot"))
    return figure(
        drawn, 280, {"title": _("directions compared")}, {"title": "φ", "range": [0, 1.02]}
    )


def spectra(values: Mapping[str, NDArray[np.floating]], colours: Mapping[str, str]) -> Settings:
    """Singular values by their number, each line divided by its largest, on a log axis."""
    drawn = []
    for name, s in values.items():
        top = float(s[0]) or 1.0
        kept = np.round(s[s > 1e-6 * top] / top, 7)
        hover = "σ<sub>%{x}</sub> / σ<sub>1</sub> = %{y:.3g}"
        drawn.append(line(np.arange(1, len(kept) + 1), kept, name, colours[name], hover, WIDE))
    y_axis = {"title": "σᵢ / σ₁", "type": "log"}
    return figure(drawn, 340, {"title": "i", "type": "log"}, y_axis)
