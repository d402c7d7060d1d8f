"""The Redundancy page's four views, one module each; the page itself only chooses."""

import streamlit as st

from lowrank.ui.sidebar import MATRIX, MODEL

# The words on the buttons are the words in the link.
RECOVER, WORKS, FEATURES, COMPRESS = "Recover", "When it works", "Features", "Compress"
WEIGHTS = "weights"


def needs() -> str:
    """What the page needs the sidebar to ask: only two of its views look at a model."""
    state, link = st.session_state, st.query_params
    view, data = (state.get(key) or link.get(key) for key in ("task", "data"))
    if view == FEATURES:
        return MODEL
    return MATRIX if view in (None, RECOVER) and data == WEIGHTS else ""
