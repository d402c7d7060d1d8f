"""The glossary explains words that pages use, and links to it change nothing else."""

import re

import pytest

from lowrank.ui.glossary import anchor, explained, words
from lowrank.ui.layout import PAGES, TEXT_FOLDER, sections

LINK = re.compile(r"\[([^\]]*)\]\(glossary#[^)]*\)")
TERMS = [heading.split(" | ")[0] for heading in sections("glossary")]
EXPLAINED = [path.stem for path in (TEXT_FOLDER / "en").glob("*.md") if path.stem != "glossary"]


def test_terms_stand_in_the_order_of_the_alphabet_each_with_a_place_of_its_own():
    assert sorted(TERMS, key=str.lower) == TERMS
    assert len({anchor(term) for term in TERMS}) == len(TERMS)


def test_every_term_is_explained_in_a_few_sentences_and_without_itself_alone():
    for heading, body in sections("glossary").items():
        assert body.endswith(".")
        assert 1 <= len(re.findall(r"[.:](?:\s|$)", body)) <= 4, heading


def test_every_term_is_a_word_of_the_pages():
    code = [p.read_text(encoding="utf-8") for p in TEXT_FOLDER.parents[2].rglob("ui/**/*.py")]
    prose = " ".join([*(" ".join(sections(name).values()) for name in EXPLAINED), *code]).lower()
    forms = {}
    for form, place in words().items():
        forms.setdefault(place, []).append(form)
    unused = [place for place, each in forms.items() if not any(form in prose for form in each)]
    assert set(unused) <= {"condition-number", "transfer-learning"}  # textbooks' and the article's


@pytest.mark.parametrize("name", EXPLAINED)
def test_links_change_no_word_and_lead_to_a_term_once(name):
    places = set(words().values())
    for body in sections(name).values():
        linked = explained(body)
        assert LINK.sub(r"\1", linked) == LINK.sub(r"\1", body)
        targets = re.findall(r"\(glossary#([^)]*)\)", linked)
        assert len(targets) == len(set(targets))
        assert set(targets) <= places
        assert re.findall(r"\{[^}]*\}", linked) == re.findall(r"\{[^}]*\}", body)


def test_code_formulas_and_links_are_left():
    for said in ("`pivot`", "$rank = pivot$", "[pivot](rank)", "{pivot}", "pivoting", "non-pivot"):
        assert explained(said) == said


def test_the_glossary_is_a_page():
    assert "glossary" in {file for file, *_ in PAGES}
