"""Start: the story in one page, with a way into each part."""

import streamlit as st

from lowrank.ui.layout import question, text

question("lowrank", "How much of a matrix is really there?")
st.markdown(text("start"))
