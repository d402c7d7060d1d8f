"""An exact matrix as HTML: brackets, stacked fractions, yellow pivots, the changed row shaded.

It takes its ink from the page (currentColor), so that it suits dark and light, and scrolls
inside itself when it is wider than its place. Rows have one height whatever they hold.
"""

import re
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from html import escape
from typing import Literal

from lowrank.exact.matrices import Matrix, written
from lowrank.figures.style import COLOURS
from lowrank.language import gettext as _
from lowrank.language import joined

STYLE = f"""<style>
.lr-matrix {{ overflow-x: auto; overflow-y: hidden; animation: lr-edges linear both;
  animation-timeline: scroll(self inline); }}
@keyframes lr-edges {{ /* a shadow where more is hidden; none where all is seen */
  from {{ box-shadow: inset -1em 0 0.7em -0.7em currentColor, inset 0 0 currentColor; }}
  to {{ box-shadow: inset 0 0 currentColor, inset 1em 0 0.7em -0.7em currentColor; }} }}
.lr-matrix .lr-body {{ position: relative; display: inline-block; padding: 0.2em 0.6em 0.2em 0; }}
.lr-matrix .lr-body::before, .lr-matrix .lr-body::after {{
  content: ""; position: absolute; top: 0; bottom: 0; width: 0.4em;
  border: 0.11em solid currentColor; }}
.lr-matrix .lr-body::before {{ left: 2.1em; border-right: 0; }}
.lr-matrix .lr-body::after {{ right: 0; border-left: 0; }}
.lr-matrix table {{ border-collapse: separate; border-spacing: 0; margin: 0; }}
.lr-matrix td, .lr-matrix th {{ border: 0; padding: 0 0.45em; height: 2.5em; min-width: 1.9em;
  text-align: center; white-space: nowrap; font-variant-numeric: tabular-nums; }}
.lr-matrix th {{ padding: 0; width: 2.6em; min-width: 2.6em; text-align: left;
  font-weight: 400; font-size: 0.8em; opacity: 0.7; }}
.lr-matrix .lr-changed td {{ background: color-mix(in srgb, currentColor 11%, transparent); }}
.lr-matrix .lr-changed th {{ font-weight: 700; opacity: 1; }}
.lr-matrix .lr-cell {{ display: inline-block; }}
.lr-matrix .lr-pivot .lr-cell {{ background: {COLOURS["pivot"]}; color: #111; font-weight: 700;
  border-radius: 0.25em; padding: 0 0.4em; outline: 0.06em solid #8C8C8C; }}
.lr-matrix .lr-now {{ outline: 0.14em solid currentColor; outline-offset: -0.32em;
  border-radius: 0.5em; }}
.lr-matrix .lr-parted .lr-cell {{ outline: 0.14em dashed {COLOURS["update"]};
  outline-offset: 0.1em; border-radius: 0.2em; font-weight: 700; }}
.lr-matrix td.lr-barred {{ border-left: 0.08em solid currentColor; }}
.lr-matrix .lr-zero .lr-cell {{ opacity: 0.7; }}
.lr-fraction {{ display: inline-flex; flex-direction: column; vertical-align: middle;
  line-height: 1.1; font-size: 0.82em; }}
.lr-fraction > span + span {{ border-top: 0.08em solid currentColor; }}
.lr-fraction > span {{ padding: 0.05em 0.15em; }}
.lr-step {{ min-height: 6.6em; padding-left: 0.8em; border-left: 0.25em solid transparent; }}
.lr-step.lr-hint {{ border-color: {COLOURS["pivot"]}; }}
.lr-step.lr-done {{ border-color: {COLOURS["result"]}; }}
.lr-step.lr-problem {{ border-color: {COLOURS["update"]}; }}
.lr-history {{ height: 15em; overflow-y: auto; display: flex; flex-direction: column-reverse;
  border: 0.06em solid
  color-mix(in srgb, currentColor 25%, transparent); border-radius: 0.5em; padding: 0.4em 0.8em; }}
.lr-history > :first-child {{ margin-bottom: auto; }}
.lr-history ol {{ margin: 0; padding-left: 2.2em; }}
.lr-history li {{ padding: 0.15em 0; }}
.lr-history .lr-undone {{ opacity: 0.7; }}
.lr-history b {{ white-space: nowrap; }}
.lr-history .lr-here {{ background: color-mix(in srgb, currentColor 11%, transparent); }}
.lr-step .lr-count {{ opacity: 0.75; }}
.lr-step .lr-op {{ font-size: 1.7rem; font-weight: 600; line-height: 1.5; height: 1.5em;
  overflow-x: auto; overflow-y: hidden; white-space: nowrap; }}
</style>"""


Tone = Literal["", "hint", "done", "problem"]


def step_html(count: str, operation: str, why: str, tone: Tone = "") -> str:
    """Where we are, the operation in large letters and its reason, in a place of fixed height.

    A `tone` other than "" is marked at the edge: yellow, green or vermillion.
    """
    marked = f" lr-{tone}" if tone else ""
    return (
        f'{STYLE}<div class="lr-step{marked}">'
        f'<div class="lr-count">{escape(count)}</div>'
        f'<div class="lr-op">{escape(operation)}</div><div>{escape(why)}</div></div>'
    )


def paragraphs_html(sentences: Sequence[str]) -> str:
    """Sentences as paragraphs; their **bold** parts are bold, and all else is text.

    >>> paragraphs_html(["**Rank 2** < 3.", ""])
    '<p><b>Rank 2</b> &lt; 3.</p>'
    """
    bold = (re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(each)) for each in sentences if each)
    return "".join(f"<p>{each}</p>" for each in bold)


