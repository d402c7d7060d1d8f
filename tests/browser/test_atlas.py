"""The Atlas in a browser: the survey of the real model, a cell's numbers, through it and back."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled


@pytest.mark.slow
def test_hover_click_through_to_truncation_and_back(new_page):
    page = new_page("/atlas")
    expect(page.get_by_text("By projection, beside random matrices")).to_be_visible(timeout=240_000)
    settled(page)
    plot = page.locator(".js-plotly-plot").nth(1)  # the first is rank against break-even
    plot.scroll_into_view_if_needed()
    box = plot.locator(".nsewdrag").first.bounding_box()
    across, down = box["x"] + box["width"] * (23.6 / 30.2), box["y"] + box["height"] * (0.5 / 7)
    page.mouse.move(across - 3, down)
    page.mouse.move(across, down)
    label = plot.locator(".hoverlayer")
    expect(label).to_contain_text("model.layers.23.self_attn.q_proj.weight")
    expect(label).to_contain_text("of 576")
    page.mouse.click(across, down)
    page.get_by_role("link", name="Open model.layers.23.self_attn.q_proj.weight").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Truncation", timeout=60_000)
    expect(page).to_have_url(re.compile("layer=23"), timeout=60_000)
    expect(page.get_by_text("layers.23.self_attn.q_proj").first).to_be_visible()
    settled(page)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Atlas", timeout=60_000)
    expect(page.get_by_text("By projection, beside random matrices")).to_be_visible(timeout=60_000)
