"""One way to write something for a class: the function, its file's suffix and media type."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Format:
    """How something is written, and what its file is called."""

    write: Callable[[Any], str | bytes]
    suffix: str
    mime: str

    def encoded(self, what: Any) -> bytes:
        """The file's bytes."""
        found = self.write(what)
        return found.encode() if isinstance(found, str) else found
