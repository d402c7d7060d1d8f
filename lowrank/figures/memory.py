"""Memory as bars of bytes, a layer as outlines to scale, and the bits of one number."""

import sys
from collections.abc import Mapping, Sequence
from html import escape

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from lowrank.figures.matrix import Outline, outlines
from lowrank.figures.numbers import three
from lowrank.figures.style import COLOURS, Settings, bar, figure, line, note, rule
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.memory.accounting import Memory, Part

GB = 1e9
ROOM = 0.07  # of the axis: what a card's name, upright, takes on a phone

# What a run holds: its name for people and its colour, in the order of the bar. Blue is W0, orange
# what is added and trained, the rest greys and the palette's other colours.
HELD = {
    "weights": (gettext_noop("weights"), COLOURS["W0"]),
    "added": (gettext_noop("LoRA or adapters"), COLOURS["update"]),
    "gradients": (gettext_noop("gradients"), "#E69F00"),
    "moments": (gettext_noop("Adam's moments"), "#CC79A7"),
    "master": (gettext_noop("float32 master copy"), "#56B4E9"),
    "activations": (gettext_noop("activations"), COLOURS["result"]),
    "logits": (gettext_noop("logits"), "#4D4D4D"),
    "cache": (gettext_noop("key/value cache"), COLOURS["result"]),
}  # not what is paged, which leaves the card

# Six storages beside one another: the palette's colours, of which yellow is too faint for a line.
LINES = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7")


def bars(runs: Mapping[str, Memory], cards: Mapping[str, int]) -> Settings:
    """Each run a stacked bar of gigabytes (1e9 bytes), and a line for each card that is near."""
    drawn, names = [], list(runs)
    for part, (name, colour) in HELD.items():
        values = np.array([getattr(run, part) for run in runs.values()]) / GB
        if values.any():
            drawn.append(bar(values, names, _(name), colour, "%{x:,.3g} GB", orientation="h"))
    near = apart(cards, 1.6 * max(run.total for run in runs.values()))
    totals = [f"{name}<br><b>{three(run.total / GB)} GB</b>" for name, run in runs.items()]
    above = {"xanchor": "center", "y": 1.0, "yref": "y domain", "yanchor": "bottom"}
    return figure(
        drawn,
        170 + 62 * len(runs),
        {"title": _("GB (10⁹ bytes)"), "rangemode": "tozero"},
        {"autorange": "reversed", "tickvals": names, "ticktext": totals},
        shapes=[rule("x", size, COLOURS["lost"], 1.5, "dot") for size in near.values()],
        annotations=[
            note(name.partition(" (")[0], x=size, xref="x", textangle=-90, **above)
            for name, size in near.items()
        ],
        barmode="stack",
        legend={"y": -0.35, "yanchor": "top"},
        margin={"t": 70},
    )


def over_context(
    contexts: Sequence[int], needs: Mapping[str, Sequence[int]], room: int, card: str
) -> Settings:
    """Bytes over the tokens in the cache, a line for each storage, and what a card has for them."""
    hover = _("%{x:,} tokens: %{y:,.3g} GB")
    drawn = [
        line(contexts, np.array(each) / GB, name, colour, hover)
        for (name, each), colour in zip(needs.items(), LINES, strict=False)
    ]
    grey, there = COLOURS["lost"], [room / GB] * 2
    ends = [contexts[0], contexts[-1]]
    drawn.append(line(ends, there, card.partition(" (")[0], grey, "%{y:,.3g} GB", dash="dash"))
    x = {"title": _("tokens in the cache"), "type": "log", "tickvals": contexts}
    x["ticktext"] = [f"{n // 1024}k" if n >= 1024 else str(n) for n in contexts]
    return figure(
        drawn, 380, x, {"title": _("GB (10⁹ bytes)"), "type": "log"}, margin={"t": 60, "r": 24}
    )


def apart(cards: Mapping[str, int], most: float) -> dict[str, float]:
    """The cards of fewer than `most` bytes, in GB, whose names have room beside the one before.

    >>> apart({"8 GB": 8 * 10**9, "10 GB": 10**10, "48 GB": 48 * 10**9}, 100e9)
    {'8 GB': 8.0, '48 GB': 48.0}
    """
    found: dict[str, float] = {}
    near = {name: size for name, size in cards.items() if size < most}
    for name, size in near.items():
        if size - max(found.values(), default=-most) * GB >= ROOM * max(near.values()):
            found[name] = size / GB
    return found


def layer(parts: Sequence[Part], size: float = 190.0) -> str:
    """The matrices of one layer as HTML, all to one scale, so that areas are their bytes."""
    return outlines(
        [Outline(p.name, p.shape[0], p.shape[1], COLOURS["W0"]) for p in parts if len(p.shape) > 1],
        size=size,
    )


def error_spectrum(
    W: NDArray[np.float64], errors: Mapping[str, NDArray[np.float64]]
) -> Settings:  # each (k,)
    """Singular values of W, and of what each quantizer gets wrong, on a log axis."""
    shades = [COLOURS["lost"], COLOURS["update"]]
    lines = [("W", W, COLOURS["W0"])]
    lines += [(name, s, shade) for (name, s), shade in zip(errors.items(), shades, strict=False)]
    hover = "σ<sub>%{x}</sub> = %{y:.4g}"
    drawn = [
        line(np.arange(1, len(s) + 1), s.astype(np.float32), escape(name), colour, hover)
        for name, s, colour in lines
    ]
    y = {"title": _("singular value"), "type": "log"}
    return figure(drawn, 340, {"title": "i"}, y)


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
