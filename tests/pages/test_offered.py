"""Models in the operator's folder: offered by name, and nothing outside it."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from lowrank.readers.offered_models import offered
from tests.pages import opening


def tiny(folder: Path, names: dict[str, tuple[int, ...]]) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    held = {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in names.items()}
    save_file(held, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({}))
    return folder


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    root = tmp_path / "models"
    tiny(
        root / "mine",
        {
            "model.layers.0.self_attn.q_proj.weight": (48, 32),
            "model.layers.1.self_attn.q_proj.weight": (48, 32),
            "model.layers.1.self_attn.v_proj.weight": (16, 32),
        },
    )
    tiny(root / "other", {"encoder.a": (8, 6), "encoder.b": (4,), "encoder.c": (1, 5)})
    tiny(root / "flat", {"only": (4,)})
    tiny(tmp_path / "elsewhere", {"secret": (2, 2)})
    (root / "out").symlink_to(tmp_path / "elsewhere")
    (root / "sly").mkdir()
    inner = tmp_path / "elsewhere" / "model.safetensors"
    (root / "sly" / "model.safetensors").symlink_to(inner)
    (root / "broken.safetensors").write_bytes(b"\0" * 40)
    (root / "notes.txt").write_text("no model")
    monkeypatch.setenv("LOWRANK_MODELS", str(root))
    return root


def opened(name: str, page: str = "truncation", **link: str) -> AppTest:
    return opening.opened(page, model=name, **link)


def test_only_checkpoints_inside_the_folder_are_offered(models, monkeypatch):
    assert list(offered()) == ["broken.safetensors", "flat", "mine", "other"]
    monkeypatch.setenv("LOWRANK_MODELS", str(models / "absent"))
    assert offered() == {}


def test_a_model_of_ones_own_opens_and_is_named(models):
    app = opened("mine", layer="1")  # deeper than this model goes
    assert not app.exception
    said = " ".join(c.value for c in app.sidebar.caption)
    assert "mine · model.layers.1.self_attn.q_proj.weight · 48 × 32 · stored F32" in said


def test_a_layer_without_the_matrix_is_said(models):
    app = opened("mine", proj="v", layer="0")
    assert [e.value for e in app.error] == ["Layer 0 of mine has no v."]


def test_what_is_no_llama_is_a_list_of_matrices(models):
    app = opened("other")
    assert not app.exception
    assert app.sidebar.selectbox(key="proj").options == ["encoder.a", "encoder.c"]
    for page in ("truncation", "lora"):  # a matrix of a single row
        single = opened("other", page, proj="encoder.c")
        assert not single.exception
        assert not single.error


@pytest.mark.parametrize(
    ("name", "words"),
    [("flat", "has no matrix"), ("broken.safetensors", "is not a safetensors file")],
)
def test_a_model_that_cannot_be_shown_is_one_sentence(models, name, words):
    app = opened(name)
    assert not app.exception
    assert words in app.error[0].value


FAMILY = {
    "Llama 2": ["self_attn.q_proj", "mlp.gate_proj", "embed_tokens", "lm_head"],
    "Llama 3, tied": ["self_attn.k_proj", "mlp.down_proj", "embed_tokens"],
    "fused": ["self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj"],
    "experts": ["self_attn.q_proj", "mlp.experts.0.up_proj", "mlp.experts.1.up_proj"],
}


@pytest.mark.parametrize("kind", list(FAMILY))
def test_every_matrix_of_a_relative_can_be_chosen(models, kind):
    names = {}
    for part in FAMILY[kind]:
        if "." in part:
            names |= {f"model.layers.{i}.{part}.weight": (6, 4) for i in range(2)}
        else:
            names["lm_head.weight" if part == "lm_head" else f"model.{part}.weight"] = (6, 4)
    names["model.layers.0.self_attn.q_proj.bias"] = (6,)
    tiny(models / kind, names)
    app = opened(kind)
    assert not app.exception
    assert not app.error
    found = set()
    for proj in app.sidebar.selectbox(key="proj").options:
        for layer in "01":
            said = opened(kind, proj=proj, layer=layer).sidebar.caption[0].value
            found.add(said.split(" · ")[1])
    assert found == {name for name, shape in names.items() if len(shape) == 2}
