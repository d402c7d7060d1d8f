"""Redundancy: what it is good for that the rows of a matrix are combinations of a few."""

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.language import gettext as _
from lowrank.spectra.completion import als, ridge_rows, soft_impute, soft_svd
from lowrank.spectra.components import pca
from lowrank.spectra.phase_transition import phase_cell
from lowrank.spectra.svd import energy, full, parameters
from lowrank.ui.bound import choice
from lowrank.ui.glossary import explained
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.redundancy import COMPRESS, FEATURES, RECOVER, WORKS, program
from lowrank.ui.redundancy.compress import compress
from lowrank.ui.redundancy.features import features
from lowrank.ui.redundancy.phases import works
from lowrank.ui.redundancy.recover import recover

# Each: what to draw, and its code.
VIEWS = {
    RECOVER: (recover, (soft_impute, soft_svd, als, ridge_rows)),
    WORKS: (works, (phase_cell, als)),
    FEATURES: (features, (pca,)),
    COMPRESS: (compress, (full, energy, parameters)),
}

question(_("Redundancy"), _("If a few rows make all the others, what can be left out?"))
view = choice(
    _("What to do with it"),
    list(VIEWS),
    RECOVER,
    "task",
    label_visibility="collapsed",
)
draw, functions = VIEWS[view]
with errors_shown():
    draw()
st.subheader(_("What you see"), anchor=False)
st.markdown(text("redundancy", view.lower()))
st.markdown(explained(text("redundancy", f"theory {view.lower()}")))
code_for_this(*functions, usage=program.VIEWS[view])
