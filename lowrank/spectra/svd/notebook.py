"""What a notebook shows of a result: a short table of HTML, nothing loaded."""

from collections.abc import Iterable
from html import escape

from lowrank.spectra.svd.checks import Floats


def html_table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values under a title; names come from files and are escaped.

    >>> html_table("a < b", [("r", "8")])
    '<table><caption>a &lt; b</caption><tr><th>r</th><td>8</td></tr></table>'
    """
    lines = "".join(f"<tr><th>{escape(n)}</th><td>{escape(v)}</td></tr>" for n, v in rows)
    return f"<table><caption>{escape(title)}</caption>{lines}</table>"


def ends(s: Floats, most: int = 6) -> str:
    """The first values of a spectrum, and the last if there are more.

    >>> import numpy as np
    >>> ends(np.array([3.0, 2.0, 1.0, 0.5]), most=2)
    '3, 2, … 0.5'
    """
    first = ", ".join(f"{value:.4g}" for value in s[:most])
    return f"{first}, … {s[-1]:.4g}" if len(s) > most else first
