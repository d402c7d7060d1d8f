"""The glossary page, and the links that pages have to it."""

import re
from html import unescape

import pytest

from lowrank.ui.glossary import words
from lowrank.ui.layout import sections
from tests.pages import opening


def test_every_term_stands_on_the_page_at_the_place_that_links_name():
    app = opening.opened("glossary")
    assert not app.exception
    (listed,) = (h.proto.body for h in app.get("html") if "lr-terms" in h.proto.body)
    terms = re.findall(
        r'<dt id="([^"]*)">([^<]*)(?: <span class="lr-others"><span lang="zh">[^<]*</span></span>)?'
        r"</dt><dd>[^<]+\.</dd>",
        listed,
    )
    assert [unescape(name) for _, name in terms] == [
        h.split(" | ")[0] for h in sections("glossary")
    ]
    assert {place for place, _ in terms} == set(words().values())


@pytest.mark.parametrize("page", ["rank", "redundancy", "truncation", "lora", "memory", "thread"])
def test_pages_explain_their_words_by_links(page):
    app = opening.opened(page, **({} if page in ("rank", "thread") else {"model": "synthetic"}))
    said = "\n".join(each.value for each in app.markdown)
    assert len(re.findall(r"\]\(glossary#[a-z-]+\)", said)) >= 2
