"""A student on the LoRA page: change r, type a word, share the link."""

from tests.browser.conftest import changed, metric, settled


def test_changes_r_and_finds_it_again(new_page):
    page = new_page("/lora")
    trained = "Trained, r(m + n)"
    assert metric(page, trained) == "9,216"
    slider = page.get_by_role("slider", name="Rank r")
    slider.focus()
    slider.press("ArrowRight")
    assert changed(page, trained, "9,216") == "18,432"
    page.wait_for_url("**r=16**")

    page.reload()
    settled(page)
    assert metric(page, trained) == "18,432"
    assert metric(new_page(page.url), trained) == "18,432"


def test_a_typed_word_is_looked_up_and_a_blank_one_refused(new_page):
    page = new_page("/lora")
    box = page.get_by_role("textbox", name="Word")
    box.fill("Rome")
    box.press("Enter")
    page.wait_for_url("**word=Rome**")
    page.get_by_text("x comes from token").get_by_text("Rome").wait_for()
    box.fill("   ")
    box.press("Enter")
    page.locator('[data-testid="stAlert"]').wait_for()
    assert box.input_value().strip() == ""
    assert page.locator('[data-testid="stException"]').count() == 0
