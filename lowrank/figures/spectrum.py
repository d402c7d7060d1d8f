"""Singular values on a log axis, beside those of a random matrix, with the rank marked."""

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, Settings, dots, figure, line, note, rule
from lowrank.language import gettext as _

FLOOR = 1e-8  # of the largest value: below it a zero is drawn, since a log axis has none


def spectrum(
    s: NDArray[np.float64], random: NDArray[np.float64], k: int, break_even: float
) -> Settings:
    """s against its index, a random peer's behind it, what rank k drops shaded, break-even dashed.

    Values are sent in float32, seven digits: more than the eye or a hover label needs.
    """
    least, hover = FLOOR * max(s[0], np.finfo(np.float32).tiny), "σ<sub>%{x}</sub> = %{y:.4g}"
    drawn = [
        line(
            1,
            np.maximum(values, least).astype(np.float32),
            name,
            colour,
            hover,
            mode="lines" if len(s) > 40 else "lines+markers",
        )
        for values, name, colour in (
            (random, _("random, same shape and norm"), COLOURS["lost"]),
            (s, _("this matrix"), COLOURS["W0"]),
        )
    ]
    ring = {"color": COLOURS["pivot"], "size": 13, "line": {"width": 1.5, "color": "#333"}}
    at_k = max(float(s[k - 1]), FLOOR * float(s[0]))
    drawn.append(dots([k], [at_k], f"k = {k:,}", ring, "", hoverinfo="skip"))
    dropped = {"type": "rect", "x0": k, "x1": len(s), "y0": 0, "y1": 1}
    dropped |= {"xref": "x", "yref": "y domain"}
    shade = {"fillcolor": COLOURS["lost"], "opacity": 0.18, "line": {"width": 0}}
    at = {"x": break_even, "xref": "x", "xanchor": "right"}
    # Singular values fall: at the top there is room right of the first ones.
    top = {"y": 1, "yref": "y domain", "yanchor": "top"}
    font = {"color": COLOURS["update"]}
    limit = _("break-even {rank}").format(rank=f"{break_even:,.0f}")
    return figure(
        drawn,
        380,
        {"title": _("rank i"), "range": [1, max(2, len(s))]},
        {"title": _("singular value"), "type": "log"},
        hovermode="x",
        shapes=[dropped | shade, rule("x", break_even, COLOURS["update"], 1.5)],
        annotations=[note(limit, **at, **top, font=font)],
    )
