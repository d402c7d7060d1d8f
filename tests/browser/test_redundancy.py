"""A student on the Redundancy page: hides a row, stops a run, types words, uploads, shares."""

import io
import re

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import changed, metric, number, settled


def choose(page, name: str) -> None:
    """Press a button of a segmented control."""
    page.get_by_role("radio", name=name, exact=True).click()


def test_recovers_refuses_and_shares(new_page):
    page = new_page("/redundancy")
    page.get_by_text("Recovered: held-out entries").wait_for()
    before = metric(page, "Error on hidden entries")
    slider = page.get_by_role("slider", name="Hidden, %")
    slider.focus()
    slider.press("ArrowRight")
    after = changed(page, "Error on hidden entries", before)
    page.wait_for_url("**hidden=55**")
    page.reload()
    expect(number(page, "Error on hidden entries")).to_have_text(after)
    expect(number(new_page(page.url), "Error on hidden entries")).to_have_text(after)
    page.get_by_role("button", name="More").click()
    page.get_by_text("Hide a whole row").click()
    page.get_by_text("Row 61 has no observed entry").wait_for()
    settled(page)
    assert page.get_by_role("button", name="Stop").count() == 0


def test_a_long_run_is_stopped_and_shows_how_far_it_came(new_page):
    address = "/redundancy?data=skyline&method=soft-impute&lambda=-5&hidden=85&draw=7"
    page = new_page(address, wait=False)
    page.get_by_text(re.compile("^Iteration")).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped after").wait_for()
    page.get_by_role("button", name="Run it to the end").wait_for()
    metric(page, "Error on hidden entries")
    assert page.locator('[data-testid="stException"]').count() == 0


def test_words_typed_are_drawn_and_come_back_with_the_link(new_page):
    page = new_page("/redundancy?task=Features")
    box = page.get_by_role("textbox", name="Words, with commas")
    box.fill("red, green, blue, yellow\ndog, cat, cow")
    box.press("Control+Enter")
    page.locator(".js-plotly-plot").get_by_text("yellow").wait_for()
    expect(number(page, "Words")).to_have_text("7")
    expect(page).to_have_url(re.compile("words="))
    again = new_page(page.url)
    expect(number(again, "Words")).to_have_text("7")
    again.get_by_role("button", name="Months").click()
    again.locator(".js-plotly-plot").get_by_text("Thursday").wait_for()


def test_a_picture_of_ones_own_is_compressed_and_outlives_another_view(new_page):
    page = new_page("/redundancy?task=Compress")
    choose(page, "my own")
    page.get_by_text("Choose a picture of yours").wait_for()
    stream = io.BytesIO()
    Image.fromarray(np.eye(30, 40, dtype=np.uint8) * 255).save(stream, "PNG")
    picture = {"name": "mine.png", "mimeType": "image/png", "buffer": stream.getvalue()}
    page.locator('input[type="file"]').set_input_files(picture)
    page.get_by_text("mine.png: 30 × 40 greys").wait_for()
    choose(page, "When it works")
    page.get_by_text("Each cell is one trial").wait_for()
    choose(page, "Compress")
    choose(page, "my own")
    page.get_by_text("mine.png: 30 × 40 greys").wait_for()
