"""How a completion went, iteration by iteration, and the picture of when it can go at all."""

from collections.abc import Sequence

import numpy as np

from lowrank.figures.numbers import three
from lowrank.figures.style import COLOURS, Settings, dots, figure, line, note, rule, trace
from lowrank.language import gettext as _
from lowrank.spectra.phase_transition import PhaseCell
from lowrank.spectra.recovery import needed_fraction

LEAST = 1e-8  # errors below it are drawn there: a log axis has no zero


def error_history(
    observed: Sequence[float],
    held_out: Sequence[float],
    mean_fill: float,
    most: int = 400,
    height: int = 300,
) -> Settings:
    """Both errors against the iteration, with the mean fill's as a dashed line; thinned to `most`.

    The hidden entries' error is green, the observed ones' blue, the baseline grey.
    """
    count = len(held_out)
    chosen = np.unique(np.linspace(1, count, min(count, most)).astype(int)).tolist()
    drawn = [
        line(
            chosen,
            [max(values[i - 1], LEAST) for i in chosen],
            name,
            colour,
            _("iteration %{x}: %{y:.4g}"),
            width=width,
            mode="lines" if count > 1 else "markers",
        )
        for values, name, colour, width in (
            (observed, _("observed entries"), COLOURS["W0"], 2),
            (held_out, _("hidden entries"), COLOURS["result"], 3),
        )
    ]
    errors = [*observed, *held_out, mean_fill]
    low = np.floor(np.log10(max(min(errors), LEAST)))
    high = np.log10(max(*errors, LEAST)) + 0.25
    y = {"title": _("relative error"), "type": "log", "range": [low, high]}
    corner = {"x": 1, "xref": "paper", "xanchor": "right", "yref": "y", "yanchor": "bottom"}
    height_of_words = np.log10(max(mean_fill, LEAST))  # a note's place on a log axis is its power
    return figure(
        drawn,
        height,
        {"title": _("iteration"), "range": [0, max(10, count) * 1.03]},
        y,
        hovermode="x",
        shapes=[rule("y", mean_fill, COLOURS["lost"], 2.5)],
        annotations=[
            note(
                _("mean fill {error}").format(error=three(mean_fill)),
                y=height_of_words,
                font={"color": COLOURS["lost"]},
                **corner,
            )
        ],
    )


def phase_picture(
    cells: Sequence[PhaseCell],
    size: int,
    ranks: Sequence[int],
    fractions: Sequence[float],
    height: int = 430,
) -> Settings:
    """Which ranks came back from which fraction observed: green yes, grey no, blank not measured.

    The line is r(m + n - r)/(mn), the fraction below which no method can succeed.
    """
    z = np.full((len(ranks), len(fractions)), np.nan)
    words = np.full(z.shape, "", dtype=object)
    for cell in cells:
        at = list(ranks).index(cell.rank), list(fractions).index(cell.fraction)
        z[at] = float(cell.success)
        words[at] = _outcome(cell)
    r = np.arange(1, max(ranks) + 1)
    drawn = [
        trace(
            "heatmap",
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
            hovertemplate=_("rank %{y}, %{x:.0%} observed<br>%{customdata}<extra></extra>"),
        ),
        line(
            [needed_fraction(size, size, int(k)) for k in r],
            r,
            "r(m + n − r)/(mn)",
            COLOURS["update"],
            _("rank %{y}: at least %{x:.1%}"),
            width=4,
        ),
    ]
    for name, colour in ((_("recovered"), "result"), (_("not recovered"), "lost")):
        marker = {"symbol": "square", "size": 12, "color": COLOURS[colour]}
        drawn.append(dots([None], [None], name, marker, ""))
    wide, tall = fractions[1] - fractions[0], ranks[1] - ranks[0]
    across = [fractions[0] - wide / 2, fractions[-1] + wide / 2]
    return figure(
        drawn,
        height,
        {"title": _("fraction observed"), "range": across, "tickformat": ".0%"},
        {"title": _("rank r"), "range": [ranks[0] - tall / 2, ranks[-1] + tall / 2]},
        showlegend=True,
    )


def _outcome(cell: PhaseCell) -> str:
    """What became of a trial, for the pointer over it."""
    if cell.error is None:
        return _("refused: too few entries, or an empty row or column")
    if cell.success:
        return _("recovered, error {error}").format(error=f"{cell.error:.1e}")
    return _("not recovered, error {error}").format(error=three(cell.error))
