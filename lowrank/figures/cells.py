"""A matrix of ready-made texts as HTML, in the look of the exact one: floats, residues, letters."""

from collections.abc import Collection, Sequence
from html import escape

from lowrank.figures.exact import STYLE

MARKED = """<style>
.lr-matrix .lr-parted .lr-cell { outline: 0.14em dashed #D55E00; outline-offset: 0.1em;
  border-radius: 0.2em; font-weight: 700; }
</style>"""


def cells_html(
    rows: Sequence[Sequence[str]],
    title: str,
    pivots: Collection[tuple[int, int]] = (),
    changed: Collection[int] = (),
    marked: Collection[tuple[int, int]] = (),
    hover: Sequence[Sequence[str]] | None = None,
    size: float = 0.0,
) -> str:
    """The texts drawn as a matrix (m, n): pivots yellow, `marked` cells outlined, rows shaded.

    `hover` are the full values behind shortened ones; `size` is the letters' in rem, chosen by
    the number of columns and the longest text where it is 0.

    >>> 'aria-label="A, 1 × 2. Row 1: a, 1 (pivot)."' in cells_html([["a", "1"]], "A", [(0, 1)])
    True
    """
    longest = max(sum(len(x) + 2 for x in row) for row in rows)
    size = size or (1.5 if longest < 24 else 1.2 if longest < 44 else 0.95)
    body = ""
    for i, row in enumerate(rows):
        body += f'<tr class="{"lr-changed" if i in changed else ""}"><th>R{i + 1}</th>'
        for j, x in enumerate(row):
            names = ["lr-pivot"] * ((i, j) in pivots) + ["lr-parted"] * ((i, j) in marked)
            names += ["lr-zero"] * (x == "0")
            full = f' title="{escape(hover[i][j], quote=True)}"' if hover else ""
            cell = f'<span class="lr-cell"{full}>{escape(x)}</span>'
            body += f'<td class="{" ".join(names)}">{cell}</td>'
        body += "</tr>"
    label = escape(_in_words(rows, title, pivots, changed, marked), quote=True)
    return (
        f'{STYLE}{MARKED}<div class="lr-matrix" tabindex="0" role="img" aria-label="{label}" '
        f'style="font-size: {size}rem">'
        f'<div class="lr-body"><table role="presentation">{body}</table></div></div>'
    )


def _in_words(
    rows: Sequence[Sequence[str]],
    title: str,
    pivots: Collection[tuple[int, int]],
    changed: Collection[int],
    marked: Collection[tuple[int, int]],
) -> str:
    """What a screen reader says in place of the drawing."""
    sentences = [f"{title}, {len(rows)} × {len(rows[0])}."]
    for i, row in enumerate(rows):
        notes = [
            x + " (pivot)" * ((i, j) in pivots) + " (parted)" * ((i, j) in marked)
            for j, x in enumerate(row)
        ]
        just = ", just changed" if i in changed else ""
        sentences.append(f"Row {i + 1}{just}: {', '.join(notes)}.")
    return " ".join(sentences)
