"""A student on the Rank page: step, type nonsense, reload, share."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import settled


def drawn(page) -> str:
    """The matrix on the page, as it is read aloud."""
    return page.locator(".lr-matrix").first.get_attribute("aria-label")


def press(page, name: str) -> None:
    """Press a stepping button and wait until the matrix has changed."""
    before = drawn(page)
    page.get_by_role("button", name=name).first.click()
    page.wait_for_function(
        "before => document.querySelector('.lr-matrix').getAttribute('aria-label') !== before",
        arg=before,
    )


def test_steps_through_a_reduction_and_finds_it_again(new_page):
    page = new_page("/rank")
    press(page, "Next")
    assert "R2 ← R2 − 2 R1" in page.locator(".lr-op").inner_text()
    press(page, "Next")
    page.get_by_text("Rank 2", exact=False).first.wait_for()
    page.get_by_text("R3 = 2 R1 − R2").wait_for()
    at_the_end = drawn(page)
    press(page, "Back")
    assert drawn(page) != at_the_end
    press(page, "Next")
    assert "step=2" in page.url

    page.reload()
    settled(page)
    page.get_by_text("Step 2 of 2").wait_for()
    assert drawn(page) == at_the_end

    shared = new_page(page.url)
    shared.get_by_text("Step 2 of 2").wait_for()
    assert drawn(shared) == at_the_end


def test_the_arrow_keys_step(new_page):
    page = new_page("/rank")
    page.get_by_text("2 steps to go").wait_for()
    page.get_by_role("heading", name="Rank").click()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Step 1 of 2").wait_for()
    settled(page)
    page.keyboard.press("ArrowLeft")
    page.get_by_text("2 steps to go").wait_for()


def test_nonsense_gets_one_sentence_and_stays(new_page):
    page = new_page("/rank")
    page.get_by_text("Text", exact=True).click()
    area = page.get_by_role("textbox", name="Paste or type a matrix")
    area.fill("1 2\n3 four")
    area.press("Control+Enter")
    page.get_by_role("alert").get_by_text("four").wait_for()
    assert area.input_value() == "1 2\n3 four"
    assert page.locator('[data-testid="stException"]').count() == 0

    area.fill(r"\begin{bmatrix} 1 & 2 \\ 3 & \frac{1}{2} \end{bmatrix}")
    area.press("Control+Enter")
    page.get_by_text("1 step to go").wait_for()
    assert "Row 2: 3, 1/2." in drawn(page)


def test_a_bad_cell_in_the_grid_is_named(new_page):
    page = new_page("/rank")
    grid = page.locator('[data-testid="stDataFrame"]').first
    box = grid.bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(1000)
    page.keyboard.press("Control+A")
    page.keyboard.type("x1", delay=80)
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("x1").wait_for()


def test_fits_a_phone(new_page):
    page = new_page("/rank", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_ones_own_moves_are_kept_in_the_link_and_by_a_reload(new_page):
    page = new_page("/rank?m=1+2;2+4")
    box = page.get_by_role("textbox", name="Your operations, one a line")
    box.fill("R2 - 2 R1")
    box.press("Control+Enter")
    expect(page.get_by_text("reached in 1 move: rank 1")).to_be_visible()
    expect(page).to_have_url(re.compile("ops=R2"))
    page.reload()
    settled(page)
    expect(page.get_by_text("reached in 1 move: rank 1")).to_be_visible()
