"""The Atlas page: a survey in the background, kept, drawn, compared."""

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lowrank.ui import jobs
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
    deadline = time.monotonic() + 30
    while not (app.exception or app.error or charts(app)) and time.monotonic() < deadline:
        time.sleep(0.2)
        app.run()
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
    assert len(charts(app)) == 3
    (kept,) = (tmp_path / "cache" / "atlas").iterdir()
    assert (kept / "spectra.npz").exists()
    monkeypatch.setattr(jobs, "POOL", SentJobs())
    again = opened()
    assert len(charts(again)) == 3


def test_every_measure_can_be_drawn():
    app = opened()
    for measure in ("stable_rank", "rank_90", "alpha", "beyond_bulk", "norm"):
        app.selectbox(key="measure").set_value(measure).run()
        assert not app.exception
        assert not app.error
        assert app.selectbox(key="measure").value == measure


def test_two_models_side_by_side():
    app = opened(beside="base-biased")
    deadline = time.monotonic() + 30
    while len(charts(app)) < 5 and time.monotonic() < deadline:
        time.sleep(0.2)
        app.run()
    assert "**base-biased less base-llama**" in words(app)
    assert not app.error


def test_a_model_that_is_not_there_is_one_sentence():
    app = opened(beside="no such model")
    assert len(app.error) == 1
