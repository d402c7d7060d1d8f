"""A newcomer: the first page leads to the others by chapters and doors, and knows where one was."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import served, settled


@pytest.mark.parametrize("name", ["Rank", "Redundancy", "Truncation", "LoRA"])
def test_start_leads_to_each_page(new_page, name):
    page = new_page("/")
    page.get_by_role("link", name=f"Open {name}", exact=True).click()
    page.get_by_role("heading", name=name, level=1).wait_for()
    settled(page)
    assert page.url.endswith(f"/{name.lower()}")
    assert page.locator('[data-testid="stException"]').count() == 0


def test_a_door_leads_in_and_start_says_where_the_visitor_was(new_page):
    page = new_page("/")
    page.get_by_role("link", name="What one elimination gives").click()
    page.get_by_role("heading", name="Rank", level=1).wait_for()
    settled(page)
    assert "view=What+it+gives" in page.url
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Start").click()
    expect(page.get_by_text("You were here last")).to_be_visible()


def test_a_page_loaded_again_at_once_on_a_server_just_started_is_whole(new_page):
    """The first load is broken off while it imports all that pages need."""
    with served() as url:
        page = new_page(url, wait=False)
        page.reload()
        settled(page)
        expect(page.get_by_role("heading", name="The story")).to_be_visible()
