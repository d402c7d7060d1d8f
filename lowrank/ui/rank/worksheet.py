"""Worksheet: problems for a class and their key, to print or to download."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from lowrank.exact.elimination import leading_columns
from lowrank.exact.subspaces import listed
from lowrank.figures.exact import matrix_html
from lowrank.language import current, gettext_noop, speaking
from lowrank.language import gettext as _
from lowrank.teaching.counting import Counting, formats_of, make_counting
from lowrank.teaching.problems import LEVELS, MOST_ROWS, make_problem
from lowrank.teaching.typesetting import lacking
from lowrank.teaching.worksheet import MOST_PROBLEMS, Worksheet, answer, make_worksheet
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.outside import as_text
from lowrank.ui.rank.inputs import BOUND, choice
from lowrank.ui.rank.link import style, styles, unseen
from lowrank.ui.rank.view import View

LABELS = {"html": "HTML", "latex": "LaTeX", "markdown": "Markdown", "pdf": "PDF"}
REDUCTION = gettext_noop("Row reduction")
ABOUT = {
    gettext_noop("Storing low rank"): "low-rank",
    "LoRA": "lora",
    gettext_noop("Memory"): "memory",
}
LAST_SEED = 999_999
FEW = 8  # steps of the first problem written out beside it
USAGE = """from lowrank import teaching

sheet = teaching.make_worksheet(seed=7, m=3, n=4, rank=2, count=10, difficulty="medium")
open("worksheet.html", "w", encoding="utf-8").write(teaching.FORMATS["html"].write(sheet))"""


@st.fragment
@errors_shown()
def worksheet_view() -> None:
    """The choices, all in the link; the first problem with its answer; the files."""
    st.markdown(text("worksheet", "intro"))
    about = choice(_("About"), [REDUCTION, *ABOUT], REDUCTION, "w_about")
    choices, preview = st.columns([2, 3], gap="large")
    with choices:
        sheet = _chosen(about)
    with preview, st.container(key="first_problem"):
        st.html("<style>.st-key-first_problem { min-height: 24rem; }</style>")
        st.markdown(text("worksheet", "first problem"))
        if isinstance(sheet, Counting):
            _first_exercise(sheet)
        else:
            _first_problem(sheet)
    _files(sheet)
    st.caption(_("The same from the command line:"))
    st.code(sheet.command, language="shell", wrap_lines=True)


def _files(sheet: Worksheet | Counting) -> None:
    """A button for each file that can be made here."""
    st.markdown(text("worksheet", "files"))
    with st.container(horizontal=True):
        for name, form in formats_of(sheet).items():
            if name == "pdf" and lacking():
                continue
            st.download_button(
                LABELS[name],
                partial(_written, current(), form.encoded, sheet),
                file_name=sheet.name + form.suffix,
                mime=form.mime,
                key=f"w_{name}",
                icon=":material/download:",
                on_click="ignore",
                type="primary" if name == "html" else "secondary",
            )
    if lack := lacking():
        st.caption(str(lack))


def _written(
    language: str,
    encoded: Callable[[Worksheet | Counting], bytes],
    sheet: Worksheet | Counting,
) -> bytes:
    """A file, written only when it is asked for, outside of any page."""
    with speaking(language):
        return encoded(sheet)


def _chosen(about: str) -> Worksheet | Counting:
    """The worksheet that the widgets describe."""
    reduction = about == REDUCTION
    with st.container() if reduction else unseen("w_matrices"):
        m, n, rank, mixed, difficulty = _matrices()
    with st.container(horizontal=True):
        count = _number(_("Problems"), "w_count", MOST_PROBLEMS, 10)
        seed = _number(_("Seed"), "w_seed", LAST_SEED, 1)
    with st.container() if reduction else unseen("w_steps"):
        reduced = _toggle(_("Down to reduced echelon form"), "w_reduced")
        solve = _toggle(_("Also solve A x = 0"), "w_solve")
    key = _toggle(_("With its key"), "w_key", True)
    with st.container() if reduction else unseen("w_styles"):
        styles()
    if not reduction:
        return make_counting(ABOUT[about], seed, count, key)
    return make_worksheet(seed, m, n, rank, count, difficulty, reduced, solve, style(), mixed, key)


def _matrices() -> tuple[int, int, int, bool, str]:
    """Shape, rank, whether ranks are mixed, and how hard; what cannot be is lowered and said."""
    with st.container(horizontal=True):
        m = _number(_("Rows"), "w_m", MOST_ROWS, 3)
        n = _number(_("Columns"), "w_n", MOST_ROWS, 4)
        asked = _number(_("Rank"), "w_rank", MOST_ROWS, 2)
    rank = min(asked, m, n)
    if rank < asked:
        most = _("A {m} × {n} matrix has at most rank {rank}: that is taken.")
        st.caption(most.format(m=m, n=n, rank=rank))
    mixed = _toggle(_("Mixed ranks, from 1 to this one"), "w_mixed") if rank > 1 else False
    difficulty = choice(_("Difficulty"), list(LEVELS), "medium", "w_level")
    st.caption(text("worksheet", difficulty))
    return m, n, rank, mixed, difficulty


def _number(label: str, key: str, most: int, value: int) -> int:
    return int(st.number_input(label, 1, most, value, key=key, width=130, **BOUND))


def _toggle(label: str, key: str, on: bool = False) -> bool:
    return st.toggle(label, on, key=key, **BOUND)


def _first_exercise(sheet: Counting) -> None:
    """The first exercise in words, each question with its answer."""
    first = sheet.exercises[0]
    pairs = zip(first.asked, first.answers, strict=True)
    lines = [f"- {as_text(asked)} **{as_text(said)}**" for asked, said in pairs]
    st.markdown("\n".join([as_text(first.given), "", *lines]))


def _first_problem(sheet: Worksheet) -> None:
    problem = sheet.problem(0)
    found = answer(problem, sheet.reduced, sheet.style)
    st.html(matrix_html(problem.matrix, _("Problem {k}").format(k=1)))
    said = _("**Rank {rank}.** {rows}")
    st.markdown(said.format(rank=found.rank, rows=listed(found.dependent)))
    st.markdown(_in_short([str(step.op) for step in found.path]))
    pivots = set(enumerate(leading_columns(found.form)))
    form = _("Its reduced echelon form") if sheet.reduced else _("Its echelon form")
    st.html(matrix_html(found.form, form, pivots))


def _in_short(operations: list[str]) -> str:
    """The steps of the key, the first few of a long path."""
    if not operations:
        return _("It is in echelon form as it stands.")
    steps = ", ".join(op.replace(" ", "\N{NO-BREAK SPACE}") for op in operations[:FEW])
    if len(operations) > FEW:
        more = _("Steps: {steps} and {count} more.")
        return more.format(steps=steps, count=len(operations) - FEW)
    return _("Steps: {steps}.").format(steps=steps)


VIEW = View(below=lambda _matrix: worksheet_view(), draws=styles, code=(make_problem,), usage=USAGE)
