"""An update's singular values beside the largest of the matrix it changes."""

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
