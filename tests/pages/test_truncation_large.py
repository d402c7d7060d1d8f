"""The Truncation page for a matrix that is too large to decompose while someone waits."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from lowrank.ui import cached, jobs, large
from tests.pages import opening
from tests.pages.opening import words
from tests.sent_jobs import SentJobs

SHAPE = (cached.SIDE + 100, cached.SIDE + 50)


@pytest.fixture
def W(tmp_path, monkeypatch):
    """A matrix with a strong head and a random bulk, offered as a model."""
    rng = np.random.default_rng(0)
    W = rng.standard_normal(SHAPE) / 36
    W += rng.standard_normal((SHAPE[0], 8)) @ rng.standard_normal((8, SHAPE[1])) / 100
    folder = tmp_path / "models"
    folder.mkdir()
    save_file(
        {"model.layers.0.self_attn.q_proj.weight": W.astype("f4")}, folder / "big.safetensors"
    )
    monkeypatch.setenv("LOWRANK_MODELS", str(folder))
    monkeypatch.setattr(jobs, "POOL", SentJobs())
    return W.astype("f4").astype("f8")


def opened(**link: str) -> AppTest:
    app = opening.opened("truncation", **{"model": "big.safetensors", **link})
    assert not app.exception
    assert not app.error
    return app


def metric(app: AppTest, label: str) -> str:
    return next(m.value for m in app.metric if m.label.startswith(label))


def test_the_top_values_come_first_and_then_all(W):
    s = np.linalg.svd(W, compute_uv=False)
    app = opened(k="40")
    assert "Estimated: each has a relative error of at most" in words(app)
    share = np.sqrt((s[40:] ** 2).sum() / (s**2).sum())
    within = float(metric(app, "Error, proven").removeprefix("± "))
    assert abs(float(metric(app, "Error, predicted")) - share) <= within + 5e-4
    assert within < 1e-3
    assert float(metric(app, "Energy kept")[:-1]) == pytest.approx(100 * (1 - share**2), abs=0.02)
    job = jobs.POOL.get(large.key_of(cached.model(str(app_source())).source, NAME))
    assert job.wait(60)
    app.run()
    assert "Numerical rank" in words(app)
    assert f"| {len(s)} of {len(s)} |" in words(app)


NAME = "model.layers.0.self_attn.q_proj.weight"


def app_source() -> Path:
    from lowrank.readers.offered_models import offered

    return offered()["big.safetensors"]


def test_a_matrix_is_large_by_what_its_decomposition_costs():
    assert cached.is_large(SHAPE)
    assert cached.is_large((cached.SIDE, cached.SIDE))
    assert cached.is_large((cached.SIDE - 1, 10 * cached.SIDE))
    assert cached.is_large((10 * cached.SIDE, cached.SIDE - 1))
    assert not cached.is_large((cached.SIDE - 1, cached.SIDE))
    assert not cached.is_large((1536, 576))
    assert cached.is_large((1, 2 * cached.LARGE))  # which takes little time, and gigabytes


def test_a_larger_k_is_added_to_what_is_there(W):
    app = opened(k="20")
    before = cached.top(str(app_source()), NAME, 1)
    app.select_slider(key="k").set_value(100).run()
    assert not app.exception
    after = cached.top(str(app_source()), NAME, 1)
    assert (before.k, after.k) == (64, 100)
    s = np.linalg.svd(W, compute_uv=False)
    assert np.abs(after.svd.s / s[:100] - 1).max() < 1e-3


def test_a_k_beyond_what_is_computed_here_is_said(W):
    app = opened(k="1000")
    assert "from 1 to 512" in app.info[0].value
    assert "k goes up to 512 here, of 1,250" in words(app)
