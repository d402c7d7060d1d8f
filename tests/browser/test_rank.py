"""A student on the Rank page: step, type nonsense, reload, share."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import fits, settled


def drawn(page) -> str:
    """The matrix on the page, as it is read aloud."""
    return page.locator(".lr-matrix").first.get_attribute("aria-label")


def press(page, name: str, times: int = 1) -> None:
    """Press a stepping button so often, as quickly as can be, and wait for the last place."""
    button = page.get_by_role("button", name=name)
    button.wait_for()
    place = page.get_by_role("slider", name="Step")
    before = int(place.input_value())
    button.evaluate("(button, times) => { while (times--) button.click(); }", times)
    expect(place).to_have_value(str(before + (times if name in ("Next", "Redo") else -times)))


def opened_editor(page):
    """The page, with the editor of its matrix open."""
    page.get_by_role("button", name="Edit").click()
    page.get_by_text("Whole numbers, fractions").wait_for()
    settled(page)
    return page


def test_steps_through_a_reduction_and_finds_it_again(new_page):
    page = new_page("/rank")
    press(page, "Next")
    expect(page.locator(".lr-op")).to_have_text("R2 ← R2 − 2 R1")
    press(page, "Next")
    page.get_by_text("Rank 2", exact=False).first.wait_for()
    page.get_by_text("R3 = 2 R1 − R2").wait_for()
    at_the_end = drawn(page)
    press(page, "Back")
    assert drawn(page) != at_the_end
    press(page, "Next")
    page.wait_for_url("**step=2**")

    page.reload()
    settled(page)
    page.get_by_text("Step 2 of 2").wait_for()
    assert drawn(page) == at_the_end

    shared = new_page(page.url)
    shared.get_by_text("Step 2 of 2").wait_for()
    assert drawn(shared) == at_the_end


HILBERT = "/rank?m=Hilbert&form=Reduced+echelon"


def test_six_quick_presses_are_six_steps_wherever_the_visitor_rests(new_page):
    page = new_page(HILBERT)
    press(page, "Next", times=6)
    page.get_by_text("Step 6 of ").wait_for()
    page.wait_for_url("**step=6**")
    expect(page.locator(".lr-history li")).to_have_count(6)  # the rest of the page has followed
    for _ in range(4):  # while Python hears of the first
        press(page, "Next")
    press(page, "Back", times=3)
    page.wait_for_url("**step=7**")
    page.reload()
    settled(page)
    page.get_by_text("Step 7 of ").wait_for()
    page.get_by_text("What it gives", exact=True).click()
    page.get_by_text("Echelon form").first.wait_for()
    settled(page)
    page.get_by_text("Reduce", exact=True).first.click()
    page.get_by_text("Step 7 of ").wait_for()


def test_every_frame_is_what_the_server_draws(new_page):
    """A page opened at a step has the matrix that walking to it shows."""
    page = new_page(HILBERT)
    seen = []
    for _ in range(3):
        press(page, "Next", times=5)
        seen.append(drawn(page))
    assert len(set(seen)) == 3
    assert [drawn(new_page(f"{HILBERT}&step={k}")) for k in (5, 10, 15)] == seen


def test_the_arrow_keys_step_but_not_where_something_is_typed(new_page):
    page = new_page("/rank")
    page.get_by_text("2 steps to go").wait_for()
    settled(page)  # no key is pressed before there is a page
    page.get_by_role("heading", name="Rank").click()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Step 1 of 2").wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Step 2 of 2").wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_text("Step 1 of 2").wait_for()
    page.wait_for_url("**step=1**")
    page.get_by_text("Type", exact=True).click()
    box = page.get_by_role("textbox", name="Your next operation")
    box.fill("R2")
    box.press("ArrowLeft")
    expect(page.get_by_role("slider", name="Step")).to_have_value("1")
    settled(page)
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("slider", name="Step")).to_have_value("0")


def test_play_walks_to_the_end_and_can_be_paused(new_page):
    page = new_page(HILBERT)
    page.get_by_role("button", name="Play").click()
    page.get_by_text("Step 2 of ").wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    at = page.get_by_role("slider", name="Step").input_value()
    page.wait_for_url(f"**step={at}**")
    short = new_page("/rank?m=2+4;3+7")
    short.get_by_role("button", name="Play").click()
    short.get_by_text("Step 1 of 1").wait_for()
    short.get_by_role("button", name="Play").wait_for()  # it stopped at the end


def test_next_is_in_sight_on_a_phone_and_said_to_a_screen_reader(new_page):
    page = new_page("/rank?m=1 2 3 4;2 4 1 1;0 1 1 5;1 1 1 1;3 1 2 2;1 0 0 1", 390, 700)
    button = page.get_by_role("button", name="Next")
    expect(button).to_have_text("Next →")  # one arrow each
    expect(page.get_by_role("button", name="Back")).to_have_text("← Back")
    assert button.bounding_box()["y"] + button.bounding_box()["height"] <= 700
    assert page.locator(".walk-said").get_attribute("aria-live") == "polite"
    assert fits(page, 390)


def test_nonsense_gets_one_sentence_and_stays(new_page):
    page = opened_editor(new_page("/rank"))
    page.get_by_text("Text", exact=True).click()
    area = page.get_by_role("textbox", name="Paste or type a matrix")
    area.fill("1 2\n3 four")
    area.press("Control+Enter")
    page.get_by_role("alert").get_by_text("four").wait_for()
    assert area.input_value() == "1 2\n3 four"
    assert page.locator('[data-testid="stException"]').count() == 0

    area.fill(r"\begin{bmatrix} 1 & 2 \\ 3 & \frac{1}{2} \end{bmatrix}")
    area.press("Control+Enter")
    page.get_by_text("1 step to go").wait_for()
    assert "Row 2: 3, 1/2." in drawn(page)


def test_a_bad_cell_in_the_grid_is_named(new_page):
    page = opened_editor(new_page("/rank"))
    grid = page.locator('[data-testid="stDataFrame"]').first
    box = grid.bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    cell = page.locator("#portal .gdg-input")
    cell.fill("x1")
    cell.press("Enter")
    page.get_by_role("alert").get_by_text("x1").wait_for()


def test_fits_a_phone(new_page):
    assert fits(new_page("/rank", width=390), 390)


def type_move(page, text: str) -> None:
    box = page.get_by_role("textbox", name="Your next operation")
    box.fill(text)
    box.press("Enter")


def test_a_student_reduces_by_typing_takes_a_hint_undoes_and_shares_the_link(new_page):
    page = new_page("/rank?m=2+4+1;3+7+0;1+1+1")
    page.get_by_text("Type", exact=True).click()
    said = page.locator(".lr-step")
    type_move(page, "R1 <-> R3")
    expect(said).to_contain_text("1 move")
    expect(page.get_by_role("textbox", name="Your next operation")).to_have_value("")

    type_move(page, "R2 - 3 R9")
    expect(said).to_contain_text("names row 9")
    settled(page)
    page.reload()
    settled(page)
    expect(said).to_contain_text("names row 9")
    expect(page.get_by_role("textbox", name="Your next operation")).to_have_value("R2 - 3 R9")

    page.get_by_role("button", name="Hint").click()
    expect(said).to_contain_text("Hint 1 of 3")
    page.get_by_role("button", name="Hint").click()
    expect(said).to_contain_text("Hint 2 of 3")
    page.get_by_role("button", name="Hint").click()
    expect(said).to_contain_text("R2 ← R2 − 3 R1")
    type_move(page, "R2 - 3 R1")
    expect(said).to_contain_text("2 moves")
    at_two = drawn(page).partition(", ")[2]
    page.get_by_role("button", name="Do this step").click()
    expect(said).to_contain_text("3 moves")
    press(page, "Undo")
    expect(said).to_contain_text("2 moves · 1 undone")
    page.wait_for_url("**step=2**")
    settled(page)
    assert drawn(page).partition(", ")[2] == at_two

    shared = new_page(page.url)
    expect(shared.locator(".lr-step")).to_contain_text("2 moves · 1 undone")
    assert drawn(shared).partition(", ")[2] == at_two
    press(shared, "Redo")
    expect(shared.locator(".lr-step")).to_contain_text("3 moves")
    shared.get_by_role("button", name="Finish").click()
    expect(shared.locator(".lr-step")).to_contain_text("Echelon form, reached in")
    expect(shared.get_by_text("Rank 3: 3 non-zero rows")).to_be_visible()
    assert len(shared.url) < 2000


def test_moves_survive_another_view_another_page_and_back(new_page):
    page = new_page("/rank?how=Type&m=2+4;3+7")
    said = page.locator(".lr-step")
    type_move(page, "R1 <-> R2")
    expect(said).to_contain_text("1 move")
    page.get_by_text("Numbers lie", exact=True).click()
    page.get_by_text("counted by").wait_for()
    page.reload()
    settled(page)
    page.get_by_text("Reduce", exact=True).first.click()
    expect(said).to_contain_text("R1 ↔ R2")

    page.get_by_test_id("stSidebarNav").get_by_role("link", name="LoRA", exact=True).click()
    page.get_by_role("heading", name="LoRA").wait_for()
    settled(page)
    page.go_back()
    page.get_by_role("heading", name="Rank").wait_for()
    expect(said).to_contain_text("R1 ↔ R2")


def test_letters_lead_to_their_view_with_what_was_typed(new_page):
    page = new_page("/rank?m=a+1;2+a")
    page.get_by_role("button", name="Open in Parameters").click()
    expect(page.get_by_text("a = ±√2").first).to_be_visible()
    expect(page).to_have_url(re.compile("view=Parameters"))
    page.get_by_role("radio", name="Reduce").click()
    expect(page.get_by_role("alert")).to_contain_text("“a” is not a number")


def test_a_first_wrong_row_is_named(new_page):
    page = new_page("/rank?how=Matrix&m=2+4;3+7")
    area = page.get_by_role("textbox", name="The next matrix, whole")
    area.fill("2 4\n0 2")
    area.press("Control+Enter")
    expect(page.locator(".lr-step")).to_contain_text("Row 2 is wrong in column 2")
    area.fill("2 4\n0 1")
    area.press("Control+Enter")
    expect(page.locator(".lr-step")).to_contain_text("reached in 1 move")


def test_a_block_of_a_spreadsheet_larger_than_the_grid_makes_it_grow(new_page):
    page = opened_editor(new_page("/rank"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    grid = page.locator('[data-testid="stDataFrame"]').first
    box = grid.bounding_box()
    page.mouse.click(box["x"] + 30, box["y"] + 50)  # the first cell
    grid.locator('[role="gridcell"][aria-selected="true"]').first.wait_for(state="attached")
    block = "1\t2\t3\t4\n5\t6\t7\t8\n9\t10\t11\t12\n1\t1\t1\t1,5"
    page.evaluate("text => navigator.clipboard.writeText(text)", block)
    page.keyboard.press("Control+V")
    page.wait_for_url("**m=1%2C2%2C3%2C4%3B5*1.5**")
    matrix = page.locator(".lr-matrix").first
    expect(matrix).to_have_attribute("aria-label", re.compile(r"4 × 4.*Row 4: 1, 1, 1, 3/2\."))
    expect(page.get_by_role("spinbutton", name="Rows")).to_have_value("4")


def test_whether_a_comma_is_decimal_is_asked_and_answered_with_one_click(new_page):
    page = opened_editor(new_page("/rank"))
    page.get_by_text("Text", exact=True).click()
    area = page.get_by_role("textbox", name="Paste or type a matrix")
    area.fill("1,5 2,5\n3,5 4,5")
    area.press("Control+Enter")
    page.get_by_text("Commas may be decimal points here").wait_for()
    matrix = page.locator(".lr-matrix").first
    expect(matrix).to_have_attribute("aria-label", re.compile(r"Row 1: 3/2, 5/2\."))
    settled(page)
    page.get_by_role("button", name="Read it as").click()
    page.wait_for_url("**m=1%2C5%2C2%2C5%3B3**")
    expect(matrix).to_have_attribute("aria-label", re.compile(r"Row 1: 1, 5, 2, 5\."))
    settled(page)
    opened_editor(page)
    page.get_by_text("Text", exact=True).click()
    expect(area).to_have_value("1,5 2,5\n3,5 4,5")


def test_a_system_is_typed_as_equations_and_its_solution_read_off(new_page):
    page = opened_editor(new_page("/rank?form=Reduced+echelon"))
    page.get_by_text("Text", exact=True).click()
    box = page.get_by_role("textbox", name="Paste or type a matrix")
    box.fill("x + 2y = 3\n2x - y = 1")
    box.press("Control+Enter")
    page.get_by_text("The equations are read as [A | b], with a column for x and y.").wait_for()
    page.locator("td.lr-barred").first.wait_for()
    press(page, "Next", times=3)
    page.get_by_text("Exactly one solution").wait_for()
    page.get_by_text("x = 1, y = 1.").wait_for()
    page.wait_for_url("**m=x%2B2y%3D3%3B2x-y%3D1**step=3**")

    shared = new_page(page.url, width=390)
    shared.get_by_text("x = 1, y = 1.").wait_for()
    assert fits(shared, 390)


def test_a_c_r_is_read_where_elimination_is_asked_what_it_gives(new_page):
    page = new_page("/rank?m=Wide&view=What+it+gives", width=390)
    page.get_by_text("A = C R", exact=True).click()
    page.get_by_text("C: columns 1, 3, 5 of A").wait_for()
    page.get_by_text("numbers in place of").wait_for()
    drawn_ = page.locator(".lr-matrix").evaluate_all("all => all.map(x => x.ariaLabel)")
    assert [label.partition(".")[0] for label in drawn_] == [
        "A, 3 × 5",
        "C: columns 1, 3, 5 of A, 3 × 3",
        "R: the non-zero rows of the reduced form, 3 × 5",
    ]
    assert fits(page, 390)


WIDE = "/rank?m=" + "%3B".join(
    ",".join(str(100 + 37 * i * j % 899) for j in range(12)) for i in range(12)
)
EDGE = "() => getComputedStyle(document.querySelector('.lr-matrix')).boxShadow"


def test_a_matrix_wider_than_the_screen_shows_where_it_goes_on(new_page):
    page = new_page(WIDE, width=390)
    matrix = page.locator(".lr-matrix")
    matrix.wait_for()
    at_the_left = page.evaluate(EDGE)
    matrix.evaluate("matrix => matrix.scrollTo(9999, 0)")
    page.wait_for_function(f"left => ({EDGE})() !== left", arg=at_the_left)
    assert "inset" in at_the_left
    narrow = new_page("/rank")
    narrow.locator(".lr-matrix").wait_for()
    assert narrow.evaluate(EDGE) == "none"


def test_the_box_for_an_operation_is_one_key_away(new_page):
    page = new_page("/rank?how=Type")
    box = page.get_by_role("textbox", name="Your next operation")
    box.wait_for()
    page.get_by_role("heading", name="Rank").click()
    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.type("R1 / 2")
    expect(box).to_have_value("R1 / 2")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Do it")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Hint")).to_be_focused()


def test_the_matrix_is_near_the_box_on_a_phone(new_page):
    page = new_page("/rank?how=Type", width=390)
    box = page.get_by_role("textbox", name="Your next operation").bounding_box()
    top = page.locator(".lr-matrix").bounding_box()["y"]
    assert 0 < top - box["y"] < 200


def test_the_latest_move_is_seen_in_a_long_list(new_page):
    page = new_page("/rank?how=Type&m=Hilbert&form=Reduced+echelon", width=390)
    page.get_by_role("button", name="Finish").click()
    latest = page.locator(".lr-history .lr-here")
    latest.wait_for()
    settled(page)
    inside, box = latest.bounding_box(), page.locator(".lr-history").bounding_box()
    assert box["y"] <= inside["y"]
    assert inside["y"] + inside["height"] <= box["y"] + box["height"] + 1


def test_the_tools_of_the_grid_cover_no_control(new_page):
    page = opened_editor(new_page("/rank", width=390))
    page.locator('[data-testid="stDataFrame"]').hover()
    tools = page.locator('[data-testid="stElementToolbar"]').last.bounding_box()
    controls = page.locator('[data-testid="stNumberInput"]:visible').all()
    assert controls
    for control in controls:
        box = control.bounding_box()
        assert box["y"] + box["height"] <= tools["y"] or tools["y"] + tools["height"] <= box["y"]
