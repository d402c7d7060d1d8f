"""Open every page of a running app in Chromium; fail on an error box or a missing model.

python -m scripts.look_at_pages URL [FOLDER]     FOLDER receives screenshots, 1280 and 390 px wide
"""

import shutil
import sys
from pathlib import Path

from tests.browser.conftest import CHROMIUM_NAMES, FLAGS, settled

MODEL = "SmolLM2-135M-Instruct"
ON_THE_MODEL = {"truncation", "lora", "atlas", "memory"}
ROOT = Path(__file__).parents[1]
ERRORS = '[data-testid="stException"], [data-testid="stAlertContentError"]'
DRAWN = """() => [...document.querySelectorAll('[data-testid="stPlotlyChart"]')]
    .every(chart => chart.querySelector('.js-plotly-plot'))"""
PAINTED = "() => new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))"


def look(url: str, folder: Path | None = None) -> list[str]:
    """What is wrong with the pages that the navigation lists, a sentence each."""
    from playwright.sync_api import sync_playwright

    wrong = []
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
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
                if folder:
                    shoot(page, width, folder / f"{name or 'start'}-{width}.png")
                print(f"{said}: title {page.title()!r}", flush=True)
        browser.close()
    return wrong


def shoot(page, width: int, path: Path) -> None:
    """A picture of the whole page: it scrolls inside, so the window is made as high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(int(height) + 60, 6000)})
    page.wait_for_function(DRAWN)
    page.evaluate(PAINTED)
    page.screenshot(path=path)


if __name__ == "__main__":
    problems = look(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    sys.exit("\n".join(problems) or 0)
