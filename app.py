"""The rank and low-rank explorer: `streamlit run app.py`."""

from pathlib import Path

import streamlit as st

from lowrank.ui import (
    everything,  # noqa: F401  first, so that no visitor meets a module that is half imported
    lessons,
    redundancy,
    sidebar,
    visits,
)
from lowrank.ui.layout import ICON, navigation
from lowrank.ui.sidebar import MATRIX, MODEL

st.set_page_config(
    page_title="lowrank",
    page_icon=str(ICON),  # not by a name, whose picture every browser would fetch from elsewhere
    layout="wide",
    initial_sidebar_state=250,  # pixels: room for the picture on an enlarged screen
)

# What each page needs the sidebar to ask; the others need nothing.
NEEDS = {
    "redundancy": redundancy.needs(),
    "truncation": MATRIX,
    "surgery": MODEL,
    "atlas": MATRIX,
    "lora": MATRIX,
    "lab": MODEL,
    "memory": MATRIX,
    "adapter": MATRIX,
}

page = navigation(Path(__file__).with_name("pages"))
with visits.visit(page.url_path):
    sidebar.draw(NEEDS.get(page.url_path, ""))
    lessons.banner()
    page.run()
