"""Numbers lie: the rank counted exactly, in floating point and by singular values, step by step."""

from fractions import Fraction
from typing import Any

import streamlit as st

from lowrank.exact.floating import (
    ARITHMETICS,
    PIVOTINGS,
    Parting,
    Run,
    drift,
    eliminate,
    number,
    parting,
)
from lowrank.exact.matrices import Matrix, written
from lowrank.figures.exact import cells_html
from lowrank.figures.tolerance import singular_values_against_tolerance
from lowrank.language import gettext as _
from lowrank.ui import taking
from lowrank.ui.bound import said
from lowrank.ui.drawing import chart
from lowrank.ui.drawing import table as table_of
from lowrank.ui.glossary import explained
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.rank.inputs import BOUND, choice
from lowrank.ui.rank.sentences import counts, lessons, table
from lowrank.ui.rank.view import View
from lowrank.ui.stepper import Frame, walked

USAGE = """from lowrank import exact

A = exact.parse_matrix("{matrix}")
print(exact.rank(A), exact.eliminate(A, "float64", "none").rank)"""


@st.fragment
@errors_shown()
def numbers_lie(A: Matrix) -> None:
    """The rank counted four ways, with a tolerance on the singular values."""
    st.markdown(explained(text("rank", "numbers lie")))
    exponent = st.slider(
        _("Tolerance, as a power of ten of the largest singular value"),
        min_value=-20.0,
        max_value=0.0,
        value=-14.0,
        step=0.5,
        format="%g",
        key="tol",
        **BOUND,
    )
    c = counts(A, tol=10.0**exponent)
    counted, values = st.columns([2, 3], gap="medium")
    counted.markdown(table(c))
    alt = _("{count} singular values on a log axis; {above} lie above the tolerance.")
    with values:
        chart(
            singular_values_against_tolerance(c.s, c.tol),
            key="tolerance_chart",
            alt=alt.format(count=len(c.s), above=c.svd),
        )
    with st.container(key="lessons"):
        st.html("<style>.st-key-lessons { min-height: 6rem; }</style>")
        for sentence in lessons(c):
            st.markdown(sentence)
    values = c.s.tolist()
    taking.take_home(
        taking.table(
            _("Spectrum"),
            "spectrum",
            lambda: [{"k": k, "singular value": value} for k, value in enumerate(values, 1)],
        )
    )


