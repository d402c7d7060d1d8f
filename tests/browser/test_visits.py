"""The address and the browser's history: a visit is one entry, with its whole view."""

import re
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled


def at(page, name: str, address: str = "") -> None:
    """Wait for a page, whole, and for its view in the address."""
    expect(page.locator("h1", has_text=re.compile(f"^{name}$"))).to_be_visible()
    settled(page)
    if address:
        expect(page).to_have_url(re.compile(address))


def go(page, name: str, address: str = "") -> None:
    link = "Start" if name == "lowrank" else name
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=link, exact=True).click()
    at(page, "lowrank" if name == "Start" else name, address)


def slide(page, label: str, key: str = "ArrowRight") -> None:
    page.get_by_role("slider", name=label).focus()
    page.keyboard.press(key)


def entries(page) -> int:
    return page.evaluate("history.length")


def test_a_visit_is_one_entry_with_its_whole_view(new_page):
    page = new_page("/truncation?model=synthetic")
    before = entries(page)
    slide(page, "Rank k")
    expect(page).to_have_url(re.compile("k=73"))
    settled(page)
    go(page, "Rank")
    go(page, "LoRA", "model=synthetic")
    slide(page, "Rank r")
    expect(page).to_have_url(re.compile("r=16"))
    settled(page)
    go(page, "Start")
    assert entries(page) == before + 3
    page.go_back()
    at(page, "LoRA", "r=16")
    expect(page.get_by_role("slider", name="Rank r")).to_have_attribute("aria-valuetext", "16")
    page.go_back()
    at(page, "Rank")
    page.go_back()
    at(page, "Truncation", "k=73")
    page.go_forward()
    at(page, "Rank")
    go(page, "Truncation", "k=73")


def test_a_late_word_about_the_page_that_was_left_is_no_visit(new_page):
    page = new_page("/rank")
    before = entries(page)
    go(page, "Start")
    page.evaluate("history.pushState({}, '', '/rank?how=Type')")  # as Streamlit does on such a word
    assert urlparse(page.url).path == "/"
    assert entries(page) == before + 1


def test_a_word_from_before_the_last_change_does_not_take_it_out_of_the_address(new_page):
    """A run under way tells its address after the visitor has changed something else."""
    page = new_page("/rank?view=Geometry&picture=Columns")
    found = page.evaluate("""() => {
      history.replaceState({}, '', '?view=Geometry&picture=Equations');
      history.pushState({}, '', '?view=Geometry&picture=Columns&gstep=1'); // of the run before
      const late = location.search;
      history.pushState({}, '', '?view=Geometry&gstep=1'); // of the run that knows
      return [late, location.search];
    }""")
    assert [parse_qs(search[1:]) for search in found] == [
        {"view": ["Geometry"], "gstep": ["1"], "picture": ["Equations"]},
        {"view": ["Geometry"], "gstep": ["1"]},
    ]


def test_on_a_phone_the_sidebar_makes_way_for_the_page_that_was_chosen(new_page):
    page = new_page("/rank", width=390, height=844)
    page.get_by_test_id("stExpandSidebarButton").click()
    go(page, "Memory")
    expect(page.get_by_test_id("stSidebarNav")).not_to_be_in_viewport()


