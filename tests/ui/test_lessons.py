"""The lessons: an hour each, their plans written down, and what they say of their matrices true."""

import pytest

from lowrank.exact import apply, cr, dependencies, exact, parse_matrix, parse_operation, rank
from lowrank.llama import SMOLLM2_135M
from lowrank.memory import PUBLISHED, lora_parameters, pair_parameters, parameters
from lowrank.memory.claims import judged
from lowrank.spectra import rank_at_energy
from lowrank.spectra.svd import singular_values
from lowrank.ui.lessons import LESSONS, lesson, printed
from lowrank.ui.matrix_entry import PRESETS
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


@pytest.mark.parametrize("name", LESSONS)
def test_the_plan_in_the_documentation_is_the_one_the_app_walks_through(name):
    kept = (ROOT / "docs" / "lessons" / f"{name}.md").read_text(encoding="utf-8")
    assert kept == printed(name)  # `python -m scripts.lessons` writes it


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
