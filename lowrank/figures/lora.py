"""h = W0 x + s B A x as a picture: three vectors of one scale, and the matrices' outlines."""

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.matrix import Outline, outlines
from lowrank.figures.style import COLOURS, Plot, Settings, side_by_side, trace
from lowrank.language import gettext as _

SHOWN = 1536  # entries of a vector drawn at most: more than a screen has rows


def vectors(
    frozen: NDArray[np.floating],  # (out,)
    update: NDArray[np.floating],  # (out,)
    h: NDArray[np.floating],  # (out,)
) -> Settings:
    """W0 x, s B A x and h as columns, entry 1 on top, values to the side on one shared scale."""
    parts = (
        ("W₀x", frozen, COLOURS["W0"]),
        ("+ s·B(Ax)", update, COLOURS["update"]),
        ("= h", h, COLOURS["result"]),
    )
    count = min(len(h), SHOWN)
    limit = 1.05 * max(float(np.abs(part[1][:SHOWN]).max()) for part in parts) or 1.0
    x_axis = {"range": [-limit, limit], "zeroline": True, "nticks": 6}
    y_axis = {"range": [count + 0.5, 0.5], "showgrid": False}
    plots: list[Plot] = []
    for name, values, colour in parts:
        drawn = trace(
            "scatter",
            x=values[:SHOWN].astype(np.float32),
            y0=1,  # and so on: not sent one by one
            fill="tozerox",
            line={"color": colour, "width": 1.2},
            name=name,
            hovertemplate=_("entry {i} of {vector}: {value}<extra></extra>").format(
                i="%{y}", vector=name, value="%{x:.6g}"
            ),
        )
        left = {"matches": "y", "showticklabels": False} if plots else {"title": _("entry")}
        plots.append((f"{name}  ({len(h):,},)", [drawn], x_axis, y_axis | left))
    return side_by_side(plots, 440, gap=0.03, showlegend=False)


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
