"""A student turns a cube, steps, and shares the picture."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import settled

CAMERA = """() => {
  const plot = document.querySelector('.js-plotly-plot');
  return plot._fullLayout.scene._scene.getCamera().eye;
}"""


def test_a_cube_is_turned_and_stepped_through(new_page):
    page = new_page("/rank?view=Geometry")
    page.locator(".js-plotly-plot .gl-container canvas").first.wait_for()
    page.wait_for_function("document.querySelector('.js-plotly-plot')?._fullLayout?.scene?._scene")
    at_first = page.evaluate(CAMERA)
    chart = page.locator(".js-plotly-plot").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 80, middle[1] + 20, steps=4)
    page.mouse.up()
    page.wait_for_function(f"before => ({CAMERA})().x !== before", arg=at_first["x"])
    page.wait_for_timeout(500)  # until it stands still
    turned = page.evaluate(CAMERA)
    page.get_by_role("button", name="Next").first.click()
    expect(page.get_by_text("Step 1 of 4: R2 ← R2 − 2 R1.")).to_be_visible()
    expect(page.get_by_text("the null space is still the same line")).to_be_visible()
    settled(page)
    assert page.evaluate(CAMERA) == turned

    page.get_by_role("radio", name="Equations").click()
    expect(page).to_have_url(re.compile("picture=Equations"))
    expect(page.get_by_text("All of them meet in the null space")).to_be_visible()
    shared = new_page(page.url)
    expect(shared.get_by_text("Step 1 of 4")).to_be_visible()
    expect(shared.get_by_text("All of them meet in the null space")).to_be_visible()


def test_the_pictures_fit_a_phone(new_page):
    page = new_page("/rank?view=Geometry&m=1+2;3+1", width=390)
    page.locator(".js-plotly-plot .main-svg").nth(3).wait_for()
    for chart in page.locator(".js-plotly-plot").all():
        assert chart.bounding_box()["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
