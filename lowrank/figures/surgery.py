"""Pictures of a cut: what is stored, what comes next, which matrices need their rank, and why."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from lowrank.figures.style import AXES, COLOURS, DIVERGING, fixed

Floats = NDArray[np.floating]

# From nothing lost to much lost.
LOSS: list[tuple[float, str]] = [(0.0, "#F7F7F7"), (0.5, "#F2B48C"), (1.0, "#D55E00")]
FREE = 0.01  # nats: less than this is drawn as nothing
INPUTS = AXES[1]  # what goes into a matrix
CELLS = {"type": "category", "showgrid": False}  # an axis of a heatmap
DOWN = {"autorange": "reversed"}  # the first on top


def stored_share(shares: Sequence[tuple[str, float]], at: tuple[float, float]) -> go.Figure:
    """Parameters kept against rank kept, both shares, a line for each (name, break-even share).

    `at` is where the whole cut is: mean share of rank, share of parameters.
    """
    figure = go.Figure()
    for name, break_even in shares:
        figure.add_scatter(
            x=[0, 1],
            y=[0, 1 / break_even],
            name=f"{name}: break-even at {break_even:.0%} of full rank",
            mode="lines",
            line={"color": COLOURS["result"], "width": 2},
            showlegend=False,
            hovertemplate="%{x:.0%} of rank, %{y:.0%} of parameters<extra>" + name + "</extra>",
        )
        figure.add_scatter(
            x=[break_even],
            y=[1],
            mode="markers",
            marker={"color": COLOURS["update"], "size": 9, "symbol": "x"},
            showlegend=False,
            hovertemplate=f"{name}: break-even at {break_even:.0%} of full rank<extra></extra>",
        )
    figure.add_hline(y=1, line={"dash": "dash", "width": 1.5, "color": COLOURS["update"]})
    figure.add_scatter(
        x=[at[0]],
        y=[at[1]],
        mode="markers",
        showlegend=False,
        marker={"color": COLOURS["pivot"], "size": 14, "line": {"width": 1.5, "color": "#333"}},
        hovertemplate="this cut: %{y:.1%} of parameters<extra></extra>",
    )
    x = {"title": "rank kept", "tickformat": ".0%", "range": [0, 1.02]}
    y = {"title": "stored", "tickformat": ".0%", "range": [0, 2.2]}
    return fixed(figure, 230, x, y, margin={"t": 12})


def next_tokens(words: Sequence[str], before: Floats, after: Floats) -> go.Figure:
    """Probabilities of the next token before (blue) and after (green), the likeliest on top."""
    figure = go.Figure()
    for values, name, colour in (
        (after, "after", COLOURS["result"]),
        (before, "before", COLOURS["W0"]),
    ):
        figure.add_bar(
            y=list(range(len(words))),
            x=list(values),
            name=name,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{x:.4f}<extra>" + name + "</extra>",
        )
    x = {"title": "probability", "rangemode": "tozero"}
    y = {"tickvals": list(range(len(words))), "ticktext": list(words), "automargin": True}
    more = {"barmode": "group", "bargap": 0.25, "legend": {"traceorder": "reversed"}}
    return fixed(figure, 380, x, y | DOWN, **more)


def sensitivity_map(
    kinds: Sequence[str],
    columns: Sequence[str],
    rises: dict[str, Floats],
    axis: str,
    words: bool = True,
) -> go.Figure:
    """Rise of nll (nats a token) for each kind and column, one heatmap a way, on one log scale."""
    figure = make_subplots(
        1, len(rises), subplot_titles=list(rises), shared_yaxes=True, horizontal_spacing=0.04
    )
    most = max(float(np.nanmax(z)) if np.isfinite(z).any() else FREE for z in rises.values())
    top = np.log10(max(most, 10 * FREE))
    for i, rise in enumerate(rises.values()):
        figure.add_heatmap(
            z=np.log10(np.maximum(rise, FREE)),
            x=list(columns),
            y=list(kinds),
            text=[[_signed(v) for v in row] for row in rise],
            texttemplate="%{text}" if words else "",
            customdata=rise,
            hovertemplate="%{y}, " + axis + " %{x}: nll %{customdata:+.4f}<extra></extra>",
            zmin=np.log10(FREE),
            zmax=top,
            colorscale=LOSS,
            xgap=1,
            ygap=1,
            colorbar=_ticks(top) if i == 0 else None,
            showscale=i == 0,
            row=1,
            col=i + 1,
        )
    return fixed(figure, 340, CELLS | {"title": axis}, CELLS | DOWN, margin={"t": 30})


def _signed(value: float) -> str:
    return "" if not np.isfinite(value) else f"{value:+.2f}".replace("-", "−")


def _ticks(top: float) -> dict[str, object]:
    values = [v for v in (0.01, 0.1, 1.0, 10.0) if np.log10(v) <= top + 1e-9]
    return {
        "tickvals": [float(np.log10(v)) for v in values],
        "ticktext": [f"+{v:g}" for v in values],
        "thickness": 10,
        "title": {"text": "nll"},
    }


def evidence(
    s: Floats, spectrum: Floats, inputs: Floats, outputs: Floats, aware: Floats
) -> go.Figure:
    """Left: spectra of W and of its inputs, as shares of their norms. Right: shares kept at rank k.

    `inputs` and `outputs` are shares along W's own directions, `aware` what the best pair of rank
    k keeps of the output, already summed.
    """
    titles = ["Spectra", "Kept by the first k"]  # short: side by side on a phone
    figure = make_subplots(1, 2, subplot_titles=titles, horizontal_spacing=0.1)
    for values, name, colour in (
        (s / np.linalg.norm(s), "W", COLOURS["W0"]),
        (spectrum / np.linalg.norm(spectrum), "inputs x", INPUTS),
    ):
        _line(figure, 1, np.maximum(values, 1e-6), name, colour)
    energy = np.cumsum(s**2) / (s**2).sum()
    for values, name, colour, dash in (
        (energy, "of W's squares", COLOURS["W0"], "solid"),
        (np.cumsum(inputs), "of the inputs", INPUTS, "solid"),
        (np.cumsum(outputs), "of the output W x, plain", COLOURS["result"], "solid"),
        (aware, "of the output W x, aware", COLOURS["result"], "dot"),
    ):
        _line(figure, 2, values, name, colour, dash)
    figure.update_yaxes(type="log", row=1, col=1, title="share of the norm", exponentformat="power")
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02], row=1, col=2)
    figure.update_xaxes(title="direction", row=1, col=1)
    figure.update_xaxes(title="rank k", row=1, col=2)
    below = {"yanchor": "top", "y": -0.2}
    return fixed(figure, 380, {}, {}, hovermode="x", margin={"t": 30}, legend=below)


def _line(
    figure: go.Figure, column: int, values: Floats, name: str, colour: str, dash: str = "solid"
) -> None:
    figure.add_scatter(
        x=np.arange(1, len(values) + 1, dtype=np.int16),
        y=np.asarray(values, np.float32),
        name=name,
        mode="lines",
        line={"color": colour, "width": 2.5, "dash": dash},
        hovertemplate="%{y:.4g}<extra>" + name + "</extra>",
        row=1,
        col=column,
    )


def noise_map(
    rows: Sequence[str], layers: Sequence[int], change: Floats, logp: Floats
) -> go.Figure:
    """Right answers more (blue) or fewer (orange) than the whole model's, a cell a cut matrix."""
    limit = float(np.abs(change).max()) or 1.0
    scale = [(1 - place, colour) for place, colour in reversed(DIVERGING)]
    figure = go.Figure(
        go.Heatmap(
            z=change,
            x=[str(layer) for layer in layers],
            y=list(rows),
            text=[[f"{v:+.0f}".replace("-", "−") if v else "0" for v in row] for row in change],
            texttemplate="%{text}",
            customdata=logp,
            hovertemplate="%{y}, layer %{x}: %{z:+d} right, mean ln p %{customdata:+.3f}"
            "<extra></extra>",
            zmin=-limit,
            zmax=limit,
            colorscale=scale,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    y = CELLS | DOWN | {"automargin": True}
    return fixed(figure, 380, CELLS | {"title": "layer"}, y, margin={"t": 12})
