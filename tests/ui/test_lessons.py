"""The lessons: an hour each, their plans written down, and what they say of their matrices true."""

import io
import re
from urllib.parse import parse_qsl

import pytest

from lowrank.exact import apply, cr, dependencies, exact, parse_matrix, parse_operation, rank
from lowrank.language import gettext, languages, speaking
from lowrank.llama import SMOLLM2_135M
from lowrank.memory import PUBLISHED, lora_parameters, pair_parameters, parameters
from lowrank.memory.claims import judged
from lowrank.spectra import rank_at_energy
from lowrank.spectra.svd import singular_values
from lowrank.teaching.handouts import FORMATS, as_markdown
from lowrank.teaching.typesetting import lacking
from lowrank.ui.lessons import LESSONS, handout, lesson
from lowrank.ui.matrix_entry import PRESETS
from scripts.lessons import papers
from tests.pages import opening
from tests.pages.opening import ROOT


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_45_minutes_of_numbered_steps_on_pages_that_are_there(name):
    found = lesson(name)
    assert found.minutes == 45
    assert [step.number for step in found.steps] == list(range(1, len(found.steps) + 1))
    for step in found.steps:
        assert (ROOT / "pages" / f"{step.page}.py").exists()
        assert step.task.startswith("**Task.**")
        assert "**Expected.**" in step.answers
        assert "**Often said.**" in step.answers


def test_the_plans_in_the_documentation_are_those_the_app_walks_through_in_every_language():
    folder = ROOT / "docs" / "lessons"
    made = {folder / path: text for path, text in papers()}
    kept = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    assert kept == made  # `python -m scripts.lessons` writes them
    assert len(kept) == 2 * len(LESSONS) * len(languages())


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", LESSONS)
def test_a_handout_has_two_pages_every_question_and_no_answer(name, language):
    with speaking(language):
        found, paper, homework = lesson(name), handout(name), gettext("Homework")
        written = as_markdown(paper)
        html = FORMATS["html"].write(paper)
    assert found.aims in written
    for step in found.steps:
        assert re.sub(r"^\*\*[^*]*\*\* ?", "", step.task) in written
        assert not any(line in written for line in step.answers.split("\n\n"))
    assert "**" not in html
    assert f'<html lang="{language}">' in html
    pytest.importorskip("typst")
    pypdf = pytest.importorskip("pypdf", reason="see requirements-dev.txt")
    with speaking(language):
        if lack := lacking():
            pytest.skip(str(lack))
        pages = pypdf.PdfReader(io.BytesIO(FORMATS["pdf"].encoded(paper))).pages
    assert len(pages) == 2
    assert homework in pages[1].extract_text()


@pytest.mark.parametrize("language", languages()[1:])
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_in_another_language_is_the_same_lesson(name, language):
    english = lesson(name)
    with speaking(language):
        other = lesson(name)
    assert [(s.number, s.minutes, s.page, s.link) for s in other.steps] == [
        (s.number, s.minutes, s.page, s.link) for s in english.steps
    ]
    assert other.worksheet == english.worksheet
    for part in ("title", "aims", "facts", "homework"):
        assert getattr(other, part) != getattr(english, part)
    assert len(other.facts.split("\n")) == len(english.facts.split("\n"))


@pytest.mark.parametrize("name", LESSONS)
def test_the_homework_of_a_lesson_is_a_worksheet_that_the_page_makes(name):
    page, _, query = lesson(name).worksheet.partition("?")
    link = dict(parse_qsl(query, strict_parsing=True))
    assert (page, link["view"]) == ("rank", "Worksheet")
    app = opening.opened(page, **link)
    assert not app.exception
    assert not app.info
    assert f"--seed {link['w_seed']}" in " ".join(code.value for code in app.code)
    assert f"--count {link['w_count']}" in " ".join(code.value for code in app.code)


def test_what_the_first_lesson_expects_is_so():
    first, _, third, wide, _, _ = lesson("rank").steps
    A = parse_matrix(PRESETS[first.link["m"]])
    assert str(dependencies(A)[0]) == "R3 = 2 R1 − R2"
    B = parse_matrix(third.link["m"])
    for op in ("R2 - 2 R1", "R3 - 4 R1", "R3 - 3 R2"):
        B = apply(parse_operation(op, 3), B)
    assert exact([[2, 1, 1], [0, 1, 1], [0, 0, 2]]) == B
    W = parse_matrix(wide.link["m"])
    assert rank(W) == 2
    assert str(dependencies(W)[0]) == "R3 = R1 + R2"
    C, R = cr(W).C, cr(W).R
    assert [row[1] for row in C] == [row[2] for row in W]  # not the first two columns
    assert sum(map(len, C)) + sum(map(len, R)) == 16


def test_what_the_lesson_on_data_expects_of_the_real_matrix_is_so(default_model):
    s = singular_values(default_model.read("model.layers.14.mlp.gate_proj.weight")).s
    assert rank_at_energy(s, 0.9) > 0.5 * len(s)


def test_what_the_lesson_on_lora_counts_is_so():
    assert str(judged("0.39 %", pair_parameters((4096, 4096), 8) / (4096**2))) == "right: 0.391 %"
    gate = PUBLISHED["Llama 2 7B"].projection_shape("gate_proj")
    assert pair_parameters(gate, 8) == 120_832
    assert f"{pair_parameters(gate, 8) / (gate[0] * gate[1]):.3%}" == "0.268%"
    lab = lora_parameters(SMOLLM2_135M, 8, ["q_proj", "v_proj"])
    assert lab < 0.01 * parameters(SMOLLM2_135M)
