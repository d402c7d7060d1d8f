"""A student turns a cube, steps, and shares the picture."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import fits, settled

# Where the first scene is seen from, once it is drawn and what is seen is what plotly keeps: a drag
# is kept when it has ended.
CAMERA = """() => {
  const layout = document.querySelector('.js-plotly-plot')?._fullLayout;
  const seen = layout?.scene?._scene?.getCamera().eye, kept = layout?.scene?.camera?.eye;
  return seen && kept && ['x', 'y', 'z'].every(a => Math.abs(seen[a] - kept[a]) < 1e-9) && seen;
}"""


def eye(page) -> dict[str, float]:
    return page.wait_for_function(CAMERA).json_value()


def turn(page) -> None:
    """Drag the first scene a little to the right."""
    chart = page.locator(".js-plotly-plot").first
    chart.hover()  # which waits until it has its place
    box = chart.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 20, steps=8)
    page.mouse.up()


def test_a_cube_is_turned_and_stepped_through(new_page):
    page = new_page("/rank?view=Geometry")
    page.locator(".js-plotly-plot .gl-container canvas").nth(1).wait_for(timeout=90_000)
    settled(page)
    at_first = eye(page)
    turn(page)
    turned = page.wait_for_function(
        f"x => {{ const eye = ({CAMERA})(); return eye && eye.x !== x && eye; }}", arg=at_first["x"]
    ).json_value()
    page.get_by_role("button", name="Next").first.click()
    page.get_by_text("Step 1 of 4: R2 ← R2 − 2 R1.").wait_for()
    page.get_by_text("the null space is still the same line").wait_for()
    settled(page)
    assert eye(page) == turned

    page.get_by_role("radio", name="Equations").click()
    page.get_by_text("All of them meet in the null space").wait_for()
    page.wait_for_url(re.compile("(?=.*picture=Equations)(?=.*gstep=1)"))
    shared = new_page(page.url)
    shared.get_by_text("Step 1 of 4").wait_for()
    shared.get_by_text("All of them meet in the null space").wait_for()


def test_the_pictures_fit_a_phone(new_page):
    page = new_page("/rank?view=Geometry&m=1+2;3+1", width=390)
    page.locator(".js-plotly-plot .main-svg").nth(3).wait_for()
    for chart in page.locator(".js-plotly-plot").all():
        assert chart.bounding_box()["width"] <= 390
    assert fits(page, 390)


def test_a_finger_scrolls_over_the_pictures_until_it_may_turn_them(chromium, app_url):
    context = chromium.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(f"{app_url}/rank?view=Geometry")
    settled(page)
    chart = page.locator(".js-plotly-plot").first
    chart.wait_for()
    expect(chart).to_have_css("pointer-events", "none")
    page.get_by_text("A finger turns the pictures").click()
    expect(chart).to_have_css("pointer-events", "auto")
    context.close()
