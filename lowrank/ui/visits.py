"""Every page's view is in its address, and one visit of a page is one entry of the history."""

import json
from pathlib import Path

import streamlit as st

from lowrank.ui.sidebar import SHARED

SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def keep_in_history() -> None:
    """Let links to pages, Back and Forward bring back each page's whole view; app.py's part."""
    script = SCRIPT.replace("SHARED", json.dumps(SHARED), 1)
    with st.container(key="visits", height=1, border=False):  # no taller before the style is there
        st.html("<style>.st-key-visits { display: none; }</style>")
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
