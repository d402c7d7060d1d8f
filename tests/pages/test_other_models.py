"""What is no Llama on the pages of matrices: lists without layers, experts, parts, codes."""

import io
import json

import numpy as np
import pytest
from safetensors.numpy import save
from streamlit.testing.v1 import AppTest

from lowrank.readers import uploads
from lowrank.ui import jobs
from lowrank.ui.model_picker import MODELS, UPLOAD
from tests.families import FAMILIES, as_gguf, weights
from tests.pages import opening
from tests.pages.opening import captions, words
from tests.readers.quantised_files import LAYOUTS, NAME
from tests.readers.raw_safetensors import raw
from tests.sent_jobs import SentJobs

PAGES = ("truncation", "atlas", "redundancy", "adapter", "lora")


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(jobs, "POOL", SentJobs())


def of_list() -> str:
    rng = np.random.default_rng(0)
    held = {f"part_{i}": rng.standard_normal((12, 9 + i)).astype("f4") for i in range(3)}
    return uploads.keep("list.safetensors", save(held))


def of_npy() -> str:
    held = io.BytesIO()
    np.save(held, np.random.default_rng(0).standard_normal((12, 9)))
    return uploads.keep("mine.npy", held.getvalue())


def of_family(name: str) -> str:
    files = {"model.safetensors": save(weights(FAMILIES[name]["shapes"]))}
    files["config.json"] = json.dumps(FAMILIES[name]["config"]).encode()
    return uploads.keep_all(files)


def maps(app: AppTest) -> list:
    """The finished maps of the Atlas page."""
    return [chart for chart in app.get("plotly_chart") if "-map " in chart.proto.id]


def opened(page: str, file: str, **link: str) -> AppTest:
    data = {"data": "weights"} if page == "redundancy" else {}
    app = opening.opened(page, model=MODELS[UPLOAD], file=file, **link, **data)
    if page == "atlas":
        opening.until(app, lambda app: app.exception or maps(app))
    assert not app.exception
    return app


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("made", [of_list, of_npy])
def test_a_file_without_layers_is_a_list_of_matrices(made, page):
    app = opened(page, made())
    assert not app.error
    name = "part_0" if made is of_list else "matrix"
    assert f"· {name} · 12 × 9 ·" in captions(app.sidebar)
    assert app.sidebar.selectbox(key="proj").options[0] == name
    assert name in words(app) or page in ("redundancy", "adapter")


@pytest.mark.parametrize("page", PAGES)
def test_an_expert_is_chosen_by_name_and_layer(page):
    app = opened(page, of_family("mixtral"), layer="1", proj="block_sparse_moe.experts.2.w1")
    assert not [error for error in app.error if "thumb_down" not in error.icon]  # a verdict
    name = "model.layers.1.block_sparse_moe.experts.2.w1.weight"
    assert f"{name} · 48 × 32" in captions(app.sidebar)


def test_the_atlas_has_a_place_for_every_expert():
    app = opened("atlas", of_family("mixtral"), proj="block_sparse_moe.experts.2.w1")
    count = sum("layers" in n and len(s) == 2 for n, s in FAMILIES["mixtral"]["shapes"].items())
    assert f"· {count} matrices" in words(app)
    (found,) = maps(app)
    drawn = json.loads(found.proto.spec)["data"][0]
    assert len(drawn["y"]) == count // 2  # two layers
    assert "block_sparse_moe.experts.3.w2" in drawn["y"]


def test_both_of_gpt2_s_c_proj_can_be_chosen_and_say_how_they_are_kept():
    for proj, shape in (("attn.c_proj", "32 × 32"), ("mlp.c_proj", "128 × 32")):
        app = opened("truncation", of_family("gpt2"), proj=proj)
        assert not app.error
        assert f"transformer.h.0.{proj}.weight · {shape}" in captions(app.sidebar)
        assert "kept as (in, out)" in captions(app.sidebar)


@pytest.mark.parametrize("page", PAGES)
def test_a_part_of_a_fused_matrix_is_looked_at(page):
    app = opened(page, of_family("phi3"), proj="qkv_proj[k]")
    assert not app.error
    said = captions(app.sidebar).replace("\\", "")  # Markdown's signs are quoted
    assert "model.layers.0.self_attn.qkv_proj[k].weight · 16 × 32" in said


def test_the_stored_precision_is_said_of_what_is_kept_as_codes():
    label = "FP8 E4M3, one scale a row"
    held, _, W = LAYOUTS[label]()
    app = opened("truncation", uploads.keep("fp8.safetensors", raw(held)))
    assert not app.error
    assert f"stored {label}, shown as float32 · real" in captions(app.sidebar)
    largest = np.linalg.svd(W, compute_uv=False)[0]
    assert W.shape == (16, 32)
    model = app.session_state["chosen"].model
    got = np.linalg.svd(model.read(f"{NAME}.weight"), compute_uv=False)[0]
    assert got == pytest.approx(largest, rel=1e-5)


def test_codes_that_are_not_read_are_refused_in_a_sentence():
    held = {f"{NAME}.weight": np.ones((8, 8), "u1")}
    app = opening.opened(
        "truncation", model=MODELS[UPLOAD], file=uploads.keep("a.safetensors", raw(held))
    )
    assert not app.exception
    assert "is kept as codes (U8) and not shown as numbers" in app.error[0].value


def test_an_order_that_is_not_known_is_said(tmp_path):
    path = as_gguf(tmp_path / "a.gguf", "llama", architecture="novel")
    app = opened("truncation", uploads.keep("a.gguf", path.read_bytes()), proj="k_proj")
    assert "order of the rows of q and k not known" in captions(app.sidebar)
