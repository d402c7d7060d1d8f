"""Atlas: every matrix of a whole model at a glance."""

from pathlib import Path

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.atlas import measured, survey
from lowrank.language import gettext as _
from lowrank.ui import atlas, cached, programs, taking
from lowrank.ui.glossary import explained
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.outside import as_text
from lowrank.ui.sidebar import chosen_matrix, provenance

question(_("Atlas"), _("Which matrices of a whole model could be smaller?"))
answer = st.container()
with errors_shown():
    model, info = chosen_matrix()
    st.subheader(_("Measure by measure"), anchor=False)
    first, second = st.columns(2)
    with first:
        measure = atlas.choose_measure()
    with second:
        other = atlas.beside(model)
    found = atlas.found(model)
    beside = atlas.found(other) if other and found else None  # one after the other

if found:
    with answer:
        atlas.smaller(found, model)
    st.caption(text("atlas", f"measure {measure}"))
    row = atlas.chosen_row(found, info.name)
    chosen = (row.layer or 0, row.projection or "") if row else None
    shown = [found, beside] if beside else [found]
    limits = atlas.limits_of(shown, measure)
    for i, each in enumerate(shown):
        st.markdown(
            _("**{title}** · {count:,} matrices").format(
                title=as_text(each.title), count=len(each.rows)
            )
        )
        atlas.layer_map(each, measure, limits, chosen, key=f"map {i} of {each.title}")
    # A link rather than a switch on the click: Back then leads back, whatever else is running.
    st.page_link(
        Path(__file__).with_name("truncation.py"),
        label=_("Open {name} on the Truncation page").format(name=as_text(info.name)),
        icon=":material/arrow_forward:",
    )
    st.caption(text("atlas", "click"))
    if beside:
        atlas.difference(found, beside, measure)
        if other:
            st.subheader(_("What lies between them"), anchor=False)
            st.caption(text("atlas", "between"))
            atlas.between(found, model, other, measure)
    st.subheader(_("By projection, beside random matrices"), anchor=False)
    spread, spectra = st.columns(2)
    with spread:
        atlas.distributions(found, measure)
    with spectra:
        if row and row.projection:
            atlas.spectra(found, row.projection)
            st.caption(
                _(
                    "{projection} in every layer, beside a random matrix of its shape. "
                    "The sidebar chooses which. {provenance}"
                ).format(
                    projection=as_text(row.projection),
                    provenance=as_text(provenance(model, info)),
                )
            )

st.subheader(_("What you see"), anchor=False)
st.markdown(explained(text("atlas", "theory")))
if found:
    taking.take_home(
        *taking.matrix_files(info, lambda: cached.matrix(model.source, info.name)),
        taking.table(_("Every measure"), "survey", lambda: atlas.every_row(found)),
    )
code_for_this(
    measured,
    survey,
    usage=lambda: programs.of_atlas(model, info, measure),
)
