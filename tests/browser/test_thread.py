"""The thread walked in a browser: from pivots to a merged adapter and the memory it saved."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import fits, metric, settled

STEPS = [
    "1 · A matrix to reduce by hand",
    "2 · Its echelon form",
    "3 · A = C R",
    "4 · What redundancy buys",
    "5 · U S Vᵀ, the best such product",
    "6 · The same cut on real weights",
    "7 · W₀ and s·B A beside it",
    "8 · Trained, then merged",
    "9 · What it saved",
]


@pytest.mark.parametrize("width", [390, 1400])
def test_from_pivots_to_a_merged_adapter_and_its_memory(new_page, width):
    page = new_page("/thread", width=width)
    for title in STEPS:
        place = page.get_by_role("heading", name=title, exact=True)
        place.scroll_into_view_if_needed()
        expect(place).to_be_visible()
    assert fits(page, width)

    typed = page.get_by_label("A", exact=True)
    typed.fill("1 2 3; 2 4 6; 1 1 1")
    typed.press("Enter")
    expect(page.get_by_text("Rank 2, of at most 3: 1 of 3 rows became zero.")).to_be_visible()
    settled(page)
    assert "A=1+2+3%3B+2+4+6%3B+1+1+1" in page.url
    expect(page.get_by_text("hidden entries came back, exactly")).to_be_visible()
    expect(page.get_by_text("With its noise A has rank 3, without it rank 2.")).to_be_visible()

    assert "× 10" in metric(page, "Max |merged − unmerged|")
    expect(page.get_by_text("times less memory")).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0
    assert fits(page, width)


def test_a_step_opens_the_page_that_goes_deep_with_the_same_matrix(new_page):
    page = new_page("/thread?A=1+2%3B+2+4&kth=100", width=1400)
    page.get_by_role("link", name="Watch every step").click()
    page.get_by_role("heading", name="Rank", level=1).wait_for()
    settled(page)
    assert "m=1%2C2%3B2%2C4" in page.url
    page.go_back()
    page.get_by_role("heading", name="The thread", level=1).wait_for()
    settled(page)
    expect(page.get_by_label("A", exact=True)).to_have_value("1 2; 2 4")


def test_a_link_that_names_its_matrix_has_it_whatever_was_chosen_before(new_page):
    page = new_page("/truncation?model=synthetic&proj=v&layer=3", width=1400)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="The thread", exact=True).click()
    page.get_by_role("heading", name="The thread", level=1).wait_for()
    settled(page)
    page.get_by_role("link", name="Cut any matrix of the model").click()
    page.get_by_role("heading", name="Truncation", level=1).wait_for()
    settled(page)
    expect(page.get_by_text("model.layers.14.self_attn.q_proj.weight").first).to_be_visible()
    assert "k=64" in page.url
