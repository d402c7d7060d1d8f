"""The visitor's language: what the address says, else what was chosen, else the browser's."""

import threading
from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitAPIException

from lowrank import language
from lowrank.language import gettext as _
from lowrank.ui.bound import MADE

KEY = "lang"  # in the address and in the session
# What is typed and not chosen, or a name in every language, stays as it is in a link.
TYPED = {
    "m", "ops", "b", "written", "sys", "fb", "p", "words", "word", "own", "prompt", "ask",
    "lines", "config_json", "lora config", "said", "adapter_hub", "hub", "file", "kept", "tuned",
    "other_adapter_hub", "other_kept",
    "init_lora_weights", "lr_scheduler_type", "run", "lesson",
}  # fmt: skip


class _Run(threading.local):
    """The language of the run in this thread, for which a page asks hundreds of times."""

    language = ""


_run = _Run()


def spoken() -> str:
    """The language of the page that runs."""
    return _run.language or str(st.session_state.get("language", language.SOURCE))


language.otherwise = spoken


def settle() -> bool:
    """Find the visitor's language and put the page's address into it.

    Whether the address changed: widgets take what it says at the beginning of a run, so that the
    page is to be run again.
    """
    state, link = st.session_state, st.query_params
    asked = link.get(KEY)
    if asked in language.languages():
        state[KEY] = asked
    elif KEY in state:
        link[KEY] = state[KEY]
    _run.language = state.get(KEY) or language.nearest(st.context.locale or "")
    state["language"] = _run.language
    brought = {key: link.get_all(key) for key in link if key not in TYPED}
    here = {key: [_said_here(value) for value in values] for key, values in brought.items()}
    changed = False
    for key in (key for key in here if here[key] != brought[key]):
        with suppress(StreamlitAPIException):  # a widget that is drawn says it anew by itself
            link[key], changed = here[key], True
    if changed:
        state["translated"] = True
    return changed


def _said_here(label: str) -> str:
    """A label that another language gives a choice, in this one; if it may be two, as it is."""
    if language.is_said(label) or not any(map(str.isalpha, label)):
        return label  # a number, too, may stand for a word elsewhere
    label = language.again(label, MADE, (language.current(), *language.languages()))
    sources = language.source_of(label) - {label} or {label}
    said = {_(source) for source in sources}
    return label if label in said or len(said) != 1 else said.pop()


def switch() -> None:
    """A button for each other language; what the page shows stays."""
    for other in language.languages():
        if other != spoken():
            st.button(
                language.name_of(other), key=f"speak {other}", type="tertiary",
                icon=":material/translate:", on_click=_speak, args=(other,),
            )  # fmt: skip


def _speak(other: str) -> None:
    state = st.session_state
    for key in list(state):  # what the browser calls an option is known only until they are renamed
        state[key]
    state[KEY] = st.query_params[KEY] = other
