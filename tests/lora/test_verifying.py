"""A merge is verified: PEFT's own pass, and what was merged wrongly does not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lowrank.__main__ import main
from lowrank.errors import InputError
from lowrank.lora import adapters
from lowrank.readers import open_model
from lowrank.readers.safetensors_writer import write

ROOT = Path(__file__).parents[1] / "fixtures"
FIXTURES = ROOT / "adapters"
BASES = {"conv1d": "gpt2", "conv1d-dora": "gpt2", "biases": "biased", "own-biases": "biased"}
CASES = sorted(p.name for p in FIXTURES.iterdir() if not p.name.startswith("base-"))


def scaled(adapter: adapters.Adapter, by: float) -> adapters.Adapter:
    return replace(
        adapter, pairs={m: replace(p, scale=by * p.scale) for m, p in adapter.pairs.items()}
    )


@pytest.mark.parametrize("case", CASES)
def test_what_peft_merged_is_equal(case, tmp_path):
    """The fixture records what PEFT changed; all else is the base's."""
    model, adapter = open_model(FIXTURES / f"base-{BASES.get(case, 'llama')}"), case
    held = load_file(FIXTURES / f"base-{BASES.get(case, 'llama')}" / "model.safetensors")
    save_file(
        held | load_file(FIXTURES / case / "merged.safetensors"), tmp_path / "model.safetensors"
    )
    adapter = adapters.load(FIXTURES / case)
    rows = adapters.verify(model, adapter, open_model(tmp_path))
    assert {row.verdict for row in rows} == {"equal"}
    assert all(row.off <= 1 for row in rows)


@pytest.mark.parametrize("case", ["plain", "rslora", "dora"])
def test_what_peft_merged_in_bfloat16_is_equal_and_at_another_scale_is_not(case):
    base, adapter = open_model(ROOT / "merged" / "base"), adapters.load(FIXTURES / case)
    result = open_model(ROOT / "merged" / case)
    rows = adapters.verify(base, adapter, result)
    assert {row.verdict for row in rows} == {"equal"}
    assert {row.dtype for row in rows} == {"BF16"}
    for by in (0.0, 0.8, 2.0):
        wrong = adapters.verify(base, scaled(adapter, by), result)
        bad = {row.name.removesuffix(".weight") for row in wrong if row.verdict == "differs"}
        assert bad == set(adapter.pairs) if by else bad


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("strength", [1.0, 0.02, 0.002])
def test_a_weak_update_is_found_missing_though_each_entry_is_within_its_rounding(
    dtype, strength, tmp_path
):
    base = open_model(FIXTURES / "base-llama")
    adapter = scaled(adapters.load(FIXTURES / "all-linear"), strength)
    adapters.export(base, adapter, tmp_path / "merged", dtype)
    result = open_model(tmp_path / "merged")
    rows = adapters.verify(base, adapter, result)
    assert {row.verdict for row in rows} == {"equal"}
    adapters.export(base, scaled(adapter, 0.0), tmp_path / "none", dtype)
    none = adapters.verify(base, adapter, open_model(tmp_path / "none"))
    lost = [row for row in none if row.merged is not None and row.verdict == "differs"]
    if (dtype, strength) == ("BF16", 0.002):  # of which these small matrices show nothing
        return
    assert {row.name.removesuffix(".weight") for row in lost} == set(adapter.pairs)


def test_what_is_missing_or_of_another_shape_is_named_and_codes_are_refused(tmp_path):
    base, adapter = open_model(FIXTURES / "base-llama"), adapters.load(FIXTURES / "plain")
    adapters.export(base, adapter, tmp_path / "whole")
    held = load_file(tmp_path / "whole" / "model.safetensors")
    norm, q = "model.norm.weight", "model.layers.0.self_attn.q_proj.weight"
    (tmp_path / "part").mkdir()
    del held[norm]
    held[q] = held[q][:8]
    save_file(held, tmp_path / "part" / "model.safetensors")
    rows = adapters.verify(base, adapter, open_model(tmp_path / "part"))
    assert {row.name: row.verdict for row in rows if row.verdict != "equal"} == {
        norm: "missing",
        q: "shape",
    }
    held[norm] = np.zeros(32, np.int8)
    save_file(held, tmp_path / "part" / "model.safetensors")
    with pytest.raises(InputError, match=r"model\.norm\.weight as I8"):
        adapters.verify(base, adapter, open_model(tmp_path / "part"))


def test_not_a_number_differs_and_in_both_it_does_not(tmp_path):
    base, adapter = open_model(FIXTURES / "base-llama"), adapters.load(FIXTURES / "plain")
    adapters.export(base, adapter, tmp_path / "merged")
    held = load_file(tmp_path / "merged" / "model.safetensors")
    held["model.norm.weight"][3] = np.nan
    save_file(held, tmp_path / "merged" / "model.safetensors")
    rows = adapters.verify(base, adapter, open_model(tmp_path / "merged"))
    assert [row.name for row in rows if row.verdict == "differs"] == ["model.norm.weight"]


def test_the_command_ends_well_only_where_all_is_equal(tmp_path, capsys):
    given = [str(FIXTURES / "base-llama"), str(FIXTURES / "plain")]
    assert main(["merge", *given, str(tmp_path / "out"), "--dtype", "BF16"]) == 0
    capsys.readouterr()
    assert main(["verify", *given, str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "up to the rounding of BF16" in said
    assert "are left after rounding" in said
    assert main(["verify", *given, given[0]]) == 1
    told = capsys.readouterr()
    assert told.err == ("base-llama is not what base and adapter make: 4 of 21 tensors differ.\n")
    assert len(told.out.splitlines()) == 4
    assert all("holds 0.000 of the update where 1.000" in line for line in told.out.splitlines())
    assert main(["verify", *given, given[0], "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert not record["equal"]
    assert len(record["tensors"]) == 21
    assert main(["verify", given[0], str(FIXTURES / "conv1d"), given[0]]) == 1
    assert "which base-llama lacks" in capsys.readouterr().err


def bfloat16(folder: Path, W: np.ndarray) -> Path:
    """One matrix of a layer as a checkpoint in bfloat16."""
    write(folder / "model.safetensors", {NAME: ("BF16", W.shape)}, lambda name: W)
    return folder


NAME = "model.layers.0.self_attn.q_proj.weight"


@pytest.mark.parametrize("times", [0, 1, 2])
def test_in_bfloat16_an_update_below_the_rounding_of_most_entries_is_seen(times, tmp_path):
    rng, module = np.random.default_rng(0), NAME.removesuffix(".weight")
    base = open_model(bfloat16(tmp_path / "base", rng.standard_normal((256, 256), "f4")))
    B, A = rng.standard_normal((256, 8), "f4"), rng.standard_normal((8, 256), "f4")
    pair = adapters.Pair(module, A, B, 0.002 / 8**0.5)
    adapter = adapters.Adapter(adapters.AdapterConfig(target_modules=("q_proj",)), {module: pair})
    W = base.read(NAME) + np.float32(times) * pair.delta()
    (row,) = adapters.verify(base, adapter, open_model(bfloat16(tmp_path / "merged", W)))
    assert row.verdict == ("equal" if times == 1 else "differs")
    assert row.merged == pytest.approx(times, abs=0.2)
    assert row.stored == pytest.approx(0.8, abs=0.05)  # the rest is lost in rounding
