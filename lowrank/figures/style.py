"""One colour for one thing on every page and figure, and what all figures are made of.

A figure is a plain dictionary, {"data": traces, "layout": ...}, in the words of plotly.js
(https://plotly.com/javascript/reference): Plotly's own objects check every part of one again on
every run of a page. Its arrays are numpy's until it is `packed` to be sent. The colours are of
Okabe and Ito, "Color Universal Design" (2008): eight that colour-blind eyes tell apart.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.numbers import three

Settings = dict[str, Any]  # a trace, an axis, a layout or a whole figure
Values = Sequence[float] | NDArray[np.generic]

COLOURS = {
    "W0": "#0072B2",  # blue: the frozen or original matrix
    "update": "#D55E00",  # vermillion: B A, the LoRA update
    "result": "#009E73",  # green: h, W_k, the merged matrix
    "lost": "#8C8C8C",  # grey: what truncation drops, the residual, a random peer
    "pivot": "#F0E442",  # yellow: a pivot or a selection
}

# What belongs to the first, second and third axis of a space: e1, e2, e3 and what becomes of them.
AXES = ("#E69F00", "#CC79A7", "#56B4E9")

# Diverging, centred on zero: blue below, orange above, a neutral middle that suits dark and light.
DIVERGING: list[tuple[float, str]] = [(0.0, "#0072B2"), (0.5, "#F7F7F7"), (1.0, "#D55E00")]

MARGIN = {"l": 8, "r": 8, "t": 36, "b": 8}
LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0.0}  # above the plot
CLEAR = "rgba(0,0,0,0)"
ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)


def trace(kind: str, **settings: Any) -> Settings:
    """A trace of that kind: scatter, bar, heatmap…"""
    return {"type": kind, **settings}


def line(
    x: Values | int, y: Values, name: str, colour: str, hover: str, width: float = 2.5, **more: Any
) -> Settings:
    """A line; `hover` says one of its points, beside the line's name.

    Whole numbers along x need not be sent: the first one stands for them.
    """
    look = {"color": colour, "width": width, "dash": more.pop("dash", "solid")}
    along = {"x0": x} if isinstance(x, int) else {"x": x}
    shown = {"mode": "lines", "line": look} | _said(name, hover) | more
    return trace("scatter", y=y, **along, **shown)


def dots(x: Any, y: Any, name: str, marker: Settings, hover: str, **more: Any) -> Settings:
    """Points; `hover` says one of them, beside their name if they have one."""
    shown = {"mode": "markers", "marker": marker} | _said(name, hover)
    return trace("scatter", x=x, y=y, **shown | more)


def bar(x: Any, y: Any, name: str, colour: str, hover: str, **more: Any) -> Settings:
    """Bars of one colour; `hover` says one of them, beside their name."""
    return trace("bar", x=x, y=y, marker={"color": colour}, **_said(name, hover), **more)


def _said(name: str, hover: str) -> Settings:
    return {"name": name, "hovertemplate": f"{hover}<extra>{name}</extra>"}


def rule(axis: str, at: float, colour: str, width: float, dash: str = "dash") -> Settings:
    """A shape: the straight line through the whole plot where `axis`, x or y, is `at`."""
    other = "y" if axis == "x" else "x"
    ends = {f"{axis}0": at, f"{axis}1": at, f"{other}0": 0, f"{other}1": 1}
    refer = {f"{axis}ref": axis, f"{other}ref": f"{other} domain"}
    look = {"color": colour, "width": width, "dash": dash}
    return {"type": "line", "line": look} | ends | refer


def layout(
    height: int, margin: Settings | None = None, legend: Settings | None = None, **more: Any
) -> Settings:
    """The house's height, margins and a legend above the plot, on the page's own ground."""
    house: Settings = {"height": height, "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR}
    house["modebar"] = {"bgcolor": CLEAR, "color": COLOURS["lost"]}
    return house | {"margin": MARGIN | (margin or {}), "legend": LEGEND | (legend or {})} | more


def figure(
    data: Sequence[Settings], height: int, x: Settings, y: Settings, **more: Any
) -> Settings:
    """Traces over two axes."""
    return _still(data, layout(height, xaxis=x, yaxis=y, **more))


Plot = tuple[str, Sequence[Settings], Settings, Settings]  # title, traces, x, y


def side_by_side(plots: Sequence[Plot], height: int, gap: float, **more: Any) -> Settings:
    """Plots in a row, each below its title; `gap` is a share of the whole width."""
    width = (1 - gap * (len(plots) - 1)) / len(plots)
    data, axes, titles = [], {}, []
    for i, (title, traces, x, y) in enumerate(plots):
        left, number = i * (width + gap), str(i + 1) if i else ""
        data += [each | {"xaxis": f"x{number}", "yaxis": f"y{number}"} for each in traces]
        axes[f"xaxis{number}"] = x | {"anchor": f"y{number}", "domain": [left, left + width]}
        axes[f"yaxis{number}"] = y | {"anchor": f"x{number}"}
        centre = {"x": left + width / 2, "xref": "paper", "xanchor": "center"}
        titles.append(note(title, **centre, y=1, yref="paper", yanchor="bottom", font={"size": 16}))
    return _still(data, layout(height, annotations=titles, **axes, **more))


def _still(data: Sequence[Settings], found: Settings) -> Settings:
    """The figure with axes that keep their place: a finger scrolls past them."""
    for name, axis in found.items():
        if name[1:].startswith("axis"):
            if axis.get("type") == "log" and "tickvals" not in axis:
                axis = axis | ticks(_along(data, name))
            still = {"fixedrange": True, "title": {"text": axis.get("title")}}
            # 10⁻⁶, not 1µ: a pure number has no prefix.
            found[name] = {"exponentformat": "power"} | axis | still
    return {"data": list(data), "layout": found | {"dragmode": False}}


def _along(data: Sequence[Settings], name: str) -> NDArray[np.float64]:
    """All that is drawn along the axis of that name in a layout: yaxis2 is y2 to a trace."""
    letter, axis = name[0], name.replace("axis", "")
    lines = [t[letter] for t in data if t.get(f"{letter}axis", letter) == axis and letter in t]
    return np.concatenate([np.ravel(values).astype(float) for values in lines] or [np.ones(1)])


def ticks(values: NDArray[np.float64]) -> Settings:
    """The ticks of a log axis, each with its whole number: Plotly's own say 2 and 5 of which power?

    Powers of ten where there is room for two of them, else round numbers between.

    >>> ticks(np.array([0.004, 3.0]))["ticktext"], ticks(np.array([0.6, 7.0]))["ticktext"]
    (['0.01', '0.1', '1'], ['1', '2', '5'])
    """
    known = values[values > 0]
    if not len(known):
        return {}
    low, high = np.log10(known.min()), np.log10(known.max())
    powers = np.arange(np.floor(low), np.ceil(high) + 1)
    steps = (1,) if high - low >= 2 else (1, 2, 5) if high - low > 0.7 else ROUND
    found = [step * 10.0**power for power in powers for step in steps]
    shown = [x for x in found if low - 0.02 <= np.log10(x) <= high + 0.02]
    return {"tickvals": shown, "ticktext": [three(x) for x in shown]}


def note(words: str, **place: Any) -> Settings:
    """An annotation: words at a point."""
    return {"text": words, "showarrow": False} | place


def packed(drawn: Settings) -> Settings:
    """The figure as it is sent: arrays of numbers as base64, a quarter of their decimals."""
    return drawn | {"data": [{k: _packed(v) for k, v in t.items()} for t in drawn["data"]]}


def _packed(value: Any) -> Any:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        return value
    if value.dtype.itemsize == 8 and value.dtype.kind == "i":
        value = value.astype(np.int32)  # JavaScript has no array of 64 bits
    sent = {"dtype": value.dtype.str[1:], "bdata": b64encode(value.tobytes()).decode()}
    return sent | {"shape": ", ".join(map(str, value.shape))}
