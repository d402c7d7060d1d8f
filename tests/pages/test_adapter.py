"""The Adapter page: numbers of the core, PEFT's own files, and what cannot be opened."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from safetensors.numpy import load_file, save_file
from streamlit.testing.v1 import AppTest

from lowrank.errors import InputError
from lowrank.lora import adapters
from lowrank.lora.adapters import comparing
from lowrank.readers import open_model, uploads
from lowrank.readers.offered_models import offered, offered_adapters
from lowrank.spectra.svd import full
from lowrank.ui.adapters import HUB, MINE
from tests.pages import opening
from tests.pages.opening import metrics

FIXTURES = Path(__file__).parents[1] / "fixtures" / "adapters"
Q = "model.layers.0.self_attn.q_proj"


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch) -> Path:
    """The fixtures as an operator's folder, and an empty cache for uploads."""
    root = tmp_path / "models"
    shutil.copytree(FIXTURES, root)
    monkeypatch.setenv("LOWRANK_MODELS", str(root))
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))
    st.cache_resource.clear()
    return root


def opened(**query: str) -> AppTest:
    return opening.opened("adapter", **{"model": "base-llama", **query})


def test_models_and_adapters_are_offered_apart():
    assert set(offered()) == {"base-llama", "base-gpt2", "base-biased"}
    assert set(offered_adapters()) == {p.name for p in FIXTURES.iterdir()} - set(offered())


def test_the_numbers_are_those_of_the_core():
    app = opened(adapter="rslora")
    assert not app.exception
    adapter = adapters.load(FIXTURES / "rslora")
    W0 = full(open_model(FIXTURES / "base-llama").read(f"{Q}.weight"))
    told = adapters.effect(adapter.pairs[Q], W0)
    numbers = metrics(app)
    assert numbers["Scale s"] == f"{12 / 2**0.5:.3g}"
    assert numbers["‖s·BA‖"] == f"{told.norm:.3g}"
    assert numbers["Change beside ‖W₀‖"] == f"{told.relative:.2%}"
    assert numbers["Effective rank of BA"] == f"{told.effective_rank:.1f} of 2"
    assert numbers["Overlap with W₀, inputs"] == f"{told.overlap_in:.3f}"
    rows = app.dataframe[0].value.set_index("module")
    assert len(rows) == len(adapter.pairs)
    for module, pair in adapter.pairs.items():
        row, each = rows.loc[module.removeprefix("model.")], adapters.effect(pair)
        assert (row["r"], row["scale"], row["‖s·BA‖"]) == (pair.r, pair.scale, each.norm)
        assert row["largest singular value"] == each.s[0]
        assert row["effective rank"] == each.effective_rank


def test_every_fixture_opens_on_its_base():
    bases = dict.fromkeys(("conv1d", "conv1d-dora"), "base-gpt2")
    bases |= dict.fromkeys(("biases", "own-biases"), "base-biased")
    for name in offered_adapters():
        app = opened(adapter=name, model=bases.get(name, "base-llama"))
        assert not app.exception, name
        assert not app.error, (name, [e.value for e in app.error])


def test_the_synthetic_adapter_says_so_and_has_the_chosen_rank():
    app = opened(change_rank="4")
    assert not app.exception
    assert any("nobody trained them" in caption.value for caption in app.caption)
    assert metrics(app)["Effective rank of BA"].endswith("of 4")


def test_a_matrix_that_is_left_alone_is_said():
    app = opened(adapter="plain", proj="up")
    assert not app.exception
    assert "leaves model.layers.0.mlp.up_proj.weight as it is" in app.info[0].value
    assert "beside q_proj, v_proj" in app.info[0].value
    assert len(app.dataframe[0].value) == 4  # the table still stands


def test_the_code_that_is_shown_imports_what_there_is():
    usage = opening.code(opened(adapter="plain"))[0]
    lines = [line for line in usage.splitlines() if line.startswith("from ")]
    names: dict = {}
    exec("\n".join(lines), names)
    assert {"adapters", "open_model"} <= names.keys()


