"""PDF by Typst, which compiles without a network in a fraction of a second.

>>> typst_text('R2 - "2" R1')
'#"R2 - \\\\"2\\\\" R1";'
"""

import importlib.util
import json
from functools import cache

from lowrank.errors import SourceError
from lowrank.language import Sentence, current
from lowrank.language import gettext as _

PDF = "application/pdf"
LATIN = "Libertinus Serif"  # comes with Typst
# Of languages that it has no letters for, fonts that have them, the best first.
FONTS = {
    "zh": (
        "Noto Serif CJK SC", "Source Han Serif SC", "Songti SC", "SimSun",
        "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei",
    ),
}  # fmt: skip
_HEAD = """#set page(paper: "a4", margin: 2cm, numbering: "1")
#set text(font: %s, size: 11pt, lang: "%s")
#set par(spacing: 1em)
#show heading: set block(above: 1.6em, below: 0.8em)
#show math.equation: set text(size: 11pt)
#set math.mat(delim: "[", align: right)
= %s
%s #box(width: 1fr, line(length: 100%%, stroke: 0.4pt)) %s #box(width: 4cm, line(length: 100%%, stroke: 0.4pt))
"""  # noqa: E501


def typst_head(title: str) -> str:
    """The beginning of a document: its layout, title, and lines for name and date."""
    latin, other = f'"{LATIN}"', _font(current())
    # Quotation marks and dashes are as wide as the letters that they stand among.
    both = f'((name: {latin}, covers: regex("[^—‘’“”…]")), "{other}")'
    return _HEAD % (both if other else latin, current(), title, _("Name"), _("Date"))


@cache
def _font(language: str) -> str:
    """The best font for a language that is installed here; empty if none is, or none is needed."""
    if language not in FONTS or importlib.util.find_spec("typst") is None:
        return ""
    import typst

    there = typst.Fonts().families()
    return next((font for font in FONTS[language] if font in there), "")


def lacking() -> Sentence | None:
    """What PDF in the language of the moment lacks here, the package typst or a font."""
    if importlib.util.find_spec("typst") is None:
        return Sentence("PDF needs the package typst: pip install typst.")
    if current() in FONTS and not _font(current()):
        font = FONTS[current()][0]
        return Sentence(
            "PDF in this language needs a font such as {font} on the server.", font=font
        )
    return None


def typst_text(words: str) -> str:
    """Words as they stand, whatever signs of Typst's are among them."""
    return f"#{json.dumps(words, ensure_ascii=False)};" if words else ""


def compiled(source: str) -> bytes:
    """A Typst document as PDF, with Typst's own fonts, and the system's for what those lack.

    Raises SourceError where the package typst is not installed, or no font has the letters.
    """
    if lack := lacking():
        raise SourceError(lack.message, **lack.values)
    import typst

    found = typst.compile(source.encode(), format="pdf")
    assert isinstance(found, bytes)
    return found
