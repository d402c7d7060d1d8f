"""Start: the story on one page, with a way into each part."""

import streamlit as st

from lowrank.elimination import echelon, pivots, rank
from lowrank.figures.exact import matrix_html
from lowrank.figures.matrix import Outline, outlines
from lowrank.figures.style import COLOURS
from lowrank.llama.config import SMOLLM2_135M
from lowrank.rows import exact
from lowrank.svd import parameters
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
    ("truncation", "2 · Truncation", truncation_example),
    ("lora", "3 · LoRA", lora_example),
]

question("lowrank", "How much of a matrix is really there?")
st.markdown(text("start", "lead"))
for place, (name, title, example) in zip(st.columns(3, border=True), PARTS, strict=True):
    with place:
        st.subheader(title, anchor=False)
        st.markdown(text("start", name))
        example()
        st.page_link(f"pages/{name}.py", label=f"Open {title[4:]}", icon=":material/arrow_forward:")
st.markdown(text("start", "about"))
