"""Words along the first two principal directions, and how much each direction explains."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, styled

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star")


def words_on_plane(
    scores: NDArray[np.floating],  # (words, 2)
    words: Sequence[str],
    groups: Sequence[int],
    explained: NDArray[np.float64],
    height: int = 520,
) -> go.Figure:
    """Each word where its vector lies along directions 1 and 2; groups differ by their sign."""
    figure = go.Figure()
    number = np.asarray(groups)
    for group in sorted(set(groups)):
        at = np.flatnonzero(number == group)
        figure.add_scatter(
            x=scores[at, 0],
            y=scores[at, 1],
            text=[words[int(i)] for i in at],
            mode="markers+text",
            textposition="top center",
            textfont={"size": 14},
            marker={
                "color": COLOURS["W0"],
                "size": 9,
                "symbol": SYMBOLS[group % len(SYMBOLS)],
            },
            cliponaxis=False,
            hovertemplate="%{text}: %{x:.3g}, %{y:.3g}<extra></extra>",
        )
    for axis, share, name in (("xaxis", explained[0], "1"), ("yaxis", explained[1], "2")):
        figure.update_layout(
            {axis: {"title": f"direction {name}: {share:.0%} of the variance", "fixedrange": True}}
        )
    x = scores[:, 0]
    room = 0.12 * float(np.ptp(x)) or 1.0  # for words that stand out at the sides
    figure.update_xaxes(range=[float(x.min()) - room, float(x.max()) + room], zeroline=True)
    styled(figure, height)
    figure.update_layout(showlegend=False, dragmode=False)
    return figure


def explained_bars(
    explained: NDArray[np.float64], random: NDArray[np.float64], height: int = 300
) -> go.Figure:
    """The share each direction explains, blue, beside that of random vectors, grey."""
    index = np.arange(1, len(explained) + 1)
    figure = go.Figure()
    for values, name, colour in (
        (explained, "these words", COLOURS["W0"]),
        (random, "random vectors", COLOURS["lost"]),
    ):
        figure.add_bar(
            x=index,
            y=values,
            name=name,
            marker_color=colour,
            hovertemplate="direction %{x}: %{y:.2%}<extra>" + name + "</extra>",
        )
    figure.update_xaxes(title="direction", fixedrange=True)
    figure.update_yaxes(title="share of variance", tickformat=".0%", fixedrange=True)
    styled(figure, height)
    figure.update_layout(barmode="group", dragmode=False)
    return figure
