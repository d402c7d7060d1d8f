"""A visitor's own files: taken once, and what is refused is said until other files come."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from lowrank.errors import LowrankError
from lowrank.language import gettext as _

Files = Mapping[str, bytes]


def brought(label: str, into: str, keep: Callable[[Files], Any], **more: Any) -> str:
    """A place for files, of which `keep` makes what the session then holds as `into`.

    Returns why the files that are listed were refused, or "". Files that come later are tried with
    those that are listed, as two halves of a whole, and else alone: the list then begins anew.
    """
    state = st.session_state
    key = f"uploading {into} {state.get(f'{into} lists', 0)}"
    st.file_uploader(label, key=key, on_change=_take, args=(key, into, keep), **more)
    return state.get(f"{into} refused", "")


def _take(key: str, into: str, keep: Callable[[Files], Any]) -> None:
    """What to do with files that have come, or have been taken from the list."""
    state, given = st.session_state, st.session_state[key]
    listed = given if isinstance(given, list) else [given] if given else []
    before = state.get(f"{into} listed", ())
    new = [file for file in listed if (file.name, file.size) not in before]
    state[f"{into} listed"] = [(file.name, file.size) for file in listed]
    state[f"{into} refused"] = ""
    for files in (listed, new) if 0 < len(new) < len(listed) else (listed,) * bool(listed):
        try:
            with st.spinner(_("Reading the files…")):
                state[into] = keep({file.name: file.getvalue() for file in files})
        except LowrankError as error:
            state[f"{into} refused"] = state[f"{into} refused"] or str(error)
            continue
        state[f"{into} refused"] = ""
        if files is new:
            state[f"{into} lists"] = state.get(f"{into} lists", 0) + 1
        return
