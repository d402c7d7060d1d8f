"""A word in a page's explanation leads to its place in the glossary, which is then in sight."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import fits, settled


@pytest.mark.parametrize("width", [390, 1400])
def test_a_word_leads_to_its_place(new_page, width):
    page = new_page("/lora?model=synthetic", width=width)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Merged", exact=True).click()
    there = opened.value
    there.set_default_timeout(60_000)
    there.set_viewport_size({"width": width, "height": 900})
    there.wait_for_selector("h1")
    settled(there)
    assert there.url.endswith("/glossary#merge")
    expect(there.locator("dt.lr-asked")).to_contain_text("merge")
    expect(there.locator("#merge")).to_be_in_viewport()
    assert fits(there, width)
