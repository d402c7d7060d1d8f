"""One colour for one thing on every page and figure, from the Okabe-Ito palette.

Okabe and Ito, "Color Universal Design" (2008): eight colours that colour-blind eyes tell apart.
"""

from typing import Any

import plotly.graph_objects as go

COLOURS = {
    "W0": "#0072B2",  # blue: the frozen or original matrix
    "update": "#D55E00",  # vermillion: B A, the LoRA update
    "result": "#009E73",  # green: h, W_k, the merged matrix
    "lost": "#8C8C8C",  # grey: what truncation drops, the residual, a random peer
    "pivot": "#F0E442",  # yellow: a pivot or a selection
}

# What belongs to the first, second and third axis of a space: e1, e2, e3 and what becomes of them.
AXES = ("#E69F00", "#CC79A7", "#56B4E9")

# Diverging, centred on zero: blue below, orange above, a neutral middle that suits dark and light.
DIVERGING: list[tuple[float, str]] = [(0.0, "#0072B2"), (0.5, "#F7F7F7"), (1.0, "#D55E00")]


def styled(figure: go.Figure, height: int = 360) -> go.Figure:
    """The same figure with the house margins, height and a legend above the plot."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0.0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def fixed(
    figure: go.Figure, height: int, x: dict[str, Any], y: dict[str, Any], **layout: Any
) -> go.Figure:
    """The figure `styled`, its axes with these settings and still: a finger scrolls past it."""
    styled(figure, height)
    figure.update_xaxes(fixedrange=True, **x)
    figure.update_yaxes(fixedrange=True, **y)
    figure.update_layout(dragmode=False, **layout)
    return figure
