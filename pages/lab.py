"""LoRA lab: train A and B on the real model, read the changed answers, merge, take it home."""

from functools import partial
from pathlib import Path

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.lora.equations import lora_forward_matmul, regular_forward_matmul
from lowrank.lora.finetuning import finetune
from lowrank.lora.lab import experiments
from lowrank.lora.lab.subspace_overlap import amplification, phi
from lowrank.lora.optimizer import adamw
from lowrank.ui import predicting
from lowrank.ui.bound import choice
from lowrank.ui.downloads import csv_and_json
from lowrank.ui.glossary import explained
from lowrank.ui.lab import alternatives, panels, paper, runs, settings, starts
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.progress import watched
from lowrank.ui.sidebar import chosen_model

TRAIN, OTHERS = gettext_noop("Train"), gettext_noop("Alternatives")
PAPER = gettext_noop("The paper's experiments")

asked = _("Can a few hundred thousand numbers teach a real Llama something new?")
head = question(_("LoRA lab"), asked)
with errors_shown():
    model = chosen_model()
    config = model.config
    if config is None or model.vocabulary is None:
        raise InputError(text("lab", "no llama").format(title=model.title))
    source = model.source
view = choice(_("View"), [TRAIN, OTHERS, PAPER], TRAIN, "show", label_visibility="collapsed")


def train() -> None:
    """A run, its curve, both answers, and what it computes and holds."""
    controls, picture = st.columns([1, 1], gap="large")
    with controls:
        wanted, known = settings.asked()
        if wanted:
            panels.counts(config, wanted)
            label, icon = _("Train"), ":material/model_training:"
            if st.button(label, type="primary", icon=icon, key="train"):
                runs.begin_training(source, wanted)
    job = runs.going()
    if wanted:
        with controls:
            panels.other_settings(job, wanted)
    with picture:
        if job:
            watched(job, partial(panels.curve, source, config))
        else:
            panels.earlier()
    st.subheader(_("Before and after"), anchor=False)
    prompt = settings.prompt(known)
    with st.expander(_("The adapter: train one, or bring one"), expanded=not job):
        name = panels.adapter_in_hand(job)
    if name:
        base = settings.base_now()
        panels.two_answers(source, base, name, prompt)
        left, right = st.columns(2, gap="large")
        with left:
            panels.losses_by_scale(source, name, job)
        with right:
            panels.merged(source, base, name, prompt)
            panels.download(name)
            panels.in_hand(Path(__file__).with_name("adapter.py"), name)
    else:
        st.caption(text("lab", "nothing yet"))
    st.subheader(_("What is computed, and what it holds"), anchor=False)
    panels.computed(config, wanted, job)


def others() -> None:
    """LoRA, one whole matrix and adapter layers, side by side."""
    st.markdown(text("lab", "alternatives"))
    with st.expander(_("What is trained")):
        wanted, _known = settings.asked()
    alternatives.beside(model, wanted)
    st.subheader(_("Where A and B begin"), anchor=False)
    st.markdown(text("lab", "starts"))
    starts.shown()


def redo() -> None:
    """The experiments of the paper, ours beside its own."""
    st.markdown(explained(text("lab", "redo")))
    guessing = predicting.switched(head)
    found = paper.record(model)
    st.subheader(_("Which rank is enough?"), anchor=False)
    predicting.of_fall(guessing, found)
    predicting.of_enough(guessing, found)
    paper.ranks(found)
    st.subheader(_("Which matrices should be adapted?"), anchor=False)
    predicting.of_matrices(guessing, found)
    paper.matrices(found)
    st.subheader(_("What does the update look like?"), anchor=False)
    paper.update(found)
    csv_and_json(experiments.rows(found), found, "experiments")


with errors_shown():
    {TRAIN: train, OTHERS: others, PAPER: redo}[view]()
st.subheader(_("What you see"), anchor=False)
st.markdown(explained(text("lab", "theory")))
code_for_this(
    regular_forward_matmul,
    lora_forward_matmul,
    *([adamw, finetune] if view == TRAIN else [phi, amplification]),
    usage=text("lab", "code"),
)
