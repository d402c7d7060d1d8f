"""What every page's look owes to eyes and keyboards, measured by axe-core, light and dark."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import fits, number, settled, visits
from tests.browser.views import VIEWS

CHART = '[data-testid="stPlotlyChart"]'
# Whatever stands out of the window and is in nothing that scrolls.
CUT = """() => [...document.querySelectorAll('[data-testid="stMain"] *')].filter(e => {
  const box = e.getBoundingClientRect();
  if (!box.width || !box.height || box.right <= innerWidth + 1) return false;
  if (e.closest('details:not([open])')) return false;
  for (let p = e.parentElement; p; p = p.parentElement) {
    if (p.dataset.testid === 'stMain') return true;
    if (getComputedStyle(p).overflowX !== 'visible') return false;
  }
}).map(e => e.outerHTML.slice(0, 160))"""
# Words of one picture that lie over one another, in pairs.
OVERLAPS = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => {
  const words = [...plot.querySelectorAll('svg text')]
    .filter(e => e.textContent.trim() && !e.closest('.hoverlayer'))
    .map(e => [e.textContent, e.getBoundingClientRect()]).filter(([, box]) => box.width);
  const common = (p, q, from, to) => Math.min(p[to], q[to]) - Math.max(p[from], q[from]);
  return words.flatMap(([a, p], i) => words.slice(i + 1).filter(([, q]) =>
    common(p, q, 'left', 'right') > 2 && common(p, q, 'top', 'bottom') > 3
  ).map(([b]) => `${a} over ${b}`));
})"""
PAINTED = "() => new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))"
COLOURED = """colours => getComputedStyle(document.querySelector('[data-testid="stApp"]'))
  .colorScheme === colours"""
# Of every page that is not the Rank page: the number that answers its question, and its picture.
FIRST = {
    "start": ("text=Two non-zero rows are left", ".lr-pair"),
    "redundancy": ("Error on hidden entries", 'img[alt^="Recovered"]'),
    "redundancy-works": ("text=of 285 trials", CHART),
    "redundancy-features": ("Direction 1", CHART),
    "redundancy-compress": ("Energy kept", 'img[alt^="Rank 6"]'),
    "truncation": ("Energy kept", CHART),
    "surgery": ("nll a token", CHART),
    "atlas": ("Matrices below break-even", CHART),
    "lora": ("Update, beside", CHART),
    "lab": ("Loss, nats a token", CHART),
    "memory": ("All weights", '[aria-label*="q_proj"]'),
    "memory-inference": ("text=15.6 GB", CHART),
    "memory-training": ("text=112 GB", CHART),
    "memory-quantization": ("text=bits a number", CHART),
    "adapter": ("Change beside", CHART),
}
SCREENS = [(1400, 900), (1366, 768), (960, 540)]  # the last is 1920 x 1080 at 200 %
WIDE = {"width": 1400, "height": 900}
LEAST = 60  # points of a picture that are seen: less is no picture yet


@pytest.fixture(scope="module", params=VIEWS)
def view(request, context_of, app_url) -> Iterator[tuple]:
    """A view by its name, with the number that answers: opened once, whatever is measured of it."""
    with visits(context_of, app_url) as open_page:
        page = open_page(VIEWS[request.param], width=1400)
        if request.param in FIRST:
            expect(answer(page, request.param)).to_be_visible()
            settled(page)
        yield request.param, page


def answer(page, name: str):
    """The number that answers the question of a view."""
    label, _picture = FIRST[name]
    return (page.locator(label) if "=" in label else number(page, label)).first


def open_all(page) -> None:
    """Open whatever of a page is closed at first."""
    closed = page.locator("details:not([open]) > summary:visible")
    while closed.count():
        closed.first.click()
        settled(page)


@pytest.mark.parametrize("view", FIRST, indirect=True)
def test_the_first_screen_has_the_picture_and_the_number_that_answers(view):
    name, page = view
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        picture = page.locator(FIRST[name][1]).first
        said, drawn = (x.bounding_box() for x in (answer(page, name), picture))
        assert said["y"] + said["height"] <= height, (width, height)
        assert drawn["y"] + min(LEAST, drawn["height"]) <= height, (width, height)
        assert max(said["x"] + said["width"], drawn["x"] + drawn["width"]) <= width


def in_both(page, faults) -> list[str]:
    """What is seriously wrong in the dark, and in the light."""
    found = []
    for colours in ("dark", "light"):
        page.emulate_media(color_scheme=colours)
        page.wait_for_function(COLOURED, arg=colours)
        settled(page)
        found += [f"{colours}: {fault}" for fault in faults(page)]
    return found


