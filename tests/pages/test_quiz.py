"""The Quiz and Worksheet views of the Rank page: played, answered badly, opened from a link."""

import importlib.util

from streamlit.testing.v1 import AppTest

from lowrank.exact.elimination import next_step, rank
from lowrank.teaching import EXPORTS, FORMATS, make_choice, make_counting
from lowrank.teaching.quiz import make_question
from lowrank.teaching.worksheet import make_worksheet
from lowrank.ui.outside import as_text
from tests.pages import opening
from tests.pages.opening import words


def opened(view: str, **link: str) -> AppTest:
    app = opening.opened("rank", view=view, **link)
    assert not app.exception
    return app


def score(app: AppTest) -> str:
    return next(c.value for c in app.caption if c.value.startswith(("Score", "No answer")))


def answer_next(app: AppTest, typed: str) -> None:
    box = next(box for box in app.text_input if box.label == "Your operation")
    box.set_value(typed)
    next(b for b in app.button if b.label == "Check").click().run()
    assert not app.exception


def test_a_quiz_is_played_and_the_first_answers_are_counted():
    app = opened("Quiz")
    assert score(app) == "No answer yet."
    question = make_question("next", 1, "easy")
    answer_next(app, "R1 times R2")
    assert "no row operation" in app.warning[0].value
    assert score(app) == "No answer yet."
    answer_next(app, "-7 R2")
    assert app.error[0].value.startswith("Not this one.")
    assert score(app) == "Score: 0 of 1 right"
    answer_next(app, str(next_step(question.matrix).op))
    assert app.success[0].value.startswith("Right.")
    assert score(app) == "Score: 0 of 1 right"  # the first answer counts

    app.button(key="quiz_next").click().run()
    assert app.query_params["q"] == "2"
    assert not app.success
    assert not app.error
    answer_next(app, str(next_step(make_question("next", 2, "easy").matrix).op))
    assert score(app) == "Score: 1 of 2 right"


def test_rank_and_row_are_answered_with_one_press():
    app = opened("Quiz", q_kind="Rank", q="4", q_level="medium")
    right = rank(make_question("rank", 4, "medium").matrix)
    app.segmented_control(key="quiz_rank_medium_textbook_4").set_value(str(right)).run()
    assert f"The rank is {right}" in app.success[0].value
    app.segmented_control(key="q_kind").set_value("Dependent row").run()
    app.segmented_control(key="quiz_dependent_medium_textbook_4").set_value("none").run()
    assert "of 2 right" in score(app)
    app.segmented_control(key="q_kind").set_value("Rank").run()
    assert app.query_params["q_kind"] == "Rank"
    assert "of 2 right" in score(app)


def test_each_chapter_asks_and_says_what_leads_to_a_wrong_answer():
    app = opened("Quiz", q="3")
    app.segmented_control(key="q_chapter").set_value("LoRA").run()
    question = make_choice("lora", 3)
    assert as_text(question.asked) in words(app)
    box = app.radio(key="quiz_ideas_lora__3")
    assert box.value is None
    wrong = next(option for option in question.options if not option.right)
    box.set_value(wrong.words).run()
    assert as_text(wrong.why) in app.error[0].value
    assert as_text(question.right.why) in app.error[0].value
    assert score(app) == "Score: 0 of 1 right"
    app.button(key="quiz_next").click().run()
    app.radio(key="quiz_ideas_lora__4").set_value(make_choice("lora", 4).right.words).run()
    assert app.success[0].value.startswith("Right.")
    app.segmented_control(key="q_chapter").set_value("Memory").run()
    assert as_text(make_choice("memory", 4).asked) in words(app)
    app.segmented_control(key="q_chapter").set_value("Rank").run()
    app.segmented_control(key="q_kind").set_value("Ideas").run()
    assert as_text(make_choice("rank", 4).asked) in words(app)
    assert not app.exception


def test_the_questions_of_a_chapter_are_taken_along():
    app = opened("Quiz", q_chapter="Truncation")
    assert not app.get("download_button")
    app.session_state["q_files"] = True
    app.run()
    assert app.number_input(key="q_count").value == 20
    assert len(app.get("download_button")) == len(EXPORTS)


def test_a_strange_link_to_the_quiz_is_no_trouble():
    for link in ({"q": "-5"}, {"q": "many", "q_kind": "Nonsense", "q_chapter": "X"}):
        app = opened("Quiz", **link)
        assert not app.error
        assert app.number_input(key="q").value == 1


def test_the_worksheet_follows_its_choices_and_its_link():
    app = opened("Worksheet", w_m="2", w_n="5", w_rank="1", w_seed="33", w_level="hard")
    assert app.number_input(key="w_n").value == 5
    app.number_input(key="w_count").set_value(4).run()
    app.toggle(key="w_reduced").set_value(True).run()
    sheet = make_worksheet(33, 2, 5, 1, 4, "hard", reduced=True)
    assert sheet.command in [code.value for code in app.code]
    assert any("**Rank 1.**" in element.value for element in app.markdown)
    assert len(app.get("download_button")) == len(FORMATS)


def test_a_worksheet_of_counting_follows_its_link_and_shows_an_answer():
    app = opened("Worksheet", w_about="LoRA", w_seed="5", w_count="4", w_m="2")
    sheet = make_counting("lora", 5, 4)
    assert sheet.command in [code.value for code in app.code]
    assert as_text(sheet.exercises[0].answers[0]) in words(app)
    assert len(app.get("download_button")) == len(FORMATS)
    app.segmented_control(key="w_about").set_value("Row reduction").run()
    assert app.number_input(key="w_m").value == 2
    assert make_worksheet(5, 2, 4, 2, 4).command in [code.value for code in app.code]


def test_where_typst_is_not_installed_the_page_says_so(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "typst" else find(name, *more),
    )
    app = opened("Worksheet")
    assert "PDF needs the package typst" in words(app)
    assert len(app.get("download_button")) == len(FORMATS) - 1


def test_a_rank_that_cannot_be_is_lowered_and_that_is_said():
    app = opened("Worksheet", w_rank="4")
    assert not app.error
    assert "A 3 × 4 matrix has at most rank 3: that is taken." in words(app)
    assert "**Rank 3.**" in words(app)
    app.number_input(key="w_m").set_value(1).run()
    assert not app.error
    assert "A 1 × 4 matrix has at most rank 1: that is taken." in words(app)
    app.number_input(key="w_m").set_value(4).run()
    assert "**Rank 4.**" in words(app)


def test_a_worksheet_of_mixed_ranks_without_its_key():
    app = opened("Worksheet", w_rank="3", w_mixed="true", w_key="false")
    sheet = make_worksheet(1, 3, 4, 3, mixed=True, key=False)
    assert sheet.command in [code.value for code in app.code]
    app.toggle(key="w_key").set_value(True).run()
    assert sheet.command.removesuffix(" --no-key") in [code.value for code in app.code]
