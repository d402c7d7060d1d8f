"""An update's singular values beside the largest of the matrix it changes."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lowrank.figures.spectrum import FLOOR
from lowrank.figures.style import COLOURS, fixed


def update_spectrum(s: NDArray[np.float64], W0: NDArray[np.float64]) -> go.Figure:
    """The r singular values s of the update, orange, and as many of W0, blue, on one log axis."""
    figure = go.Figure()
    largest = max(float(s[0]), float(W0[0])) or 1.0
    for values, name, colour in (
        (W0[: len(s)], "W₀, the largest", COLOURS["W0"]),
        (s, "update s·BA", COLOURS["update"]),
    ):
        figure.add_scatter(
            x=np.arange(1, len(values) + 1),
            y=np.maximum(values, FLOOR * largest),
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            hovertemplate="s<sub>%{x}</sub> = %{y:.4g}<extra>" + name + "</extra>",
        )
    x_axis = {"title": "i", "range": [0.5, len(s) + 0.5], "dtick": max(1, len(s) // 8)}
    y_axis = {"title": "singular value", "type": "log"}
    return fixed(figure, 420, x_axis, y_axis, hovermode="x")
