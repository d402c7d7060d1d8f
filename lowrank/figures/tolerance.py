"""Singular values on a log axis and the line below which they count as zero."""

import numpy as np

from lowrank.figures.style import COLOURS, Settings, bar, figure, note, rule
from lowrank.language import gettext as _

FLOOR = 1e-20  # where an exact zero is drawn, relative to the largest value


def singular_values_against_tolerance(s: np.ndarray, tol: float) -> Settings:  # (k,)
    """Each singular value as a share of the largest, blue above `tol` and grey below it."""
    share = np.maximum(s / (float(s[0]) or 1.0), FLOOR)
    index = np.arange(1, len(s) + 1)
    drawn = [
        bar(
            index[shown],
            np.log10(share[shown] / FLOOR),
            name,
            colour,
            _("singular value %{x}: %{customdata:.6g}"),
            customdata=s[shown],
            base=np.log10(FLOOR),
            width=0.5,
        )
        for name, colour, shown in (
            (_("counted"), COLOURS["W0"], share > tol),
            (_("counts as zero"), COLOURS["lost"], share <= tol),
        )
    ]
    ticks, at = list(range(-20, 1, 5)), float(np.log10(tol))
    names = [f"10<sup>{t}</sup>".replace("-", "−") if t else "1" for t in ticks]
    right = {"x": 1, "xref": "x domain", "xanchor": "right"}
    share_axis = {"title": _("share of the largest"), "range": [-20, 0.5]}
    return figure(
        drawn,
        320,
        {"title": _("singular value"), "tickvals": index, "range": [0.4, len(s) * 1.2 + 0.6]},
        share_axis | {"tickvals": ticks, "ticktext": names},
        shapes=[rule("y", at, COLOURS["lost"], 3)],
        annotations=[note(_("tolerance"), y=at, yref="y", yanchor="bottom", **right)],
        showlegend=True,
    )
