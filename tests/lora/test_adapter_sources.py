"""Adapters from the hub and of MLX: the same update as PEFT's files say."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lowrank.errors import FormatError, SourceError
from lowrank.lora import adapters
from lowrank.readers import open_model

FIXTURES = Path(__file__).parents[1] / "fixtures" / "adapters"


def as_mlx(folder: Path, source: str, **said) -> Path:
    """The adapter of a fixture as mlx-lm writes one: factors turned, the scale said outright."""
    wanted = adapters.load(FIXTURES / source)
    held, scale = {}, {pair.scale for pair in wanted.pairs.values()}
    for module, pair in wanted.pairs.items():
        held[f"{module}.lora_a"] = np.ascontiguousarray(pair.A.T)
        held[f"{module}.lora_b"] = np.ascontiguousarray(pair.B.T)
        if pair.magnitude is not None:
            held[f"{module}.m"] = pair.magnitude
    folder.mkdir(exist_ok=True)
    save_file(held, folder / "adapters.safetensors")
    given = {"fine_tune_type": "dora" if wanted.config.use_dora else "lora", "num_layers": 2}
    given["lora_parameters"] = {"rank": wanted.config.r, "scale": scale.pop(), "dropout": 0.0}
    given["lora_parameters"] |= said.pop("lora_parameters", {})
    (folder / "adapter_config.json").write_text(json.dumps(given | said))
    return folder


@pytest.mark.parametrize("source", ["plain", "dora"])
def test_an_adapter_of_mlx_merges_as_peft_merges_the_same(source, tmp_path):
    base = open_model(FIXTURES / "base-llama")
    found, wanted = adapters.load(as_mlx(tmp_path, source)), adapters.load(FIXTURES / source)
    assert found.kind == wanted.kind
    assert set(found.pairs) == set(wanted.pairs)
    for name in adapters.merged_names(base, wanted):
        got, expected = (adapters.merged(base, each, name) for each in (found, wanted))
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


def test_the_alpha_of_its_first_versions_multiplies_the_scale(tmp_path):
    wanted = adapters.load(FIXTURES / "plain")
    r = wanted.config.r
    found = adapters.load(as_mlx(tmp_path, "plain", lora_parameters={"alpha": 3 * r}))
    for module, pair in wanted.pairs.items():
        np.testing.assert_allclose(found.pairs[module].delta(), 3 * pair.delta(), rtol=1e-5)


@pytest.mark.parametrize(
    "said",
    [
        {"fine_tune_type": "full"},
        {"fine_tune_type": "dora"},
        {"lora_parameters": {"rank": 0}},
        {"lora_parameters": {"rank": 5}},
        {"lora_parameters": {"scale": None}},
    ],
)
def test_what_is_no_sound_adapter_of_mlx_is_refused(said, tmp_path):
    with pytest.raises(FormatError):
        adapters.load(as_mlx(tmp_path, "plain", **said))


def test_an_adapter_by_hub_id_is_the_adapter(hub):
    for repo, folder in (("acme/peft", FIXTURES / "plain"),):
        hub.repos[repo] = {
            p.name: p.read_bytes() for p in folder.iterdir() if "merged" not in p.name
        }
    found, wanted = adapters.load("acme/peft"), adapters.load(FIXTURES / "plain")
    again = adapters.load("hf://acme/peft@main")
    for module, pair in wanted.pairs.items():
        np.testing.assert_array_equal(found.pairs[module].delta(), pair.delta())
        np.testing.assert_array_equal(again.pairs[module].delta(), pair.delta())


def test_an_mlx_adapter_by_hub_id_and_what_is_none(hub, tmp_path):
    hub.repos["acme/mlx"] = {p.name: p.read_bytes() for p in as_mlx(tmp_path, "plain").iterdir()}
    hub.repos["acme/none"] = {"README.md": b"nothing"}
    assert len(adapters.load("acme/mlx").pairs) == len(adapters.load(FIXTURES / "plain").pairs)
    with pytest.raises(SourceError, match="holds none of"):
        adapters.load("acme/none")
