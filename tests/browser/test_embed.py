"""A page of the explorer in a frame of a course's page, as docs/classroom-embed.md says."""

import re
from pathlib import Path

from playwright.sync_api import expect

DOCS = Path(__file__).parents[2] / "docs" / "classroom-embed.md"


def test_a_page_works_in_a_frame_without_sidebar_and_header(chromium, app_url):
    frame = re.search(r"<iframe.*?</iframe>", DOCS.read_text(encoding="utf-8"), re.DOTALL)[0]
    context = chromium.new_context(viewport={"width": 1000, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    body = frame.replace("https://your-explorer.example", app_url)
    page.set_content(f"<h1>A course</h1>{body}")
    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", name="Rank", exact=True)).to_be_visible(timeout=180_000)
    expect(inside.locator("[aria-label*='Row 1: 1, 2, 1']").first).to_be_visible()
    expect(inside.get_by_test_id("stSidebar")).to_be_hidden()
    expect(inside.get_by_test_id("stHeader")).to_be_hidden()
    inside.get_by_role("radio", name="Quiz").click()
    expect(inside.get_by_role("textbox", name="Your operation")).to_be_visible()
    context.close()
