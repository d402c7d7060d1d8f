"""The Reduce view: one derivation, watched, done by hand, helped along, and kept in the link."""

import re
from urllib.parse import parse_qsl, urlencode

import pytest
from streamlit.testing.v1 import AppTest

from lowrank.exact.derivation import Derivation
from lowrank.exact.matrices import add, exact, scale, swap
from lowrank.exact.query import decode, decode_moves, encode_moves
from lowrank.ui.rank import link
from tests.pages.opening import frame, words
from tests.pages.test_rank import at, caption, drawn, edited, opened

DO = "Type"


def doing(**link: str) -> AppTest:
    return opened(how=DO, **link)


def typed(app: AppTest, text: str) -> AppTest:
    app.text_input(key="typed").set_value(text).run()
    assert not app.exception
    return app


def pressed(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def test_typed_moves_are_done_and_the_goal_is_seen_on_any_path():
    app = typed(doing(m="2 4; 3 7"), "R1 <-> R2")
    assert "1 move" in caption(app)
    assert "R1 ↔ R2" in caption(app)
    assert app.text_input(key="typed").value == ""
    typed(app, "R2 - 2/3 R1")
    assert "Echelon form, reached in 2 moves" in caption(app)
    assert "Rank 2" in caption(app)
    assert "**Rank 2**" in words(app)
    app = typed(typed(doing(m="2 4; 3 7"), "3/2 R1"), "R2 - R1")
    assert "Echelon form, reached in 2 moves" in caption(app)


@pytest.mark.parametrize(
    ("nonsense", "said"),
    [
        ("hello", "no row operation"),
        ("R2 = 2 R2 - R1", "two operations"),
        ("R9 + R1", "rows 1 to 2"),
        ("<b>R1</b>", "no row operation"),
        ("R1", "leaves row 1 as it is"),
        ("1 R2", "leaves row 2 as it is"),
    ],
)
def test_what_is_no_operation_is_said_and_stays_typed(nonsense, said):
    app = typed(doing(m="2 4; 3 7"), nonsense)
    assert said in caption(app)
    assert "<b>R1</b>" not in caption(app)
    assert app.text_input(key="typed").value == nonsense
    app = opened(how=DO, m="2 4; 3 7", typed=nonsense)
    assert app.text_input(key="typed").value == nonsense
    assert said in caption(app)


def test_undo_leaves_a_refusal_behind_and_keeps_what_was_typed():
    app = typed(typed(doing(m="2 4; 3 7"), "R1 <-> R2"), "R9 + R1")
    assert "rows 1 to 2" in caption(app)
    at(app, 0)
    assert "rows 1 to 2" not in caption(app)
    assert "0 moves · 1 undone" in caption(app)
    assert app.text_input(key="typed").value == "R9 + R1"
    app.button(key="do_typed").click().run()
    assert "rows 1 to 2" in caption(app)


def test_undo_redo_and_a_new_move_after_undo():
    app = typed(typed(doing(m="2 4; 3 7"), "R1 <-> R2"), "2 R1")
    at_two = drawn(app)
    at(app, 1)
    assert "1 move · 1 undone" in caption(app)
    at(app, 2)
    assert drawn(app) == at_two
    at(app, 0)
    assert drawn(app).startswith("The matrix, 2 × 2. Row 1: 2")
    typed(app, "R2 - 3/2 R1")
    assert "Echelon form, reached in 1 move" in caption(app)
    assert app.query_params["ops"] == "v1.N1"


def test_hints_tell_more_each_time_then_done_then_finished():
    app = typed(doing(m="2 4 1; 3 7 0; 1 1 1", form="Reduced echelon"), "R1 <-> R3")
    said = []
    for number in (1, 2, 3, 3):
        pressed(app, "help_Hint")
        said.append(re.sub("<[^>]*>", " ", frame(app).said))
        assert f"Hint {number} of 3" in said[-1]
    assert "Look below the pivot in row 1, column 1: are all entries there 0?" in said[0]
    assert "row 2" not in said[0]
    assert "Add the multiple of row 1 to row 2" in said[1]
    assert not re.search("[−-] ?3", said[0] + said[1])
    assert "R2 ← R2 − 3 R1" in said[2]
    pressed(app, "help_Do this step")
    assert "2 moves" in caption(app)
    assert "Hint" not in caption(app)
    pressed(app, "help_Finish")
    assert "Reduced echelon form, reached in" in caption(app)
    assert app.button(key="help_Hint").disabled
    assert app.button(key="help_Finish").disabled
    pressed(app, "start_over")
    assert "0 moves" in caption(app)
    assert "ops" not in app.query_params


def test_moves_can_be_clicked_together():
    app = opened(how="Click", m="2 4; 3 7")
    app.selectbox(key="click_row").set_value("R2")
    app.selectbox(key="click_other").set_value("R1")
    app.text_input(key="click_factor").set_value("-3/2").run()
    pressed(app, "do_clicked")
    assert app.query_params["ops"] == encode_moves(
        Derivation(exact([[2, 4], [3, 7]]), (add(1, 0, exact([["-3/2"]])[0][0]),))
    )
    assert "Echelon form, reached in 1 move" in caption(app)
    app.selectbox(key="click_kind").set_value("Scale").run()
    app.text_input(key="click_factor").set_value("x").run()
    pressed(app, "do_clicked")
    assert "no row operation" in caption(app)
    app.selectbox(key="click_kind").set_value("Swap").run()
    pressed(app, "do_clicked")
    assert "R2 ↔ R1" in caption(app)


def test_a_whole_next_matrix_is_judged_and_the_first_wrong_row_named():
    app = opened(how="Matrix", m="2 4; 3 7")
    pressed(app, "copy")
    assert app.text_area(key="written").value == "2  4\n3  7"
    assert "Nothing changed" in caption(app)
    app.text_area(key="written").set_value("2 4; 0 2").run()
    assert "Row 2 is wrong in column 2" in caption(app)
    assert app.text_area(key="written").value == "2 4; 0 2"
    app.text_area(key="written").set_value("2 4; 0 x").run()
    assert "is not a number" in caption(app)
    app.text_area(key="written").set_value("2 4; 0 1").run()
    assert "Echelon form, reached in 1 move" in caption(app)
    assert app.text_area(key="written").value == ""
    assert app.query_params["ops"] == "v1.N1"


def test_a_column_cleared_at_once_counts_its_moves():
    app = opened(how="Matrix", m="1 2; 3 7; 2 2")
    app.text_area(key="written").set_value("1 2; 0 1; 0 -2").run()
    assert "2 moves" in caption(app)


def test_watching_and_doing_are_one_derivation():
    app = opened(m="2 4 1; 3 7 0; 1 1 1", step="1")
    app.segmented_control(key="how").set_value(DO).run()
    assert "1 move" in caption(app)
    typed(app, "R2 <-> R3")
    app.segmented_control(key="how").set_value("Watch").run()
    assert "Step 2 of 4" in caption(app)
    assert "R2 ↔ R3" in caption(app)
    at(app, 4)
    assert "**Rank 3**" in words(app)
    app.segmented_control(key="how").set_value(DO).run()
    assert "Echelon form, reached in 4 moves" in caption(app)


def test_another_view_keeps_the_moves_in_the_link():
    app = typed(doing(m="2 4; 3 7"), "R1 <-> R2")
    app.segmented_control(key="view").set_value("Numbers lie").run()
    for name, value in {"ops": "v1.S12", "step": "1", "how": DO}.items():
        assert app.query_params[name] == value
    app.segmented_control(key="view").set_value("Reduce").run()
    assert "1 move" in caption(app)


def test_another_matrix_starts_without_moves():
    app = typed(doing(m="2 4; 3 7"), "R1 <-> R2")
    app.selectbox(key="m").set_value("Tall").run()
    assert "0 moves" in caption(app)
    assert "ops" not in app.query_params


def test_the_shared_link_opens_what_is_on_the_page():
    app = typed(typed(doing(m="2 4; 3 7"), "R1 <-> R2"), "R1 / 3")
    link = next(code.value for code in app.code if "?" in code.value)
    d = decode(link.partition("?")[2])
    assert d.ops == (swap(0, 1), scale(0, exact([["1/3"]])[0][0]))
    assert d.position == 2
    assert d.start == exact([[2, 4], [3, 7]])


def shared(app: AppTest) -> dict[str, str]:
    address = next(code.value for code in app.code if "how=" in code.value)
    return dict(parse_qsl(address.partition("?")[2]))


def test_what_is_shared_opens_as_it_is_with_or_without_what_was_undone():
    app = doing(m="2 4; 3 7", ops="R1 <-> R2; R1 / 3", step="1")
    assert len(decode(urlencode(shared(app))).ops) == 2
    app.toggle(key="without undone").set_value(True).run()
    assert decode(urlencode(shared(app))).ops == (swap(0, 1),)
    assert opened(**shared(app)).segmented_control(key="how").value == "Type"
    app.segmented_control(key="how").set_value("Watch").run()
    assert opened(**shared(app)).segmented_control(key="how").value == "Watch"


def test_links_with_typed_operations_open():
    app = doing(m="2 4; 3 7", ops="R1 <-> R2\nR2 - 2/3 R1", step="2")
    assert "Echelon form, reached in 2 moves" in caption(app)


@pytest.mark.parametrize(
    ("ops", "said"),
    [
        ("v9.zz", "this app reads"),
        ("v1.Nzzz", "nothing is left to do"),
        ("v1.S19", "names row"),
        ("hello", "no row operation"),
        ("[x](http://e.vil)", "no row operation"),
    ],
)
def test_a_broken_link_is_one_sentence_and_can_be_left(ops, said):
    app = doing(m="2 4; 3 7", ops=ops)
    assert said in app.error[0].value
    assert "[x](" not in app.error[0].value
    assert app.query_params["ops"] == ops
    pressed(app, "restart")
    assert not app.error
    assert "0 moves" in caption(app)


def test_which_rows_others_make_is_said_of_the_matrix_as_entered():
    app = typed(typed(doing(m="1 2; 2 4"), "R1 <-> R2"), "R2 - 1/2 R1")
    assert "goal" in caption(app)
    assert "Rows of A, as entered, that others make: **R2 = 2 R1**" in words(app)


def test_the_history_lists_every_move_with_its_reason():
    app = typed(typed(doing(m="2 4; 3 7"), "R1 <-> R2"), "R1 + R2")
    items = re.findall(r"<li.*?</li>", caption(app))
    assert len(items) == 2
    assert "Rows 1 and 2 change places." in items[0]
    assert "Makes no entry 0" in items[1]


@pytest.mark.parametrize(
    ("form", "part"),
    [
        ("LaTeX", r"\xrightarrow{R_{1} \leftrightarrow R_{2}}"),
        ("Markdown", r"1. $R_{1} \leftrightarrow R_{2}$"),
        ("Code", "A = apply(swap(0, 1), A)  # R1 ↔ R2"),
    ],
)
def test_the_moves_so_far_are_exported(form, part):
    app = typed(doing(m="2 4; 3 7"), "R1 <-> R2")
    app.segmented_control(key="export").set_value(form).run()
    assert any(part in code.value for code in app.code)
    assert not app.exception


def test_a_style_is_chosen_for_hints_and_finish_and_kept_in_the_link():
    app = doing(m="2 4; 3 7", style="Pivots 1 first")
    pressed(app, "help_Hint")
    assert "Look at the pivot of row 1: what is it to become?" in caption(app)
    pressed(app, "help_Finish")
    assert app.query_params["ops"] == "v1.N2"
    assert "R2 ← R2 − 3 R1" in caption(app)
    app.segmented_control(key="style").set_value("Textbook").run()
    assert app.query_params["ops"] == "v1.P1N1"  # the same moves: one is the textbook's
    assert "R2 ← R2 − 3 R1" in caption(app)
    app.button(key="start_over").click().run()
    app.segmented_control(key="style").set_value("Whole numbers").run()
    pressed(app, "help_Hint")
    assert "Look at all entries of row 1" in caption(app)


def test_the_determinant_is_tracked_through_the_steps():
    app = doing(m="0 2; 3 4")
    assert "Swapping two rows changes the sign of det A" in words(app)
    typed(app, "R1 <-> R2")
    said = "The determinant here is − det A. The product of the diagonal is 3 · 2 = 6"
    assert f"{said}, so **det A = −6**." in words(app)
    typed(app, "1/3 R1")
    assert "The determinant here is −1/3 · det A." in words(app)
    assert "**det A = −6**" in words(app)
    assert "det A" not in words(doing(m="1 2 3"))


def test_the_moves_of_a_link_are_worked_out_once(monkeypatch):
    texts = []

    def counted(start, text):
        texts.append(text)
        return decode_moves(start, text)

    monkeypatch.setattr(link, "decode_moves", counted)
    app = doing(m="2 4 1; 3 7 0; 1 1 1", ops="v1.N1S12", step="2")
    assert "R1 ↔ R2" in caption(app)
    at(app, 1)
    typed(app, "R3 - R1")
    assert app.query_params["ops"] == "v1.N1C313"
    assert texts == ["v1.N1S12"]
    app.text_input(key="ops").set_value("v1.S12").run()
    assert texts == ["v1.N1S12", "v1.S12"]


def ended(**link: str) -> str:
    """What is read off at the end of the reduction."""
    return words(opened(step="99", form="Reduced echelon", **link))


@pytest.mark.parametrize(
    ("m", "said"),
    [
        ("1 2 | 3; 2 -1 | 1", ["**Exactly one solution**: x1 = 1, x2 = 1."]),
        ("x + 2y = 3; 2x - y = 1", ["**Exactly one solution**: x = 1, y = 1.", "x and y"]),
        (
            "x + 2y = 3; 2x + 4y = 6",
            ["**Infinitely many solutions**", "leave y free", "(x, y) = (3, 0) + y (−2, 1)"],
        ),
        (
            "1 2 | 3; 2 4 | 7; 1 0 | 0",
            ["**No solution**: row 3 says **0 = 1**.", "rank A = 2, rank [A | b] = 3."],
        ),
        ("2 1 | 1 0; 4 4 | 0 1", ["**A⁻¹ stands right of the bar**"]),
        ("1 2 | 1 0; 2 4 | 0 1", ["**A has no inverse**", "is 0: −2 R1 + R2."]),
        ("1 2 | 3 4; 2 4 | 6 7", ["Column 1 right of the bar:", "Infinitely many", "row 2 says"]),
    ],
)
def test_the_end_of_a_barred_matrix_reads_off_what_it_says(m, said):
    page = ended(m=m)
    assert [part for part in said if part not in page] == []


def test_a_bar_is_drawn_kept_in_the_link_and_no_pivot_stands_right_of_it():
    app = edited(m="1 2 | 3; 2 4 | 7", step="1")
    assert app.number_input(key="entry_bar").value == 2
    picture = frame(app).picture
    assert (picture.count("lr-barred"), picture.count("lr-pivot")) == (2, 1)
    assert "**No solution**: row 2 says **0 = 1**." in words(app)
    app.number_input(key="entry_bar").set_value(1).run()
    assert app.query_params["m"] == "1|2,3;2|4,7"
    app.number_input(key="entry_bar").set_value(0).run()
    assert app.query_params["m"] == "1,2,3;2,4,7"
    assert "lr-barred" not in frame(app).picture


def test_the_identity_is_put_beside_a_square_matrix():
    app = edited(m="2 1; 4 4", form="Reduced echelon")
    app.button(key="entry_identity").click().run()
    assert app.query_params["m"] == "2,1|1,0;4,4|0,1"
    app = ended(m="2,1|1,0;4,4|0,1")
    assert "A⁻¹ stands right of the bar" in app


def test_equations_typed_keep_their_names_in_the_link_and_in_a_shared_one():
    app = edited(m="x + 2y = 3; 2x - y = 1", how="Type")
    pressed(app, "help_Do this step")
    address = next(code.value for code in app.code if "m=" in code.value)
    d = decode(address.partition("?")[2])
    assert (d.bar, d.names, len(d.ops)) == (2, ("x", "y"), 1)
    app.number_input(key="entry_rows").set_value(3).run()
    assert app.query_params["m"] == "x+2y=3;2x-y=1;0x=0"


def test_entries_with_roots_and_i_are_reduced_and_refused_by_name_elsewhere():
    app = opened(m="1 2i; sqrt(2) 3", step="1")
    assert not app.error
    assert "R2 ← R2 − √2 R1" in caption(app)
    assert "3 − 2i√2" in caption(app)
    app.segmented_control(key="view").set_value("What it gives").run()
    assert not app.exception
    assert not app.error
    for view in ("Numbers lie", "Other fields", "Geometry"):
        app.segmented_control(key="view").set_value(view).run()
        assert not app.exception
        assert "fractions only; the matrix holds 2i" in app.error[0].value
