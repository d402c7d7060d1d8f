"""The rank and low-rank explorer: `streamlit run app.py`."""

from pathlib import Path

from lowrank.ui import (
    everything,  # noqa: F401  first, so that no visitor meets a module that is half imported
    lessons,
    redundancy,
    sidebar,
    visits,
)
from lowrank.ui.layout import navigation
from lowrank.ui.sidebar import MATRIX, MODEL

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
