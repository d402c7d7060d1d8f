"""Each page by keyboard alone: Tab comes to its main controls, is seen there, and keys work one."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled

SKIP = "Skip to main content"
MOST = 300  # presses of Tab from the top of a page to its end
# Of each page: its main controls, in the order of Tab; then one of them, how many presses of Tab
# lead to it from the link that skips the sidebar, the keys that work it, and what its address says
# thereafter.
PAGES = {
    "/": (
        ["Reduce a matrix, a step at a time", "Open Rank", "Begin"],
        "Open Rank", 20, "Enter", "/rank",
    ),
    "/thread": (
        ["A", "Reduce it yourself", "Entries that are hidden", "Noise", "Rank k", "Rank r",
         "Count any model"],
        "Noise", 20, "ArrowRight", "noise_size=",
    ),
    "/rank": (
        ["Predict first", "Reduce", "Matrix", "Edit", "Watch", "← Back", "Next →", "Step", "Link"],
        "Next →", 9, "Enter", "step=1",
    ),
    "/rank?lesson=rank.1": (
        ["Next step →", "Projector", "For the teacher", "Next →"],
        "Next step →", 1, "Enter", "lesson=rank.2",
    ),
    "/rank?view=Quiz": (
        ["Next step", "easy", "Question number", "Your operation", "Check", "Next question",
         "Questions for your course"],
        "Question number", 6, "ArrowUp", "q=2",
    ),
    "/rank?view=Worksheet&w_about=LoRA": (
        ["Row reduction", "Problems", "Seed", "With its key", "HTML", "PDF"],
        "With its key", 5, "Space", "w_key=false",
    ),
    "/redundancy": (
        ["Recover", "tartan", "Hidden, %", "Rank of C R", "More"],
        "Hidden, %", 4, "ArrowRight", "hidden=",
    ),
    "/truncation": (
        ["Model", "Matrix", "Layer", "Predict first", "Rank k", "whole matrix"],
        "Rank k", 3, "ArrowRight", "k=",
    ),
    "/surgery": (
        ["Model", "Predict first", "q", "Rank kept, % of full rank", "Prompt", "Ask both"],
        "Rank kept, % of full rank", 5, "ArrowRight", "keep=",
    ),
    "/atlas": (
        ["Model", "Layer", "50 %", "Measure", "Beside it"],
        "50 %", 1, "Enter", "share=",
    ),
    "/lora": (
        ["Layer", "Predict first", "Rank r", "α", "Word", "Random"],
        "Rank r", 3, "ArrowRight", "r=",
    ),
    "/lab": (
        ["Model", "Train", "pirate", "r", "Learning rate", "Steps", "target_modules", "Upload"],
        "r", 6, "ArrowRight", "lora_r=",
    ),
    "/memory?count=Training": (
        ["Model", "Predict first", "Matrices", "Sizes of", "Tokens", "target_modules",
         "More"],
        "Tokens", 5, "ArrowRight", "tokens=",
    ),
    "/adapter": (
        ["Model", "Layer", "Adapter", "Rank r"], "Rank r", 3, "ArrowRight", "change_rank=",
    ),
    "/article": (
        ["Rank r", "Run both", "Model", "What is said", "Precision", "LoraConfig"],
        "Rank r", 4, "ArrowDown ArrowDown Enter", "thin=",
    ),
    "/glossary": ([SKIP, "Start", "Rank"], "Rank", 3, "Enter", "/rank"),
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
    wanted, worked, presses, keys, said = PAGES[address]
    page = new_page(address)
    left, unseen, pressed = [*wanted], [], 0
    while (names := after_tab(page)) is not None:
        pressed += 1
        assert pressed < MOST, f"Tab does not leave {names}"
        if left and left[0] in names:
            name = left.pop(0)
            unseen += [name] * (not is_seen(page))
    assert left == []
    assert unseen == []

    assert after_tab(page) == [SKIP]  # the page begins anew
    if SKIP not in wanted:  # what is worked is not in the sidebar
        page.keyboard.press("Enter")
    for _ in range(presses):
        names = after_tab(page)
    assert worked in names
    for key in keys.split():
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile(re.escape(said)), timeout=60_000)
    settled(page)


def after_tab(page) -> list[str] | None:
    """What has the focus after a press of Tab; None at the end of the page."""
    page.keyboard.press("Tab")
    return page.evaluate(NAMES)


def test_arrows_walk_a_choice_and_enter_takes_one(new_page):
    """Of the buttons of a choice Tab comes to one, arrows to the others, as in a toolbar.

    So does ARIA's pattern of radio buttons in a toolbar: an arrow alone chooses nothing, as what
    is chosen may be another view of the page.
    """
    page = new_page("/rank")
    first, second = (page.get_by_role("radio", name=x) for x in ("Reduce", "What it gives"))
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(second).to_be_focused()
    expect(first).to_be_checked()
    page.keyboard.press("Enter")
    expect(second).to_be_checked()
    expect(page).to_have_url(re.compile("view=What"))
    page.keyboard.press("Tab")
    expect(page.locator(".st-key-view :focus")).to_have_count(0)


@pytest.mark.parametrize(("address", "name"), [("/rank", "Edit"), ("/redundancy", "More")])
def test_what_a_button_opens_is_entered_and_left_by_keys(new_page, address, name):
    page = new_page(address)
    button = page.get_by_role("button", name=name)
    button.press("Enter")
    opened = page.get_by_test_id("stPopoverBody")
    expect(opened).to_be_visible()
    settled(page)
    page.keyboard.press("Tab")
    expect(opened.locator(":focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(opened).to_be_hidden()
    expect(button).to_be_focused()
