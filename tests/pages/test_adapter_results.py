"""What the Adapter page makes: a smaller adapter, a merged model verified, an adapter extracted."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from lowrank.lora import adapters
from lowrank.lora.adapters import verifying
from lowrank.readers import uploads
from lowrank.ui import adapter_results, jobs
from tests.oracles import tuned_llama
from tests.pages import opening
from tests.sent_jobs import SentJobs

FIXTURES = Path(__file__).parents[1] / "fixtures" / "adapters"


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch) -> Path:
    """The fixtures and a fine-tune as an operator's folder, an empty cache, a pool of its own."""
    root = tmp_path / "models"
    shutil.copytree(FIXTURES, root)
    tuned_llama.write(root / "tuned")
    monkeypatch.setenv("LOWRANK_MODELS", str(root))
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jobs, "POOL", SentJobs())
    st.cache_resource.clear()
    return root


def opened(**query: str) -> AppTest:
    return opening.opened("adapter", **{"model": "base-llama", "adapter": "rslora", **query})


def pressed(app: AppTest, words: str) -> AppTest:
    (button,) = [each for each in app.button if each.label == words]
    return button.click().run()


def test_it_says_what_a_lower_rank_loses_and_what_its_own_spectra_ask_for():
    app = opened(shrink_r="3")
    assert not app.exception
    adapter = adapters.load(FIXTURES / "rslora")
    after, rows = adapters.resized(adapter, 3)
    said = opening.captions(app)
    assert f"{after.parameters:,} numbers of {adapter.parameters:,}" in said
    assert f"at most {max(row.error for row in rows):.1%} is lost" in said
    pattern = "{'down_proj': 6, 'k_proj': 4, 'q_proj': 4}"
    assert any(pattern in block.value for block in app.code)
    assert app.get("download_button")[0].proto.label == "Shrink to 3 and download"


def test_what_is_downloaded_is_the_adapter_at_that_rank(tmp_path):
    adapter = adapters.load(FIXTURES / "rslora")
    with zipfile.ZipFile(io.BytesIO(adapter_results.shrunk(adapter, 2))) as archive:
        archive.extractall(tmp_path / "taken")
    taken = adapters.load(tmp_path / "taken")
    assert {pair.r for pair in taken.pairs.values()} == {2}


def test_a_merge_is_verified_and_leaves_nothing(tmp_path):
    app = pressed(opened(merge_as="BF16"), "Merge and verify")
    opening.until(app, lambda app: app.success or app.error)
    assert not app.exception
    assert "All 21 tensors are what base and adapter make" in app.success[0].value
    assert "the rounding of BF16" in app.success[0].value
    assert not list((tmp_path / "cache" / "merged").iterdir())


def test_what_differs_is_named(monkeypatch):
    monkeypatch.setattr(verifying, "SLACK", -1.0)  # nothing is near enough then
    app = pressed(opened(), "Merge and verify")
    opening.until(app, lambda app: app.success or app.error)
    assert "times what rounding to F32 allows; it holds 1.000 of the" in app.error[0].value


def test_an_adapter_is_extracted_kept_and_opened():
    app = opened(tuned_model="tuned", extract_r="2")
    pressed(app, "Extract")
    opening.until(app, lambda app: "12 of 14 matrices differ" in opening.words(app))
    assert not app.exception
    assert not app.error
    (kept,) = uploads.adapters_folder().iterdir()
    adapter = adapters.load(kept)
    assert {pair.r for pair in adapter.pairs.values()} == {2}
    again = opened(adapter="files of mine", kept=kept.name)
    assert not again.error
    assert "12 matrices changed" in opening.captions(again)


def test_models_of_other_shapes_are_one_sentence():
    app = opened(tuned_model="base-gpt2")
    assert not app.exception
    assert ["another shape" in error.value for error in app.error] == [True]
