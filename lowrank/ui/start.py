"""The first page: three doors, the story's chapters with all pages, and where the visitor was."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st

from lowrank.exact.elimination import echelon, pivots, rank
from lowrank.exact.matrices import exact
from lowrank.figures.exact import matrix_html
from lowrank.figures.matrix import Outline, outlines
from lowrank.figures.pictures import shown, tartan
from lowrank.figures.style import COLOURS
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.llama.config import SMOLLM2_135M
from lowrank.spectra.completion import als, finish
from lowrank.spectra.svd import parameters
from lowrank.ui.layout import PAGES, text

A = exact([[1, 2, 1], [2, -1, 3], [0, 5, -1]])
m, n = SMOLLM2_135M.projection_shape("down_proj")
k, r = 64, 8
ACROSS = 3  # chapters in a row
PAIR = """<style>
.lr-pair { display: flex; align-items: center; justify-content: center; gap: 0.4em; }
.lr-pair .lr-matrix { font-size: 0.85rem !important; }
.lr-pair th { display: none; }
.lr-pair td { padding: 0 0.15em; min-width: 1.6em; }
.lr-pair .lr-body { padding: 0.2em 0.4em; }
.lr-pair .lr-body::before { left: 0; }
</style>"""


class Way(NamedTuple):
    """A page on the path behind a door, set up by its link."""

    page: str
    words: str
    link: Mapping[str, str] = {}


DOORS = {
    gettext_noop("I reduce matrices"): (
        Way("rank", gettext_noop("Reduce a matrix, a step at a time"), {"how": "Watch"}),
        Way("rank", gettext_noop("What one elimination gives"), {"view": "What it gives"}),
        Way("rank", gettext_noop("Practise, with answers"), {"view": "Quiz"}),
        Way("redundancy", gettext_noop("Recover what is missing")),
        Way("thread", gettext_noop("Follow one matrix to a language model")),
    ),
    gettext_noop("I want to understand LoRA"): (
        Way("thread", gettext_noop("The whole idea on one page")),
        Way("lora", gettext_noop("W₀ x and s·B A x, side by side")),
        Way("lab", gettext_noop("Train B and A on a real model")),
        Way("memory", gettext_noop("Count what is saved"), {"count": "Training"}),
        Way("article", gettext_noop("Check the numbers of an article")),
    ),
    gettext_noop("I teach"): (
        Way("thread", gettext_noop("A class's walk from pivots to LoRA")),
        Way("rank", gettext_noop("Worksheets with their key"), {"view": "Worksheet"}),
        Way("rank", gettext_noop("Questions for a class"), {"view": "Quiz"}),
        Way("article", gettext_noop("Claims to be checked")),
    ),
}


def rank_example() -> None:
    """A small matrix and its echelon form."""
    before = matrix_html(A, _("A matrix"))
    after = matrix_html(echelon(A), _("Its echelon form"), pivots=set(enumerate(pivots(A))))
    st.html(f'<div class="lr-pair">{before}<div>→</div>{after}</div>{PAIR}')
    st.caption(_("Two non-zero rows are left of three: rank {rank}.").format(rank=rank(A)))


def redundancy_example() -> None:
    """A drawn picture as it is, with most of its entries hidden, and recovered from the rest."""
    X = tartan(60, 80)
    seen = np.random.default_rng(0).random(X.shape) < 0.5
    found = finish(als(X, seen, rank=6, held_out=~seen))
    for place, values, hidden in zip(st.columns(2), (X, found.matrix), (~seen, None), strict=True):
        alt = _("A plaid with holes") if hidden is not None else _("The same, recovered")
        place.html(shown(values, (0.0, 1.0), alt, hidden))
    told = _("Half of the entries, yellow, recovered from the rest: {error:.2%} off.")
    st.caption(told.format(error=found.held_out_error))


def truncation_example() -> None:
    """The shapes of a real matrix and of its rank-k factors, to scale."""
    factors = [
        Outline("W", m, n, COLOURS["W0"]),
        Outline("≈"),
        Outline("Uₖ Sₖ", m, k, COLOURS["result"]),
        Outline("Vₖᵀ", k, n, COLOURS["result"]),
    ]
    st.html(outlines(factors, size=110))
    told = _("{stored:,} numbers in place of {whole:,}, to scale.")
    st.caption(told.format(stored=parameters(m, n, k), whole=m * n))


def lora_example() -> None:
    """The shapes of a frozen matrix and of its LoRA pair, to scale."""
    parts = [
        Outline(_("W₀, frozen"), m, n, COLOURS["W0"]),
        Outline("+"),
        Outline("B", m, r, COLOURS["update"]),
        Outline("A", r, n, COLOURS["update"]),
    ]
    st.html(outlines(parts, size=110))
    told = _("{trained:,} numbers are trained, {frozen:,} are not, to scale.")
    st.caption(told.format(trained=parameters(m, n, r), frozen=m * n))


EXAMPLES: dict[str, Callable[[], None]] = {
    "redundancy": redundancy_example,
    "truncation": truncation_example,
    "lora": lora_example,
}


def doors(folder: Path) -> None:
    """A short path of links for each kind of visitor."""
    for place, (door, ways) in zip(st.columns(len(DOORS), border=True), DOORS.items(), strict=True):
        with place:
            st.markdown(f"**{_(door)}**")
            for way in ways:
                st.page_link(
                    folder / f"{way.page}.py",
                    label=_(way.words),
                    icon=":material/arrow_forward:",
                    query_params=dict(way.link),
                )


def chapters(folder: Path) -> None:
    """Every page in the order of the story."""
    story = [each for each in PAGES if each[0] != "start"]
    for first in range(0, len(story), ACROSS):
        places = st.columns(ACROSS, border=True)
        for at, (page, title, _icon) in enumerate(story[first : first + ACROSS]):
            with places[at]:
                chapter(folder, page, f"{first + at + 1} · {_(title)}", _(title))


def chapter(folder: Path, page: str, heading: str, title: str) -> None:
    """One page: its place in the story, whether it was visited, what it is for, and the way in."""
    visited = st.session_state.get("visited", [])
    st.subheader(heading, anchor=False)
    if visited and page == visited[-1]:
        st.badge(_("You were here last"), icon=":material/place:", color="blue")
    elif page in visited:
        st.badge(_("Visited"), icon=":material/check:", color="green")
    st.markdown(text("start", page))
    if page in EXAMPLES:
        EXAMPLES[page]()
    label = _("Open {page}").format(page=title)
    st.page_link(folder / f"{page}.py", label=label, icon=":material/arrow_forward:")
