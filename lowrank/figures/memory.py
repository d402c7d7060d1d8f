"""Memory as bars of bytes, a layer as outlines to scale, and the bits of one number."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from html import escape

import ml_dtypes
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lowrank.figures.matrix import Outline, outlines
from lowrank.figures.style import COLOURS, fixed, styled
from lowrank.memory.accounting import Memory, Part

GB = 1e9

# What a run holds: its name for people and its colour, in the order of the bar. Blue is W0, orange
# what is added and trained, the rest greys and the palette's other colours.
HELD = {
    "weights": ("weights", COLOURS["W0"]),
    "added": ("LoRA or adapters", COLOURS["update"]),
    "gradients": ("gradients", "#E69F00"),
    "moments": ("Adam's moments", "#CC79A7"),
    "master": ("float32 master copy", "#56B4E9"),
    "activations": ("activations", COLOURS["result"]),
    "logits": ("logits", "#4D4D4D"),
    "cache": ("key/value cache", COLOURS["result"]),
}


def bars(runs: Mapping[str, Memory], cards: Mapping[str, int]) -> go.Figure:
    """Each run a stacked bar of gigabytes (1e9 bytes), and a line for each card that is near."""
    figure = go.Figure()
    names = list(runs)
    for each in fields(Memory):
        values = np.array([getattr(run, each.name) for run in runs.values()]) / GB
        if values.any():
            name, colour = HELD[each.name]
            figure.add_bar(
                y=names,
                x=values,
                name=name,
                orientation="h",
                marker_color=colour,
                hovertemplate=f"{name}: %{{x:,.3g}} GB<extra>%{{y}}</extra>",
            )
    longest = max(run.total for run in runs.values()) / GB
    for name, size in cards.items():
        if size / GB < 1.6 * longest:
            figure.add_vline(
                x=size / GB,
                line={"dash": "dot", "width": 1.5, "color": COLOURS["lost"]},
                annotation={
                    "text": name.partition(" (")[0],
                    "textangle": -90,
                    "xanchor": "center",
                    "y": 1.0,
                    "yanchor": "bottom",
                },
            )
    x = {"title": "GB (10⁹ bytes)", "rangemode": "tozero"}
    below = {"y": -0.35, "yanchor": "top", "x": 0.0}
    more = {"barmode": "stack", "legend": below, "margin": {"t": 70}}
    return fixed(figure, 170 + 62 * len(runs), x, {"autorange": "reversed"}, **more)


def layer(parts: Sequence[Part], size: float = 190.0) -> str:
    """The matrices of one layer as HTML, all to one scale, so that areas are their bytes."""
    return outlines(
        [Outline(p.name, p.shape[0], p.shape[1], COLOURS["W0"]) for p in parts if len(p.shape) > 1],
        size=size,
    )


def error_spectrum(
    W: NDArray[np.float64], errors: Mapping[str, NDArray[np.float64]]
) -> go.Figure:  # each (k,)
    """Singular values of W, and of what each quantizer gets wrong, on a log axis."""
    figure = go.Figure()
    shades = [COLOURS["lost"], COLOURS["update"]]
    lines = [("W", W, COLOURS["W0"])]
    lines += [(name, s, shade) for (name, s), shade in zip(errors.items(), shades, strict=False)]
    for name, s, colour in lines:
        figure.add_scatter(
            x=np.arange(1, len(s) + 1),
            y=s.astype(np.float32),
            name=name,
            line={"color": colour, "width": 2.5},
            hovertemplate="s<sub>%{x}</sub> = %{y:.4g}<extra>" + escape(name) + "</extra>",
        )
    figure.update_yaxes(title="singular value", type="log", exponentformat="power")
    figure.update_xaxes(title="i", fixedrange=True)
    return styled(figure, 340)


def bits(x: float) -> str:
    """One number's bits as HTML: sign, exponent and fraction, in float32, bfloat16 and float16.

    >>> bits(1.0).count("<tr>")
    3
    """
    types = [("float32", np.float32, 8), ("bfloat16", ml_dtypes.bfloat16, 8)]
    types.append(("float16", np.float16, 5))
    drawn = ""
    for name, dtype, exponent in types:
        raw = np.array(x, dtype).tobytes()
        text = f"{int.from_bytes(raw, sys.byteorder):0{8 * len(raw)}b}"
        drawn += f"<tr><th>{name}</th><td>{_shaded(text, exponent)}</td></tr>"
    return (
        '<div style="overflow-x:auto">'
        '<table style="border:0;font-family:monospace;font-size:min(1em,3.4vw)">'
        f"{drawn}</table></div>"
    )


def _shaded(text: str, exponent: int) -> str:
    cuts = (text[0], text[1 : 1 + exponent], text[1 + exponent :])
    colours = (COLOURS["pivot"], COLOURS["update"], COLOURS["W0"])
    return "".join(
        f'<span style="background:color-mix(in srgb,{colour} 35%,transparent);'
        f'padding:0.1em 0.15em;margin-right:0.15em">{part}</span>'
        for part, colour in zip(cuts, colours, strict=True)
    )
