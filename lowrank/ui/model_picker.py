"""Which model the pages show: the default, an operator's, one on the hub, a visitor's file."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lowrank.errors import InputError, SourceError
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.readers import DEFAULT_TITLE, Model, Remote, TensorInfo, uploads
from lowrank.readers.default_model import DEFAULT, cached_path, fetch
from lowrank.readers.offered_models import offered
from lowrank.ui import cached
from lowrank.ui.apart import apart
from lowrank.ui.bound import BOUND
from lowrank.ui.bringing import brought
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text, as_told
from lowrank.ui.progress import visitor

# Labels are what the link says, so they are short and do not change.
HUB, UPLOAD = "hub", "upload"
MODELS = {
    "default": DEFAULT_TITLE,
    "synthetic": gettext_noop("synthetic"),
    "synthetic-7b": gettext_noop("synthetic, a layer of Llama 2 7B"),
    HUB: gettext_noop("Hugging Face hub"),
    UPLOAD: gettext_noop("a file of mine"),
}
SHARED = "model", "hub", "file"  # keys of what is drawn here, on every page that needs a model
UPLOAD_MB = 200
EVERY = 0.1  # seconds between two drawings of a progress bar


def pick(waiting: DeltaGenerator) -> Model | None:
    """The model chosen in the sidebar and kept in the link, open; None while something is wanting.

    In `waiting`, a place in the page, is said what takes long.

    Raises our own errors for an id or a file that is none.
    """
    found = offered()
    source = st.selectbox(
        _("Model"),
        [*MODELS, *(name for name in found if name not in MODELS.values())],
        key="model",
        help=text("model", "help"),
        format_func=model_said,
        **BOUND,
        filter_mode=None,
    )
    if source == HUB:
        given = (
            st.text_input(
                _("Model id"),
                key="hub",
                placeholder=_("owner/name, or owner/name/file.gguf"),
                help=text("model", "help hub"),
                max_chars=300,
                **BOUND,
            )
            or ""
        ).strip()
        return from_hub(given, waiting) if given else None
    if source == UPLOAD:
        name = uploaded()
        return cached.model(str(uploads.find(name))) if name else None
    if source == "default" and cached_path() is None:
        return None
    return cached.model(str(found.get(source, source)))


def model_said(name: str) -> str:
    """A model as the visitor reads it, and as it is in the address."""
    return _(MODELS[name]) if name in MODELS else name


def from_hub(given: str, waiting: DeltaGenerator) -> Model:
    """A model of the hub; that it is asked is said at once, the first time in a session."""
    state = st.session_state
    if state.get("asked hub") != given:
        waiting.info(
            text("model", "asking").format(name=given.replace("`", "ˋ")),
            icon=":material/hourglass:",
        )
    found = cached.model(f"hf://{given}")
    waiting.empty()
    state["asked hub"] = given
    return found


def uploaded() -> str | None:
    """The name of what the visitor brought, now or before. Raises InputError if it is refused."""
    refused = brought(
        _("A model's files, up to {most} MB each").format(most=UPLOAD_MB),
        "file",
        _kept,
        type=[*uploads.KINDS, "json", "jinja", "zip"],
        accept_multiple_files=True,
        max_upload_size=UPLOAD_MB,
        help=text("model", "help upload"),
    )
    name = st.text_input(
        _("Kept as"),
        key="file",
        placeholder=_("no file yet"),
        help=text("model", "help file"),
        max_chars=100,
        **BOUND,
    )
    if refused:
        raise InputError(refused)
    return name


def _kept(files: Mapping[str, bytes]) -> str:
    """The name of files that open as a model. Raises our own errors for others."""
    zipped = any(name.lower().endswith(".zip") for name in files)
    keep = partial(uploads.keep_all, files)
    name = apart(keep) if zipped else keep()
    uploads.SHARES.add(visitor(), uploads.find(name))
    cached.model(str(uploads.find(name)))
    return name


def ask() -> NoReturn:
    """Ask in the page for what the chosen model is wanting; the default one is fetched."""
    source = st.session_state["model"]
    if source == HUB:
        st.info(text("model", "hub"), icon=":material/cloud_download:")
    elif source == UPLOAD:
        st.info(text("model", "upload"), icon=":material/upload_file:")
    else:
        fetch_in_view()
    st.stop()


def bring(model: Model, info: TensorInfo) -> None:
    """Fetch one matrix of a model elsewhere, where the visitor can watch."""
    if not isinstance(model, Remote) or model.here(info.name):
        return
    words = _("Fetching {name} of {title}…")
    bar = st.progress(0.0, text=words.format(name=as_text(info.name), title=as_text(model.title)))
    model.fetch(info.name, shown(bar.progress))
    bar.empty()


def shown(draw: Callable[..., object]) -> Callable[[int, int], None]:
    """A listener that draws progress, but not more often than anyone could see."""
    last = [0.0]

    def progress(done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - last[0] < EVERY:
            return
        last[0] = now
        words = _("{done:,.1f} of {total:,.1f} MB")
        draw(done / (total or 1), text=words.format(done=done / 1e6, total=total / 1e6))

    return progress


def fetch_in_view() -> None:
    """Fetch the default model where the visitor can watch, or go on without it."""
    place = st.container(border=True)
    place.markdown(text("model", "fetching").format(megabytes=round(DEFAULT.download_size / 1e6)))
    bar = place.progress(0.0)
    place.button(_("Go on with random matrices"), key="without", on_click=go_on_without)
    try:
        fetch(progress=shown(bar.progress))
    except SourceError as error:
        place.error(as_told(error), icon=":material/cloud_off:")
        place.button(_("Try again"), key="again")
        st.stop()
    st.rerun()


def go_on_without() -> None:
    """Choose the synthetic model; the link says so too."""
    st.session_state["model"] = "synthetic"
