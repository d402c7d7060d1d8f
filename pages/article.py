"""Check the article: a popular explanation's numbers, recomputed, and anyone's own."""

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.language import gettext as _
from lowrank.lora.equations import lora_forward_matmul, regular_forward_matmul
from lowrank.memory.claims import judged, recounted
from lowrank.ui import article, programs, taking
from lowrank.ui.bound import BOUND
from lowrank.ui.glossary import explained
from lowrank.ui.layout import code_for_this, errors_beside, question, text

question(_("Check the article"), _("Which of its numbers are right?"))
st.markdown(explained(text("article", "lead")))
st.markdown(article.claims())
st.caption(text("article", "signs"))
st.subheader(_("Its two functions, run"), anchor=False)
with errors_beside():
    article.functions()
st.subheader(_("A claim of your own"), anchor=False)
st.markdown(text("article", "own"))
with errors_beside():
    st.markdown(article.own())
st.subheader(_("A LoraConfig, counted"), anchor=False)
st.markdown(text("article", "config"))
first, second = st.columns([2, 1])
name = second.selectbox(_("Beside which model"), article.LLAMA2, key="base", **BOUND)
pasted = first.text_area(
    "LoraConfig", article.CALL, key="lora config", height=150, max_chars=10_000, bind="query-params"
)
with errors_beside():
    st.markdown(article.config(pasted, name))
taking.take_home(taking.table(_("Claims"), "claims", article.rows))
code_for_this(
    *(regular_forward_matmul, lora_forward_matmul, judged, recounted), usage=programs.of_article
)
