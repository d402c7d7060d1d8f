"""A teacher's rehearsal: lesson 1 by its links on a projector, 1920 x 1080 enlarged to 200 %."""

import re

from playwright.sync_api import expect

from lowrank.ui.lessons import address, lesson
from tests.browser.conftest import fits, settled

WIDTH, HEIGHT = 960, 540  # points of a screen of 1920 x 1080 at 200 %
SEEN = 90  # points of the matrix: two of its rows
WRONG = '[data-testid="stException"], [data-testid="stAlertContentError"]'


def test_each_step_shows_its_task_and_its_picture_and_goes_on_by_a_key(chromium, app_url):
    context = chromium.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=2
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    steps = lesson("rank").steps
    page.goto(f"{app_url}/{address('rank', steps[0], presenting=True)}")
    for step in steps:
        page.wait_for_url(re.compile(rf"lesson=rank\.{step.number}\b"), wait_until="commit")
        settled(page)
        words = re.sub(r"[*`]", "", step.task).removeprefix("Task. ")
        expect(page.locator(".st-key-lesson")).to_contain_text(words[:60])
        expect(page.get_by_test_id("stSidebar")).to_be_hidden()
        expect(page.locator(WRONG)).to_have_count(0)
        assert "present=1" in page.url
        picture = page.locator(".lr-matrix").first
        expect(picture).to_be_visible()
        box = picture.bounding_box()
        assert box["x"] >= 0, step
        assert box["x"] + box["width"] <= WIDTH, step
        assert box["y"] + SEEN <= HEIGHT, step  # on the first screen, below its task
        assert fits(page, WIDTH), step
        if step is not steps[-1]:
            page.wait_for_function("window.lowrankLesson")
            page.keyboard.press("PageDown")
    context.close()
