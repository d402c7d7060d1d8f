"""Predict, then see: nothing is asked unless one wants it; answers are those of the page."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from lowrank.exact import parse_matrix, rank
from lowrank.memory.accounting import FLOAT32, Storage, parameters, training_memory
from lowrank.memory.published import PUBLISHED
from lowrank.spectra.measures import rank_at_energy
from lowrank.surgery import recorded
from lowrank.ui import cached
from tests.pages import opening
from tests.pages.opening import words

ASKED = {
    "rank": "What is the rank of this 3 × 3 matrix?",
    "truncation": "How many of the 576 directions keep 90% of the energy?",
    "lora": "At α = 16, does r = 64 move h more than r = 8?",
    "memory": "How much memory does it take to train all of Llama 2 7B",
}


def opened(page: str, **link: str) -> AppTest:
    app = opening.opened(page, **({} if page == "rank" else {"model": "synthetic"}), **link)
    assert not app.exception
    return app


def guesses(app: AppTest):
    (found,) = (each for each in app.button_group if str(each.key).startswith("guess"))
    return found


def guessed(app: AppTest, guess: str) -> str:
    """What is said after a guess."""
    guesses(app).set_value(guess).run()
    assert not app.exception
    (said,) = (m.value for m in app.markdown if m.value.startswith("You said"))
    return said


def switched_on(page: str, **link: str) -> AppTest:
    app = opened(page, **link)
    app.toggle(key="predict_first").set_value(True).run()
    return app


@pytest.mark.parametrize("page", ASKED)
def test_nobody_is_asked_who_does_not_want_it(page):
    app = opened(page)
    assert ASKED[page] not in words(app)
    assert not app.toggle(key="predict_first").value


@pytest.mark.parametrize("page", ASKED)
def test_the_page_waits_for_a_guess_and_goes_on_after_it(page):
    app = switched_on(page)
    assert ASKED[page] in words(app)
    assert not [each for each in app.expander if each.label == "The code for this"]
    guessed(app, guesses(app).options[0])
    assert [each for each in app.expander if each.label == "The code for this"]
    again = app.toggle(key="predict_first").set_value(False).run()
    assert ASKED[page] not in words(again)


def test_the_rank_is_that_of_the_matrix_and_another_matrix_is_asked_about_anew():
    app = switched_on("rank", m="1 2; 2 4")
    assert guesses(app).options == ["0", "1", "2"]
    assert guessed(app, "1") == "You said 1, the best of these guesses. Its rank is 1."
    app.selectbox(key="m").set_value("Full rank").run()
    assert not [m for m in app.markdown if m.value.startswith("You said")]
    assert (
        guessed(app, "2") == f"You said 2. Its rank is {rank(parse_matrix('2 1 1; 4 3 3; 8 7 9'))}."
    )


def test_the_energy_is_that_of_the_spectrum():
    app = switched_on("truncation")
    name = "model.layers.14.self_attn.q_proj.weight"
    k = rank_at_energy(cached.spectrum("synthetic", name), 0.9)
    assert f"It takes {k}, " in guessed(app, guesses(app).options[0])


def test_a_larger_r_at_the_same_alpha_moves_h_less():
    said = guessed(switched_on("lora"), "Less")
    assert "the best of these guesses" in said
    ratio = float(re.search(r"is ([\d.]+) times as long", said)[1])
    assert ratio == pytest.approx((8 / 64) ** 0.5, rel=0.4)  # α/r times √r
    assert "fell from 2 to 0.25" in said


def test_the_memory_is_the_accounts():
    said = guessed(switched_on("memory"), "108 GB")
    stored, config = Storage(FLOAT32, FLOAT32), PUBLISHED["Llama 2 7B"]
    total = training_memory(config, stored, parameters(config), 512, full=True, compute_bits=32)
    assert "the best of these guesses" in said
    assert f"It takes {total.total / 1e9:.0f} GB" in said


def test_the_kind_that_survives_is_the_one_that_was_measured(default_model):
    app = opening.opened("surgery")
    app.toggle(key="predict_first").set_value(True).run()
    rises = {
        kind: dict(points)[0.5] for kind, points in recorded.together().curves("plain").items()
    }
    best = min(rises, key=rises.get).removesuffix("_proj")
    assert "the best of these guesses" in guessed(app, best)
