"""h = W0 x + s B A x as a picture: three vectors of one scale, and the matrices' outlines."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from lowrank.figures.matrix import Outline, outlines
from lowrank.figures.style import COLOURS, fixed

SHOWN = 1536  # entries of a vector drawn at most: more than a screen has rows


def vectors(
    frozen: NDArray[np.floating],  # (out,)
    update: NDArray[np.floating],  # (out,)
    h: NDArray[np.floating],  # (out,)
) -> go.Figure:
    """W0 x, s B A x and h as columns, entry 0 on top, values to the side on one shared scale."""
    parts = (
        ("W₀x", frozen, COLOURS["W0"]),
        ("+ s·B(Ax)", update, COLOURS["update"]),
        ("= h", h, COLOURS["result"]),
    )
    shape = f"({len(h):,},)"
    figure = make_subplots(
        rows=1,
        cols=3,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        subplot_titles=[f"{name}  {shape}" for name, _, _ in parts],
    )
    index = np.arange(min(len(h), SHOWN), dtype=np.int32)
    for column, (name, values, colour) in enumerate(parts, start=1):
        figure.add_scatter(
            x=values[:SHOWN].astype(np.float32),
            y=index,
            fill="tozerox",
            line={"color": colour, "width": 1.2},
            name=name,
            hovertemplate=f"entry %{{y}} of {name}: %{{x:.6g}}<extra></extra>",
            row=1,
            col=column,
        )
    limit = 1.05 * max(float(np.abs(v[:SHOWN]).max()) for _, v, _ in parts) or 1.0
    x_axis = {"range": [-limit, limit], "zeroline": True, "nticks": 6}
    y_axis = {"range": [len(index) - 0.5, -0.5], "showgrid": False}
    figure.update_yaxes(title="entry", col=1)
    return fixed(figure, 440, x_axis, y_axis, showlegend=False)


def shapes(out_features: int, in_features: int, r: int, size: float = 110.0) -> str:
    """h = W0 x + s B A x in outlines, all to one scale with their sizes on the edges, as HTML.

    >>> shapes(192, 576, 8).count("border:")
    6
    """
    m, n = out_features, in_features
    boxes = [
        Outline("h", m, 1, COLOURS["result"]),
        Outline("="),
        Outline("W₀", m, n, COLOURS["W0"]),
        Outline("x", n, 1, COLOURS["lost"]),
        Outline("+ s ·"),
        Outline("B", m, r, COLOURS["update"]),
        Outline("A", r, n, COLOURS["update"]),
        Outline("x", n, 1, COLOURS["lost"]),
    ]
    return outlines(boxes, size)
