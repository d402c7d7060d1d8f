"""Rank: one matrix, looked at from every side that shows what its rank is."""

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.errors import InputError
from lowrank.exact.matrices import rational
from lowrank.exact.parsing import compact
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.ui import predicting
from lowrank.ui.bound import named_in_link
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.matrix_entry import PRESETS, augmented, matrix_entry
from lowrank.ui.rank import (
    floating_rank,
    geometry,
    gives,
    other_fields,
    parameters,
    quiz,
    reduce,
    worksheet,
)
from lowrank.ui.rank.inputs import choice
from lowrank.ui.rank.link import hidden, reduced, style

# Labels are what the link says (?view=...), so they are short and do not change.
VIEWS = {
    gettext_noop("Reduce"): reduce.VIEW,
    gettext_noop("What it gives"): gives.VIEW,
    gettext_noop("Geometry"): geometry.VIEW,
    gettext_noop("Numbers lie"): floating_rank.VIEW,
    gettext_noop("Other fields"): other_fields.VIEW,
    gettext_noop("Parameters"): parameters.VIEW,
    gettext_noop("Quiz"): quiz.VIEW,
    gettext_noop("Worksheet"): worksheet.VIEW,
}

FRACTIONS_ONLY = gettext_noop("“{view}” reckons with fractions only; the matrix holds {other}.")

head = question(
    _("Rank"), _("How many rows remain when every combination of earlier rows is struck out?")
)
for key, names in (("m", PRESETS), ("pm", parameters.PRESETS)):
    named_in_link(key, names)
name = choice(_("What to look at"), list(VIEWS), "Reduce", "view", label_visibility="collapsed")
view = VIEWS[name]
hidden(view)
A = None
if view.beside:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    entry, aims = row.container(width=360), row.container(width="content")
    if view.draws:
        with aims:
            view.draws()
    with errors_shown():
        try:
            A = matrix_entry(entry)
            A = A if view.roots else rational(A, FRACTIONS_ONLY, view=_(name))
        except InputError as error:
            parameters.offered(error)
            raise
    if name == "Reduce":
        predicting.of_rank(head, A)
    view.beside(A)
    chosen = st.session_state["m"]
    known = chosen if chosen in PRESETS else "own"
    st.caption(text("rank", f"preset: {known}"))
view.below(A)
if view.code:
    usage = view.usage.format(
        matrix=compact(A) if A else "", reduced=reduced(), style=style(), bar=augmented()[0]
    )
    code_for_this(*view.code, usage=usage)
