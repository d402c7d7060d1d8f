"""The limit of what Streamlit holds of visitors' files, which it does not have itself.

Streamlit takes a file from any client with a session, whether its page asks for one or not, and
holds it in memory until the session ends. This is the one module that reaches into Streamlit's
inside; where another version has that elsewhere, the app runs with Streamlit's own limit, of each
file alone, says so in its log, and a test of this one fails.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

HELD = 2 * 10**9  # bytes that Streamlit holds of all sessions together
OF_ONE = 600_000_000  # … of one: a model's files and an adapter's
MOST_FILES = 1000  # … of one

Add = Callable[[Any, str, Any], None]


def within_limits(add: Add, refuse: Callable[[int, str], Exception]) -> Add:
    """The same taking of a file, by its session, which raises what `refuse` makes of a refusal."""

    @wraps(add)
    def added(held: Any, session_id: str, file: Any) -> None:
        sizes = {
            session: [len(each.data) for each in list(files.values())]
            for session, files in list(held.file_storage.items())
        }
        own, new = sizes.get(session_id, []), len(file.data)
        if len(own) >= MOST_FILES or sum(own) + new > OF_ONE:
            raise refuse(413, "This session holds as many files as one may.")
        if sum(map(sum, sizes.values())) + new > HELD:
            raise refuse(413, "The server holds as many files as it may.")
        add(held, session_id, file)

    return added


try:
    from starlette.exceptions import HTTPException
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager as Files

    Files("").file_storage.items()  # what is counted
    Files.add_file = within_limits(Files.add_file, HTTPException)  # type: ignore[method-assign, assignment]
except (ImportError, AttributeError, TypeError):
    logging.getLogger(__name__).warning("This Streamlit takes uploads without a limit in all.")
