"""The Atlas page: a survey in the background, kept, drawn, compared."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save
from streamlit.testing.v1 import AppTest

from lowrank.atlas import MEASURES
from lowrank.readers import uploads
from lowrank.spectra.measures import random_spectrum, rank_at_energy
from lowrank.ui import jobs
from lowrank.ui.layout import text
from lowrank.ui.model_picker import MODELS, UPLOAD
from tests.oracles import tuned_llama
from tests.pages import opening
from tests.pages.opening import words
from tests.sent_jobs import SentJobs

FIXTURES = Path(__file__).parents[1] / "fixtures" / "adapters"


@pytest.fixture(autouse=True)
def small_models(tmp_path, monkeypatch):
    """Two tiny Llamas offered, an empty cache."""
    models = tmp_path / "models"
    models.mkdir()
    for name in ("base-llama", "base-biased"):
        folder = models / name
        folder.mkdir()
        for file in (FIXTURES / name).iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("LOWRANK_MODELS", str(models))
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))
    # A page run by itself has no other pages to link to; the link is followed in the browser test.
    monkeypatch.setattr(jobs, "POOL", SentJobs())


def opened(**link: str) -> AppTest:
    app = opening.opened("atlas", **{"model": "base-llama", **link})
    opening.until(app, lambda app: app.exception or app.error or charts(app))
    assert not app.exception
    return app


def charts(app: AppTest) -> list[str]:
    """The keys of the finished page's charts."""
    return [
        c.proto.id.rpartition("-")[2]
        for c in app.get("plotly_chart")
        if "growing" not in c.proto.id
    ]


def test_a_model_is_surveyed_once_and_kept(tmp_path, monkeypatch):
    app = opened()
    assert "**base-llama** · 14 matrices" in words(app)
    assert len(charts(app)) == 4
    (kept,) = (tmp_path / "cache" / "atlas").iterdir()
    assert (kept / "spectra.npz").exists()
    monkeypatch.setattr(jobs, "POOL", SentJobs())
    again = opened()
    assert len(charts(again)) == 4


def uploaded(name: str, **changed: Callable[[np.ndarray], np.ndarray]) -> str:
    """A visitor's file with the tensors of the small model, projections of one kind changed."""
    held = load((FIXTURES / "base-llama" / "model.safetensors").read_bytes())
    for kind, change in changed.items():
        held |= {n: change(W).astype(W.dtype) for n, W in held.items() if f".{kind}." in n}
    return uploads.keep(name, save(held))


def rank_two(W: np.ndarray) -> np.ndarray:
    U, s, Vt = np.linalg.svd(W.astype(np.float64), full_matrices=False)
    return (U[:, :2] * s[:2]) @ Vt[:2]


def of_q(app: AppTest, file: str) -> list[str]:
    """What the page's map says over the q matrices of an uploaded file, under its own name."""
    assert f"**{file.partition('.')[0]}** · 14 matrices" in words(app)
    over_cells = json.loads(app.get("plotly_chart")[1].proto.spec)["data"][1]["text"]
    return [words for words in over_cells if "q_proj" in words]


def test_a_second_file_with_the_same_names_and_shapes_has_its_own_values():
    files = [
        uploaded("first.safetensors"),
        uploaded("second.safetensors", q_proj=rank_two, k_proj=rank_two),
        uploaded("third.safetensors", q_proj=lambda W: W * np.nan),
    ]
    first, second, third = [of_q(opened(model=MODELS[UPLOAD], file=file), file) for file in files]
    assert len({*first, *second, *third}) == 6
    assert all("NaN" in words for words in third)


def test_every_measure_can_be_drawn():
    app = opened()
    for measure in MEASURES:
        app.selectbox(key="measure").set_value(measure).run()
        assert not app.exception
        assert not app.error
        assert app.selectbox(key="measure").value == measure
        assert text("atlas", f"measure {measure}") in opening.captions(app)  # what it is


