"""A GGUF file on the hub: its header by ranges, then only the matrices that are looked at."""

import numpy as np
import pytest
from huggingface_hub import constants

from lowrank.errors import InputError, SourceError
from lowrank.readers import gguf, open_model
from tests.families import FAMILIES, as_gguf, weights
from tests.hub_server import COMMIT
from tests.readers.test_families import split

REPO = "acme/tiny-GGUF"
UP = "model.layers.1.mlp.up_proj.weight"


@pytest.mark.parametrize("name", ["llama", "mixtral", "deepseek_v2", "internlm2"])
def test_it_is_the_file_opened_here(hub, name, tmp_path, monkeypatch):
    monkeypatch.setattr(gguf, "FIRST_LOOK", 512)  # so that the header takes several
    path = as_gguf(tmp_path / "tiny.gguf", name)
    hub.repos[REPO] = {"q4/tiny.gguf": path.read_bytes()}
    model, local = open_model(f"hf://{REPO}/q4/tiny.gguf"), open_model(path)
    assert model.tensors == local.tensors
    assert model.source == f"hf://{REPO}/q4/tiny.gguf@{COMMIT}"
    assert model.config == local.config
    key = max(model.tensors, key=lambda each: len(model.tensors[each].name))
    assert not model.here(key)
    heard = []
    model.fetch(key, lambda done, size: heard.append((done, size)))
    assert (
        heard[-1][0]
        == heard[-1][1]
        == sum(model._stored[s].nbytes for s in model._shown[key].stored)
    )
    before = hub.sent()
    np.testing.assert_array_equal(model.read(key), local.read(key))
    assert model.here(key)
    assert hub.sent() == before


def test_one_matrix_costs_its_bytes_and_the_header(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(gguf, "FIRST_LOOK", 4096)
    path = as_gguf(tmp_path / "tiny.gguf", "llama")
    hub.repos[REPO] = {"tiny.gguf": path.read_bytes()}
    model = open_model(f"hf://{REPO}/tiny.gguf@main")
    assert hub.sent() <= 4096
    before = hub.sent()
    model.read(UP)
    assert hub.sent() - before == model.tensors[UP].nbytes


def test_a_split_model_opens_from_any_part(hub, tmp_path):
    names = split(as_gguf(tmp_path / "a.gguf", "llama"), tmp_path)
    hub.repos[REPO] = {path.name: path.read_bytes() for path in names}
    model = open_model(f"hf://{REPO}/{names[1].name}")
    for key, w in weights(FAMILIES["llama"]["shapes"]).items():
        np.testing.assert_array_equal(model.read(key), w)


def test_what_was_looked_at_works_offline(hub, tmp_path, monkeypatch):
    hub.repos[REPO] = {"tiny.gguf": as_gguf(tmp_path / "tiny.gguf", "llama").read_bytes()}
    source = open_model(f"hf://{REPO}/tiny.gguf").source
    first = open_model(source).read(UP)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    np.testing.assert_array_equal(open_model(source).read(UP), first)
    with pytest.raises(SourceError, match="HF_HUB_OFFLINE is set"):
        open_model(source).read("model.norm.weight")


@pytest.mark.parametrize(
    "given", ["acme/a/../x.gguf", "acme/a/.x.gguf", "acme/a//x.gguf", "a--b/c--d/x.gguf"]
)
def test_a_name_that_is_none_is_refused(given):
    with pytest.raises(InputError, match="not a GGUF file on the hub"):
        open_model(f"hf://{given}")


def test_a_file_that_is_not_there_is_said(hub, tmp_path):
    hub.repos[REPO] = {"tiny.gguf": b"GGUF"}
    with pytest.raises(SourceError, match=r"lacks a file"):
        open_model(f"hf://{REPO}/other.gguf")