@st.fragment
@errors_shown()
def side_by_side(A: Matrix | None) -> None:
    """The same elimination in exact, float64 and a lower precision, and where they part."""
    if not A:
        return
    st.subheader(_("Side by side, step by step"), anchor=False)
    st.markdown(text("numbers", "side by side"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pivoting = choice(
            _("Pivoting"), PIVOTINGS, "none", "pivoting",
            context="pivoting", help=text("numbers", "help pivoting"),
        )  # fmt: skip
        low = choice(_("Beside float64"), ARITHMETICS[2:], "float32", "low")
        power = st.slider(
            _("Mark a relative error above ten to the power"),
            -16.0,
            0.0,
            -2.0,
            0.5,
            format="%g",
            key="drift",
            **BOUND,
            width=330,
        )
    runs = [eliminate(A, arithmetic, pivoting) for arithmetic in ("exact", "float64", low)]
    parted = [None, *(parting(runs[0], other) for other in runs[1:])]
    drifted = [None, *(drift(runs[0], other, 10.0**power) for other in runs[1:])]
    st.markdown(summary(runs, parted, drifted, 10.0**power))
    for each, where in zip(runs, parted, strict=True):
        if where:
            told = _("**{name} parts at step {step}.** {why}")
            st.markdown(told.format(name=said(each.arithmetic), step=where.step, why=where.why))
    total = max(len(each.operations) for each in runs)
    walked("fstep", (A, pivoting, low), lambda: frames(runs, parted, total), total)
    st.markdown(text("numbers", "explanation"))


def summary(
    runs: list[Run],
    parted: list[Parting | None],
    drifted: list[tuple[int, float] | None],
    tol: float,
) -> str:
    """Rank, growth factor, and the steps of the parting and of the drift, as a Markdown table."""
    nowhere, at, drift_at = _("nowhere"), _("step {step}"), _("step {step}: {error}")
    lines = {
        "": [said(each.arithmetic) for each in runs],
        _("rank"): [_("overflow") if each.rank is None else f"**{each.rank}**" for each in runs],
        _("growth factor"): [number(each.growth, 3) for each in runs],
        _("parts from exact"): [
            "–",
            *(at.format(step=p.step) if p else nowhere for p in parted[1:]),
        ],
        _("relative error above {tolerance}").format(tolerance=number(tol)): [
            "–",
            *(
                drift_at.format(step=d[0], error=number(d[1])) if d else nowhere
                for d in drifted[1:]
            ),
        ],
    }
    head, *rows = ([name, *cells] for name, cells in lines.items())
    return table_of(head, rows, left=4)


def frames(runs: list[Run], parted: list[Parting | None], total: int) -> list[Frame]:
    """All runs side by side, at every step."""
    size = letters([each.matrices[k] for each in runs for k in (0, -1)])
    found = []
    for at in range(total + 1):
        lanes = (lane(each, runs[0], p, at, size) for each, p in zip(runs, parted, strict=True))
        inside = "".join(f"<div>{each}</div>" for each in lanes)
        found.append(Frame("", f'<div class="walk-lanes">{inside}</div>'))
    return found


def letters(matrices: list[Any]) -> float:
    """The size in rem at which each of these, drawn in a third of the page, shows all columns.

    >>> letters([[[Fraction(1), Fraction(2)]]]), letters([[[1 / 3] * 12]])
    (1.1, 0.62)
    """
    widest = max(sum(map(_width, zip(*rows, strict=True))) for rows in matrices)
    return round(min(max(14 / (widest + 4), 0.62), 1.1), 2)


def _width(column: tuple[Any, ...]) -> float:
    """About how wide a column is drawn, in letters' heights."""
    return max(1.9, 0.9 + 0.55 * max(len(_short(x)) for x in column))


def lane(each: Run, reference: Run, where: Parting | None, at: int, size: float) -> str:
    """One arithmetic at one step, as HTML; entries that are 0 in one run only are outlined."""
    step, own = min(at, len(each.operations)), each.matrices
    exactly = reference.matrices[min(at, len(reference.operations))]
    made = each.operations[step - 1] if step else None
    apart = where is not None and at >= where.step
    marked = [
        (i, j)
        for i, row in enumerate(own[step])
        for j, x in enumerate(row)
        if apart and (x == 0) != (exactly[i][j] == 0)
    ]
    told = str(made) if made else _("as entered")
    if at > step:
        told = _("overflowed") if each.overflowed else _("finished")
    rows = {"add": 1, "rows": 2, "columns": 0}[made.kind] if made and at <= step else 0
    changed = made.lines[:rows] if made else ()
    name, state = said(each.arithmetic), _("parted") if apart else ""
    cells = [[_short(x) for x in row] for row in own[step]]
    full = [[written(x) if isinstance(x, Fraction) else str(x) for x in row] for row in own[step]]
    picture = cells_html(
        cells,
        _("{name} after step {step}").format(name=name, step=step),
        [made.pivot] if made else (),
        changed,
        marked,
        full,
        size,
    )
    return (
        f'<div><b>{name}</b> <span style="color:#D55E00;font-weight:700">{state}</span>'
        f'<div style="min-height:1.6em;white-space:nowrap;overflow-x:auto">{told}</div></div>'
        f"{picture}"
    )


def _short(x: Any) -> str:
    """An entry in a narrow column: fractions as they are, floats in three digits as code has them.

    >>> _short(-2.22045e-16), _short(0.3333)
    ('−2.22e−16', '0.333')
    """
    return number(x) if isinstance(x, Fraction) else f"{float(x):.3g}".replace("-", "−")


VIEW = View(beside=numbers_lie, below=side_by_side, code=(eliminate, parting), usage=USAGE)
