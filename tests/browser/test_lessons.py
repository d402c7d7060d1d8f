"""A lesson walked with a presenter's clicker, on a projector's screen at 200 %."""

import re

from playwright.sync_api import expect


def test_a_clicker_walks_the_first_lesson(new_page):
    page = new_page("/rank?m=A+repeated+direction&how=Watch&step=0&lesson=rank.1&present=1")
    page.set_viewport_size({"width": 960, "height": 540})
    task = page.locator(".st-key-lesson")
    expect(task).to_contain_text("Does every row say something new?")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    for number, words in ((2, "read each step aloud"), (3, "Your turn, in pairs")):
        page.wait_for_function("window.lowrankLesson")
        page.keyboard.press("PageDown")
        page.wait_for_url(re.compile(rf"lesson=rank\.{number}\b"), wait_until="commit")
        expect(task).to_contain_text(words)
    page.wait_for_function("window.lowrankLesson")
    assert "present=1" in page.url
    page.keyboard.press("PageUp")
    page.wait_for_url(re.compile(r"lesson=rank\.2\b"), wait_until="commit")
    page.get_by_role("button", name="For the teacher").click()
    expect(page.get_by_text("row 3 was a combination of the two rows above")).to_be_visible()
