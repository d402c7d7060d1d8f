"""A visitor whose browser asks for Chinese: reduce, hint, quiz, worksheet, Truncation, the lab."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from lowrank.exact.elimination import next_step
from lowrank.language import gettext, languages, speaking
from lowrank.teaching.quiz import make_question
from lowrank.ui.layout import PAGES
from tests.browser.conftest import fits, settled

pytestmark = pytest.mark.skipif("zh" not in languages(), reason="there is no Chinese catalogue")
CJK = re.compile("[\u4e00-\u9fff]")


def zh(message: str, **values: object) -> str:
    """What stands on the page in place of an English message."""
    with speaking("zh"):
        return gettext(message).format(**values)


@pytest.fixture
def chinese(new_page):
    return lambda address, **more: new_page(address, locale="zh-CN", **more)


def test_a_student_reduces_by_typing_and_takes_hints(chinese):
    page = chinese("/rank?how=Type&m=2+4+1;3+7+0;1+1+1")  # a link made in English
    expect(page.locator("h1")).to_have_text(zh("Rank"))
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    said = page.locator(".lr-step")
    box = page.get_by_role("textbox", name=zh("Your next operation"))
    box.fill("r1 <-> r3")
    box.press("Enter")
    expect(said).to_contain_text("R1 ↔ R3")
    settled(page)
    for _ in range(3):
        page.get_by_role("button", name=zh("Hint")).click()
        settled(page)
    expect(said).to_contain_text("R2 ← R2 − 3 R1")
    assert CJK.search(said.inner_text())
    box.fill("r2 - 3 r9")
    box.press("Enter")
    expect(said).to_contain_text(zh("{shown!r} names row {row}; the matrix has rows 1 to {rows}.",
                                    shown="r2 - 3 r9", row=9, rows=3))  # fmt: skip


def test_the_quiz_judges_and_the_language_is_changed_without_losing_the_question(chinese):
    page = chinese("/rank?view=Quiz&q=3")
    box = page.get_by_role("textbox", name=zh("Your operation"))
    box.fill(str(next_step(make_question("next", 3).matrix).op))
    page.get_by_role("button", name=zh("Check"), exact=True).click()
    settled(page)
    assert CJK.search(page.locator('[data-testid="stMain"]').inner_text())
    matrix = page.locator(".lr-matrix").first.inner_text()

    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Rank")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    settled(page)
    assert page.locator(".lr-matrix").first.inner_text() == matrix
    expect(page).to_have_url(re.compile("lang=en"))
    there = urlsplit(page.url)
    back = chinese(f"{there.path}?{there.query.replace('lang=en', 'lang=zh')}")
    expect(back.locator("h1")).to_have_text(zh("Rank"))
    assert back.locator(".lr-matrix").first.inner_text() == matrix


def test_a_worksheet_is_in_chinese(chinese, tmp_path):
    page = chinese("/rank?view=Worksheet&w_count=2")
    with page.expect_download() as coming:
        page.get_by_role("button", name="HTML", exact=True).first.click()
    coming.value.save_as(tmp_path / "sheet.html")
    sheet = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in sheet
    assert CJK.search(sheet)


def test_truncation_says_what_is_lost(chinese):
    page = chinese("/truncation?k=32")
    expect(page.locator("h1")).to_have_text(zh("Truncation"))
    expect(page.get_by_role("slider", name=zh("Rank k"))).to_have_attribute("aria-valuetext", "32")
    assert CJK.search(page.get_by_test_id("stMetric").first.inner_text())


def test_the_lab_trains_and_says_how_long_it_took(chinese):
    page = chinese("/lab?set=island&steps=2")
    page.get_by_role("button", name=zh("Train"), exact=True).click()
    page.wait_for_url("**run=*")
    curve = page.get_by_test_id("stPlotlyChart").first
    expect(curve).to_be_visible(timeout=600_000)
    assert CJK.search(page.locator('[data-testid="stMain"]').inner_text())


@pytest.mark.parametrize("page", [file for file, *_ in PAGES])
def test_every_page_fits_a_phone_in_chinese_and_axe_finds_nothing_serious(chinese, faults, page):
    shown = chinese(f"/{page}" if page != "start" else "/", width=390, height=844)
    assert fits(shown, 390)
    assert faults(shown) == []
    expect(shown.locator("html")).to_have_attribute("lang", "zh")
    assert CJK.search(shown.locator("h1").inner_text() + shown.locator("h4").inner_text())
