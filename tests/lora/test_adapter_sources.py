"""Adapters from the hub and of MLX: the same update as PEFT's files say."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lowrank.__main__ import main
from lowrank.errors import FormatError, SourceError
from lowrank.lora import adapters
from lowrank.readers import open_model, uploads

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
    ("said", "words"),
    [
        ({"fine_tune_type": "full"}, "fine_tune_type 'full'"),
        ({"fine_tune_type": "dora"}, "do not agree on DoRA"),
        ({"lora_parameters": {"rank": 0}}, "no sound rank and scale"),
        ({"lora_parameters": {"rank": 5}}, r"expected \(in, 5\)"),
        ({"lora_parameters": {"scale": None}}, "no sound rank and scale"),
    ],
)
def test_what_is_no_sound_adapter_of_mlx_is_refused(said, words, tmp_path):
    with pytest.raises(FormatError, match=words):
        adapters.load(as_mlx(tmp_path, "plain", **said))


def check_same(found: adapters.Adapter, wanted: adapters.Adapter) -> None:
    """The same updates of the same modules, to the last bit."""
    assert found.pairs.keys() == wanted.pairs.keys()
    for module, pair in wanted.pairs.items():
        np.testing.assert_array_equal(found.pairs[module].delta(), pair.delta())


WRAPPED = {
    "DistributedDataParallel": ("base_model.", "module.base_model."),
    "torch.compile of the whole": ("base_model.", "_orig_mod.base_model."),
    "torch.compile of the model": ("base_model.model.", "base_model.model._orig_mod."),
    "FSDP": (".self_attn.", "._fsdp_wrapped_module.self_attn."),
    "checkpointing within FSDP": (
        ".self_attn.",
        "._fsdp_wrapped_module._checkpoint_wrapped_module.self_attn.",
    ),
    "all of them": ("base_model.", "module._orig_mod._fsdp_wrapped_module.base_model."),
}


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_what_was_wrapped_around_the_model_leaves_no_trace_in_names(wrapper, tmp_path):
    folder = shutil.copytree(FIXTURES / "dora", tmp_path / "wrapped")
    weights = folder / "adapter_model.safetensors"
    held = {name.replace(*WRAPPED[wrapper]): W for name, W in load_file(weights).items()}
    assert held.keys() != load_file(weights).keys()
    save_file(held, weights)
    check_same(adapters.load(folder), adapters.load(FIXTURES / "dora"))


def as_trained(folder: Path) -> Path:
    """What axolotl and LLaMA-Factory leave in their output: the adapter among much else."""
    files = [FIXTURES / "plain" / n for n in ("adapter_config.json", "adapter_model.safetensors")]
    earlier = folder / "checkpoint-10"
    earlier.mkdir(parents=True)
    for path in files:
        shutil.copy(path, folder)
        shutil.copy(FIXTURES / "dora" / path.name, earlier)
    config = json.loads((FIXTURES / "base-llama" / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("training_args.bin", "optimizer.pt", "README.md", "tokenizer.json"):
        (folder / name).write_bytes(b"?")
        (earlier / name).write_bytes(b"?")
    (folder / "trainer_log.jsonl").write_text("{}")
    (folder / "all_results.json").write_text("{}")
    return folder


def test_the_output_of_axolotl_and_llama_factory_is_its_adapter(tmp_path, monkeypatch):
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))
    folder, wanted = as_trained(tmp_path / "out"), adapters.load(FIXTURES / "plain")
    check_same(adapters.load(folder), wanted)
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):  # the earlier checkpoint comes after the files
            archive.write(path, path.relative_to(tmp_path))
    check_same(adapters.load(tmp_path / "out.zip"), wanted)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    check_same(adapters.load(uploads.find_adapter(uploads.keep_adapter(files))), wanted)


def test_an_adapter_by_hub_id_is_the_adapter(hub, tmp_path, capsys):
    wanted, files = adapters.load(FIXTURES / "plain"), (FIXTURES / "plain").glob("adapter_*")
    hub.repos["acme/peft"] = {path.name: path.read_bytes() for path in files}
    check_same(adapters.load("acme/peft"), wanted)
    check_same(adapters.load("hf://acme/peft@main"), wanted)
    base = FIXTURES / "base-llama"
    assert main(["merge", str(base), "acme/peft", str(tmp_path / "out")]) == 0
    assert "4 matrices changed" in capsys.readouterr().out
    for name, merged in load_file(FIXTURES / "plain" / "merged.safetensors").items():
        got = open_model(tmp_path / "out").read(name)
        np.testing.assert_allclose(got, merged, rtol=1e-5, atol=1e-6)


def test_an_mlx_adapter_by_hub_id_and_what_is_none(hub, tmp_path):
    hub.repos["acme/mlx"] = {p.name: p.read_bytes() for p in as_mlx(tmp_path, "plain").iterdir()}
    hub.repos["acme/none"] = {"README.md": b"nothing"}
    assert len(adapters.load("acme/mlx").pairs) == len(adapters.load(FIXTURES / "plain").pairs)
    with pytest.raises(SourceError, match="holds none of"):
        adapters.load("acme/none")
