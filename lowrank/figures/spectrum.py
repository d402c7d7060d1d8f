"""Singular values on a log axis, beside those of a random matrix, with the rank marked."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, fixed

FLOOR = 1e-8  # of the largest value: below it a zero is drawn, since a log axis has none


def spectrum(
    s: NDArray[np.float64], random: NDArray[np.float64], k: int, break_even: float
) -> go.Figure:
    """s against its index, a random peer's behind it, what rank k drops shaded, break-even dashed.

    Values are sent in float32, seven digits: more than the eye or a hover label needs.
    """
    index = np.arange(1, len(s) + 1, dtype=np.int16 if len(s) < 2**15 else np.int32)
    figure = go.Figure()
    for values, name, colour in (
        (random, "random, same shape and norm", COLOURS["lost"]),
        (s, "this matrix", COLOURS["W0"]),
    ):
        drawn = np.maximum(values, FLOOR * max(s[0], np.finfo(np.float32).tiny))
        figure.add_scatter(
            x=index,
            y=drawn.astype(np.float32),
            name=name,
            mode="lines" if len(s) > 40 else "lines+markers",
            line={"color": colour, "width": 2.5},
            hovertemplate="s<sub>%{x}</sub> = %{y:.4g}<extra>" + name + "</extra>",
        )
    figure.add_scatter(
        x=[k],
        y=[max(float(s[k - 1]), FLOOR * float(s[0]))],
        name=f"k = {k:,}",
        mode="markers",
        marker={"color": COLOURS["pivot"], "size": 13, "line": {"width": 1.5, "color": "#333"}},
        hoverinfo="skip",
    )
    figure.add_vrect(x0=k, x1=len(s), fillcolor=COLOURS["lost"], opacity=0.18, line_width=0)
    figure.add_vline(
        x=break_even,
        line={"dash": "dash", "width": 1.5, "color": COLOURS["update"]},
        annotation={"text": f"break-even {break_even:,.0f}", "font": {"color": COLOURS["update"]}},
        annotation_position="bottom left",
    )
    x = {"title": "rank i", "range": [1, max(2, len(s))]}
    y: dict[str, object] = {"title": "singular value", "type": "log"}
    if s[-1] < 0.01 * s[0]:  # room for two powers of ten: name those and no 2 and 5 between them
        y["dtick"] = 1
    return fixed(figure, 380, x, y, hovermode="x")
