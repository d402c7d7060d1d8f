"""Words along the first two principal directions, and how much each direction explains."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, Settings, bar, dots, figure

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
        marker = {"color": COLOURS["W0"], "size": 9, "symbol": SYMBOLS[group % len(SYMBOLS)]}
        named: Settings = {"text": [words[int(i)] for i in at], "mode": "markers+text"}
        named |= {"textposition": "top center", "textfont": {"size": 14}, "cliponaxis": False}
        hover = "%{text}: %{x:.3g}, %{y:.3g}"
        drawn.append(dots(scores[at, 0], scores[at, 1], "", marker, hover, **named))
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
    i, hover = np.arange(1, len(explained) + 1), "direction %{x}: %{y:.2%}"
    drawn = [
        bar(i, explained, "these words", COLOURS["W0"], hover),
        bar(i, random, "random vectors", COLOURS["lost"], hover),
    ]
    y = {"title": "share of variance", "tickformat": ".0%"}
    return figure(drawn, height, {"title": "direction"}, y, barmode="group")
