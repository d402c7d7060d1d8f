"""The whole model with its cut, saved from the Surgery page."""

import streamlit as st

from lowrank.figures.numbers import amount
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.surgery import Plan, Written
from lowrank.surgery.report import losses
from lowrank.surgery.saving import DTYPES, Form, both_sizes
from lowrank.ui import cached
from lowrank.ui.bound import said
from lowrank.ui.jobs import Job
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.outside import as_text
from lowrank.ui.progress import latest, shown, watched
from lowrank.ui.surgery import cutting
from lowrank.ui.surgery.choice import Choice

DENSE = gettext_noop("whole matrices")
FORMS: dict[str, Form] = {DENSE: "dense", gettext_noop("thin pairs"): "thin"}
LARGEST = 400_000_000  # bytes of a model that is packed here


@st.fragment
@errors_shown()
def save(source: str, choice: Choice, plan: Plan | None) -> None:
    """The whole model with its cut, to take home: as a checkpoint or as thin pairs."""
    first, second = st.columns(2)
    # Not in the address: what is closed there is closed for who follows a link.
    chosen_form = first.segmented_control(
        _("As"), list(FORMS), default=DENSE, required=True, key="saved form", format_func=said
    )
    form = FORMS[str(chosen_form)]
    dtype = second.segmented_control(
        _("Numbers as"), DTYPES, default="F16", required=True, key="saved type"
    )
    if plan is None:  # the ranks are not known yet
        return
    params = cached.params(source)
    sizes = both_sizes(cached.model(source), params, plan, dtype)
    st.markdown(
        text("surgery", "save").format(
            dense=amount(sizes["dense"]), thin=amount(sizes["thin"]), most=amount(LARGEST)
        )
    )
    too_large = sizes[form] > LARGEST
    if too_large:
        st.info(text("surgery", "too large to save"), icon=":material/info:")
    asked = (choice, form, dtype)
    if st.button(
        _("Save this model"),
        key="save it",
        type="primary",
        icon=":material/save:",
        disabled=too_large,
    ):
        cutting.save_cut_model(source, choice, Written(form, dtype))
        st.session_state["saving"] = asked
    job = latest("save") if st.session_state.get("saving") == asked else None
    watched(job, _saved)


def _saved(job: Job) -> None:
    shown(job)
    found = job.last
    if not isinstance(found, cutting.Saved):
        return
    if not found.zipped.exists():
        st.info(text("surgery", "save gone"), icon=":material/info:")
        return
    st.markdown(as_text(losses(found.report)))
    st.download_button(
        _("Download the model ({size})").format(size=amount(found.zipped.stat().st_size)),
        found.zipped.read_bytes,  # when it is asked for, not before
        "truncated.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
    )