def test_what_could_be_smaller_is_the_first_picture_and_adds_up():
    file = uploaded("cut.safetensors", q_proj=rank_two)
    app = opened(model=MODELS[UPLOAD], file=file)
    app.session_state["every matrix"] = True  # the table is made when it is opened
    app.run()
    rows = app.dataframe[0].value
    held = load((FIXTURES / "base-llama" / "model.safetensors").read_bytes())
    for name, k, m, n, saved in zip(
        rows["matrix"],
        rows["rank at 90 %"],
        rows["m"],
        rows["n"],
        rows["numbers saved"],
        strict=True,
    ):
        W = rank_two(held[name]) if "q_proj" in name else held[name]
        kept = np.cumsum(np.linalg.svd(W.astype(np.float64), compute_uv=False) ** 2)
        assert k == int((kept < 0.9 * kept[-1] * (1 - 1e-9)).sum()) + 1
        assert saved == max(0, m * n - k * (m + n))
    below = int((rows["numbers saved"] > 0).sum())
    assert below >= 2
    assert opening.metrics(app)["Matrices below break-even"] == f"{below} of 14"
    total = int((rows["m"] * rows["n"]).sum())
    assert opening.metrics(app)["Numbers saved"] == f"{sum(rows['numbers saved']):,}"
    assert next(m.delta for m in app.metric if m.label == "Numbers saved") == f"of {total:,}"
    assert "Not surveyed: " in words(app)  # the embeddings, with their numbers
    by_chance = 0
    for m, n in zip(rows["m"], rows["n"], strict=True):
        s = random_spectrum((m, n), 1.0, np.random.default_rng(0))
        by_chance += rank_at_energy(s, 0.9) < m * n / (m + n)
    assert 0 < by_chance < 14
    assert f"Of random matrices of the same shapes, {by_chance} of 14 lie below 1" in words(app)


def test_a_file_without_layers_has_every_matrix_in_map_and_table():
    rng = np.random.default_rng(0)
    held = {"first": rng.standard_normal((9, 7)), "second": rng.standard_normal((8, 30))}
    file = uploads.keep("bare.safetensors", save({n: W.astype("f4") for n, W in held.items()}))
    app = opened(model=MODELS[UPLOAD], file=file)
    app.session_state["every matrix"] = True  # the table is made when it is opened
    app.run()
    assert list(app.dataframe[0].value["matrix"]) == ["first", "second"]
    assert opening.metrics(app)["Matrices below break-even"].endswith("of 2")
    drawn = [json.loads(chart.proto.spec)["data"][0]["y"] for chart in app.get("plotly_chart")[:2]]
    assert drawn == [["first", "second"]] * 2


def test_an_exponent_says_how_well_it_fits():
    app = opened()
    app.selectbox(key="measure").set_value("alpha").run()
    over_cells = json.loads(app.get("plotly_chart")[1].proto.spec)["data"][1]["text"]
    fitted = [said for said in over_cells if "fitted to" in said]
    assert fitted
    assert all("off by" in said for said in fitted)
    assert "Clauset" in words(app)


def test_two_models_side_by_side():
    app = opened(beside="base-biased")
    opening.until(app, lambda app: len(charts(app)) == 6)
    assert "**base-biased less base-llama**" in words(app)
    assert not app.error


def test_a_model_that_is_not_there_is_one_sentence():
    app = opened(beside="no such model")
    assert len(app.error) == 1


def test_what_lies_between_two_models_is_surveyed_when_asked_for(tmp_path):
    tuned_llama.write(tmp_path / "models" / "tuned")
    app = opened(beside="tuned")
    opening.until(app, lambda app: len(charts(app)) == 6)
    (button,) = [each for each in app.button if each.label == "Survey the difference"]
    button.click().run()
    opening.until(app, lambda app: len(charts(app)) == 7)
    assert not app.exception
    assert not app.error
    assert "12 of 14 matrices differ" in words(app)
    assert "random matrices of these shapes keep" in words(app)
    assert {each.proto.label for each in app.get("download_button")} == {"CSV", "JSON"}


def test_models_of_other_shapes_have_nothing_between_them(tmp_path):
    held = load((FIXTURES / "base-llama" / "model.safetensors").read_bytes())
    half = {n: W[:16].copy() if "q_proj" in n else W for n, W in held.items()}
    (tmp_path / "models" / "half").mkdir()
    (tmp_path / "models" / "half" / "model.safetensors").write_bytes(save(half))
    app = opened(beside="half")
    opening.until(app, lambda app: app.error or "another shape" in words(app))
    assert not app.error
