"""A student on the Truncation page: lower the rank, change the matrix, share the link."""

from tests.browser.conftest import changed, metric, settled


def test_changes_the_rank_and_finds_it_again(new_page):
    page = new_page("/truncation?proj=v&layer=3")
    page.get_by_text(
        "SmolLM2-135M-Instruct · model.layers.3.self_attn.v_proj.weight"
    ).first.wait_for()
    before = metric(page, "Energy kept")
    slider = page.get_by_role("slider", name="Rank k")
    slider.focus()
    slider.press("ArrowRight")
    after = changed(page, "Energy kept", before)
    assert float(after.rstrip("%")) > float(before.rstrip("%"))
    page.wait_for_url("**k=25**")
    predicted = metric(page, "Error, predicted")
    page.wait_for_function(
        "text => [...document.querySelectorAll('[data-testid=stMetricValue]')]"
        ".filter(e => e.innerText === text).length === 2",
        arg=predicted,
    )

    page.reload()
    settled(page)
    assert metric(page, "Energy kept") == after

    shared = new_page(page.url)
    assert metric(shared, "Energy kept") == after


def test_another_matrix_is_still_there_on_the_next_page_and_on_return(new_page):
    page = new_page("/truncation")
    chosen = page.locator('[data-testid="stSidebar"] [data-testid="stCaptionContainer"]')
    chosen.get_by_text("layers.14.self_attn.q_proj").wait_for()
    page.get_by_role("combobox", name="Matrix").click()
    page.get_by_role("option", name="down").click()
    chosen.get_by_text("layers.14.mlp.down_proj").wait_for()
    chosen.get_by_text("576 × 1,536").wait_for()
    page.wait_for_url("**proj=down**")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="LoRA", exact=True).click()
    page.get_by_role("heading", name="LoRA", level=1).wait_for()
    settled(page)
    chosen.get_by_text("layers.14.mlp.down_proj").wait_for()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Truncation", exact=True).click()
    page.get_by_role("heading", name="Truncation", level=1).wait_for()
    settled(page)
    chosen.get_by_text("layers.14.mlp.down_proj").wait_for()
    assert page.locator('[data-testid="stException"]').count() == 0


def test_a_rank_out_of_range_in_the_link_is_said(new_page):
    page = new_page("/truncation?k=9999")
    page.get_by_text("The link asks for k = 9999").wait_for()


def test_without_the_model_matrices_are_called_synthetic(new_page):
    page = new_page("/truncation?model=synthetic")
    page.get_by_text("synthetic: random numbers").first.wait_for()
