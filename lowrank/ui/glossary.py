"""Words that a first-year student may not know: a page of them, and links to it in the prose."""

import re
from functools import cache
from html import escape

import streamlit as st

from lowrank.figures.style import COLOURS
from lowrank.language import SOURCE, current, languages
from lowrank.ui.layout import sections

# What is no prose: code, formulas, places for values, and what is a link already.
LEFT = r"`[^`]*`|\$[^$]*\$|\{[^}]*\}|\[[^\]]*\]\([^)]*\)"
# A word of letters ends where its letters end; Chinese has no such ends.
BEFORE, AFTER = r"(?<![a-zA-Z0-9_-])", r"(?![a-zA-Z0-9_-])"

STYLE = f"""<style>
.lr-terms {{ max-width: 48rem; }}
.lr-terms dt {{ font-weight: 700; padding: 0.8em 0.4em 0; scroll-margin-top: 5rem; }}
.lr-terms .lr-others {{ font-weight: 400; opacity: 0.8; padding-left: 0.6em; }}
.lr-terms dd {{ margin: 0; padding: 0.1em 0.4em 0; }}
.lr-terms .lr-asked {{ border-left: 0.25em solid {COLOURS["pivot"]}; }}
</style>"""
# The page is not there yet when the browser looks for the place that the address names.
SCRIPT = """<script>
requestAnimationFrame(() => {
  const asked = document.getElementById(location.hash.slice(1));
  asked?.classList.add("lr-asked");
  asked?.nextElementSibling.classList.add("lr-asked");
  asked?.scrollIntoView({ block: "center" });
});
</script>"""


@cache
def words(language: str = SOURCE) -> dict[str, str]:
    """Every written form of a term, in small letters, with the term's place on the page."""
    found: dict[str, str] = {}
    for heading in sections("glossary"):
        term, *others = heading.split(" | ")
        found |= {each.lower(): anchor(term) for each in (term, *others)}
    if language != SOURCE:
        for heading in sections("glossary"):
            place = anchor(heading.split(" | ")[0])
            for each in re.split("[（）、]", entry(heading, language)[0]):
                if len(each) > 1:  # one character is a part of too many words
                    found.setdefault(each.lower(), place)
    return found


def entry(heading: str, language: str) -> tuple[str, str]:
    """A term in a language, and what it means; a translated section begins with the term."""
    said = sections("glossary", language)[heading]
    if language == SOURCE:
        return heading.split(" | ")[0], said
    term, _, meaning = said.partition("：")
    return term, meaning


def anchor(term: str) -> str:
    """A term's place in the address.

    >>> anchor("optimizer state (Adam's moments)")
    'optimizer-state-adam-s-moments'
    """
    return re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


@cache
def _pattern(language: str) -> re.Pattern[str]:
    longest_first = sorted(words(language), key=len, reverse=True)
    forms = "|".join(map(re.escape, longest_first))
    return re.compile(f"({LEFT})|{BEFORE}({forms}){AFTER}", re.IGNORECASE)


def explained(prose: str) -> str:
    """Markdown in which each term, where it first stands, is a link to its place in the glossary.

    >>> explained("The pivot, and another pivot.")
    'The [pivot](glossary#pivot), and another pivot.'
    """
    met = set[str]()

    def linked(found: re.Match[str]) -> str:
        place = words(current()).get(found[0].lower(), "")
        if found[1] or place in met:
            return found[0]
        met.add(place)
        return f"[{found[0]}](glossary#{place})"

    return _pattern(current()).sub(linked, prose)


def every_term() -> None:
    """All terms with what they mean, the one that the address names in sight and marked.

    Beside each stands what the other languages call it.
    """
    listed = ""
    for heading in sections("glossary"):
        term, meaning = entry(heading, current())
        others = " · ".join(
            f'<span lang="{each}">{escape(entry(heading, each)[0])}</span>'
            for each in languages()
            if each != current()
        )
        beside = f' <span class="lr-others">{others}</span>' if others else ""
        place = anchor(heading.split(" | ")[0])
        listed += f'<dt id="{place}">{escape(term)}{beside}</dt><dd>{escape(meaning)}</dd>'
    st.html(f"{STYLE}<dl class='lr-terms'>{listed}</dl>{SCRIPT}", unsafe_allow_javascript=True)
