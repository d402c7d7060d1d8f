"""How a completion went, iteration by iteration, and the picture of when it can go at all."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from lowrank.figures.numbers import three
from lowrank.figures.style import COLOURS, styled
from lowrank.spectra.phase_transition import PhaseCell
from lowrank.spectra.recovery import needed_fraction

LEAST = 1e-8  # errors below it are drawn there: a log axis has no zero


def error_history(
    observed: Sequence[float],
    held_out: Sequence[float],
    mean_fill: float,
    most: int = 400,
    height: int = 300,
) -> go.Figure:
    """Both errors against the iteration, with the mean fill's as a dashed line; thinned to `most`.

    The hidden entries' error is green, the observed ones' blue, the baseline grey.
    """
    figure = go.Figure()
    count = len(held_out)
    chosen = np.unique(np.linspace(1, count, min(count, most)).astype(int)).tolist()
    for values, name, colour in (
        (observed, "observed entries", COLOURS["W0"]),
        (held_out, "hidden entries", COLOURS["result"]),
    ):
        figure.add_scatter(
            x=chosen,
            y=[max(values[i - 1], LEAST) for i in chosen],
            name=name,
            mode="lines" if count > 1 else "markers",
            line={"color": colour, "width": 3 if colour == COLOURS["result"] else 2},
            hovertemplate="iteration %{x}: %{y:.4g}<extra>" + name + "</extra>",
        )
    figure.add_hline(y=mean_fill, line={"color": COLOURS["lost"], "dash": "dash", "width": 2.5})
    figure.add_annotation(  # of its own: add_hline's does not take the logarithm of its place
        text=f"mean fill {three(mean_fill)}",
        x=1,
        xref="paper",
        xanchor="right",
        y=np.log10(max(mean_fill, LEAST)),
        yanchor="bottom",
        showarrow=False,
        font={"color": COLOURS["lost"]},
    )
    errors = [*observed, *held_out, mean_fill]
    low = np.floor(np.log10(max(min(errors), LEAST)))
    high = np.log10(max(*errors, LEAST)) + 0.25
    figure.update_xaxes(title="iteration", range=[0, max(10, count) * 1.03], fixedrange=True)
    figure.update_yaxes(
        title="relative error",
        type="log",
        range=[low, high],
        exponentformat="power",
        dtick=1 if high - low > 1.5 else "D2",
        fixedrange=True,
    )
    styled(figure, height)
    figure.update_layout(dragmode=False, hovermode="x")
    return figure


def phase_picture(
    cells: Sequence[PhaseCell],
    size: int,
    ranks: Sequence[int],
    fractions: Sequence[float],
    height: int = 430,
) -> go.Figure:
    """Which ranks came back from which fraction observed: green yes, grey no, blank not measured.

    The line is r(m + n - r)/(mn), the fraction below which no method can succeed.
    """
    z = np.full((len(ranks), len(fractions)), np.nan)
    words = np.full(z.shape, "", dtype=object)
    for cell in cells:
        at = list(ranks).index(cell.rank), list(fractions).index(cell.fraction)
        z[at] = float(cell.success)
        words[at] = (
            f"recovered, error {cell.error:.1e}"
            if cell.success
            else "refused: too few entries, or an empty row or column"
            if cell.error is None
            else f"not recovered, error {three(cell.error)}"
        )
    figure = go.Figure(
        go.Heatmap(
            z=z,
            x=list(fractions),
            y=list(ranks),
            customdata=words,
            zmin=0,
            zmax=1,
            colorscale=[(0, COLOURS["lost"]), (1, COLOURS["result"])],
            showscale=False,
            xgap=1,
            ygap=1,
            hoverongaps=False,
            hovertemplate="rank %{y}, %{x:.0%} observed<br>%{customdata}<extra></extra>",
        )
    )
    r = np.arange(1, max(ranks) + 1)
    figure.add_scatter(
        x=[needed_fraction(size, size, int(k)) for k in r],
        y=r,
        mode="lines",
        name="r(m + n − r)/(mn)",
        line={"color": COLOURS["update"], "width": 4},
        hovertemplate="rank %{y}: at least %{x:.1%}<extra>degrees of freedom</extra>",
    )
    for name, colour in (("recovered", "result"), ("not recovered", "lost")):
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=name,
            marker={"symbol": "square", "size": 12, "color": COLOURS[colour]},
        )
    wide, tall = fractions[1] - fractions[0], ranks[1] - ranks[0]
    figure.update_xaxes(
        title="fraction observed",
        range=[fractions[0] - wide / 2, fractions[-1] + wide / 2],
        tickformat=".0%",
        fixedrange=True,
    )
    figure.update_yaxes(
        title="rank r", range=[ranks[0] - tall / 2, ranks[-1] + tall / 2], fixedrange=True
    )
    styled(figure, height)
    figure.update_layout(dragmode=False, showlegend=True)
    return figure
