"""Words along the first two principal directions, and how much each direction explains."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, Settings, bar, dots, figure
from lowrank.language import gettext as _

SIZE, MARK = 13, 6  # of words and, from the middle, of their signs
WIDTH, HEIGHT, ROOM = 190, 360, 0.2  # of the points, and beside them as a share of the width
SIDES = {  # of a point, the best first: where the middle of its word goes, right and up
    "top center": (0, 1),
    "bottom center": (0, -1),
    "middle right": (1, 0),
    "middle left": (-1, 0),
    "top right": (1, 1),
    "top left": (-1, 1),
    "bottom right": (1, -1),
    "bottom left": (-1, -1),
}
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star")


def words_on_plane(
    scores: NDArray[np.floating],  # (words, 2)
    words: Sequence[str],
    groups: Sequence[int],
    explained: NDArray[np.float64],
    height: int = 520,
) -> Settings:
    """Each word where its vector lies along directions 1 and 2; groups differ by their sign."""
    number, drawn, side = np.asarray(groups), [], sides(scores, words)
    for group in sorted(set(groups)):
        at = np.flatnonzero(number == group)
        marker = {"color": COLOURS["W0"], "size": 9, "symbol": SYMBOLS[group % len(SYMBOLS)]}
        named: Settings = {"text": [words[int(i)] for i in at], "mode": "markers+text"}
        named |= {"textposition": [side[int(i)] for i in at], "textfont": {"size": SIZE}}
        named["cliponaxis"] = False
        hover = "%{text}: %{x:.3g}, %{y:.3g}"
        drawn.append(dots(scores[at, 0], scores[at, 1], "", marker, hover, **named))
    title = _("direction {i}: {share} of the variance")
    titles = [title.format(i=i + 1, share=f"{explained[i]:.0%}") for i in range(2)]
    x = scores[:, 0]
    room = ROOM * float(np.ptp(x)) or 1.0  # for words that stand out at the sides
    across = {"range": [float(x.min()) - room, float(x.max()) + room], "zeroline": True}
    axes = across | {"title": titles[0]}, {"title": titles[1]}
    return figure(drawn, height, *axes, showlegend=False)


def sides(scores: NDArray[np.floating], words: Sequence[str]) -> list[str]:
    """For each word the side of its point, (words, 2), where it covers least of the others.

    Measured on a picture of WIDTH x HEIGHT points, as on a phone; on a wider one words are further
    apart. Each is placed where it is least in the way of those before it, and once more when all
    are there.

    >>> sides(np.array([[0.0, 0.0], [0.0, 0.01], [1.0, 1.0]]), ["France", "Russia", "Japan"])
    ['bottom center', 'top center', 'top center']
    """
    room = np.ptp(scores, axis=0)
    at = (scores - scores.min(axis=0)) / np.where(room > 0, room, 1) * (WIDTH, HEIGHT)  # y upwards
    signs = np.hstack([at - MARK, at + MARK])  # left, bottom, right, top
    far, edge = 100 * HEIGHT, ROOM * WIDTH  # beyond the picture's sides are an axis' numbers
    walls = [[-far, -far, -edge, far], [WIDTH + edge, -far, far, far]]
    placed, chosen = np.full((len(words), 4), np.nan), np.zeros(len(words), int)
    for i in [*range(len(words)), *range(len(words))]:
        half = np.array([0.27 * SIZE * len(words[i]), 0.6 * SIZE])
        middles = at[i] + np.array(list(SIDES.values())) * (half + MARK)
        boxes = np.hstack([middles - half, middles + half])
        others = np.vstack([walls, np.delete(signs, i, axis=0), np.delete(placed, i, axis=0)])
        chosen[i] = np.argmin([_covered(box, others) for box in boxes])
        placed[i] = boxes[chosen[i]]
    return [list(SIDES)[side] for side in chosen]


def _covered(box: NDArray[np.floating], others: NDArray[np.floating]) -> float:
    """How much of a box, (left, bottom, right, top), lies over others."""
    common = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return float(np.nansum(np.clip(common, 0, None).prod(axis=1)))


def explained_bars(
    explained: NDArray[np.float64], random: NDArray[np.float64], height: int = 300
) -> Settings:
    """The share each direction explains, blue, beside that of random vectors, grey."""
    i, hover = np.arange(1, len(explained) + 1), _("direction %{x}: %{y:.2%}")
    drawn = [
        bar(i, explained, _("these words"), COLOURS["W0"], hover),
        bar(i, random, _("random vectors"), COLOURS["lost"], hover),
    ]
    y = {"title": _("share of variance"), "tickformat": ".0%"}
    return figure(drawn, height, {"title": _("direction")}, y, barmode="group")
