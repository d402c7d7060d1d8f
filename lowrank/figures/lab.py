"""Curves and heatmaps of fine-tuning: losses by step and by scale, memory, similarity, spectra."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, styled
from lowrank.memory.accounting import Memory

PARTS = {
    "weights": ("weights W₀", COLOURS["W0"]),
    "added": ("A and B", COLOURS["update"]),
    "gradients": ("gradients", "#E69F00"),
    "moments": ("Adam's moments", "#CC79A7"),
    "activations": ("activations", "#56B4E9"),
    "logits": ("logits", COLOURS["lost"]),
}


def losses(
    runs: Mapping[str, Sequence[float]],
    steps: int,
    colours: Mapping[str, str] | None = None,
    height: int = 320,
) -> go.Figure:
    """The loss of each step, and each run's mean over the last eight, on an axis of all steps."""
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
        figure.add_scatter(
            x=x,
            y=running_mean(values),
            mode="lines",
            line={"color": colour, "width": 3},
            name=name if len(runs) > 1 else "mean of the last 8",
            hovertemplate="%{y:.3f}<extra>" + name + "</extra>",
        )
    top = max((max(v) for v in runs.values() if len(v)), default=5.0)
    figure.update_xaxes(title="step", range=[0, steps + 1], fixedrange=True)
    figure.update_yaxes(title="loss, nats a token", range=[0, 1.08 * top], fixedrange=True)
    styled(figure, height)
    figure.update_layout(dragmode=False)
    return figure


def running_mean(values: Sequence[float], width: int = 8) -> list[float]:
    """The mean of each value and up to `width` - 1 before it.

    >>> running_mean([1.0, 3.0, 5.0], width=2)
    [1.0, 2.0, 4.0]
    """
    return [float(np.mean(values[max(0, i + 1 - width) : i + 1])) for i in range(len(values))]


def by_scale(points: Mapping[float, float], chosen: float, height: int = 260) -> go.Figure:
    """The loss on the training answers by how much of the update is added; the chosen marked."""
    figure = go.Figure()
    x = sorted(points)
    figure.add_scatter(
        x=x,
        y=[points[t] for t in x],
        mode="lines+markers",
        line={"color": COLOURS["result"], "width": 3},
        name="loss",
        hovertemplate="%{x:g} × update: %{y:.3f} nats<extra></extra>",
    )
    figure.add_vline(x=chosen, line={"color": COLOURS["update"], "width": 2, "dash": "dot"})
    figure.update_xaxes(title="times the update", range=[-0.05, 2.05], fixedrange=True)
    figure.update_yaxes(title="loss on the examples", rangemode="tozero", fixedrange=True)
    styled(figure, height)
    figure.update_layout(dragmode=False, showlegend=False)
    return figure


def memory(runs: Mapping[str, Memory], height: int = 300) -> go.Figure:
    """Bytes of each run by what they hold, as bars side by side on one axis of megabytes."""
    figure = go.Figure()
    names = list(runs)[::-1]
    for part, (label, colour) in PARTS.items():
        values = [getattr(runs[name], part) / 1e6 for name in names]
        figure.add_bar(
            y=names,
            x=values,
            name=label,
            orientation="h",
            marker_color=colour,
            hovertemplate="%{x:,.1f} MB<extra>" + label + "</extra>",
        )
    figure.update_xaxes(title="MB", fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    styled(figure, height)
    # Below the bars: on a phone its lines are many, and would lie over them.
    below = {"yanchor": "top", "y": -0.4, "traceorder": "normal"}
    figure.update_layout(barmode="stack", dragmode=False, legend=below, margin_t=8)
    return figure


def spread_by(
    lines: Mapping[str, Mapping[int, Sequence[float]]],
    x_title: str,
    colours: Mapping[str, str] | None = None,
    height: int = 320,
) -> go.Figure:
    """For each line the mean over seeds at every x, each seed a dot; x on a log scale."""
    figure = go.Figure()
    for name, points in lines.items():
        colour = (colours or {}).get(name, COLOURS["update"])
        x = sorted(points)
        figure.add_scatter(
            x=x,
            y=[float(np.mean(points[r])) for r in x],
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 3},
            hovertemplate="%{x}: %{y:.4f}<extra>" + name + "</extra>",
        )
        figure.add_scatter(
            x=[r for r in x for _ in points[r]],
            y=[value for r in x for value in points[r]],
            mode="markers",
            marker={"color": colour, "size": 7, "symbol": "circle-open"},
            name="each seed",
            hovertemplate="%{x}: %{y:.4f}<extra>one seed</extra>",
        )
    ticks = sorted({r for points in lines.values() for r in points})
    figure.update_xaxes(title=x_title, type="log", tickvals=ticks, fixedrange=True)
    figure.update_yaxes(title="loss on held-out lines, nats", fixedrange=True)
    styled(figure, height)
    figure.update_layout(dragmode=False)
    return figure


def similarity(phi: NDArray[np.floating], rows: str, columns: str, height: int = 300) -> go.Figure:
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
    return styled(figure, height)


def beside_chance(
    lines: Mapping[str, NDArray[np.floating]], chance: NDArray[np.floating], height: int = 280
) -> go.Figure:
    """Each line phi(i, i) by i, and the value by chance dotted."""
    figure = go.Figure()
    for (name, values), colour in zip(
        lines.items(), (COLOURS["update"], COLOURS["result"], "#CC79A7", "#56B4E9"), strict=False
    ):
        figure.add_scatter(
            x=np.arange(1, len(values) + 1),
            y=values,
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 3},
            hovertemplate="i = %{x}: %{y:.3f}<extra>" + name + "</extra>",
        )
    figure.add_scatter(
        x=np.arange(1, len(chance) + 1),
        y=chance,
        mode="lines",
        name="by chance",
        line={"color": COLOURS["lost"], "width": 3, "dash": "dot"},
        hovertemplate="i = %{x}: %{y:.3f}<extra>by chance</extra>",
    )
    figure.update_xaxes(title="directions compared", fixedrange=True)
    figure.update_yaxes(title="φ", range=[0, 1.02], fixedrange=True)
    styled(figure, height)
    figure.update_layout(dragmode=False)
    return figure


def spectra(
    values: Mapping[str, NDArray[np.floating]], colours: Mapping[str, str], height: int = 340
) -> go.Figure:
    """Singular values by their number, each line divided by its largest, on a log axis."""
    figure = go.Figure()
    for name, s in values.items():
        top = float(s[0]) or 1.0
        kept = s[s > 1e-6 * top]
        figure.add_scatter(
            x=np.arange(1, len(kept) + 1),
            y=np.round(kept / top, 7),
            mode="lines",
            name=name,
            line={"color": colours[name], "width": 3},
            hovertemplate="s<sub>%{x}</sub> / s<sub>1</sub> = %{y:.3g}<extra>" + name + "</extra>",
        )
    figure.update_xaxes(title="i", type="log", fixedrange=True)
    figure.update_yaxes(title="sᵢ / s₁", type="log", exponentformat="power", fixedrange=True)
    styled(figure, height)
    figure.update_layout(dragmode=False)
    return figure