# A control of each page and view: where, its role, its name, its parameter, and two changes of it.
CONTROLS = [
    ("/rank", "radio", "how", "Type", "Matrix"),
    ("/rank?view=What+it+gives", "radio", "gives", "Inverse", "Subspaces"),
    ("/rank?view=Geometry", "radio", "picture", "Columns", "Equations"),
    ("/rank?view=Numbers+lie", "radio", "pivoting", "partial", "complete"),
    ("/rank?view=Other+fields", "radio", "fgives", "A x = b", "Inverse"),
    ("/rank?view=Parameters", "combobox", "pm", "Two letters", "A divisor"),
    ("/rank?view=Quiz", "radio", "q_kind", "Rank", "Dependent row"),
    ("/rank?view=Worksheet", "radio", "w_level", "hard", "easy"),
    ("/redundancy", "slider", "hidden", "55", "60"),
    ("/redundancy?task=When+it+works", "spinbutton", "trial", "2", "3"),
    ("/redundancy?task=Features", "textbox", "words", "one, two, three", "red, green, blue"),
    ("/redundancy?task=Compress", "slider", "terms", "7", "8"),
    ("/truncation?model=synthetic", "slider", "k", "73", "74"),
    ("/surgery", "slider", "keep", "26", "27"),
    ("/atlas?model=synthetic", "radio", "kept share", "99 %", "50 %"),
    ("/lora?model=synthetic", "slider", "alpha", "17", "18"),
    ("/lab", "radio", "show", "Alternatives", "The paper's experiments"),
    ("/memory?model=synthetic", "radio", "count", "Inference", "Training"),
    ("/adapter?model=synthetic", "slider", "change_rank", "16", "32"),
]


def change(page, role: str, key: str, value: str) -> None:
    """Choose a value as a visitor does; a slider goes one place to the right."""
    place = page.locator(f".st-key-{key.replace(' ', '-')}")
    if role == "radio":
        place.get_by_role("radio", name=value, exact=True).click()
        return
    control = place.get_by_role(role)
    control.scroll_into_view_if_needed()
    if role == "slider":
        control.focus()
        page.keyboard.press("ArrowRight")
        return
    control.click()
    control.fill(value)
    control.press("Control+Enter" if role == "textbox" else "Enter")


def holds(page, role: str, key: str, value: str) -> None:
    """Wait until the control shows that value, and the address says so."""
    page.wait_for_function(
        "([key, value]) => new URLSearchParams(location.search).get(key) === value",
        arg=[key, value],
    )
    place = page.locator(f".st-key-{key.replace(' ', '-')}")
    if role == "radio":
        expect(place.get_by_role("radio", name=value, exact=True)).to_be_checked()
    elif role == "slider":
        expect(place.get_by_role("slider")).to_have_attribute("aria-valuetext", value)
    else:
        expect(place.get_by_role(role)).to_have_value(value)


@pytest.mark.parametrize(
    ("address", "role", "key", "first", "second"), CONTROLS, ids=[c[0] for c in CONTROLS]
)
def test_away_back_forward_reload_and_a_new_tab_keep_the_view(
    new_page, address, role, key, first, second
):
    page = new_page(address)
    before, name = entries(page), page.locator("h1").inner_text()
    change(page, role, key, first)
    holds(page, role, key, first)
    settled(page)
    go(page, "Start")
    page.go_back()
    holds(page, role, key, first)
    settled(page)
    change(page, role, key, second)  # and off, at once
    go(page, "Start")
    assert entries(page) == before + 1
    page.go_back()
    holds(page, role, key, second)
    page.go_forward()
    at(page, "lowrank")
    go(page, name)
    holds(page, role, key, second)
    asked = parse_qs(urlparse(address).query)
    assert asked.items() <= parse_qs(urlparse(page.url).query).items()
    page.reload()
    holds(page, role, key, second)
    tab = new_page(page.url)
    holds(tab, role, key, second)
    assert tab.locator('[data-testid="stException"]').count() == 0


def test_from_the_lab_the_first_back_is_the_visit_before(new_page):
    page = new_page("/lora?model=synthetic&r=16")
    go(page, "LoRA lab")
    page.go_back()
    at(page, "LoRA", "r=16")


@pytest.mark.parametrize("address", ["/truncation?layer=77", "/memory?matrix=zz&count=Nothing"])
def test_what_a_link_asks_for_in_vain_is_said_and_the_visit_is_one_entry(
    new_page, app_url, address
):
    page = new_page("/rank")
    page.goto(app_url + address)
    expect(page.get_by_text("The link asks for").first).to_be_visible()
    settled(page)
    page.go_back()
    at(page, "Rank")
