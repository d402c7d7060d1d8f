"""Figures and small tables as every page draws them."""

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st


def chart(figure: go.Figure, key: str, alt: str, **more: Any) -> None:
    """A figure without Plotly's tool bar, and what it shows in words."""
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False}, **more)


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
