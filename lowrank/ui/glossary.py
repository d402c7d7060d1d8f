"""Words that a first-year student may not know: a page of them, and links to it in the prose."""

import re
from functools import cache

import streamlit as st

from lowrank.ui.layout import sections, text

# What is no prose: code, formulas, places for values, and what is a link already.
LEFT = r"`[^`]*`|\$[^$]*\$|\{[^}]*\}|\[[^\]]*\]\([^)]*\)"


@cache
def words() -> dict[str, str]:
    """Every written form of a term, in small letters, with the term's place on the page."""
    found: dict[str, str] = {}
    for heading in sections("glossary"):
        term, *others = heading.split(" | ")
        found |= {each.lower(): anchor(term) for each in (term, *others)}
    return found


def anchor(term: str) -> str:
    """A term's place in the address.

    >>> anchor("optimizer state (Adam's moments)")
    'optimizer-state-adam-s-moments'
    """
    return re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(words(), key=len, reverse=True)
    return re.compile(
        rf"({LEFT})|(?<![\w-])({'|'.join(map(re.escape, longest_first))})(?![\w-])", re.IGNORECASE
    )


def explained(prose: str) -> str:
    """Markdown in which each term, where it first stands, is a link to its place in the glossary.

    >>> explained("The pivot, and another pivot.")
    'The [pivot](glossary#pivot), and another pivot.'
    """
    met = set[str]()

    def linked(found: re.Match[str]) -> str:
        place = words().get(found[0].lower(), "")
        if found[1] or place in met:
            return found[0]
        met.add(place)
        return f"[{found[0]}](glossary#{place})"

    return _pattern().sub(linked, prose)


def every_term() -> None:
    """All terms with what they mean."""
    for term in sections("glossary"):
        said = term.split(" | ")[0]
        st.subheader(said, anchor=anchor(said))
        st.markdown(text("glossary", term))
