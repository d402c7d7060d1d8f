"""A class on the Rank page: the quiz is played, a worksheet is downloaded and opened."""

import re

import pytest
from playwright.sync_api import expect

from lowrank.exact.elimination import next_step, rank
from lowrank.teaching.quiz import make_question
from lowrank.teaching.worksheet import answer, make_worksheet
from tests.browser.conftest import fits, settled


def test_the_quiz_is_played_and_a_reload_keeps_the_question(new_page):
    page = new_page("/rank?view=Quiz")
    box = page.get_by_role("textbox", name="Your operation")
    box.fill("R1 + nonsense")
    box.press("Enter")
    expect(page.get_by_text("is no row operation")).to_be_visible()
    expect(page.get_by_text("No answer yet.")).to_be_visible()
    box.fill(str(next_step(make_question("next", 1).matrix).op))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Right.")).to_be_visible()
    expect(page.get_by_text("Score: 1 of 1 right")).to_be_visible()

    page.locator(".st-key-q_kind").get_by_role("radio", name="Rank", exact=True).click()
    expect(page.get_by_text("What is the rank?")).to_be_visible()
    page.get_by_role("button", name="Next question").click()
    expect(page.locator(".lr-matrix")).to_have_attribute("aria-label", re.compile("^Question 2"))
    expect(page).to_have_url(re.compile(r"q_kind=Rank.*q=2|q=2.*q_kind=Rank"))
    settled(page)  # the buttons on the page are those of question 2 by now
    right = rank(make_question("rank", 2).matrix)
    page.get_by_role("radio", name=str(right), exact=True).click()
    expect(page.get_by_text(f"The rank is {right}")).to_be_visible()
    expect(page.get_by_text("Score: 2 of 2 right, the last 2 in a row.")).to_be_visible()

    matrix = page.locator(".lr-matrix").get_attribute("aria-label")
    page.reload()
    settled(page)
    expect(page.locator(".lr-matrix")).to_have_attribute("aria-label", matrix)
    expect(page.get_by_text("Score: 2 of 2 right, the last 2 in a row.")).to_be_visible()

    page.get_by_role("radio", name="Dependent row").click()
    expect(page.get_by_text("There may be none.")).to_be_visible()
    page.get_by_role("radio", name="none").click()
    expect(page.get_by_text(re.compile(r"^(Right|Not this one)\. "))).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_worksheet_is_downloaded_and_opened(new_page, tmp_path, width):
    page = new_page("/rank?view=Worksheet&w_seed=7&w_count=3&w_reduced=true", width=width)
    sheet = make_worksheet(7, 3, 4, 2, count=3, reduced=True)
    rows = page.get_by_role("spinbutton", name="Problems")
    expect(rows).to_have_value("3")
    first = " ".join(f"{x}".replace("-", "−") for x in sheet.problem(0).matrix[0])
    drawn = page.locator(".lr-matrix").first.get_attribute("aria-label")
    assert f"Row 1: {first.replace(' ', ', ')}." in drawn
    assert fits(page, width)

    for button, suffix in (("Markdown", ".md"), ("LaTeX", ".tex"), ("HTML", ".html")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=button, exact=True).click()
        assert waiting.value.suggested_filename == sheet.name + suffix
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)

    page.goto(path.as_uri())
    assert fits(page, width)
    key = page.locator(".key")
    for k, problem in enumerate(sheet.problems):
        entries = " ".join(str(x).replace("-", "−") for row in problem.matrix for x in row)
        assert page.locator(".problem .m").nth(k).inner_text().split() == entries.split()
        expect(key.locator(".answer").nth(k)).to_contain_text(f"Rank {problem.rank}.")
        for step in answer(problem, reduced=True).path:
            expect(key.locator(".answer").nth(k)).to_contain_text(str(step.op))
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    assert page.pdf().startswith(b"%PDF")
