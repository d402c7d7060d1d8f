"""One way to write something for a class: the function, its file's suffix and media type."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Marked at its beginning: Excel takes a file for the letters of its own country otherwise.
SPREADSHEET = "utf-8-sig"


@dataclass(frozen=True)
class Format:
    """How something is written, and what its file is called."""

    write: Callable[[Any], str | bytes]
    suffix: str
    mime: str
    encoding: str = "utf-8"

    def encoded(self, what: Any) -> bytes:
        """The file's bytes."""
        found = self.write(what)
        return found.encode(self.encoding) if isinstance(found, str) else found
