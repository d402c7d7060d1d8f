"""An update's singular values beside the largest of the matrix it changes; two updates' angles."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.spectrum import FLOOR
from lowrank.figures.style import COLOURS, Settings, figure, line
from lowrank.language import gettext as _


def update_spectrum(s: NDArray[np.float64], W0: NDArray[np.float64]) -> Settings:
    """The r singular values s of the update, orange, and as many of W0, blue, on one log axis."""
    least = FLOOR * (max(float(s[0]), float(W0[0])) or 1.0)
    i = np.arange(1, len(s) + 1)
    hover, dots = "σ<sub>%{x}</sub> = %{y:.4g}", "lines+markers"
    drawn = [
        line(i[: len(values)], np.maximum(values, least), name, colour, hover, mode=dots)
        for values, name, colour in (
            (W0[: len(s)], _("W₀, the largest"), COLOURS["W0"]),
            (s, _("update s·BA"), COLOURS["update"]),
        )
    ]
    x = {"title": "i", "range": [0.5, len(s) + 0.5], "dtick": max(1, len(s) // 8)}
    return figure(drawn, 420, x, {"title": _("singular value"), "type": "log"}, hovermode="x")


def principal_angles(
    cosines: Sequence[NDArray[np.float64]],
    names: Sequence[str],
    chance: NDArray[np.float64],
) -> Settings:
    """The cosines of the principal angles of pairs of updates, and those of random subspaces."""
    hover = _("angle %{x}: cosine %{y:.3f}")
    colours = [COLOURS["update"], COLOURS["result"]]
    if len(names) != 2:  # one line a layer
        colours = colours[:1] * len(names)
    drawn = [
        line(np.arange(1, len(each) + 1), each, escape(name), colour, hover, mode="lines+markers")
        for each, name, colour in zip(cosines, names, colours, strict=True)
    ]
    at = np.arange(1, len(chance) + 1)
    drawn.append(line(at, chance, _("by chance"), COLOURS["lost"], hover, width=3))
    y = {"title": _("cosine"), "range": [0, 1.03]}
    return figure(drawn, 340, {"title": _("principal angle"), "dtick": max(1, len(chance) // 8)}, y)
