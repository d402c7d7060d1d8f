"""Matrices as pictures: heatmaps no larger than a screen can show, and outlines drawn to scale."""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lowrank.figures.numbers import three
from lowrank.figures.style import DIVERGING, Settings, figure, trace
from lowrank.language import gettext as _
from lowrank.spectra.svd import SVD

Floats = NDArray[np.floating]

# Two of these pictures go with each move of a rank, so they are no finer than is told apart in a
# third of a page's width: cells a side, and colours either side of zero.
SIDE = 144
LEVELS = 15
MAX_ASPECT = 2.7  # the embeddings are 85 times as tall as wide: drawn to scale they would vanish


def block_means(W: Floats, axis: int, blocks: int = SIDE) -> Floats:
    """W with `axis` cut into at most `blocks` runs of nearly equal length, each run its mean.

    It is linear: with P the means of rows and Q of columns, P (U S Vt) Q = (P U) S (Vt Q), so the
    picture of a product costs only what its own cells cost.

    >>> block_means(np.array([[1.0, 3.0, 5.0, 7.0]]), axis=1, blocks=2).tolist()
    [[2.0, 6.0]]
    """
    length = W.shape[axis]
    edges = np.linspace(0, length, min(blocks, length) + 1).astype(int)
    sums = np.add.reduceat(W, edges[:-1], axis=axis)
    runs = np.diff(edges).astype(W.dtype)
    return sums / (runs if axis == 1 else runs[:, None])


@dataclass(frozen=True)
class Preview:
    """Block means of W (p, q) and of its singular vectors: left (p, min), right (min, q)."""

    W: Floats
    left: Floats
    right: Floats
    limit: float

    @cached_property
    def picture(self) -> bytes:
        """That of W, which is the same whatever the rank."""
        return picture(self.W, self.limit)

    def kept(self, k: int) -> Floats:
        """The block means of W_k, exactly those of the product: (p, k), (k, q) -> (p, q)."""
        return self.left[:, :k] @ self.right[:k]


def preview(W: Floats, svd: SVD, side: int = SIDE) -> Preview:
    """What the heatmaps of W, W_k and W - W_k need for any k; `limit` is the shared colour scale.

    The scale ends at the 99.5th percentile of |block means of W|: a few outliers do not grey out
    the rest, and cells beyond it take the last colour.
    """
    means = block_means(block_means(W, 0, side), 1, side)
    left = block_means(svd.U, 0, side) * svd.s.astype(svd.U.dtype)
    limit = float(np.quantile(np.abs(means), 0.995)) or 1.0
    return Preview(means, left, block_means(svd.Vt, 1, side), limit)


def heatmap(png: bytes, shape: tuple[int, int], alt: str) -> str:
    """The `picture` of a matrix of `shape` in HTML.

    A PNG of one byte a cell inside the page: a few kilobytes that the browser shows at once. Drawn
    to scale as far as a column allows; a cell is a mean of many entries, so it has no hover.

    >>> heatmap(picture(np.zeros((2, 2)), 1.0), (64, 32), "W").count("<img")
    1
    """
    m, n = shape
    coded = base64.b64encode(png).decode()
    aspect = min(max(n / m, 1 / MAX_ASPECT), MAX_ASPECT)
    width = 100 if aspect >= 1 else 100 * max(aspect, 0.5)
    return (
        f'<figure style="margin:0"><div style="text-align:center">{n:,}</div>'
        '<div style="display:flex;align-items:center;justify-content:center;gap:0.3em">'
        f'<span>{m:,}</span><img src="data:image/png;base64,{coded}" alt="{escape(alt)}" '
        f'style="width:{width:.0f}%;min-width:0;aspect-ratio:{aspect:.3f};'
        'image-rendering:pixelated"></div></figure>'
    )


