"""Start: three doors, and the story's chapters with a way into every page."""

from pathlib import Path

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.language import gettext as _
from lowrank.ui import lessons, start
from lowrank.ui.glossary import explained
from lowrank.ui.layout import question, text

PAGES = Path(__file__).parent

question("lowrank", _("How much of a matrix is really there?"))
words, picture = st.columns([2, 1], vertical_alignment="center")
words.markdown(explained(text("start", "lead")))
with picture:
    start.rank_example()
start.doors(PAGES)
st.subheader(_("The story"), anchor=False)
start.chapters(PAGES)
st.subheader(_("In class"), anchor=False)
st.markdown(text("start", "class"))
lessons.doors(PAGES)
st.markdown(text("start", "about"))
