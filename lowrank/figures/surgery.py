"""Pictures of a cut: what is stored, what comes next, which matrices need their rank, and why."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.style import (
    AXES,
    COLOURS,
    DIVERGING,
    Plot,
    Settings,
    bar,
    dots,
    figure,
    line,
    rule,
    side_by_side,
    trace,
)
from lowrank.language import gettext as _
from lowrank.spectra.svd import energies

Floats = NDArray[np.floating]

# From nothing lost to much lost.
LOSS: list[tuple[float, str]] = [(0.0, "#F7F7F7"), (0.5, "#F2B48C"), (1.0, "#D55E00")]
FREE = 0.01  # nats: less than this is drawn as nothing
INPUTS = AXES[1]  # what goes into a matrix
CELLS = {"type": "category", "showgrid": False}  # an axis of a heatmap
ON_COLOURS = {"color": "#111111"}  # is read on the palest and the strongest of both scales
DOWN = {"autorange": "reversed"}  # the first on top


def stored_share(shares: Sequence[tuple[str, float]], at: tuple[float, float]) -> Settings:
    """Parameters kept against rank kept, both shares, a line for each (name, break-even share).

    `at` is where the whole cut is: mean share of rank, share of parameters.
    """
    drawn, cross = [], {"color": COLOURS["update"], "size": 9, "symbol": "x"}
    for name, break_even in shares:
        hover = _("%{x:.0%} of rank, %{y:.0%} of parameters")
        even = _("break-even at {share} of full rank").format(share=f"{break_even:.0%}")
        drawn += [
            line([0, 1], [0, 1 / break_even], name, COLOURS["result"], hover, 2),
            dots([break_even], [1], name, cross, even),
        ]
    ring = {"color": COLOURS["pivot"], "size": 14, "line": {"width": 1.5, "color": "#333"}}
    here = dots([at[0]], [at[1]], _("this cut"), ring, _("%{y:.1%} of parameters"))
    x = {"title": _("rank kept"), "tickformat": ".0%", "range": [0, 1.02]}
    y = {"title": _("stored"), "tickformat": ".0%", "range": [0, 2.2]}
    dense = [rule("y", 1, COLOURS["update"], 1.5)]
    return figure([*drawn, here], 230, x, y, shapes=dense, showlegend=False, margin={"t": 12})


def next_tokens(words: Sequence[str], before: Floats, after: Floats) -> Settings:
    """Probabilities of the next token before (blue) and after (green), the likeliest on top."""
    places, look = list(range(len(words))), {"orientation": "h"}
    drawn = [
        bar(after, places, _("after"), COLOURS["result"], "%{x:.4f}", **look),
        bar(before, places, _("before"), COLOURS["W0"], "%{x:.4f}", **look),
    ]
    x = {"title": _("probability"), "rangemode": "tozero"}
    y = {"tickvals": places, "ticktext": list(words), "automargin": True}
    more = {"barmode": "group", "bargap": 0.25, "legend": {"traceorder": "reversed"}}
    return figure(drawn, 380, x, y | DOWN, **more)


def sensitivity_map(
    kinds: Sequence[str],
    columns: Sequence[str],
    rises: dict[str, Floats],
    axis: str,
    words: bool = True,
) -> Settings:
    """Rise of nll (nats a token) for each kind and column, one heatmap a way, on one log scale."""
    most = max(float(np.nanmax(z)) if np.isfinite(z).any() else FREE for z in rises.values())
    top = np.log10(max(most, 10 * FREE))
    plots: list[Plot] = []
    hover = _("{kind}, {axis} {column}: nll {rise}<extra></extra>").format(
        kind="%{y}", axis=axis, column="%{x}", rise="%{customdata:+.4f}"
    )
    for way, rise in rises.items():
        drawn = trace(
            "heatmap",
            z=np.log10(np.maximum(rise, FREE)),
            x=list(columns),
            y=list(kinds),
            text=[[_signed(v) for v in row] for row in rise],
            texttemplate="%{text}" if words else "",
            textfont=ON_COLOURS,
            customdata=rise,
            hovertemplate=hover,
            zmin=np.log10(FREE),
            zmax=top,
            colorscale=LOSS,
            xgap=1,
            ygap=1,
            colorbar=_ticks(top),
            showscale=not plots,
        )
        shared = {"matches": "y", "showticklabels": False} if plots else {}
        plots.append((way, [drawn], CELLS | {"title": axis}, CELLS | DOWN | shared))
    return side_by_side(plots, 340, gap=0.04, margin={"t": 30})


def kept_map(kinds: Sequence[str], shares: Floats) -> Settings:
    """What each matrix stores of its parameters, (kinds, layers): green is all of it."""
    drawn = trace(
        "heatmap",
        z=shares,
        x=[str(layer) for layer in range(shares.shape[1])],
        y=list(kinds),
        hovertemplate=_("%{y}, layer %{x}: %{z:.0%} of its parameters<extra></extra>"),
        zmin=0.0,
        zmax=1.0,
        colorscale=[(0.0, "#F7F7F7"), (1.0, COLOURS["result"])],
        colorbar={"thickness": 10, "tickformat": ".0%", "title": {"text": _("kept")}},
        xgap=1,
        ygap=1,
    )
    return figure([drawn], 300, CELLS | {"title": _("layer")}, CELLS | DOWN, margin={"t": 12})


def _signed(value: float) -> str:
    return "" if not np.isfinite(value) else f"{value:+.2f}".replace("-", "−")


def _ticks(top: float) -> Settings:
    values = [v for v in (0.01, 0.1, 1.0, 10.0) if np.log10(v) <= top + 1e-9]
    return {
        "tickvals": [float(np.log10(v)) for v in values],
        "ticktext": [f"+{v:g}" for v in values],
        "thickness": 10,
        "title": {"text": "nll"},
    }


def evidence(
    s: Floats, spectrum: Floats, inputs: Floats, outputs: Floats, aware: Floats
) -> Settings:
    """Left: spectra of W and of its inputs, as shares of their norms. Right: shares kept at rank k.

    `inputs` and `outputs` are shares along W's own directions, `aware` what the best pair of rank
    k keeps of the output, already summed.
    """
    i, energy = np.arange(1, len(s) + 1, dtype=np.int16), energies(s)
    spectra = [
        ("W", np.maximum(s / np.linalg.norm(s), 1e-6), COLOURS["W0"], "solid"),
        (_("inputs x"), np.maximum(spectrum / np.linalg.norm(spectrum), 1e-6), INPUTS, "solid"),
    ]
    kept = [
        (_("of W's squares"), energy, COLOURS["W0"], "solid"),
        (_("of the inputs"), np.cumsum(inputs), INPUTS, "solid"),
        (_("of the output W x, plain"), np.cumsum(outputs), COLOURS["result"], "solid"),
        (_("of the output W x, aware"), aware, COLOURS["result"], "dot"),
    ]
    left, right = (
        [
            line(i[: len(values)], values.astype(np.float32), name, colour, "%{y:.4g}", dash=dash)
            for name, values, colour, dash in lines
        ]
        for lines in (spectra, kept)
    )
    norm: Settings = {"title": _("share of the norm"), "type": "log"}
    share: Settings = {"tickformat": ".0%", "range": [0, 1.02]}
    plots = [  # with short titles: side by side on a phone
        (_("Spectra"), left, {"title": _("direction")}, norm),
        (_("Kept by the first k"), right, {"title": _("rank k")}, share),
    ]
    below = {"yanchor": "top", "y": -0.3}
    return side_by_side(plots, 410, gap=0.18, hovermode="x", margin={"t": 30}, legend=below)


def noise_map(rows: Sequence[str], layers: Sequence[int], change: Floats, logp: Floats) -> Settings:
    """Right answers more (blue) or fewer (orange) than the whole model's, a cell a cut matrix."""
    limit = float(np.abs(change).max()) or 1.0
    scale = [(1 - place, colour) for place, colour in reversed(DIVERGING)]
    drawn = trace(
        "heatmap",
        z=change,
        x=[str(layer) for layer in layers],
        y=list(rows),
        text=[[f"{v:+.0f}".replace("-", "−") if v else "0" for v in row] for row in change],
        texttemplate="%{text}",
        textfont=ON_COLOURS,
        customdata=logp,
        hovertemplate=_(
            "%{y}, layer %{x}: %{z:+d} right, mean ln p %{customdata:+.3f}<extra></extra>"
        ),
        zmin=-limit,
        zmax=limit,
        colorscale=scale,
        showscale=False,
        xgap=1,
        ygap=1,
    )
    y = CELLS | DOWN | {"automargin": True}
    return figure([drawn], 380, CELLS | {"title": _("layer")}, y, margin={"t": 12})
