"""The four fundamental subspaces in two rectangles, R^n and R^m, to the scale of dimensions.

After Strang, "The Fundamental Theorem of Linear Algebra" (1993): A takes the row space one to one
onto the column space and the null space to 0.
"""

from html import escape

from lowrank.exact.subspaces import FourSubspaces, Subspace
from lowrank.figures.exact import vector
from lowrank.figures.style import COLOURS
from lowrank.language import gettext as _

STYLE = f"""<style>
.lr-four {{ display: flex; gap: 1rem; align-items: flex-end; flex-wrap: wrap; }}
.lr-four .lr-space {{ flex: 1 1 13rem; min-width: 0; }}
.lr-four .lr-box {{ border: 0.12em solid currentColor; border-radius: 0.5em; overflow: hidden;
  display: flex; flex-direction: column; }}
.lr-four .lr-part {{ padding: 0.2em 0.7em; min-height: 3.6em; box-sizing: border-box;
  overflow-y: auto; }}
.lr-four .lr-part + .lr-part {{ border-top: 0.12em solid currentColor; }}
.lr-four .lr-zero-space {{ flex: none; opacity: 0.65; }}
.lr-four .lr-basis span {{ white-space: nowrap; font-variant-numeric: tabular-nums;
  margin-right: 0.5em; }}
.lr-four .lr-row, .lr-four .lr-col {{
  background: color-mix(in srgb, {COLOURS["W0"]} 22%, transparent); }}
.lr-four .lr-null {{ background: color-mix(in srgb, {COLOURS["lost"]} 22%, transparent); }}
.lr-four .lr-where {{ font-size: 1.25em; font-weight: 600; }}
.lr-four .lr-sum {{ opacity: 0.8; padding-top: 0.3em; }}
</style>"""


def four_spaces_html(spaces: FourSubspaces) -> str:
    """Two boxes, R^n and R^m, each split by dimension, with a basis in each part.

    >>> from lowrank.exact.subspaces import fundamental
    >>> page = four_spaces_html(fundamental([[1, 2], [2, 4], [3, 6]]))
    >>> "Row A in R<sup>2</sup>" in page, "Col A in R<sup>3</sup>" in page
    (True, True)
    """
    unit = 4.4 if max(spaces.row.ambient, spaces.column.ambient) <= 6 else 3.2  # em a dimension
    left = _box("n", spaces.row, spaces.null, "lr-row", unit)
    right = _box("m", spaces.column, spaces.left_null, "lr-col", unit)
    return f'{STYLE}<div class="lr-four">{left}{right}</div>'


def _box(side: str, upper: Subspace, lower: Subspace, colour: str, unit: float) -> str:
    """One space: its two orthogonal parts, high as their dimensions."""
    R = f"R<sup>{upper.ambient}</sup>"
    total = f"{upper.dimension} + {lower.dimension} = {upper.ambient} = {side}"
    said = escape(_("dimensions {sum}").format(sum=total))
    return (
        f'<div class="lr-space"><div class="lr-where">{R}</div><div class="lr-box">'
        f"{_part(upper, colour, unit)}{_part(lower, 'lr-null', unit)}</div>"
        f'<div class="lr-sum">{said}</div></div>'
    )


def _part(space: Subspace, colour: str, unit: float) -> str:
    height = f"{unit * space.dimension:.1f}em"
    thin = "" if space.dimension else " lr-zero-space"
    basis = " ".join(f"<span>{escape(vector(v))}</span>" for v in space.basis)
    name = escape(space.name).replace("^T", "<sup>T</sup>")
    what = escape(_("basis {vectors}") if basis else _("only the zero vector"))
    where = escape(_("{bold}{name} in {space}{end}, dimension {dimension}")).format(
        bold="<b>",
        name=name,
        space=f"R<sup>{space.ambient}</sup>",
        end="</b>",
        dimension=space.dimension,
    )
    return (
        f'<div class="lr-part {colour}{thin}" style="height: {height}" tabindex="0">'
        f'{where}<div class="lr-basis">{what.format(vectors=basis)}</div></div>'
    )
