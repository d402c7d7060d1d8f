"""Curves and heatmaps of fine-tuning: losses by step and by scale, memory, similarity, spectra."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, fixed, styled
from lowrank.memory.accounting import Memory

PARTS = {
    "weights": ("weights W₀", COLOURS["W0"]),
    "added": ("A and B", COLOURS["update"]),
    "gradients": ("gradients", "#E69F00"),
    "moments": ("Adam's moments", "#CC79A7"),
    "activations": ("activations", "#56B4E9"),
    "logits": ("logits", COLOURS["lost"]),
}
SEVERAL = (COLOURS["update"], COLOURS["result"], "#CC79A7", "#56B4E9")


def losses(
    runs: Mapping[str, Sequence[float]],
    steps: int,
    colours: Mapping[str, str] | None = None,
    held_out: Sequence[tuple[int, float]] = (),
) -> go.Figure:
    """The loss of each step, and each run's mean over the last eight, on an axis of all steps.

    `held_out` are losses on examples that are not trained on, each after so many steps.
    """
    figure = go.Figure()
    for name, values in runs.items():
        colour = (colours or {}).get(name, COLOURS["update"])
        x = np.arange(1, len(values) + 1)
        figure.add_scatter(
            x=x,
            y=list(values),
            mode="markers",
            marker={"color": colour, "size": 5, "opacity": 0.5},
            name=f"{name}, each step",
            showlegend=len(runs) == 1,
            hovertemplate="step %{x}: %{y:.3f} nats<extra></extra>",
        )
        label = name if len(runs) > 1 else "mean of the last 8"
        line(figure, x, running_mean(values), label, colour, "%{y:.3f}<extra>" + name + "</extra>")
    unseen = [loss for _, loss in held_out]
    if unseen:
        after = [step for step, _ in held_out]
        hover = "after step %{x}: %{y:.3f}<extra>held out</extra>"
        line(figure, after, unseen, "held out", COLOURS["result"], hover, dots=True)
    top = max((max(v) for v in (*runs.values(), unseen) if len(v)), default=5.0)
    y_axis = {"title": "loss, nats a token", "range": [0, 1.08 * top]}
    return fixed(figure, 320, {"title": "step", "range": [0, steps + 1]}, y_axis)


def line(
    figure: go.Figure,
    x: Sequence[float] | NDArray[np.integer],
    y: Sequence[float] | NDArray[np.floating],
    name: str,
    colour: str,
    hover: str,
    dots: bool = False,
) -> None:
    """Add one line, as wide as all of them here."""
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers" if dots else "lines",
        name=name,
        line={"color": colour, "width": 3},
        hovertemplate=hover,
    )


def running_mean(values: Sequence[float], width: int = 8) -> list[float]:
    """The mean of each value and up to `width` - 1 before it.

    >>> running_mean([1.0, 3.0, 5.0], width=2)
    [1.0, 2.0, 4.0]
    """
    return [float(np.mean(values[max(0, i + 1 - width) : i + 1])) for i in range(len(values))]


def by_scale(points: Mapping[float, float], chosen: float) -> go.Figure:
    """The loss on the training answers by how much of the update is added; the chosen marked."""
    figure, x = go.Figure(), sorted(points)
    hover = "%{x:g} × update: %{y:.3f} nats<extra></extra>"
    line(figure, x, [points[t] for t in x], "loss", COLOURS["result"], hover, dots=True)
    figure.add_vline(x=chosen, line={"color": COLOURS["update"], "width": 2, "dash": "dot"})
    x_axis = {"title": "times the update", "range": [-0.05, 2.05]}
    y_axis = {"title": "loss on the examples", "rangemode": "tozero"}
    return fixed(figure, 260, x_axis, y_axis, showlegend=False)


def memory(runs: Mapping[str, Memory]) -> go.Figure:
    """Bytes of each run by what they hold, as bars side by side on one axis of megabytes."""
    figure, names = go.Figure(), list(runs)[::-1]
    for part, (label, colour) in PARTS.items():
        figure.add_bar(
            y=names,
            x=[getattr(runs[name], part) / 1e6 for name in names],
            name=label,
            orientation="h",
            marker_color=colour,
            hovertemplate="%{x:,.1f} MB<extra>" + label + "</extra>",
        )
    # Below the bars: on a phone its lines are many, and would lie over them.
    below = {"yanchor": "top", "y": -0.4, "traceorder": "normal"}
    return fixed(figure, 300, {"title": "MB"}, {}, barmode="stack", legend=below, margin_t=8)


def by_rank(points: Mapping[int, Sequence[float]]) -> go.Figure:
    """The mean over seeds at every rank, each seed a circle; ranks on a log scale."""
    figure, ranks, colour = go.Figure(), sorted(points), COLOURS["update"]
    means = [float(np.mean(points[r])) for r in ranks]
    line(figure, ranks, means, "mean", colour, "%{x}: %{y:.4f}<extra>mean</extra>", dots=True)
    figure.add_scatter(
        x=[r for r in ranks for _ in points[r]],
        y=[value for r in ranks for value in points[r]],
        mode="markers",
        marker={"color": colour, "size": 7, "symbol": "circle-open"},
        name="each seed",
        hovertemplate="%{x}: %{y:.4f}<extra>one seed</extra>",
    )
    x_axis = {"title": "r", "type": "log", "tickvals": ranks}
    return fixed(figure, 320, x_axis, {"title": "loss on held-out lines, nats"})


def similarity(phi: NDArray[np.floating], rows: str, columns: str) -> go.Figure:
    """phi(i, j) from 0 to 1 as a heatmap; i counts directions of `rows`, j those of `columns`."""
    m, n = phi.shape
    figure = go.Figure(
        go.Heatmap(
            z=np.round(phi, 3),
            x=np.arange(1, n + 1),
            y=np.arange(1, m + 1),
            zmin=0,
            zmax=1,
            colorscale="Viridis",
            colorbar={"title": "φ", "thickness": 12},
            hovertemplate="φ(i = %{y}, j = %{x}) = %{z:.3f}<extra></extra>",
        )
    )
    figure.update_xaxes(title=f"j of {columns}", fixedrange=True)
    figure.update_yaxes(title=f"i of {rows}", autorange="reversed", fixedrange=True)
    return styled(figure, 300)


def beside_chance(
    lines: Mapping[str, NDArray[np.floating]], chance: NDArray[np.floating]
) -> go.Figure:
    """Each line phi(i, i) by i, and the value by chance dotted."""
    figure, hover = go.Figure(), "i = %{{x}}: %{{y:.3f}}<extra>{}</extra>"
    for (name, values), colour in zip(lines.items(), SEVERAL, strict=False):
        i = np.arange(1, len(values) + 1)
        line(figure, i, values, name, colour, hover.format(name), dots=True)
    i = np.arange(1, len(chance) + 1)
    line(figure, i, chance, "by chance", COLOURS["lost"], hover.format("by chance"))
    figure.data[-1].line.dash = "dot"
    return fixed(figure, 280, {"title": "directions compared"}, {"title": "φ", "range": [0, 1.02]})


def spectra(values: Mapping[str, NDArray[np.floating]], colours: Mapping[str, str]) -> go.Figure:
    """Singular values by their number, each line divided by its largest, on a log axis."""
    figure = go.Figure()
    for name, s in values.items():
        top = float(s[0]) or 1.0
        kept = np.round(s[s > 1e-6 * top] / top, 7)
        hover = "s<sub>%{x}</sub> / s<sub>1</sub> = %{y:.3g}<extra>" + name + "</extra>"
        line(figure, np.arange(1, len(kept) + 1), kept, name, colours[name], hover)
    y_axis = {"title": "sᵢ / s₁", "type": "log", "exponentformat": "power"}
    return fixed(figure, 340, {"title": "i", "type": "log"}, y_axis)
