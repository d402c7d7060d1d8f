"""The address and the browser's history: a visit is one entry, with its whole view."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import settled


def at(page, name: str, address: str = "") -> None:
    """Wait for a page, whole, and for its view in the address."""
    expect(page.locator("h1", has_text=re.compile(f"^{name}$"))).to_be_visible()
    settled(page)
    if address:
        expect(page).to_have_url(re.compile(address))


def go(page, name: str, address: str = "") -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    at(page, "lowrank" if name == "Start" else name, address)


def slide(page, label: str, key: str = "ArrowRight") -> None:
    page.get_by_role("slider", name=label).focus()
    page.keyboard.press(key)


def entries(page) -> int:
    return page.evaluate("history.length")


def test_a_visit_is_one_entry_with_its_whole_view(new_page):
    page = new_page("/truncation?model=synthetic")
    before = entries(page)
    slide(page, "Rank k")
    expect(page).to_have_url(re.compile("k=73"))
    settled(page)
    go(page, "Rank")
    go(page, "LoRA", "model=synthetic")
    slide(page, "Rank r")
    expect(page).to_have_url(re.compile("r=16"))
    settled(page)
    go(page, "Start")
    assert entries(page) == before + 3
    page.go_back()
    at(page, "LoRA", "r=16")
    expect(page.get_by_role("slider", name="Rank r")).to_have_attribute("aria-valuetext", "16")
    page.go_back()
    at(page, "Rank")
    page.go_back()
    at(page, "Truncation", "k=73")
    page.go_forward()
    at(page, "Rank")
    go(page, "Truncation", "k=73")


def test_on_a_phone_the_sidebar_makes_way_for_the_page_that_was_chosen(new_page):
    page = new_page("/rank", width=390, height=844)
    page.get_by_test_id("stExpandSidebarButton").click()
    go(page, "Memory")
    expect(page.get_by_test_id("stSidebarNav")).not_to_be_in_viewport()
