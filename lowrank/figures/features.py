"""Words along the first two principal directions, and how much each direction explains."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, Settings, figure, trace

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star")


def words_on_plane(
    scores: NDArray[np.floating],  # (words, 2)
    words: Sequence[str],
    groups: Sequence[int],
    explained: NDArray[np.float64],
    height: int = 520,
) -> Settings:
    """Each word where its vector lies along directions 1 and 2; groups differ by their sign."""
    number, drawn = np.asarray(groups), []
    for group in sorted(set(groups)):
        at = np.flatnonzero(number == group)
        symbol = SYMBOLS[group % len(SYMBOLS)]
        drawn.append(
            trace(
                "scatter",
                x=scores[at, 0],
                y=scores[at, 1],
                text=[words[int(i)] for i in at],
                mode="markers+text",
                textposition="top center",
                textfont={"size": 14},
                marker={"color": COLOURS["W0"], "size": 9, "symbol": symbol},
                cliponaxis=False,
                hovertemplate="%{text}: %{x:.3g}, %{y:.3g}<extra></extra>",
            )
        )
    titles = [f"direction {i + 1}: {explained[i]:.0%} of the variance" for i in range(2)]
    x = scores[:, 0]
    room = 0.12 * float(np.ptp(x)) or 1.0  # for words that stand out at the sides
    across = {"range": [float(x.min()) - room, float(x.max()) + room], "zeroline": True}
    axes = across | {"title": titles[0]}, {"title": titles[1]}
    return figure(drawn, height, *axes, showlegend=False)


def explained_bars(
    explained: NDArray[np.float64], random: NDArray[np.float64], height: int = 300
) -> Settings:
    """The share each direction explains, blue, beside that of random vectors, grey."""
    drawn = [
        trace(
            "bar",
            x=np.arange(1, len(explained) + 1),
            y=values,
            name=name,
            marker={"color": colour},
            hovertemplate="direction %{x}: %{y:.2%}<extra>" + name + "</extra>",
        )
        for values, name, colour in (
            (explained, "these words", COLOURS["W0"]),
            (random, "random vectors", COLOURS["lost"]),
        )
    ]
    y = {"title": "share of variance", "tickformat": ".0%"}
    return figure(drawn, height, {"title": "direction"}, y, barmode="group")
