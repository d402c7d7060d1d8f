"""Each page by keyboard alone: Tab comes to its main controls, is seen there, and keys work one."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled

MOST = 80  # presses of Tab from the top of a page to its end
# Of each page: its main controls, in the order of Tab; then one of them, the keys that work it, and
# what its address says thereafter.
PAGES = {
    "/": (
        ["Reduce a matrix, a step at a time", "Open Rank", "Begin"],
        "Open Rank", "Enter", "/rank",
    ),
    "/rank": (
        ["Predict first", "Reduce", "Matrix", "Edit", "Watch", "← Back", "Next →", "Step", "Link"],
        "Next →", "Enter", "step=1",
    ),
    "/rank?lesson=rank.1": (
        ["Next step →", "Projector", "For the teacher", "Next →"],
        "Next step →", "Enter", "lesson=rank.2",
    ),
    "/rank?view=Quiz": (
        ["Next step", "easy", "Question number", "Your operation", "Check", "Next question",
         "Questions for your course"],
        "Question number", "ArrowUp", "q=2",
    ),
    "/rank?view=Worksheet&w_about=LoRA": (
        ["Row reduction", "Problems", "Seed", "With its key", "HTML", "PDF"],
        "With its key", "Space", "w_key=false",
    ),
    "/redundancy": (
        ["Recover", "tartan", "Hidden, %", "Rank of C R", "More"],
        "Hidden, %", "ArrowRight", "hidden=",
    ),
    "/truncation": (
        ["Model", "Matrix", "Layer", "Predict first", "Rank k", "whole matrix"],
        "Rank k", "ArrowRight", "k=",
    ),
    "/atlas": (["Model", "50 %", "Measure", "Beside it"], "Layer", "ArrowRight", "layer="),
    "/lora": (
        ["Layer", "Predict first", "Rank r", "α", "Word", "Random"], "Rank r", "ArrowRight", "r=",
    ),
    "/article": (
        ["Rank r", "Run both", "Model", "What is said", "Precision", "LoraConfig"],
        "Rank r", "ArrowDown ArrowDown Enter", "thin=",
    ),
    "/glossary": (["Skip to main content", "Start", "Rank"], "Rank", "Enter", "/rank"),
}  # fmt: skip
# Its lines of text: an icon beside a name is a line of its own.
NAMES = """() => {
  const e = document.activeElement;
  const name = e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText ?? e.innerText;
  if (e.tagName === 'MAIN') return []; // which scrolls, and holds all words of the page
  return e === document.body ? null : name.split('\\n').filter(Boolean);
}"""
BLUR = "() => { window.was = document.activeElement; window.was.blur(); }"
AROUND = 16  # points about a control in which its frame is drawn


def is_seen(page) -> bool:
    """Whether the place of what has the focus looks otherwise without it."""
    box = page.evaluate("""around => {
      const {x, y, right, bottom} = document.activeElement.getBoundingClientRect();
      const [left, top] = [Math.max(0, x - around), Math.max(0, y - around)];
      return {x: left, y: top, width: Math.min(innerWidth, right + around) - left,
        height: Math.min(innerHeight, bottom + around) - top};
    }""", AROUND)  # fmt: skip
    focused = page.screenshot(clip=box, animations="disabled")
    page.evaluate(BLUR)
    without = page.screenshot(clip=box, animations="disabled")
    page.evaluate("window.was.focus({preventScroll: true})")
    return focused != without


@pytest.mark.parametrize("address", PAGES)
def test_tab_comes_to_each_main_control_and_keys_work_it(new_page, address):
    wanted, worked, keys, said = PAGES[address]
    page = new_page(address)
    left, unseen = [*wanted], []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        names = page.evaluate(NAMES)
        if names is None or not left:
            break
        if left[0] in names:
            name = left.pop(0)
            unseen += [name] * (not is_seen(page))
    assert left == []
    assert unseen == []

    page.evaluate("document.activeElement.blur()")
    page.get_by_test_id("stSkipToContent").focus()
    for _ in range(MOST):
        if worked in (page.evaluate(NAMES) or []):
            break
        page.keyboard.press("Tab")
    for key in keys.split():
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile(re.escape(said)), timeout=60_000)
    settled(page)
