"""The LoRA page at its default, at its boundaries, and with bad input."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lowrank.llama.names import LABELS
from lowrank.ui.lora import LONGEST
from lowrank.ui.model_picker import MODELS
from tests.pages import opening
from tests.pages.opening import captions, metrics


def opened(**link: str) -> AppTest:
    app = opening.opened("lora", **link)
    assert not app.exception
    return app


def program(app: AppTest) -> str:
    """The code shown for exactly what is on the page, once that is opened."""
    app.session_state["numpy"] = True
    app.run()
    return next(code.value for code in app.code if "open_model(" in code.value)


def run(source: str, capsys: pytest.CaptureFixture[str]) -> dict:
    names: dict = {}
    exec(compile(source, "the page's code", "exec"), names)
    assert capsys.readouterr().out
    return names


pytestmark = pytest.mark.usefixtures("default_model")


def test_default_is_a_real_matrix_and_a_real_token(capsys):
    app = opened()
    assert "SmolLM2-135M-Instruct" in captions(app)
    assert "Paris" in captions(app)
    assert "synthetic" in captions(app)
    shown = metrics(app)
    assert shown["Scale s = α/r"] == "2"
    assert shown["Trained, r(m + n)"] == "9,216"
    assert shown["Frozen, mn"] == "331,776"
    assert shown["Trained beside frozen"] == "2.78%"
    assert float(shown["Update, beside ‖W₀x‖"]) > 0
    ran = run(program(app), capsys)
    added = ran["h"] - ran["W0"] @ ran["x"]
    ratio = np.linalg.norm(added) / np.linalg.norm(ran["W0"] @ ran["x"])
    assert float(shown["Update, beside ‖W₀x‖"]) == pytest.approx(ratio, rel=0.01)
    assert re.fullmatch(r"0|[\d.]+ × 10⁻[⁶⁷⁸]", shown["Max |merged − unmerged|"])


def test_b_zero_adds_nothing(capsys):
    app = opened(start="Zero")
    shown = metrics(app)
    assert float(shown["Update, beside ‖W₀x‖"]) == 0
    assert re.fullmatch(r"0|[\d.]+ × 10⁻[⁶⁷⁸]", shown["Max |merged − unmerged|"])
    ran = run(program(app), capsys)
    np.testing.assert_array_equal(ran["h"], ran["W0"] @ ran["x"])


@pytest.mark.parametrize(
    ("proj", "shape"),
    [
        ("k_proj", (192, 576)),
        ("o_proj", (576, 576)),
        ("up_proj", (1536, 576)),
        ("down_proj", (576, 1536)),
        ("embed_tokens", (49152, 576)),
    ],
)
def test_every_kind_of_matrix_takes_the_word(proj, shape, capsys):
    app = opened(proj=LABELS[proj], word="Rome", r="4", alpha="8")
    m, n = shape
    assert metrics(app)["Trained, r(m + n)"] == f"{4 * (m + n):,}"
    assert not app.error
    assert ("silu" in captions(app)) == (proj == "down_proj")
    ran = run(program(app), capsys)
    assert ran["W0"].shape == shape
    assert ran["h"].shape == (m,)


def test_a_large_rank_is_larger_than_the_matrix():
    app = opened(r="576")
    assert any("not below mn/(m + n) = 288" in warning.value for warning in app.warning)
    assert metrics(app)["Trained beside frozen"] == "2 ×"
    assert not opened(r="287").warning


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("r", "577", "from 1 to 576"),
        ("r", "0", "from 1 to"),
        ("r", "-3", "from 1 to"),
        ("r", "many", "from 1 to"),
        ("r", "9" * 5000, "from 1 to 576"),
        ("alpha", "1000", "from 1 to 128"),
        ("alpha", "nan", "from 1 to 128"),
    ],
)
def test_a_link_beyond_the_range_is_said_and_the_page_stands(key, value, words):
    app = opened(**{key: value})
    assert any(words in info.value and f"{value[:40]}`" in info.value for info in app.info)
    assert metrics(app)["Scale s = α/r"] == "2"


@pytest.mark.parametrize(
    ("word", "words"),
    [("", "empty"), ("   ", "empty"), ("long " * 30, "at most 100")],
)
def test_a_word_that_is_none_gets_a_sentence_and_stays(word, words):
    app = opened()
    app.text_input(key="word").set_value(word).run()
    assert not app.exception
    assert [words in error.value for error in app.error] == [True]
    assert app.text_input(key="word").value == word[: 2 * LONGEST]
    app.text_input(key="word").set_value("again").run()
    assert not app.error
    assert metrics(app)["Scale s = α/r"] == "2"


def test_an_emoji_is_bytes_and_works():
    app = opened(word="🙂")
    assert not app.error
    assert "🙂" in captions(app)
    app = opened(word="🦤")
    assert "part of a character" in captions(app)
    assert not app.error


def test_a_long_word_says_which_token_was_taken():
    app = opened(word="antidisestablishmentarianism")
    assert re.search(r"is \d+ tokens; x comes from the first", captions(app))


def test_random_input_is_called_synthetic(capsys):
    app = opened(x="Random", proj=LABELS["down_proj"])
    assert "standard normal numbers, synthetic" in captions(app)
    assert run(program(app), capsys)["x"].shape == (1536,)


def test_synthetic_matrices_are_called_so_and_words_are_refused():
    app = opened(model=MODELS["synthetic"])
    assert "synthetic: random numbers" in captions(app)
    assert not app.error
    app = opened(model=MODELS["synthetic"], x="Word")
    assert ["no vocabulary" in error.value for error in app.error] == [True]


def test_a_smaller_matrix_keeps_the_rank_within_reach():
    app = opened(r="500")
    app.selectbox(key="proj").set_value("k_proj").run()
    assert not app.exception
    assert metrics(app)["Trained, r(m + n)"] == f"{192 * 768:,}"


def test_a_link_reproduces_the_view():
    app = opened(r="16", alpha="64", word="Rome", start="Zero", proj=LABELS["v_proj"], layer="29")
    assert metrics(app)["Scale s = α/r"] == "4"
    assert "Rome" in captions(app)
    assert "model.layers.29.self_attn.v_proj.weight" in captions(app)
    assert "B is zero" in captions(app)


def test_r_is_offered_in_powers_of_two_and_another_one_of_a_link_is_kept():
    assert opened().select_slider(key="r").options == [str(2**i) for i in range(10)]
    app = opened(r="12")
    assert app.select_slider(key="r").value == 12
    app.select_slider(key="r").set_value(16).run()
    assert app.select_slider(key="r").value == 16
    assert "12" not in app.select_slider(key="r").options


def test_alpha_is_called_alpha_and_rsloras_scale_stands_beside_the_scale():
    app = opened(r="16", alpha="32")
    assert app.slider(key="alpha").label == "α"
    (scale,) = (m for m in app.metric if m.label == "Scale s = α/r")
    assert (scale.value, scale.delta) == ("2", "rsLoRA's α/√r: 8")
    app.session_state["code"] = True  # the expander is open
    app.run()
    assert any("def regular_forward_matmul" in code.value for code in app.code)


def test_the_time_of_h_is_measured_three_ways_with_its_spread():
    app = opened()
    app.button(key="measure time").click().run()
    assert not app.exception
    (table,) = (m.value for m in app.markdown if "µs" in m.value)
    rows = [line.split("|")[2:5] for line in table.splitlines()[2:]]
    assert len(rows) == 3
    for low, median, high in ([float(x.replace(",", "")) for x in row] for row in rows):
        assert 0 < low <= median <= high
