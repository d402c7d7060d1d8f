"""Truncation: the nearest matrix of rank k to a real weight matrix, and what it costs."""

from functools import partial

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.figures.numbers import three
from lowrank.figures.spectrum import spectrum
from lowrank.language import gettext as _
from lowrank.spectra.svd import (
    break_even_rank,
    energy,
    frobenius,
    full,
    parameters,
    residual_norm,
    truncate,
    truncation_error,
)
from lowrank.ui import cached, large, predicting, programs, taking, truncation
from lowrank.ui.bound import rank_slider
from lowrank.ui.drawing import chart
from lowrank.ui.glossary import explained
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.sidebar import chosen_matrix, provenance

QUICK = 10**9  # multiplications done in well under a tenth of a second

head = question(_("Truncation"), _("How much of a trained matrix can you drop?"))
with errors_shown():
    model, info = chosen_matrix()
    source, tensor = model.source, info.name
    W = cached.matrix(source, tensor)
m, n = W.shape
title = provenance(model, info)
predicting.of_energy(head, source, tensor, (m, n))


@st.fragment
@errors_shown()
def explore_large() -> None:
    """As `explore`, for a matrix too large to decompose while someone waits."""
    large.explore(source, info, W, title)


@st.fragment
@errors_shown()  # inside the fragment, which also runs alone
def explore() -> None:
    """All that follows the rank: moving the slider runs this again and nothing else."""
    svd, peer = cached.svd(source, tensor), cached.random_peer(source, tensor)
    small = cached.preview(source, tensor)
    k = rank_slider(_("Rank k"), "k", min(m, n), max(1, min(m, n) // 8))
    picture, beside = st.columns([3, 1])
    with beside:
        place = truncation.numbers(svd, k, info)
        # Measuring the embeddings takes longer than drawing them: then it comes last.
        quick = m * n * k <= QUICK
        if quick:
            truncation.measured(place, cached.residual(source, tensor, k), frobenius(svd.s))
    with picture:
        chart(
            spectrum(svd.s, peer, k, break_even_rank(m, n)),
            key="spectrum",
            alt=_(
                "Singular values of {title}, falling from {high} to {low}, beside those of a "
                "random matrix; k = {k}, break-even {even:.0f}"
            ).format(
                title=title,
                high=three(svd.s[0]),
                low=three(svd.s[-1]),
                k=k,
                even=break_even_rank(m, n),
            ),
        )
    truncation.shapes(m, n, k)
    truncation.heatmaps(W, svd, small, k, title)
    if not quick:
        truncation.measured(place, cached.residual(source, tensor, k), frobenius(svd.s))


files = taking.matrix_files(info, lambda: cached.matrix(source, tensor))
if cached.is_large(W.shape):
    explore_large()
    st.subheader(_("Is it of low rank?"), anchor=False)
    large.judged(model, info)
else:
    explore()
    st.subheader(_("Is it of low rank?"), anchor=False)
    svd, peer = cached.svd(source, tensor), cached.random_peer(source, tensor)
    words, table = st.columns(2)
    words.markdown(truncation.verdict(svd.s, peer, (m, n)))
    words.markdown(truncation.compared(svd.s, peer, model, info))
    with table:
        truncation.rank_table(svd.s, peer, (m, n))
    rows = partial(truncation.spectrum_rows, svd.s, peer)
    files.append(taking.table(_("Spectrum"), "spectrum", rows))
st.subheader(_("What you see"), anchor=False)
st.markdown(explained(text("truncation", "theory")))
taking.take_home(*files)
code_for_this(
    full,
    truncate,
    truncation_error,
    residual_norm,
    energy,
    break_even_rank,
    parameters,
    usage=lambda: programs.of_truncation(model, info),
)