def test_what_is_replaced_as_a_whole_is_not_called_unchanged():
    app = opened(adapter="regex", proj="head")
    assert "replaces lm_head.weight as a whole" in app.info[0].value
    app = opened(adapter="biases", model="base-biased", proj="k")
    name = "model.layers.0.self_attn.k_proj"
    assert f"leaves {name}.weight as it is, and replaces {name}.bias" in app.info[0].value


@pytest.mark.parametrize(("model", "why"), [("base-gpt2", "lacks 4"), ("synthetic", "576 × 576")])
def test_an_adapter_of_another_model_is_one_sentence(model, why):
    app = opened(adapter="plain", model=model)
    assert not app.exception
    (error,) = app.error
    assert "made for another model" in error.value
    assert why in error.value
    assert not app.dataframe


def test_with_dora_the_change_is_that_of_the_magnitudes_too():
    app = opened(adapter="dora")
    model, adapter = open_model(FIXTURES / "base-llama"), adapters.load(FIXTURES / "dora")
    W0, W = model.read(f"{Q}.weight"), adapters.merged(model, adapter, f"{Q}.weight")
    wanted = np.linalg.norm(W - W0) / np.linalg.norm(W0)
    assert metrics(app)["Change beside ‖W₀‖"] == f"{wanted:.2%}"
    told = app.dataframe[0].value
    shares = list(told["change, % of ‖W₀‖"])
    assert shares == sorted(shares, reverse=True)
    drawn = json.loads(app.get("plotly_chart")[1].proto.spec)["data"][1]["text"]
    assert {words.partition("<br>")[0] for words in drawn} == {f"model.{m}" for m in told["module"]}
    (row,) = told[told["module"] == Q.removeprefix("model.")].itertuples(index=False)
    assert row[1] == pytest.approx(100 * wanted, rel=1e-3)


def rewritten(folder: Path, keep, **fields: object) -> None:
    """The adapter in a folder with other fields, and of its tensors those that `keep` names."""
    config = folder / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | fields))
    weights = folder / "adapter_model.safetensors"
    save_file({n: W for n, W in load_file(weights).items() if keep(n)}, weights)


def test_one_of_two_layers_is_said_and_so_is_the_base(models):
    rewritten(models / "plain", lambda n: ".layers.0." in n, base_model_name_or_path="acme/base")
    app = opened(adapter="plain")
    assert "also targets 2 matrices" in app.warning[0].value
    assert "layers.1.self_attn.q_proj" in app.warning[0].value
    said = opening.captions(app)
    assert "in 1 of 2 layers" in said
    assert "name acme/base as their base" in said


def test_ranks_and_alphas_are_those_of_the_matrices(models):
    """A rank_pattern for every q: the configuration's own r stands for v alone."""
    weights = models / "plain" / "adapter_model.safetensors"
    held = {
        name: W[:1]
        if "q_proj.lora_A" in name
        else W[:, :1].copy()
        if "q_proj.lora_B" in name
        else W
        for name, W in load_file(weights).items()
    }
    save_file(held, weights)
    rewritten(models / "plain", lambda n: True, rank_pattern={"q_proj": 1})
    r = adapters.load(models / "plain").config.r
    assert f"r = 1 to {r}, by matrix" in opening.captions(opened(adapter="plain"))


def test_a_zip_as_the_lab_gives_it_is_taken():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for path in (FIXTURES / "dora").glob("adapter_*"):
            archive.write(path, f"my adapter/{path.name}")
    app = opened(adapter=MINE)
    app.file_uploader[0].upload("mine.zip", held.getvalue(), "application/zip").run()
    assert not app.exception
    assert not app.error
    assert any(caption.value.startswith("DoRA, r = 3") for caption in app.caption)


def test_a_field_that_is_not_supported_is_named(models):
    config = models / "plain" / "adapter_config.json"
    given = json.loads(config.read_text()) | {"layer_replication": [[0, 1]]}
    config.write_text(json.dumps(given))
    app = opened(adapter="plain")
    assert not app.exception
    assert "layer_replication" in app.error[0].value


