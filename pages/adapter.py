"""Adapter: what a LoRA adapter changed, matrix by matrix, beside the weights it changes."""

from pathlib import Path

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.figures.adapter import update_spectrum
from lowrank.figures.numbers import three
from lowrank.language import gettext as _
from lowrank.lora.adapters import check_fit, effect, load, merged
from lowrank.lora.adapters.fitting import layers_of
from lowrank.lora.adapters.merging import turned
from lowrank.ui import adapter_results, adapters, cached, programs
from lowrank.ui.drawing import chart
from lowrank.ui.glossary import explained
from lowrank.ui.large import MOST
from lowrank.ui.layout import code_for_this, errors_beside, errors_shown, question, text
from lowrank.ui.outside import as_text
from lowrank.ui.sidebar import chosen_matrix, provenance

question(_("Adapter"), _("What did fine-tuning change, and how much of the matrix is it?"))
with errors_shown():
    model, info = chosen_matrix()
    chosen = adapters.adapter_picker(model)
    adapter, where, key = chosen
    fits = check_fit(model, adapter)
    effects = cached.effects(adapter, key)
    shares = (
        cached.changes(model.source, adapter, key) if adapters.readable(model, adapter) else None
    )
st.caption(as_text(adapters.summary(model, adapter, chosen.name)))
adapters.left_alone(fits)

module = info.name.removesuffix(".weight")
pair = adapter.pairs.get(module)
if pair is None:
    st.info(as_text(adapters.without_pair(adapter, info.name)), icon=":material/info:")
else:
    with errors_shown():
        at_most = min(pair.r, MOST, *info.shape)
        if cached.is_large(info.shape):  # W0's largest values, and no directions to compare with
            top, found = cached.top(model.source, info.name, at_most).svd, effect(pair)
        else:
            top = cached.svd(model.source, info.name)
            found = effect(pair, top, turned(model, adapter, pair, top.shape))
    st.subheader(_("One update: {module}").format(module=as_text(module)), anchor=False)
    picture, beside = st.columns([3, 1])
    with picture:
        chart(
            update_spectrum(found.s, top.s),
            key="update spectrum",
            alt=_(
                "The {count} singular values of the update of {module}, from {first} to {last}, "
                "beside the largest of W0"
            ).format(
                count=found.r, module=module, first=three(found.s[0]), last=three(found.s[-1])
            ),
        )
        st.caption(
            _("W₀: {title}. Its update has rank {r} at most.").format(
                title=as_text(provenance(model, info)), r=found.r
            )
        )
    with beside:
        adapters.numbers(found, dora=pair.magnitude is not None)

st.subheader(_("Every change, by share of W₀"), anchor=False)
if shares is None:
    st.caption(text("adapter", "not read"))
else:
    adapters.change_map(shares, len(layers_of(adapters.model_modules(model))))
adapters.table(effects, shares)
st.subheader(_("A smaller one to take home"), anchor=False)
adapter_results.shrink(adapter, key, chosen.name)
st.subheader(_("Merged, and held to what it should be"), anchor=False)
with errors_beside():
    adapter_results.merge(model, where, key)
st.subheader(_("Extract an adapter from two models"), anchor=False)
with errors_beside():
    adapter_results.extract(model, Path(__file__))
st.subheader(_("Beside another adapter"), anchor=False)
with errors_beside():
    adapter_results.compare(model, chosen, module)
st.subheader(_("What you see"), anchor=False)
st.markdown(explained(text("adapter", "theory")))
code_for_this(
    effect,
    load,
    merged,
    usage=lambda: programs.of_adapter(model, info),
)
