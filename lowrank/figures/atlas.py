"""A survey as pictures: layers by projections, distributions, spectra, and one page with them all.

`random` is what a Gaussian matrix of a shape gives for the same measure, by shape: the line to
compare with.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.style import COLOURS, DIVERGING, Settings, dots, figure, line, packed, trace
from lowrank.language import current
from lowrank.language import gettext as _
from lowrank.llama.names import LINEAR, short

SEQUENTIAL = "Cividis"  # even for colour-blind eyes, from dark to light


def kinds(projections: Sequence[str | None]) -> list[str]:
    """The projections that are there: a Llama's own in their order, then others by name."""
    there = {p for p in projections if p}
    return [p for p in LINEAR if p in there] + sorted(there - set(LINEAR))


def short_names(projections: Sequence[str]) -> list[str]:
    """`short` for each."""
    return [short(projection) for projection in projections]


def layer_map(
    layers: Sequence[int],
    projections: Sequence[str],
    values: NDArray[np.float64],  # one for each pair
    hover: Sequence[str],
    title: str,
    limits: tuple[float, float] | None = None,
    chosen: tuple[int, str] | None = None,
    diverging: bool = False,
    count: int = 0,
) -> Settings:
    """Projections against `count` layers, coloured by a measure; the chosen matrix outlined.

    Over each cell lies a point that cannot be seen: a heatmap alone cannot be clicked.
    """
    rows = kinds(projections)
    count = max(count, max(layers, default=0) + 1)
    z = np.full((len(rows), count), np.nan)
    for layer, projection, value in zip(layers, projections, values, strict=True):
        z[rows.index(projection), layer] = value
    low, high = limits or (float(np.nanmin(z)), float(np.nanmax(z)))
    cells = trace(
        "heatmap",
        z=z,
        x=list(range(count)),
        y=short_names(rows),
        hoverinfo="skip",
        colorscale=DIVERGING if diverging else SEQUENTIAL,
        zmin=low,
        zmax=high if high > low else low + 1,
        xgap=1,
        ygap=1,
        colorbar={"thickness": 12, "title": {"text": title, "side": "right"}},
    )
    unseen = {"marker": {"opacity": 0.0}}
    points = dots(
        list(layers),
        short_names(projections),
        "",
        {"symbol": "square", "size": 24, "opacity": 0.0},
        "%{text}",
        text=list(hover),
        selected=unseen,
        unselected=unseen,
        showlegend=False,
    )
    outline = []
    if chosen and chosen[1] in rows:
        x, y = chosen[0], rows.index(chosen[1])
        place = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        # Dark on both sides of the yellow: the largest values are yellow themselves.
        for colour, width in (("#111111", 7), (COLOURS["pivot"], 3)):
            outline.append({"type": "rect", "line": {"color": colour, "width": width}} | place)
    across = [-0.6, count - 0.4]
    apart = 1 if count <= 12 else 5 if count <= 60 else 10
    x_axis = {"title": _("layer"), "showgrid": False, "range": across, "dtick": apart}
    y_axis = {"autorange": "reversed", "showgrid": False, "type": "category"}
    return figure([cells, points], 300, x_axis, y_axis, shapes=outline, margin={"t": 8})


def distributions(
    projections: Sequence[str],
    values: NDArray[np.float64],
    names: Sequence[str],
    title: str,
    random: Mapping[str, float],
) -> Settings:
    """Every matrix a point, by projection, and a grey line where a random matrix would lie."""
    rows, drawn = kinds(projections), []
    for kind in rows:
        there = [i for i, p in enumerate(projections) if p == kind]
        drawn.append(
            trace(
                "box",
                y=values[there],
                name=short(kind),
                text=[names[i] for i in there],
                boxpoints="all",
                jitter=0.5,
                pointpos=0,
                marker={"color": COLOURS["W0"], "size": 5, "opacity": 0.6},
                line={"color": COLOURS["W0"], "width": 1},
                fillcolor="rgba(0,0,0,0)",
                hovertemplate="%{text}: %{y:.4g}<extra></extra>",
                showlegend=False,
            )
        )
    grey = {"color": COLOURS["lost"], "line": {"width": 4, "color": COLOURS["lost"]}}
    peers = dots(
        [short(kind) for kind in rows if kind in random],
        [random[kind] for kind in rows if kind in random],
        _("random matrix of the same shape and norm"),
        {"symbol": "line-ew-open", "size": 34} | grey,
        "%{y:.4g}",
    )
    return figure([*drawn, peers], 340, {}, {"title": title, "rangemode": "tozero"})


def all_spectra(
    spectra: Sequence[NDArray[np.float64]],
    names: Sequence[str],
    random: NDArray[np.float64],  # of the same shape, Frobenius norm 1
    shown: int = 160,
) -> Settings:
    """Spectra of one projection, each as a share of its Frobenius norm, and a random one in grey.

    At most `shown` points a line, more of them where the line bends: enough for a screen.
    """
    drawn, hover = [], _("σ<sub>%{x}</sub> is %{y:.3g} of the norm")
    faint = {"opacity": 0.55, "showlegend": False}
    for s, name in zip(spectra, names, strict=True):
        norm = float(np.sqrt((s**2).sum())) or 1.0
        at = _places(len(s), shown)
        share = (s[at] / norm).astype(np.float32)
        drawn.append(line(at + 1, share, escape(name), COLOURS["W0"], hover, 1.2, **faint))
    at = _places(len(random), shown)
    peer = random[at].astype(np.float32)
    drawn.append(line(at + 1, peer, _("random"), COLOURS["lost"], "%{y:.3g}", width=3))
    y = {"title": _("share of the norm"), "type": "log"}
    return figure(drawn, 340, {"title": _("rank i")}, y)


def _places(length: int, shown: int) -> NDArray[np.int64]:
    """Indices from 0 to length - 1, closer together at both ends."""
    even = (1 - np.cos(np.linspace(0, np.pi, min(length, shown)))) / 2
    return np.unique(np.rint(even * (length - 1)).astype(np.int64))


def page(title: str, lead: str, sections: Sequence[tuple[str, Settings]], table: str) -> str:
    """One HTML file that needs nothing else: the figures with plotly.js inside, and the table."""
    from plotly.io import to_html  # heavy, and needed for this alone

    below = escape(_("Every matrix"))
    plain = {"full_html": False, "validate": False, "config": {"displayModeBar": False}}
    drawn = [
        f"<h2>{escape(name)}</h2>{to_html(packed(each), include_plotlyjs=i == 0, **plain)}"
        for i, (name, each) in enumerate(sections)
    ]
    return (
        f'<!doctype html><html lang="{current()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>"
        "body { font: 17px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; "
        "padding: 0 1em; color: #222; background: #fff } "
        "table { border-collapse: collapse; font-size: 0.85em; display: block; overflow-x: auto } "
        "td, th { padding: 0.2em 0.7em; text-align: right; border-bottom: 1px solid #ddd } "
        "td:first-child, th:first-child { text-align: left }"
        f"</style></head><body><h1>{escape(title)}</h1><p>{escape(lead)}</p>"
        f"{''.join(drawn)}<h2>{below}</h2>{table}</body></html>"
    )
