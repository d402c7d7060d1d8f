"""Glossary: words that the pages use, each in a sentence or two."""

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.language import gettext as _
from lowrank.ui import glossary
from lowrank.ui.layout import question, text

question(_("Glossary"), _("What does that word mean?"))
st.markdown(text("start", "glossary"))
glossary.every_term()
