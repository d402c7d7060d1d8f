"""The thread: one small matrix from pivots to a merged adapter, a step at a time."""

from pathlib import Path

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.exact.filling import filled
from lowrank.exact.systems import cr
from lowrank.language import gettext as _
from lowrank.lora.equations import forward, merge
from lowrank.lora.one_matrix import fit_pair
from lowrank.spectra.svd import full, truncation_error
from lowrank.ui import programs, thread
from lowrank.ui.glossary import explained
from lowrank.ui.layout import code_for_this, errors_beside, question, text

PAGES = Path(__file__).parent

question(_("The thread"), _("How does the rank of a small matrix lead to fine-tuning a Llama?"))
st.markdown(explained(text("thread", "lead")))
with errors_beside():
    A = thread.matrix()
    for step in (thread.reduced, thread.product, thread.holes, thread.best):
        step(A, PAGES)
with errors_beside():
    frozen = thread.weights(thread.source())
    thread.real(frozen, PAGES)
    thread.adapted(frozen, PAGES)
code_for_this(
    *(cr, filled, full, truncation_error, forward, fit_pair, merge),
    usage=lambda: programs.of_thread(thread.source()),
)