def history_html(moves: Sequence[tuple[str, str]], position: int) -> str:
    """The operations of a derivation with their reasons, for a box of the class lr-history; the
    last done is marked, those after it, which are undone, faint.

    >>> history_html([("R1 ↔ R2", "Rows 1 and 2 change places.")], 1).count("<li")
    1
    """
    items = "".join(
        f'<li class="{"lr-here" if k == position else "lr-undone" if k > position else ""}">'
        f"<b>{escape(operation)}</b> {escape(reason)}</li>"
        for k, (operation, reason) in enumerate(moves, start=1)
    )
    none = escape(_("No moves yet."))
    return f"<ol>{items}</ol>" if items else f"<p>{none}</p>"


def matrix_html(
    A: Matrix,
    title: str,
    pivots: Collection[tuple[int, int]] = (),
    current: tuple[int, int] | None = None,
    changed: Collection[int] = (),
    size: float | None = None,
    bar: int | None = None,
) -> str:
    """The matrix A, (m, n), drawn: `pivots` yellow, the `current` one outlined, rows marked.

    `size` is that of the letters in rem; without it they are as large as a small matrix allows.
    Before column `bar`, if given, stands a line, as in [A | b].

    >>> page = matrix_html(((Fraction(1), Fraction(-3, 2)),), "A", pivots=[(0, 0)])
    >>> 'aria-label="A, 1 × 2. Row 1: 1 (pivot), −3/2."' in page
    True
    """
    return cells_html(
        [[written(x) for x in row] for row in A],
        title,
        pivots,
        changed,
        size=size or font_size(A),
        current=current,
        bar=bar,
        drawn=_stacked,
    )


def cells_html(
    rows: Sequence[Sequence[str]],
    title: str,
    pivots: Collection[tuple[int, int]] = (),
    changed: Collection[int] = (),
    marked: Collection[tuple[int, int]] = (),
    hover: Sequence[Sequence[str]] | None = None,
    size: float = 0.0,
    current: tuple[int, int] | None = None,
    bar: int | None = None,
    drawn: Callable[[str], str] = escape,
) -> str:
    """Texts drawn as a matrix (m, n): floats, residues, letters; `marked` cells are outlined.

    `hover` are the full values behind shortened ones; `size` is the letters' in rem, chosen by
    the longest row where it is 0; `drawn` makes HTML of a text. The rest is as in `matrix_html`.

    >>> 'aria-label="A, 1 × 2. Row 1: a, 1 (pivot)."' in cells_html([["a", "1"]], "A", [(0, 1)])
    True
    """
    longest = max(sum(len(x) + 2 for x in row) for row in rows)
    size = size or (1.5 if longest < 24 else 1.2 if longest < 44 else 0.95)
    body, aloud = "", [_("{title}, {rows} × {columns}.")]
    aloud[0] = aloud[0].format(title=title, rows=len(rows), columns=len(rows[0]))
    for i, row in enumerate(rows):
        cells, said = "", []
        for j, x in enumerate(row):
            pivot, parted = (i, j) in pivots, (i, j) in marked
            said.append(_aloud(x, pivot, parted))
            names = ["lr-pivot"] * pivot + ["lr-now"] * ((i, j) == current)
            names += ["lr-parted"] * parted + ["lr-zero"] * (x == "0") + ["lr-barred"] * (j == bar)
            full = f' title="{escape(hover[i][j], quote=True)}"' if hover else ""
            inside = f'<span class="lr-cell"{full}>{drawn(x)}</span>'
            cells += (
                f'<td class="{" ".join(names)}">{inside}</td>' if names else f"<td>{inside}</td>"
            )
        body += f'<tr class="{"lr-changed" * (i in changed)}"><th>R{i + 1}</th>{cells}</tr>'
        row = (
            _("Row {row}, just changed: {entries}.") if i in changed else _("Row {row}: {entries}.")
        )
        aloud.append(row.format(row=i + 1, entries=joined(said, _("{first}, {last}"))))
    return (
        f'{STYLE}<div class="lr-matrix" tabindex="0" role="img" '
        f'aria-label="{escape(" ".join(aloud), quote=True)}" style="font-size: {size}rem">'
        f'<div class="lr-body"><table role="presentation">{body}</table></div></div>'
    )


def _aloud(x: str, pivot: bool, parted: bool) -> str:
    """An entry as it is read out."""
    if pivot and parted:
        return _("{entry} (pivot) (parted)").format(entry=x)
    if pivot:
        return _("{entry} (pivot)").format(entry=x)
    return _("{entry} (parted)").format(entry=x) if parted else x


def vector(x: Collection[Fraction]) -> str:
    """A vector on one line.

    >>> vector([Fraction(1), Fraction(-1, 2)])
    '(1, −1/2)'
    """
    return f"({', '.join(written(entry) for entry in x)})"


def _stacked(x: str) -> str:
    """A fraction with its parts over one another, each of a sum; anything else as it is."""
    if " " in x:
        return " ".join(map(_stacked, x.split(" ")))
    over, _slash, under = x.removeprefix("−").partition("/")
    if not under:
        return x
    parts = f"<span>{over}</span><span>{under}</span>"
    return f'{"−" * x.startswith("−")}<span class="lr-fraction">{parts}</span>'


def font_size(A: Matrix) -> float:
    """In rem: large enough for the back row when the matrix is small."""
    side = max(len(A), len(A[0]))
    sizes = {4: 1.7, 6: 1.5, 8: 1.1, 10: 0.95}
    return next((size for most, size in sizes.items() if side <= most), 0.8)
