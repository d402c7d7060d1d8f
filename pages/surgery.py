"""Surgery: the real model with low-rank pairs in place of matrices, and what it still says."""

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.surgery import allocate, aware, operate, plain, reading
from lowrank.ui import cached, predicting, taking
from lowrank.ui.glossary import explained
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.sidebar import chosen_model
from lowrank.ui.surgery import evidence, operating, program, sensitivity

head = question(_("Surgery"), _("What does the model still say when its matrices lose rank?"))
with errors_shown():
    model = chosen_model()
    source = model.source
    if cached.tokenizer(source) is None:
        raise InputError(text("surgery", "no words").format(title=model.title))
    predicting.of_surgery(head)
    # Parts of their own: a move draws the part it belongs to, and the others stay.
    choice = operating.operation(source)
    st.subheader(_("Which projections need their rank?"), anchor=False)
    st.markdown(explained(text("surgery", "map")))
    sensitivity.of_kinds(source)
    if source == "default":
        st.subheader(_("Which cut is best at one size?"), anchor=False)
        sensitivity.methods()
    if choice:
        st.subheader(_("Why activation-aware wins"), anchor=False)
        evidence.why_aware(source, choice)
    st.subheader(_("Does less rank remove noise?"), anchor=False)
    st.markdown(text("surgery", "noise"))
    evidence.noise(source)

st.subheader(_("What you see"), anchor=False)
st.markdown(sensitivity.learnt())
st.markdown(explained(text("surgery", "theory")))
taking.take_home(*program.files(source))
code_for_this(plain, aware, operate, allocate, reading, usage=lambda: program.written(source))
