"""One way to write something for a class: the function, its file's suffix and media type."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lowrank.teaching.typesetting import PDF

# Marked at its beginning: Excel takes a file for the letters of its own country otherwise.
SPREADSHEET = "utf-8-sig"
Write = Callable[[Any], str | bytes]


@dataclass(frozen=True)
class Format:
    """How something is written, and what its file is called."""

    write: Write
    suffix: str
    mime: str
    encoding: str = "utf-8"

    def encoded(self, what: Any) -> bytes:
        """The file's bytes."""
        found = self.write(what)
        return found.encode(self.encoding) if isinstance(found, str) else found


def of_sheet(html: Write, latex: Write, markdown: Write, pdf: Write) -> dict[str, Format]:
    """The formats of a sheet of paper, by what writes each."""
    return {
        "html": Format(html, ".html", "text/html"),
        "latex": Format(latex, ".tex", "application/x-tex"),
        "markdown": Format(markdown, ".md", "text/markdown"),
        "pdf": Format(pdf, ".pdf", PDF),
    }
