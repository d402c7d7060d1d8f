"""A student on the Surgery page: lower a rank, ask, stop in the middle, change the text."""

import json
import re
import zipfile

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import changed, metric, settled

pytestmark = pytest.mark.slow
LONG = 180_000  # milliseconds: on a busy machine a token takes its time
FEW = "/surgery?cut=k&where=one&only=3&keep=50&length=200"  # one small matrix: quickly factored


def tokens(page, least: int = 0):
    """The lengths of the answers that have so many tokens, fewer than ten, at least."""
    return page.get_by_text(re.compile(rf"· ([{least}-9]|\d{{2,}}) tokens$"))


def test_lowers_a_rank_asks_stops_and_changes_the_text(new_page):
    page = new_page(f"{FEW}&prompt=Tell+me+a+long+story.")  # so that there is something to stop
    page.get_by_text("the text to read").click()
    first = metric(page, "nll a token")
    slider = page.get_by_role("slider", name="Rank kept")
    slider.focus()
    slider.press("Home")
    second = changed(page, "nll a token", first)
    page.wait_for_url("**keep=1&**")
    assert second != first
    settled(page)
    page.get_by_role("button", name="Ask both").click()
    expect(tokens(page, 2)).to_have_count(2, timeout=LONG)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. What was done until then is shown.").wait_for()
    settled(page)
    stopped = tokens(page).all_inner_texts()
    assert not any("· 200 tokens" in each for each in stopped)

    box = page.get_by_role("combobox", name="Text to read")
    box.scroll_into_view_if_needed()  # an open list closes when the page scrolls
    settled(page)
    box.click()
    page.get_by_role("option", name="French").click()
    changed(page, "nll a token", second)
    page.wait_for_url("**text=French**")
    assert tokens(page).all_inner_texts() == stopped
    assert page.locator('[data-testid="stException"]').count() == 0


def test_two_at_once_are_both_answered(new_page):
    pages = [new_page(FEW.replace("length=200", "length=8")) for _ in range(2)]
    for page in pages:
        metric(page, "nll a token")
        settled(page)
    for page in pages:
        page.get_by_role("button", name="Ask both").click()
    for page in pages:
        # Each ends by itself after "The capital of France is Paris."
        expect(tokens(page, 5)).to_have_count(2, timeout=LONG)
        page.get_by_text("Paris").first.wait_for()


def test_saves_the_cut_model_and_takes_it_home(new_page, tmp_path):
    page = new_page(FEW)
    metric(page, "nll a token")
    settled(page)
    page.get_by_text("Save this model").click()
    page.get_by_role("radio", name="thin pairs").click()
    settled(page)
    page.get_by_role("button", name="Save this model").click()
    download = page.get_by_role("button", name="Download the model")
    download.wait_for(timeout=3 * LONG)  # both models read all held-out texts
    settled(page)
    with page.expect_download(timeout=LONG) as coming:
        download.click()
    coming.value.save_as(tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        assert archive.testzip() is None
        report = json.loads(archive.read("report.json"))
    cut = [each for each in report["matrices"] if each["rank"] < min(each["rows"], each["columns"])]
    assert [each["name"] for each in cut] == ["model.layers.3.self_attn.k_proj"]