def test_uploaded_files_open_again_from_their_link():
    files = {path.name: path.read_bytes() for path in (FIXTURES / "dora").glob("adapter_*")}
    name = uploads.keep_adapter(files)
    assert uploads.keep_adapter(files) == name
    app = opened(adapter=MINE, kept=name)
    assert not app.exception
    assert any(caption.value.startswith("DoRA, r = 3") for caption in app.caption)
    with pytest.raises(InputError, match="expected adapter_config"):
        uploads.keep_adapter({"adapter_config.json": b"{}"})


def test_an_adapter_on_the_hub_is_asked_for_opens_and_stays_in_the_link(hub):
    hub.repos["acme/tuned"] = {
        p.name: p.read_bytes() for p in (FIXTURES / "dora").glob("adapter_*")
    }
    app = opened(adapter=HUB)
    assert not app.exception
    assert "Type an adapter's id" in app.info[0].value
    app.text_input(key="adapter_hub").set_value(" acme/tuned ").run()
    assert not app.exception
    assert not app.error
    told = opened(adapter=HUB, adapter_hub="acme/tuned")
    for each in (app, told):
        assert any(caption.value.startswith("DoRA, r = 3") for caption in each.caption)
        assert metrics(each) == metrics(opened(adapter="dora"))
    before = len(hub.requests)
    told.selectbox(key="adapter").run()
    assert len(hub.requests) == before  # fetched once


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("../../etc/passwd", "not a hub id"),
        ("acme/absent", "not on the hub"),
        ("acme/none", "holds none of adapter_config.json"),
        ("acme/pickled", "a pickle"),
        ("acme/huge", "too large"),
    ],
)
def test_what_is_no_adapter_on_the_hub_is_one_sentence_and_stays_typed(hub, given, words):
    config = (FIXTURES / "plain" / "adapter_config.json").read_bytes()
    hub.repos["acme/none"] = {"README.md": b"nothing"}
    hub.repos["acme/pickled"] = {"adapter_config.json": config, "adapter_model.bin": b"PK"}
    hub.repos["acme/huge"] = {"adapter_config.json": bytes(16_000_001)}
    app = opened(adapter=HUB, adapter_hub=given)
    assert not app.exception
    assert [words in error.value for error in app.error] == [True], app.error
    assert app.text_input(key="adapter_hub").value == given


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd", "adapter-xyz", "adapter-" + "0" * 16])
def test_a_link_can_name_nothing_but_an_uploaded_adapter(name):
    app = opened(adapter=MINE, kept=name)
    assert not app.exception
    assert "upload it again" in app.error[0].value


def test_before_files_are_chosen_they_are_asked_for():
    app = opened(adapter=MINE)
    assert not app.exception
    assert "Choose the two files" in app.info[0].value


def test_another_adapter_is_compared_by_its_directions():
    app = opened(adapter="rslora", other_adapter="rslora")
    assert not app.exception
    told = "of its output directions 100.0%"
    assert any(told in m.value for m in app.markdown)
    (made,) = comparing.alike(*2 * [adapters.load(FIXTURES / "rslora")])[:1]
    assert made.shared_in == pytest.approx(1)
    app = opened(adapter="rslora", other_adapter="plain")
    assert not app.exception
    assert any("modules in common" in m.value for m in app.markdown)
    assert not any(told in m.value for m in app.markdown)


def test_another_adapter_that_changes_nothing_in_common_is_one_sentence(models):
    shutil.copytree(FIXTURES / "plain", models / "other")
    rewritten(models / "plain", lambda name: ".layers.0." in name)
    rewritten(models / "other", lambda name: ".layers.1." in name)
    app = opened(adapter="plain", other_adapter="other")
    assert [e.value for e in app.error] == ["The two adapters change no module in common."]
    assert metrics(app)["Scale s"]  # what the page is about stays
