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
from lowrank.ui.redundancy import COMPRESS, FEATURES, RECOVER, WORKS
from lowrank.ui.redundancy.compress import compress
from lowrank.ui.redundancy.features import features
from lowrank.ui.redundancy.phases import works
from lowrank.ui.redundancy.recover import recover

# Each: what to draw, its code, how to use it.
VIEWS = {
    RECOVER: (
        recover,
        (soft_impute, soft_svd, als, ridge_rows),
        "from lowrank.spectra import als, finish, split\n\n"
        "kept, held_out = split(observed, 0.1, rng)  # X may hold NaN where it is not observed\n"
        "result = finish(als(X, kept, rank=6, held_out=held_out))\n"
        "print(result.verdict())\nresult.matrix",
    ),
    WORKS: (
        works,
        (phase_cell, als),
        "from lowrank.spectra.phase_transition import phase\n\n"
        "for cell in phase(60, ranks=range(1, 31), fractions=[0.2, 0.4, 0.6, 0.8]):\n"
        "    print(cell.rank, cell.fraction, cell.success)",
    ),
    FEATURES: (
        features,
        (pca,),
        "from lowrank.spectra.components import pca\nfrom lowrank.readers import open_model\n\n"
        'E = open_model("default").read("model.embed_tokens.weight")\n'
        "found = pca(E[ids])\nfound.scores(2), found.explained",
    ),
    COMPRESS: (
        compress,
        (full, energy, parameters),
        "from lowrank.spectra.svd import full\n\nsvd = full(picture)\nsvd.top(6).matrix()",
    ),
}

question(_("Redundancy"), _("If a few rows make all the others, what can be left out?"))
view = choice(
    _("What to do with it"),
    list(VIEWS),
    RECOVER,
    "task",
    label_visibility="collapsed",
)
draw, functions, usage = VIEWS[view]
with errors_shown():
    draw()
st.subheader(_("What you see"), anchor=False)
st.markdown(text("redundancy", view.lower()))
st.markdown(explained(text("redundancy", f"theory {view.lower()}")))
code_for_this(*functions, usage=usage)
