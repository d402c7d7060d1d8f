"""Open every page of a running app in Chromium; fail on an error box or a missing model.

python -m scripts.look_at_pages URL [FOLDER [WORD…]]

FOLDER receives pictures of every view, on a phone, a laptop and a screen enlarged to 200 %, light
and dark; of those views alone whose name begins with one of the WORDs, if any are given.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.conftest import CHROMIUM_NAMES, FLAGS, settled
from tests.browser.views import VIEWS

MODEL = "SmolLM2-135M-Instruct"
ON_THE_MODEL = {"truncation", "lora", "atlas", "memory"}
ROOT = Path(__file__).parents[1]
ERRORS = '[data-testid="stException"], [data-testid="stAlertContentError"]'
DRAWN = """() => [...document.querySelectorAll('[data-testid="stPlotlyChart"]')]
    .every(chart => chart.querySelector('.js-plotly-plot'))"""
PAINTED = "() => new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))"
# Width, height, and pixels to a point: the last is 1920 x 1080 at 200 %.
SCREENS = {"390": (390, 844, 2), "1400": (1400, 900, 1), "1920": (960, 540, 2)}


@contextmanager
def browser() -> Iterator:
    """A headless Chromium from the system."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


def look(url: str) -> list[str]:
    """What is wrong with the pages that the navigation lists, a sentence each."""
    wrong = []
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(url)
        settled(page)
        links = page.get_by_test_id("stSidebarNavLink").all()
        addresses = [str(link.get_attribute("href")) for link in links]
        if len(addresses) != len(list(ROOT.glob("pages/*.py"))):
            wrong.append(f"the navigation lists {addresses}, not every file of pages/")
        for address in addresses:
            name = address.removeprefix(url).strip("/")
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                page.goto(address)
                settled(page)
                page.wait_for_function(DRAWN)
                said = f"/{name} at {width} px"
                if errors := page.locator(ERRORS).all_inner_texts():
                    wrong.append(f"{said} shows {errors}")
                if name in ON_THE_MODEL and MODEL not in page.locator("body").inner_text():
                    wrong.append(f"{said} does not name {MODEL}")
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    wrong.append(f"{said} is wider than the screen")
                print(f"{said}: title {page.title()!r}", flush=True)
    return wrong


def shoot(url: str, folder: Path, words: list[str]) -> None:
    """Pictures of every view on every screen, light and dark, whole pages."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {n: a for n, a in VIEWS.items() if not words or n.startswith(tuple(words))}
    with browser() as chromium:
        for scheme in ("light", "dark"):
            for screen, (width, height, scale) in SCREENS.items():
                context = chromium.new_context(
                    viewport={"width": width, "height": height},
                    device_scale_factor=scale,
                    color_scheme=scheme,
                )
                page = context.new_page()
                page.set_default_timeout(180_000)
                for name, address in chosen.items():
                    page.set_viewport_size({"width": width, "height": height})
                    page.goto(url + address)
                    settled(page)
                    whole(page, width, folder / f"{name}-{screen}-{scheme}.png")
                    print(f"{name} {screen} {scheme}", flush=True)
                context.close()


def whole(page, width: int, path: Path) -> None:
    """A picture of the whole page: it scrolls inside, so the window is made as high."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(int(height) + 60, 6000)})
    page.wait_for_function(DRAWN)
    page.evaluate(PAINTED)
    page.screenshot(path=path)


if __name__ == "__main__":
    address, *rest = sys.argv[1:]
    if rest:
        shoot(address, Path(rest[0]), rest[1:])
    else:
        sys.exit("\n".join(look(address)) or 0)
