"""The Truncation page on random weights: default, boundary and bad input, and what it says."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from lowrank.llama.names import LABELS
from lowrank.readers import open_model
from lowrank.spectra.measures import default_tolerance, numerical_rank
from lowrank.spectra.svd import energy, full, parameters
from lowrank.ui.model_picker import MODELS
from lowrank.ui.truncation import rank_table
from tests.pages import opening
from tests.pages.opening import metrics, words


def opened(**query: str) -> AppTest:
    known = {"model": MODELS["synthetic"], "proj": LABELS["k_proj"], "layer": "0"}
    return opening.opened("truncation", **{**known, **query})


@pytest.mark.parametrize("k", ["1", "24", "144", "192"])
def test_the_numbers_are_those_of_the_core_and_measured_equals_predicted(k):
    app = opened(k=k)
    assert not app.exception
    svd = full(open_model("synthetic").read("model.layers.0.self_attn.k_proj.weight"))
    numbers = metrics(app)
    assert app.select_slider(key="k").value == int(k)
    assert numbers["Energy kept"] == f"{energy(svd.s, int(k)):.2%}"
    stored = next(value for label, value in numbers.items() if label.startswith("k(m + n)"))
    assert stored == f"{parameters(192, 576, int(k)):,}"
    measured, predicted = (
        float("0" if "10⁻⁷" in (said := numbers[f"Error, {how}"]) else said)  # next to nothing
        for how in ("measured", "predicted")
    )
    assert measured == pytest.approx(predicted, abs=2e-6)


def test_moving_the_slider_changes_the_numbers():
    app = opened()
    before = metrics(app)
    app.select_slider(key="k").set_value(100).run()
    assert not app.exception
    after = metrics(app)
    assert before.keys() == after.keys() != set()
    assert [label for label in before if before[label] == after[label]] == []


@pytest.mark.parametrize("k", ["0", "193", "-3", "2.5", "many", "", "9" * 30, "<b>"])
def test_a_rank_the_matrix_cannot_have_is_named_with_what_it_can(k):
    app = opened(k=k)
    assert not app.exception
    (note,) = (info.value for info in app.info)
    assert f"Shown is k = `{app.select_slider(key='k').value}`." in note
    assert "from 1 to 192" in note
    assert k in note


@pytest.mark.parametrize(
    "query", [{"heatmaps": "tile"}, {"heatmaps": "tile", "row": "168", "col": "552"}]
)
def test_a_tile_shows_true_entries_at_the_place_asked_for(query):
    app = opened(**query)
    assert not app.exception
    row, column = query.get("row", "1"), query.get("col", "1")
    assert any(
        f"rows {row} to" in c.value and f"columns {column} to" in c.value for c in app.caption
    )


@pytest.mark.parametrize(
    "query", [{"heatmaps": "upside"}, {"heatmaps": "tile", "row": "9999", "col": "x"}]
)
def test_nonsense_in_the_address_falls_back(query):
    assert not opened(**query).exception


def test_random_weights_are_said_to_be_random():
    app = opened()
    assert any("synthetic" in caption.value for caption in app.caption)
    assert any("These numbers are random" in words.value for words in app.markdown)


def test_real_weights_are_named_and_compared_with_random(default_model):
    app = opened(model=MODELS["default"], proj=LABELS["q_proj"], layer="14")
    assert not app.exception
    name = "model.layers.14.self_attn.q_proj.weight"
    assert any(name in caption.value for caption in app.caption)
    s = full(default_model.read(name)).s
    assert any(f"{energy(s, 287):.1%}" in words.value for words in app.markdown)


def uploaded(tmp_path, monkeypatch, W) -> AppTest:
    save_file({"W": np.asarray(W, np.float32)}, tmp_path / "mine.safetensors")
    monkeypatch.setenv("LOWRANK_MODELS", str(tmp_path))
    app = opening.opened("truncation", model="mine.safetensors")
    assert not app.exception
    return app


def test_a_matrix_of_exact_rank_is_told_so_and_nothing_of_another_model(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    W = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 50))
    said = words(uploaded(tmp_path, monkeypatch, W))
    assert "Yes, its rank is 3." in said
    assert "330 numbers instead of 3,000" in said
    assert "noise of storage" not in said
    assert "matrices in this model's layers" not in said


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 2)])
def test_where_no_rank_saves_parameters_none_is_said_to(tmp_path, monkeypatch, shape):
    app = uploaded(tmp_path, monkeypatch, np.random.default_rng(1).standard_normal(shape))
    assert "below break-even" not in words(app)
    assert "no rank saves any" in words(app)


def test_bytes_are_those_of_the_file(default_model):
    app = opened(model=MODELS["default"], proj=LABELS["q_proj"], layer="14", k="144")
    (label,) = (label for label in metrics(app) if label.startswith("Bytes"))
    assert label == "Bytes, of 207 kB"
    assert metrics(app)[label] == "104 kB"


def test_the_page_opens_on_a_matrix_that_is_no_exception(default_model):
    app = opening.opened("truncation")
    assert "model.layers.14.self_attn.q_proj.weight" in words(app)
    assert "**No.**" in words(app)
    exception = words(opening.opened("truncation", layer="0"))
    assert "**Nearly.**" in exception


def test_each_matrix_has_its_own_tolerance():
    s, peer = np.full(40, 2.0), np.geomspace(1, 3e-6, 40)
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.markdown", said.append)
        patch.setattr("streamlit.caption", said.append)
        rank_table(s, peer, (40, 40))
    own = numerical_rank(peer, (40, 40), default_tolerance(peer, (40, 40), np.float32))
    assert f"| 40 of 40 | {own} of 40 |" in said[0]
    assert own != numerical_rank(peer, (40, 40), default_tolerance(s, (40, 40), np.float32))
