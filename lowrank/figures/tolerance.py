"""Singular values on a log axis and the line below which they count as zero."""

import numpy as np
import plotly.graph_objects as go

from lowrank.figures.style import COLOURS, styled

FLOOR = 1e-20  # where an exact zero is drawn, relative to the largest value


def singular_values_against_tolerance(s: np.ndarray, tol: float) -> go.Figure:  # (k,)
    """Each singular value as a share of the largest, blue above `tol` and grey below it."""
    largest = float(s[0]) or 1.0
    share = np.maximum(s / largest, FLOOR)
    index = np.arange(1, len(s) + 1)
    figure = go.Figure()
    for name, colour, shown in (
        ("counted", COLOURS["W0"], share > tol),
        ("counts as zero", COLOURS["lost"], share <= tol),
    ):
        figure.add_bar(
            x=index[shown],
            y=np.log10(share[shown] / FLOOR),
            base=np.log10(FLOOR),
            width=0.5,
            name=name,
            marker_color=colour,
            customdata=s[shown],
            hovertemplate="singular value %{x}: %{customdata:.6g}<extra></extra>",
        )
    figure.add_hline(
        y=np.log10(tol),
        line={"color": COLOURS["lost"], "dash": "dash", "width": 3},
        annotation_text="tolerance",
        annotation_position="top right",
    )
    ticks = list(range(-20, 1, 5))
    figure.update_yaxes(
        title="share of the largest",
        tickvals=ticks,
        ticktext=[f"10<sup>{t}</sup>".replace("-", "−") if t else "1" for t in ticks],
        range=[-20, 0.5],
    )
    figure.update_xaxes(title="singular value", tickvals=index, range=[0.4, len(s) * 1.2 + 0.6])
    figure.update_layout(showlegend=True)
    return styled(figure, height=320)
