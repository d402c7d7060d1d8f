"""Start: the story on one page, with a way into each part."""

from pathlib import Path

import numpy as np
import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.exact.elimination import echelon, pivots, rank
from lowrank.exact.matrices import exact
from lowrank.figures.exact import matrix_html
from lowrank.figures.matrix import Outline, outlines
from lowrank.figures.pictures import shown, tartan
from lowrank.figures.style import COLOURS
from lowrank.llama.config import SMOLLM2_135M
from lowrank.spectra.completion import als, finish
from lowrank.spectra.svd import parameters
from lowrank.ui import lessons
from lowrank.ui.layout import question, text

A = exact([[1, 2, 1], [2, -1, 3], [0, 5, -1]])
m, n = SMOLLM2_135M.projection_shape("down_proj")
k, r = 64, 8
PAIR = """<style>
.lr-pair { display: flex; align-items: center; justify-content: center; gap: 0.4em; }
.lr-pair .lr-matrix { font-size: 0.85rem !important; }
.lr-pair th { display: none; }
.lr-pair td { padding: 0 0.15em; min-width: 1.6em; }
.lr-pair .lr-body { padding: 0.2em 0.4em; }
.lr-pair .lr-body::before { left: 0; }
</style>"""


def rank_example() -> None:
    """A small matrix and its echelon form."""
    before = matrix_html(A, "A matrix")
    after = matrix_html(echelon(A), "Its echelon form", pivots=set(enumerate(pivots(A))))
    st.html(f'<div class="lr-pair">{before}<div>→</div>{after}</div>{PAIR}')
    st.caption(f"Two non-zero rows are left of three: rank {rank(A)}.")


def redundancy_example() -> None:
    """A drawn picture as it is, with most of its entries hidden, and recovered from the rest."""
    X = tartan(60, 80)
    seen = np.random.default_rng(0).random(X.shape) < 0.5
    found = finish(als(X, seen, rank=6, held_out=~seen))
    for place, values, hidden in zip(st.columns(2), (X, found.matrix), (~seen, None), strict=True):
        name = "A plaid with holes" if hidden is not None else "The same, recovered"
        place.html(shown(values, (0.0, 1.0), name, hidden))
    st.caption(
        f"Half of the entries, yellow, recovered from the rest: {found.held_out_error:.2%} off."
    )


def truncation_example() -> None:
    """The shapes of a real matrix and of its rank-k factors, to scale."""
    factors = [
        Outline("W", m, n, COLOURS["W0"]),
        Outline("≈"),
        Outline("Uₖ Sₖ", m, k, COLOURS["result"]),
        Outline("Vₖᵀ", k, n, COLOURS["result"]),
    ]
    st.html(outlines(factors, size=110))
    st.caption(f"{parameters(m, n, k):,} numbers in place of {m * n:,}, to scale.")


def lora_example() -> None:
    """The shapes of a frozen matrix and of its LoRA pair, to scale."""
    parts = [
        Outline("W₀, frozen", m, n, COLOURS["W0"]),
        Outline("+"),
        Outline("B", m, r, COLOURS["update"]),
        Outline("A", r, n, COLOURS["update"]),
    ]
    st.html(outlines(parts, size=110))
    st.caption(f"{parameters(m, n, r):,} numbers are trained, {m * n:,} are not, to scale.")


PARTS = [
    ("rank", "1 · Rank", rank_example),
    ("redundancy", "2 · Redundancy", redundancy_example),
    ("truncation", "3 · Truncation", truncation_example),
    ("lora", "4 · LoRA", lora_example),
]

question("lowrank", "How much of a matrix is really there?")
st.markdown(text("start", "lead"))
places = [*st.columns(2, border=True), *st.columns(2, border=True)]
for place, (name, title, example) in zip(places, PARTS, strict=True):
    with place:
        st.subheader(title, anchor=False)
        example()
        st.markdown(text("start", name))
        st.page_link(
            Path(__file__).with_name(f"{name}.py"),
            label=f"Open {title[4:]}",
            icon=":material/arrow_forward:",
        )
st.subheader("In class", anchor=False)
st.markdown(text("start", "class"))
lessons.doors(Path(__file__).parent)
st.markdown(text("start", "about"))
