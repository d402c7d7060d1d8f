"""What is handed out: a title and parts in words, as HTML to print, LaTeX, Markdown or PDF.

Words may be **bold**, *slanted* or `code`. Mathematics in them is plain text: W₀ x + (α/r) B A x.

>>> paper = Paper("Sheet", "sheet", (Part("One", ("What is **2 · 2**?",)),))
>>> print(as_markdown(paper))
# Sheet
<BLANKLINE>
Name: ____________________  Date: ____________
<BLANKLINE>
## One
<BLANKLINE>
What is **2 · 2**?
<BLANKLINE>
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from lowrank.language import current
from lowrank.language import gettext as _
from lowrank.teaching.formats import of_sheet
from lowrank.teaching.typesetting import compiled, typst_head, typst_text

MARK = re.compile(r"\*\*(.+?)\*\*|\*(.+?)\*|`(.+?)`")


@dataclass(frozen=True)
class Part:
    """A heading, paragraphs, questions (a), (b), …, and room to write in, in millimetres."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    room: int = 0
    new_page: bool = False


@dataclass(frozen=True)
class Paper:
    """Something to print; `name` is that of its file, without a suffix."""

    title: str
    name: str
    parts: tuple[Part, ...]


def as_markdown(paper: Paper) -> str:
    """The paper as Markdown."""
    lines = [f"# {paper.title}", who()]
    for part in paper.parts:
        lines += ["---"] * part.new_page + [f"## {part.heading}", *part.paragraphs]
        lines += ["\n".join(f"- ({letter}) {words}" for letter, words in lettered(part))]
    return "\n\n".join(filter(None, lines)) + "\n"


def who() -> str:
    """Where name and date are written, as text."""
    return _("Name: ____________________  Date: ____________")


def lettered(part: Part) -> list[tuple[str, str]]:
    """The questions of a part with their letters."""
    return list(zip("abcdefgh", part.asked, strict=False))


def marked(words: str, plain: Callable[[str], str], marks: tuple[str, str, str]) -> str:
    """Words with their marks as a format writes them: bold, slanted and code have {} in `marks`."""
    parts, at = [], 0
    for found in MARK.finditer(words):
        index = found.lastindex or 1
        inside = plain(found[index])
        parts += [plain(words[at : found.start()]), marks[index - 1].replace("{}", inside)]
        at = found.end()
    return "".join([*parts, plain(words[at:])])


def html_page(title: str, body: str) -> str:
    """A page that needs nothing else, laid out for A4 paper, with a button that prints it."""
    css = Path(__file__).with_name("worksheet.css").read_text(encoding="utf-8")
    label = escape(_("Print or save as PDF"))
    return (
        f'<!DOCTYPE html>\n<html lang="{current()}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{css}</style></head><body>"
        f'<button class="screen" onclick="window.print()">{label}</button>'
        f"{body}</body></html>\n"
    )


def as_html(paper: Paper) -> str:
    """The paper as one HTML page."""
    parts = "".join(map(_html_part, paper.parts))
    body = f"<main><h1>{escape(paper.title)}</h1>{html_who()}{parts}</main>"
    return html_page(escape(paper.title), body)


def html_who() -> str:
    """Where name and date are written, as HTML."""
    spans = "".join(f"<span>{escape(each)}</span>" for each in (_("Name"), _("Date")))
    return f'<p class="who">{spans}</p>'


def _html(words: str) -> str:
    return marked(words, escape, ("<strong>{}</strong>", "<em>{}</em>", "<code>{}</code>"))


def _html_part(part: Part) -> str:
    words = "".join(f"<p>{_html(each)}</p>" for each in part.paragraphs)
    asked = "".join(f"<li>{_html(each)}</li>" for each in part.asked)
    asked = f'<ol class="asked">{asked}</ol>' if asked else ""
    room = f'<div style="height: {part.room}mm"></div>' if part.room else ""
    kind = "key" if part.new_page else "part"
    return f'<section class="{kind}"><h2>{escape(part.heading)}</h2>{words}{asked}{room}</section>'


_LATEX_HEAD = r"""\documentclass[11pt]{%s}
\usepackage[a4paper,margin=2cm]{geometry}
\usepackage{amsmath}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\begin{document}
\section*{%s}
%s \rule{6cm}{0.4pt} \hfill %s \rule{3cm}{0.4pt}

\bigskip
%s"""
LATEX_CLASSES = {"zh": "ctexart"}  # of languages that article has no letters for
LATEX_SIGNS = {
    "×": r"$\times$",
    "·": r"$\cdot$",
    "−": "$-$",
    "α": r"$\alpha$",
    "₀": "$_0$",
    "⁹": "$^9$",
    "⁶": "$^6$",
    "%": r"\%",
    "_": r"\_",
    "&": r"\&",
    "#": r"\#",
}


def latex_head(title: str, intro: str = "") -> str:
    """The beginning of a document: its layout, title, lines for name and date."""
    kind = LATEX_CLASSES.get(current(), "article")
    return _LATEX_HEAD % (kind, title, _("Name:"), _("Date:"), intro)


def as_latex(paper: Paper) -> str:
    """The paper as a LaTeX document of its own."""
    lines = [latex_head(_latex_text(paper.title))]
    for part in paper.parts:
        lines += [r"\newpage"] * part.new_page
        lines += [rf"\subsection*{{{_latex_text(part.heading)}}}", *map(_latex, part.paragraphs)]
        if part.asked:
            items = "\n".join(rf"\item[({letter})] {_latex(x)}" for letter, x in lettered(part))
            lines.append(rf"\begin{{itemize}}{items} \end{{itemize}}")
        lines += [rf"\vspace*{{{part.room}mm}}"] * bool(part.room)
    return "\n\n".join([*lines, r"\end{document}"]) + "\n"


def _latex_text(words: str) -> str:
    return "".join(LATEX_SIGNS.get(sign, sign) for sign in words)


def _latex(words: str) -> str:
    return marked(words, _latex_text, ("\\textbf{{}}", "\\emph{{}}", "\\texttt{{}}"))


def as_typst(paper: Paper) -> str:
    """The paper as a document for Typst."""
    lines = [typst_head(typst_text(paper.title))]
    for part in paper.parts:
        lines += ["#pagebreak()"] * part.new_page
        lines += [f"== {typst_text(part.heading)}", *map(_typst, part.paragraphs)]
        lines += [f"({letter}) {_typst(x)}\\" for letter, x in lettered(part)]
        lines += [f"#v({part.room}mm)"] * bool(part.room)
    return "\n\n".join(lines) + "\n"


def _typst(words: str) -> str:
    marks = ("#strong[{}]", "#emph[{}]", '#text(font: "DejaVu Sans Mono", size: 9pt)[{}]')
    return marked(words, typst_text, marks)


def as_pdf(paper: Paper) -> bytes:
    """The paper as PDF. Raises SourceError where the package typst is not installed."""
    return compiled(as_typst(paper))


FORMATS = of_sheet(as_html, as_latex, as_markdown, as_pdf)
