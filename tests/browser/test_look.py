"""What every page's look owes to eyes and keyboards, measured by axe-core, light and dark."""

from importlib.resources import files

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import fits, settled

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
ADDRESSES = {
    "/": "The model is SmolLM2-135M-Instruct",
    "/rank": "The code for this",
    "/rank?view=Quiz": "The code for this",
    "/redundancy?view=Compress": "The code for this",
    "/truncation": "The code for this",
    "/surgery": "The code for this",
    "/atlas": "The code for this",
    "/lora": "The code for this",
    "/lab": "The code for this",
    "/memory": "The code for this",
    "/adapter": "The code for this",
}
SERIOUS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .filter(v => ['serious', 'critical'].includes(v.impact))
  .flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary}`))"""


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_nothing_serious(new_page, address, colours):
    page = new_page("/", wait=False, width=1400)
    page.emulate_media(color_scheme=colours)
    page.goto(page.url.rstrip("/") + address)
    expect(page.get_by_text(ADDRESSES[address]).last).to_be_visible()
    settled(page)
    page.evaluate(AXE)
    assert page.evaluate(SERIOUS) == []


def test_title_and_question_share_a_line_and_wrap_on_a_phone(new_page):
    page = new_page("/rank", width=1400)
    expect(page.get_by_text("The code for this")).to_be_visible()
    settled(page)
    title, asked = page.locator("h1"), page.locator("h4").first
    upper, lower = title.bounding_box(), asked.bounding_box()
    assert upper["y"] < lower["y"] + lower["height"] <= upper["y"] + upper["height"] + 8
    assert upper["y"] < 90
    page.set_viewport_size({"width": 390, "height": 800})
    assert fits(page, 390)
