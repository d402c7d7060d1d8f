"""Adapters extracted from two checkpoints, held to what PEFT made of them (make_extracted.py)."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lowrank.__main__ import main
from lowrank.errors import InputError
from lowrank.lora import adapters
from lowrank.lora.adapters import extracting
from lowrank.readers import open_model
from tests.oracles import tuned_llama as oracle
from tests.oracles.adapter_variants import fingerprint

FIXTURES = oracle.ROOT / "adapters"


@pytest.fixture
def tuned(tmp_path) -> Path:
    return oracle.write(tmp_path / "tuned")


def test_each_matrix_gets_its_nearest_pair_and_the_error_it_has(tuned, tmp_path):
    base, other = open_model(oracle.BASE), open_model(tuned)
    told: list[tuple[int, int]] = []
    report = adapters.extract_adapter(
        base, other, tmp_path / "out", 3, progress=lambda *seen: told.append(seen[:2])
    )
    adapter = adapters.load(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    assert told == [(i + 1, 14) for i in range(14)]
    assert report.left_out == ()
    for row in report.rows:
        name = f"{row.module}.weight"
        W0, D = base.read(name).astype(float), other.read(name).astype(float) - base.read(name)
        if "gate_proj" in name:
            assert (row.r, row.norm, row.change, row.error) == (0, 0, 0, 0)
            assert row.module not in adapter.pairs
            continue
        s = np.linalg.svd(D, compute_uv=False)
        left = D - adapter.pairs[row.module].delta()
        norm = np.linalg.norm(D)
        assert row.norm == pytest.approx(norm, rel=1e-4)
        assert row.change == pytest.approx(norm / np.linalg.norm(W0), rel=1e-4)
        assert row.error == pytest.approx(np.linalg.norm(left) / norm, rel=1e-3, abs=1e-5)
        assert np.linalg.norm(left) == pytest.approx(np.linalg.norm(s[3:]), rel=1e-3, abs=1e-5)
        assert row.energy == pytest.approx(1 - row.error**2)


def test_with_an_energy_ranks_differ_and_stand_in_the_configuration(tuned, tmp_path):
    base, other = open_model(oracle.BASE), open_model(tuned)
    report = adapters.extract_adapter(base, other, tmp_path / "out", energy=0.9)
    adapter = adapters.load(tmp_path / "out")
    ranks = {row.module: row.r for row in report.rows if row.r}
    assert len(set(ranks.values())) > 1
    assert {module: pair.r for module, pair in adapter.pairs.items()} == ranks
    assert all(pair.scale == 1 for pair in adapter.pairs.values())
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["rank_pattern"] == config["alpha_pattern"]
    assert set(config["target_modules"]) == {
        f"{k}_proj" for k in ("q", "k", "v", "o", "up", "down")
    }
    for row in report.rows:
        assert row.energy >= 0.9 - 1e-6 or not row.r


def test_a_kind_of_which_some_matrices_did_not_change_is_named_in_full(tmp_path):
    held = load_file(oracle.BASE / "model.safetensors")
    q = "model.layers.1.self_attn.q_proj"
    held[f"{q}.weight"] = held[f"{q}.weight"] + np.float32(0.1)
    held["model.norm.weight"] = held["model.norm.weight"] + np.float32(1)
    (tmp_path / "tuned").mkdir()
    save_file(held, tmp_path / "tuned" / "model.safetensors")
    base, other = open_model(oracle.BASE), open_model(tmp_path / "tuned")
    report = adapters.extract_adapter(base, other, tmp_path / "out", 1)
    adapter = adapters.load(tmp_path / "out")
    assert adapter.config.target_modules == (q,)
    assert list(adapter.pairs) == [q]
    assert report.left_out == ("model.norm.weight",)


def test_a_layer_stored_the_other_way_round_is_turned(tmp_path):
    model = open_model(FIXTURES / "base-gpt2")
    first = adapters.load(FIXTURES / "conv1d")
    adapters.export(model, first, tmp_path / "tuned")
    adapters.extract_adapter(model, open_model(tmp_path / "tuned"), tmp_path / "out", 4)
    again = adapters.load(tmp_path / "out")
    assert again.config.fan_in_fan_out
    for module, pair in first.pairs.items():
        np.testing.assert_allclose(again.pairs[module].delta(), pair.delta(), atol=1e-4)


def test_peft_merges_what_is_extracted_and_resized_as_we_do(tuned, tmp_path):
    record = json.loads(oracle.RECORD.read_text())
    base, other = open_model(oracle.BASE), open_model(tuned)
    adapters.extract_adapter(base, other, tmp_path / "rank", oracle.RANK)
    adapters.extract_adapter(base, other, tmp_path / "energy", energy=oracle.ENERGY)
    small = adapters.resized(adapters.load(oracle.ADAPTER), oracle.SMALLER)[0]
    adapters.save(small, tmp_path / "resized")
    for name, expected in record.items():
        adapter = adapters.load(tmp_path / name)
        assert {f"{module}.weight" for module in adapter.pairs} == expected.keys()
        for tensor, numbers in expected.items():
            found = fingerprint(adapters.merged(base, adapter, tensor))
            assert found == pytest.approx(numbers, abs=1e-3), (name, tensor)


BASE, GPT2 = str(oracle.BASE), str(FIXTURES / "base-gpt2")


@pytest.mark.parametrize(
    ("first", "second", "how", "words"),
    [
        (BASE, "tuned", ["--rank", "99"], "The rank is 99; expected 1 to 32"),
        (BASE, "tuned", ["--rank", "0"], "The rank is 0; expected 1 to"),
        (BASE, "tuned", ["--energy", "1.5"], "The energy is 1.5"),
        (BASE, GPT2, ["--rank", "2"], "base-gpt2 is a model of another shape than base-llama"),
        (BASE, BASE, ["--rank", "2"], "do not differ"),
        (BASE, "no such folder", ["--rank", "2"], "source is"),
    ],
)
def test_what_cannot_be_extracted_is_one_sentence_and_leaves_nothing(
    tuned, tmp_path, capsys, first, second, how, words
):
    given = str(tuned) if second == "tuned" else second
    out = tmp_path / "out"
    assert main(["extract", first, given, *how, "--out", str(out)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [words in line for line in said] == [True], said
    assert {path.name for path in tmp_path.iterdir()} == {"tuned"}


def test_a_folder_that_holds_something_stays_as_it_is(tuned, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    given = ["extract", BASE, str(tuned), "--rank", "2", "--out", str(tmp_path / "out")]
    assert main(given) == 1
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "out" / "mine").read_text() == "kept"


def test_an_interrupted_extraction_leaves_nothing(tuned, tmp_path, capsys, monkeypatch):
    first, count = extracting.one, []

    def interrupted(*given):
        count.append(given)
        if len(count) == 3:
            raise KeyboardInterrupt
        return first(*given)

    monkeypatch.setattr(extracting, "one", interrupted)
    given = ["extract", BASE, str(tuned), "--rank", "2", "--out", str(tmp_path / "out")]
    assert main(given) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "Stopped."
    assert {path.name for path in tmp_path.iterdir()} == {"tuned"}


def test_not_a_number_is_refused_by_the_matrix_that_holds_it(tmp_path):
    held = load_file(oracle.BASE / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    held[name] = held[name] * np.float32("nan")
    (tmp_path / "tuned").mkdir()
    save_file(held, tmp_path / "tuned" / "model.safetensors")
    with pytest.raises(InputError, match=rf"{name} holds NaN"):
        adapters.extract_adapter(
            open_model(oracle.BASE), open_model(tmp_path / "tuned"), tmp_path / "out", 1
        )
    assert not (tmp_path / "out").exists()


def test_the_command_says_each_error_and_as_json_all_of_it(tuned, tmp_path, capsys):
    given = ["extract", BASE, str(tuned), "--energy", "0.9", "--out"]
    assert main([*given, str(tmp_path / "a")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 13
    assert "12 of 14 matrices changed" in said[-1]
    assert main([*given, str(tmp_path / "b"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["matrices"]) == 14
    assert {"module", "r", "error", "energy", "change"} <= told["matrices"][0].keys()
