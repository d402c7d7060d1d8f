"""LoRA: what a frozen matrix does to a token, what a thin pair adds, and the two merged."""

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.figures.lora import SHOWN, shapes, vectors
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.lora.equations import (
    forward,
    init,
    lora_forward_matmul,
    merge,
    regular_forward_matmul,
    update,
)
from lowrank.ui import cached, lora, predicting
from lowrank.ui.bound import choice, rank_slider
from lowrank.ui.drawing import chart
from lowrank.ui.glossary import explained
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.outside import as_text
from lowrank.ui.sidebar import chosen_matrix, provenance
from lowrank.ui.taking import runnable, table, take_home

# The words on the buttons are the words in the link.
WORD, RANDOM, ZERO = gettext_noop("Word"), gettext_noop("Random"), gettext_noop("Zero")

asked = _("What does a low-rank update add to what a trained matrix already does?")
head = question("LoRA", asked)
with errors_shown():
    model, info = chosen_matrix()
    W0 = cached.matrix(model.source, info.name)
m, n = info.shape
title = provenance(model, info)
predicting.of_lora(head, (m, n))


@st.fragment
def explore() -> None:
    """The controls and all that follows them: a slider runs this again and nothing else."""
    first, second = st.columns(2, gap="large")
    with first:
        r = rank_slider(_("Rank r"), "r", min(m, n), 8, doubling=True)
    with second:
        alpha = lora.alpha_slider()
    first, second, third = st.columns(3)
    with first:
        kind = choice(
            _("Input x"), [WORD, RANDOM], WORD if cached.tokenizer(model.source) else RANDOM, "x"
        )
    word = second.text_input(
        _("Word"),
        "Paris",
        key="word",
        max_chars=2 * lora.LONGEST,
        disabled=kind == RANDOM,
        bind="query-params",
    )
    with third:
        start = choice(
            _("Matrix B"), [RANDOM, ZERO], RANDOM, "start", help=text("lora", "help start")
        )
    with errors_shown():  # here, since a fragment also runs alone
        given = lora.input_of(model, info, word if kind == WORD else None)
    A, B = lora.pair((m, n), r, zero=start == ZERO)
    found = lora.shown(given.x, W0, A, B, alpha, r)

    picture, beside = st.columns([3, 1])
    with picture:
        chart(
            vectors(found.frozen, found.added, found.h),
            "vectors",
            _(
                "Three columns of {m:,} numbers on one scale: W0 x, the update, and their sum h; "
                "{title}; r = {r}, alpha = {alpha}"
            ).format(m=m, title=title, r=r, alpha=alpha),
        )
        made = _("B is zero") if start == ZERO else _("B is random, an untrained example")
        if m > SHOWN:
            made = _("{made}; the first {shown:,} of {m:,} entries").format(
                made=made, shown=SHOWN, m=m
            )
        st.caption(
            _("{input} W₀: {title}. A and B: synthetic, {made}.").format(
                input=given.words, title=as_text(title), made=made
            )
        )
    with beside:
        lora.numbers(found, (m, n), r, alpha)
    st.latex(lora.formula((m, n), r, alpha))
    st.html(shapes(m, n, r))
    lora.timed(given.x, W0, A, B, alpha, r)
    take_home(table(_("Three columns"), "lora", found.rows))
    exactly = _("numpy for exactly what is shown")
    with st.expander(exactly, key="numpy", on_change="rerun") as program:
        if program.open:
            runnable(lora.program(model, info, given, r, alpha, start == ZERO))


explore()

st.subheader(_("What you see"), anchor=False)
st.markdown(explained(text("lora", "theory")))
st.markdown(explained(text("lora", "traps")))
st.markdown(text("lora", "conventions"))
code_for_this(forward, update, merge, init, regular_forward_matmul, lora_forward_matmul)
