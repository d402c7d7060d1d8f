"""Memory: where the gigabytes of a Llama go, and what LoRA, adapters and quantization save."""

from dataclasses import asdict
from functools import partial

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.memory.accounting import BLOOM_176B, lora_parameters, parts, training_memory
from lowrank.memory.quantization import int8, nf4
from lowrank.ui import cached, memory, memory_program, predicting, quantized, taking
from lowrank.ui.bound import choice
from lowrank.ui.glossary import explained
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.outside import as_text
from lowrank.ui.sidebar import chosen_matrix, provenance

MATRICES, INFERENCE = gettext_noop("Matrices"), gettext_noop("Inference")
TRAINING, QUANTIZED = gettext_noop("Training"), gettext_noop("Quantization")
FITS = gettext_noop("What fits")

head = question(_("Memory"), _("Where do the gigabytes go?"))
with errors_shown():
    model, info = chosen_matrix()
predicting.of_memory(head)
view = choice(
    _("What to count"),
    [MATRICES, INFERENCE, TRAINING, FITS, QUANTIZED],
    MATRICES,
    "count",
    label_visibility="collapsed",
)


@st.fragment
@errors_shown()
def matrices() -> None:
    """The layer to scale and every tensor's bytes."""
    first, second = st.columns([1, 2])
    with first:
        config = memory.configuration(model)
    with second:
        stored = memory.storage()
    memory.totals(config, stored)
    memory.layer_picture(config)
    st.markdown(memory.table(config, stored))
    st.markdown(explained(text("memory", "matrices")))
    st.subheader(_("Seven squares?"), anchor=False)
    st.markdown(text("memory", "popular"))
    st.markdown(memory.popular())
    rows = partial(memory.tensor_rows, config, stored)
    taking.take_home(taking.table(_("Every tensor"), "tensors", rows))


@st.fragment
@errors_shown()
def inference() -> None:
    """Weights and cache."""
    memory.inference(memory.configuration(model))
    gigabytes = 2 * BLOOM_176B / 1e9
    st.markdown(text("memory", "inference").format(bloom=BLOOM_176B, gigabytes=gigabytes))


@st.fragment
@errors_shown()
def training() -> None:
    """What training holds beside the weights."""
    memory.training(memory.configuration(model))
    st.markdown(explained(text("memory", "training")))


@st.fragment
@errors_shown()
def fits() -> None:
    """The other way round: the most that a card holds."""
    first, second = st.columns([1, 2])
    with first:
        config = memory.configuration(model)
    with second:
        card, room = memory.card_and_reserve()
    held = memory.generating_on(config, card, room)
    st.subheader(_("To train it"), anchor=False)
    trained = memory.training_on(config, room)
    st.markdown(explained(text("memory", "most")))
    taking.take_home(
        taking.table(_("Generating"), "inference-fits", lambda: [asdict(each) for each in held]),
        taking.table(_("Training"), "training-fits", lambda: [asdict(each) for each in trained]),
    )


@st.fragment
@errors_shown()
def quantization() -> None:
    """A real matrix in fewer bits, and a real number in three formats."""
    of = model.source, info.name
    st.caption(as_text(provenance(model, info)))
    quantized.compared(model.source, info.name)
    if model.source == "default":
        st.caption(text("memory", "twice"))
    st.subheader(_("What the model loses"), anchor=False)
    quantized.effect_on_loss(model.source, info.name)
    st.subheader(_("Mixed precision: one number"), anchor=False)
    st.markdown(explained(text("memory", "rounding")))
    quantized.rounding(model.source, info.name)
    taking.take_home(
        *taking.matrix_files(info, partial(cached.matrix, *of)),
        taking.table(_("What is lost"), "roundings", partial(quantized.rows, *of)),
    )


VIEWS = {MATRICES: matrices, INFERENCE: inference, TRAINING: training}
VIEWS |= {FITS: fits, QUANTIZED: quantization}
VIEWS[view]()
code_for_this(
    parts,
    lora_parameters,
    training_memory,
    int8,
    nf4,
    usage=lambda: memory_program.VIEWS[view](model, info),
)
