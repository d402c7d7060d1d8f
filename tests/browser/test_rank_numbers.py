"""A student where numbers lie, over other fields, and with letters."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import fits, settled


def test_where_the_numbers_part_is_seen_and_shared(new_page):
    page = new_page("/rank?view=Numbers+lie&m=Tenths&fstep=2", width=390)
    expect(page.get_by_text("float64 parts at step 3.")).to_be_visible()
    assert page.locator(".lr-parted").count() == 0
    page.get_by_role("button", name="Next").first.click()
    expect(page.locator(".lr-parted")).to_have_count(2)
    expect(page).to_have_url(re.compile("fstep=3"))
    assert fits(page, 390)


def test_another_prime_is_typed_and_kept_by_a_reload(new_page):
    page = new_page("/rank?view=Other+fields&m=Magic+square")
    expect(page.get_by_text("The rank falls at p = 2, 3, 5.")).to_be_visible()
    box = page.get_by_role("combobox", name=re.compile("Prime p"))
    for typed, said in (("91", "91 = 7 · 13"), ("17", "GF(17)")):
        box.click()
        box.press_sequentially(typed, delay=20)
        box.press("Enter")
        expect(page.get_by_text(said).first).to_be_visible()
        expect(page).to_have_url(re.compile(f"p={typed}"))
    page.reload()
    settled(page)
    expect(page.get_by_text("GF(17)").first).to_be_visible()


def test_letters_are_typed_and_a_mistake_stays(new_page):
    page = new_page("/rank?view=Parameters")
    box = page.get_by_role("combobox", name=re.compile("Matrix with letters"))
    box.click()
    box.press_sequentially("k-1, 2; 3, k", delay=20)
    box.press("Enter")
    expect(page.get_by_text("k = 3").first).to_be_visible()
    expect(page).to_have_url(re.compile("pm=k-1"))
    box.click()
    box.press_sequentially("k-1, 2+; 3, k", delay=20)
    box.press("Enter")
    expect(page.get_by_role("alert").get_by_text("2+").first).to_be_visible()
    page.reload()
    settled(page)
    expect(page.get_by_role("alert").get_by_text("2+").first).to_be_visible()
    assert page.locator('[data-testid="stException"]').count() == 0


def test_a_system_with_letters_is_solved_from_a_fresh_page(new_page):
    page = new_page("/rank?view=Parameters")
    box = page.get_by_role("combobox", name=re.compile("Matrix with letters"))
    box.fill("1 1 1 1; 1 k 1 2; 1 1 k 3")
    box.press("Enter")
    expect(page).to_have_url(re.compile("pm=1"))
    page.get_by_text("Last column is b").click()
    expect(page.get_by_text("How many solutions")).to_be_visible()
    settled(page)
    assert page.locator('[data-testid="stException"]').count() == 0
    expect(page.get_by_text("every other k")).to_be_visible()
