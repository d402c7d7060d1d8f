"""Figures and small tables as every page draws them."""

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from lowrank.figures.style import Settings, packed

CONFIG = {"displayModeBar": False, "scrollZoom": False}


class Made(go.Figure):
    """A figure as it stands: `st.plotly_chart` checks every part of a bare dictionary, which takes
    longer than all else that it does; the tests check them in its stead.
    """

    def __init__(self, figure: Settings) -> None:
        self._made = packed(figure)

    def to_dict(self) -> Settings:
        return self._made


def chart(figure: Settings, key: str, alt: str, **more: Any) -> None:
    """A figure without Plotly's tool bar, and what it shows in words."""
    st.plotly_chart(Made(figure), key=key, alt=alt, config=CONFIG, **more)


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
