"""PDF by Typst, which compiles without a network in a fraction of a second.

>>> typst_text('R2 - "2" R1')
'#"R2 - \\\\"2\\\\" R1";'
"""

import importlib.util
import json

from lowrank.errors import SourceError
from lowrank.language import current, gettext_noop
from lowrank.language import gettext as _

PDF = "application/pdf"
NEEDED = gettext_noop("PDF needs the package typst: pip install typst.")
_HEAD = """#set page(paper: "a4", margin: 2cm, numbering: "1")
#set text(font: "Libertinus Serif", size: 11pt, lang: "%s")
#set par(spacing: 1em)
#show heading: set block(above: 1.6em, below: 0.8em)
#show math.equation: set text(size: 11pt)
#set math.mat(delim: "[", align: right)
= %s
%s #box(width: 1fr, line(length: 100%%, stroke: 0.4pt)) %s #box(width: 4cm, line(length: 100%%, stroke: 0.4pt))
"""  # noqa: E501


def typst_head(title: str) -> str:
    """The beginning of a document: its layout, title, and lines for name and date."""
    return _HEAD % (current(), title, _("Name"), _("Date"))


def available() -> bool:
    """Whether PDF can be made here: whether the package typst is installed."""
    return importlib.util.find_spec("typst") is not None


def typst_text(words: str) -> str:
    """Words as they stand, whatever signs of Typst's are among them."""
    return f"#{json.dumps(words, ensure_ascii=False)};" if words else ""


def compiled(source: str) -> bytes:
    """A Typst document as PDF, with Typst's own fonts, and the system's for what those lack.

    Raises SourceError where the package typst is not installed.
    """
    try:
        import typst
    except ImportError as error:
        raise SourceError(NEEDED) from error
    found = typst.compile(source.encode(), format="pdf")
    assert isinstance(found, bytes)
    return found
