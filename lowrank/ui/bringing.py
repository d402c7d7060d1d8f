"""A visitor's own files: taken once, and what is refused is said until other files come.

Streamlit takes a file from any client with a session, whether its page asks for one or not, and
holds it in memory until the session ends: what it holds has a limit here, in all and of one.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import streamlit as st
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from lowrank.errors import LowrankError
from lowrank.language import gettext as _

Files = Mapping[str, bytes]
Add = Callable[[MemoryUploadedFileManager, str, UploadedFileRec], None]

HELD = 2 * 10**9  # bytes that Streamlit holds of all sessions together
OF_ONE = 600_000_000  # … of one: a model's files and an adapter's
MOST_FILES = 1000  # … of one


def within_limits(add: Add) -> Add:
    """The same taking of a file, by its session, which refuses what is beyond the limits."""

    @wraps(add)
    def added(held: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
        sizes = {
            session: [len(each.data) for each in list(files.values())]
            for session, files in list(held.file_storage.items())
        }
        own, new = sizes.get(session_id, []), len(file.data)
        if len(own) >= MOST_FILES or sum(own) + new > OF_ONE:
            raise HTTPException(413, "This session holds as many files as one may.")
        if sum(map(sum, sizes.values())) + new > HELD:
            raise HTTPException(413, "The server holds as many files as it may.")
        add(held, session_id, file)

    return added


MemoryUploadedFileManager.add_file = within_limits(  # type: ignore[method-assign, assignment]
    MemoryUploadedFileManager.add_file
)


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