def test_axe_finds_nothing_serious_on_a_view_with_all_of_it_open(view, faults):
    _name, page = view
    page.set_viewport_size(WIDE)
    open_all(page)
    assert in_both(page, faults) == []


# What is seen only once a button is pressed or something is wrong.
PRESSED = {
    "/rank?lesson=rank.1": ["For the teacher", "Edit", "Echelon", "Predict first"],
    "/rank?lesson=rank.1&present=1": ["For the teacher"],
    "/rank?m=1+2;3": [],
    "/redundancy": ["More"],
    "/truncation?model=a+file+of+mine": [],
    "/lora?model=synthetic&r=9999&layer=77": ["Predict first"],
}


@pytest.mark.parametrize("address", PRESSED)
def test_axe_finds_nothing_serious_in_what_is_pressed_or_wrong(new_page, faults, address):
    page = new_page(address, width=1400)
    found = in_both(page, faults)
    for name in PRESSED[address]:
        page.get_by_text(name, exact=True).first.click()
        settled(page)
        found += [f"{name}, {fault}" for fault in in_both(page, faults)]
        page.keyboard.press("Escape")
    assert found == []


def test_no_words_of_a_picture_overlap_and_nothing_scrolls_a_phone_sideways(view):
    _name, page = view
    open_all(page)
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        settled(page)
        page.evaluate(PAINTED)
        assert page.evaluate(OVERLAPS) == []
    assert fits(page, 390)
    assert page.evaluate(CUT) == []


# Of every word of a picture or of a matrix, and of the current pivot's outline: its contrast with
# the page, and the size of its letters.
CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (...colours) => {
    canvas.globalAlpha = 1;
    for (const [colour, opacity] of colours) {
      canvas.globalAlpha = opacity;
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (c) => c.map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92
    : ((x + 0.055) / 1.055) ** 2.4).reduce((s, x, i) => s + x * [0.2126, 0.7152, 0.0722][i], 0);
  const page = getComputedStyle(document.querySelector('[data-testid="stApp"]')).backgroundColor;
  const against = (colour, opacity) => {
    const [a, b] = [light(rgb([page, 1], [colour, opacity])), light(rgb([page, 1]))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const ticks = '[class*="tick"] text, [class*="tick"] tspan, [class^="g-"] text';
  const words = [...document.querySelectorAll(`.js-plotly-plot :is(${ticks})`)];
  const zeros = [...document.querySelectorAll('.lr-matrix .lr-zero .lr-cell')];
  const now = document.querySelector('.lr-matrix .lr-now');
  const of = (e, key) => {
    const style = getComputedStyle(e);
    return [e.textContent, against(style[key], Number(style.opacity)), parseFloat(style.fontSize)];
  };
  return {words: words.map(e => of(e, 'fill')), zeros: zeros.map(e => of(e, 'color')),
    now: now && of(now, 'outlineColor')};
}"""


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_words_of_pictures_zeros_and_the_pivots_outline_are_seen(new_page, colours):
    page = new_page("/", wait=False, width=1400)
    page.emulate_media(color_scheme=colours)
    page.goto(page.url.rstrip("/") + "/truncation?model=synthetic")
    settled(page)
    page.locator(".js-plotly-plot .ytick").first.wait_for()
    words = page.evaluate(CONTRASTS)["words"]
    assert len(words) > 10
    assert [word for word in words if word[1] < 4.5 or word[2] < 10.9] == []
    page.goto(page.url.partition("/truncation")[0] + "/rank?m=0 1 2; 0 0 3; 4 5 6&step=1")
    settled(page)
    page.locator(".lr-matrix .lr-now").wait_for()
    found = page.evaluate(CONTRASTS)
    assert found["zeros"]
    assert [zero for zero in found["zeros"] if zero[1] < 4.5] == []
    assert found["now"][1] >= 3


def test_a_finger_scrolls_past_a_picture_in_space(chromium, app_url):
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(f"{app_url}/rank?view=Geometry")
    scene = page.locator(".gl-container canvas").first
    scene.scroll_into_view_if_needed(timeout=180_000)
    settled(page)
    box = scene.bounding_box()
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    under = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.gl-container'))"
    assert not page.evaluate(under, middle)
    context.close()


def test_title_and_question_share_a_line_and_wrap_on_a_phone(new_page):
    page = new_page("/rank", width=1400)
    expect(page.get_by_text("The code for this")).to_be_visible()
    settled(page)
    title, asked = page.locator("h1"), page.locator("h4").first
    upper, lower = title.bounding_box(), asked.bounding_box()
    assert upper["y"] < lower["y"] + lower["height"] <= upper["y"] + upper["height"] + 8
    assert upper["y"] < 90
    page.set_viewport_size({"width": 390, "height": 800})
    assert fits(page, 390)
