"""Figures and small tables as every page draws them."""

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from lowrank.figures.style import Settings, packed
from lowrank.language import current
from lowrank.language import gettext as _

CONFIG = {
    "displaylogo": False,
    "displayNotifier": False,
    "modeBarButtons": [["toImage"]],
    "scrollZoom": False,
}


class Made(go.Figure):
    """A figure as it stands: `st.plotly_chart` checks every part of a bare dictionary, which takes
    longer than all else that it does; the tests check them in its stead.
    """

    def __init__(self, figure: Settings) -> None:
        self._made = packed(figure)

    def to_dict(self) -> Settings:
        return self._made


def chart(figure: Settings, key: str, alt: str, **more: Any) -> None:
    """A figure, which Plotly's tool bar saves as SVG, and what it shows in words."""
    words = {"dictionary": {"Download plot": _("Save the figure as SVG")}}
    saved: Settings = {
        "toImageButtonOptions": {"format": "svg", "filename": key},
        "locale": current(),
        "locales": {current(): words},
    }
    st.plotly_chart(Made(figure), key=key, alt=alt, config=CONFIG | saved, **more)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> str:
    """A Markdown table whose first `left` columns are words and whose others are numbers.

    >>> print(table(["", "r"], [["q", 8]]))
    |  | r |
    |:--|--:|
    | q | 8 |
    """
    line = "|" + ":--|" * left + "--:|" * (len(head) - left)
    lines = [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", line, *lines])
