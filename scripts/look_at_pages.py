"""Open every page of a running app in Chromium; fail on an error box or a missing model.

python scripts/look_at_pages.py URL [FOLDER]     FOLDER receives screenshots, 1280 and 390 px wide
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

MODEL = "SmolLM2-135M-Instruct"
PAGES = {"": None, "rank": None, "redundancy": None, "truncation": MODEL, "lora": MODEL}
PAGES |= {"surgery": MODEL, "atlas": MODEL, "memory": MODEL}
ERRORS = '[data-testid="stException"], [data-testid="stAlertContentError"]'
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def look(url: str, folder: Path | None) -> list[str]:
    """What is wrong with the pages, a sentence each."""
    wrong = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, expected in PAGES.items():
            for width in (1280, 390):
                page = browser.new_page(viewport={"width": width, "height": 900})
                page.goto(f"{url}/{name}")
                page.get_by_role("heading", level=1).first.wait_for(timeout=60_000)
                page.locator('[data-testid="stStatusWidget"]').wait_for(
                    state="detached", timeout=120_000
                )
                if name:  # the pages below the first have a matrix or a chart, loaded late
                    page.locator(".js-plotly-plot, .lr-matrix").first.wait_for(timeout=60_000)
                page.wait_for_timeout(1500)
                words = page.locator("body").inner_text()
                if page.locator(ERRORS).count():
                    wrong.append(f"/{name} at {width} px shows an error")
                if expected and expected not in words:
                    wrong.append(f"/{name} at {width} px does not name {expected}")
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    wrong.append(f"/{name} at {width} px is wider than the screen")
                if folder:
                    folder.mkdir(parents=True, exist_ok=True)
                    height = page.evaluate(
                        "document.querySelector('[data-testid=stMain]').scrollHeight"
                    )
                    page.set_viewport_size({"width": width, "height": min(int(height) + 60, 6000)})
                    page.wait_for_timeout(800)
                    page.screenshot(path=folder / f"{name or 'start'}-{width}.png")
                print(f"/{name} at {width} px: title {page.title()!r}")
                page.close()
        browser.close()
    return wrong


if __name__ == "__main__":
    problems = look(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    sys.exit("\n".join(problems) or 0)