def picture(values: Floats, limit: float) -> bytes:
    """Block means as a PNG, coloured from -limit, blue, to limit, orange; a cell a pixel."""
    levels = np.rint(np.clip(values / limit, -1, 1) * LEVELS) + LEVELS
    image = Image.fromarray(levels.astype(np.uint8))
    image.putpalette(_palette().tobytes())
    stream = BytesIO()
    # Weights are noise, in which looking for repetitions takes time and finds none.
    image.save(stream, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return stream.getvalue()


def _palette() -> NDArray[np.uint8]:
    """2 LEVELS + 1 colours, (levels, 3), between the stops of DIVERGING."""
    stops = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for place, c in DIVERGING])
    at = np.linspace(0, 1, 2 * LEVELS + 1)
    places = [place for place, colour in DIVERGING]
    channels = [np.interp(at, places, stops[:, i]) for i in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def colour_scale(limit: float) -> str:
    """One bar for all heatmaps that share a scale, as HTML: -limit, 0, limit."""
    colours = ",".join(colour for place, colour in DIVERGING)
    return (
        '<div style="display:flex;gap:0.6em;align-items:center;justify-content:center">'
        f"<span>−{three(limit)}</span>"
        f'<div style="width:12em;height:0.7em;background:linear-gradient(90deg,{colours})"></div>'
        f"<span>{three(limit)}</span></div>"
    )


def tile_heatmap(values: Floats, limit: float, row: int, column: int) -> Settings:
    """Entries of a matrix from (row, column) on, which count from 1, coloured from -limit to limit.

    They are exact on hover.
    """
    drawn = trace(
        "heatmap",
        z=np.asarray(values, dtype=np.float32),
        x=np.arange(column, column + values.shape[1]),
        y=np.arange(row, row + values.shape[0]),
        zmin=-limit,
        zmax=limit,
        colorscale=DIVERGING,
        hovertemplate=_("row %{y}, column %{x}<br>%{z:.7g}<extra></extra>"),
        colorbar=_colorbar(limit),
        xgap=1,
        ygap=1,
    )
    still = {"showgrid": False, "zeroline": False, "nticks": 4, "tickformat": "d"}
    x = still | {"title": _("column")}
    y = still | {"title": _("row"), "autorange": "reversed"}  # as matrices are written
    return figure([drawn], 350, x, y, margin={"t": 8, "b": 84})


def _colorbar(limit: float) -> Settings:
    return {
        "orientation": "h",
        "thickness": 8,
        "len": 0.9,
        "y": -0.32,
        "yanchor": "top",
        "tickvals": [-limit, 0, limit],
        "ticktext": [f"−{three(limit)}", "0", three(limit)],
    }


@dataclass(frozen=True)
class Outline:
    """A rows x columns box, its name and its colour; or, with no rows, a sign such as ="""

    name: str
    rows: int = 0
    columns: int = 0
    colour: str = "currentColor"


def outlines(boxes: Sequence[Outline], size: float = 120.0) -> str:
    """The boxes side by side as HTML, all to one scale, with rows and columns on the edges.

    The longest side is `size` pixels, or less where that keeps a few boxes in one line on a phone.
    A side under 2 pixels is drawn 2 pixels long: a hair is still visible, and the numbers on the
    edges say what it is. Text takes the page's own colour.

    >>> outlines([Outline("W", 4, 2), Outline("="), Outline("U", 4, 1)]).count("border:")
    2
    """
    scale = size / max(max(box.rows, box.columns) for box in boxes)
    words = " ".join(f"{b.name} {b.rows} × {b.columns}" if b.rows else b.name for b in boxes)
    # A sum that is too long for a line goes on in the next one with the sign of a term.
    terms: list[list[str]] = [[]]
    for box in boxes:
        if box.name.startswith("+"):
            terms.append([])
        terms[-1].append(_box(box, scale) if box.rows else _sign(box.name))
    term = '<div style="display:flex;align-items:center;gap:0.5em">'
    drawn = "".join(f"{term}{''.join(parts)}</div>" for parts in terms)
    drawn = drawn if len(terms) > 1 else "".join(terms[0])
    # All that is not a box: numbers beside it, names that are wider, signs and gaps, in letters.
    thin = sum(bool(box.rows) and box.columns * scale < 20 for box in boxes)
    count = sum(bool(box.rows) for box in boxes)
    beside = 2.9 * count + 0.9 * thin + 1.6 * (len(boxes) - count) + 0.5 * (len(boxes) - 1)
    unit = f"(100cqi - {beside:.1f}em)/{sum(box.columns for box in boxes) * scale:.0f}"
    return (
        '<div style="container-type:inline-size"><div style="font-size:clamp(0.7rem,3.4cqi,1rem)">'
        f'<div role="img" aria-label="{escape(words)}" style="--u:clamp(0.5px,{unit},1px);'
        "display:flex;flex-wrap:wrap;justify-content:center;align-items:center;"
        f'gap:0.4em 0.5em">{drawn}</div></div></div>'
    )


def _box(box: Outline, scale: float) -> str:
    width, height = max(2.0, box.columns * scale), max(2.0, box.rows * scale)
    return (
        '<div style="display:flex;flex-direction:column;align-items:center">'
        f'<small style="padding-left:2.5em">{box.columns:,}</small>'
        '<div style="display:flex;align-items:center;gap:0.3em">'
        f'<small style="min-width:2.5em;text-align:right">{box.rows:,}</small>'
        f'<div style="width:max(2px,{width:.1f}*var(--u));height:max(2px,{height:.1f}*var(--u));'
        f"border:1.5px solid {box.colour};"
        f'background:color-mix(in srgb,{box.colour} 30%,transparent)"></div></div>'
        f'<b style="padding-left:2.5em">{escape(box.name)}</b></div>'
    )


def _sign(name: str) -> str:
    return f'<span style="font-size:1.4em">{escape(name)}</span>'
