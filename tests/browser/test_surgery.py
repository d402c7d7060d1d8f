"""A student on the Surgery page: lower a rank, ask, stop in the middle, change the text."""

import re

import pytest
from playwright.sync_api import Error

from tests.browser.conftest import settled

pytestmark = pytest.mark.slow
FEW = "/surgery?cut=k&where=one&only=3&keep=50&length=200"  # one small matrix: quickly factored


def metric(page, label: str) -> str:
    box = page.locator('[data-testid="stMetric"]').filter(has_text=label)
    return box.locator('[data-testid="stMetricValue"]').inner_text()


def number(page, label: str, before: str = "…") -> str:
    """The number under a label once it is there and no longer what it was."""
    for _ in range(900):
        now = metric(page, label)
        if now not in (before, "…"):
            return now
        page.wait_for_timeout(100)
    raise AssertionError(f"{label} stayed at {before}")


def tokens(page) -> list[int]:
    """How many tokens each of the two answers has."""
    found = page.get_by_text(re.compile(r"· \d+ tokens$")).all_inner_texts()
    return [int(words.rsplit(" ", 2)[-2]) for words in found]


def until_tokens(page, count: int) -> list[int]:
    for _ in range(900):
        if len(now := tokens(page)) == 2 and min(now) >= count:
            return now
        page.wait_for_timeout(100)
    raise AssertionError(f"{tokens(page)} tokens instead of {count}")


def choose(page, label: str, option: str) -> None:
    """Take it from the list; a page that is just being drawn anew closes an open list."""
    for _ in range(6):
        settled(page)
        page.get_by_role("combobox", name=label).click()
        try:
            page.get_by_role("option", name=option).click(timeout=3000)
        except Error:
            page.keyboard.press("Escape")
        else:
            return
    raise AssertionError(f"{option} could not be chosen")


def test_lowers_a_rank_asks_stops_and_changes_the_text(new_page):
    page = new_page(FEW)
    first = number(page, "nll a token")
    slider = page.get_by_role("slider", name="Rank kept")
    slider.focus()
    slider.press("Home")
    second = number(page, "nll a token", first)
    page.wait_for_url("**keep=1&**")
    assert second != first
    settled(page)
    page.get_by_role("button", name="Ask both").click()
    until_tokens(page, 2)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. What was done until then is shown.").wait_for()
    stopped = tokens(page)
    assert max(stopped) < 200

    choose(page, "Text to read", "French")
    number(page, "nll a token", second)
    page.wait_for_url("**text=French**")
    assert tokens(page) == stopped
    assert page.locator('[data-testid="stException"]').count() == 0


def test_two_at_once_are_both_answered(new_page):
    pages = [new_page(FEW.replace("length=200", "length=8")) for _ in range(2)]
    for page in pages:
        number(page, "nll a token")
        settled(page)
    for page in pages:
        page.get_by_role("button", name="Ask both").click()
    for page in pages:
        until_tokens(page, 5)  # each ends by itself after "The capital of France is Paris."
        page.get_by_text("Paris").first.wait_for()


def test_fits_a_phone(new_page):
    page = new_page(FEW, width=390)
    number(page, "nll a token")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
