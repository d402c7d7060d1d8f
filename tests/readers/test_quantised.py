"""Quantised checkpoints are read as the numbers they stand for; the rest is refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest

from lowrank.errors import FormatError
from lowrank.lora import adapters
from lowrank.lora.adapters import AdapterConfig
from lowrank.lora.equations import merge
from lowrank.readers import open_model
from tests.readers.quantised_files import LAYOUTS, NAME, OUT, four_bits, fp8, gptq
from tests.readers.raw_safetensors import raw

WEIGHT = f"{NAME}.weight"


def checkpoint(folder: Path, held: dict, said: dict | None) -> Path:
    """A folder with these tensors, a norm beside them, and a config.json that says how."""
    norm = {"model.norm.weight": np.ones(4, np.float32)}
    (folder / "model.safetensors").write_bytes(raw(held | norm))
    if said is not None:
        given = {"model_type": "llama", "quantization_config": said}
        (folder / "config.json").write_text(json.dumps(given))
    return folder


@pytest.mark.parametrize("label", LAYOUTS)
def test_codes_are_read_as_the_weight_they_stand_for(label, tmp_path):
    held, said, W = LAYOUTS[label]()
    model = open_model(checkpoint(tmp_path, held, said))
    assert list(model.tensors) == [WEIGHT, "model.norm.weight"]  # scales and zeros are not shown
    info = model.tensors[WEIGHT]
    assert (info.dtype, info.shape, info.projection) == (label, W.shape, "q_proj")
    assert info.nbytes <= sum(part.nbytes for part in held.values())
    np.testing.assert_allclose(model.read(WEIGHT), W, rtol=2.5e-7, atol=1e-9)


@pytest.mark.parametrize(
    "label", [each for each in LAYOUTS if "4 × 8" not in each and "2 bit" not in each]
)
def test_the_tensors_alone_say_what_they_are(label, tmp_path):
    """All but the size of a block and the format gptq_v2 can be told without a config.json."""
    held, _, W = LAYOUTS[label]()
    got = open_model(checkpoint(tmp_path, held, None)).read(WEIGHT)
    np.testing.assert_allclose(got, W, rtol=2.5e-7, atol=1e-9)


def test_gptq_is_told_its_format_by_a_file_of_its_own(tmp_path):
    held, said, W = gptq(v2=True)
    folder = checkpoint(tmp_path, held, None)
    (folder / "quantize_config.json").write_text(json.dumps(said))
    np.testing.assert_allclose(open_model(folder).read(WEIGHT), W, rtol=2.5e-7, atol=1e-9)


@pytest.mark.parametrize(
    "label", ["NF4, blocks of 64, nested (bitsandbytes)", "GPTQ 4 bit, groups of 8"]
)
def test_on_the_hub_as_on_disk(label, hub, tmp_path):
    held, said, W = LAYOUTS[label]()
    folder = checkpoint(tmp_path, held, said)
    hub.repos["acme/tiny"] = {path.name: path.read_bytes() for path in folder.iterdir()}
    model = open_model("acme/tiny")
    assert model.tensors == open_model(folder).tensors
    assert not model.here(WEIGHT)
    heard = []
    model.fetch(WEIGHT, lambda done, size: heard.append((done, size)))
    assert model.here(WEIGHT)
    assert heard[-1] == (model.tensors[WEIGHT].nbytes,) * 2
    np.testing.assert_allclose(model.read(WEIGHT), W, rtol=2.5e-7, atol=1e-9)


@pytest.mark.parametrize("label", LAYOUTS)
def test_a_merge_on_a_quantised_base_is_dequantised_then_merged(label, tmp_path):
    held, said, W = LAYOUTS[label]()
    model = open_model(checkpoint(tmp_path, held, said))
    adapter = adapters.untrained({NAME: W.shape}, AdapterConfig(r=2, target_modules=("q_proj",)))
    adapters.export(model, adapter, tmp_path / "merged", dtype="F32")
    written = open_model(tmp_path / "merged")
    pair = adapter.pairs[NAME]
    expected = merge(W.astype(np.float32), pair.A, pair.B, pair.scale * 2, 2)
    np.testing.assert_allclose(written.read(WEIGHT), expected, rtol=1e-6, atol=1e-7)
    assert list(written.tensors) == list(model.tensors)
    assert "quantization_config" not in written.given_config


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({f"{NAME}.weight_scale": np.ones((3, 1), "f4")}, "does not fit"),
        ({f"{NAME}.weight_scale": None}, "no weight_scale beside it"),
        ({f"{NAME}.weight_zero_point": np.ones((OUT, 1), "i1")}, "zero points"),
    ],
)
def test_scales_that_do_not_fit_are_refused_by_name(change, words, tmp_path):
    held, said, _ = fp8("float8_e4m3fn", (OUT, 1))
    kept = {name: part for name, part in (held | change).items() if part is not None}
    model = open_model(checkpoint(tmp_path, kept, said))
    assert model.tensors[WEIGHT].dtype == "F8_E4M3 codes"
    with pytest.raises(FormatError, match=f"q_proj.weight is kept as codes.*{words}"):
        model.read(WEIGHT)
    assert model.read("model.norm.weight").tolist() == [1] * 4


@pytest.mark.parametrize(
    ("label", "scale"),
    [
        ("FP8 E4M3, one scale a row", "weight_scale"),
        ("int8, one scale a row (bitsandbytes)", "SCB"),
        ("NF4, blocks of 64 (bitsandbytes)", "weight.absmax"),
        ("NF4, blocks of 64, nested (bitsandbytes)", "weight.nested_absmax"),
        ("GPTQ 4 bit, groups of 8", "scales"),
        ("AWQ 4 bit, groups of 8", "scales"),
    ],
)
def test_scales_that_are_codes_themselves_are_refused_by_name(label, scale, tmp_path):
    held, said, _ = LAYOUTS[label]()
    held[f"{NAME}.{scale}"] = held[f"{NAME}.{scale}"].astype("u1")
    model = open_model(checkpoint(tmp_path, held, said))
    (codes,) = model.tensors.keys() - {"model.norm.weight"}
    with pytest.raises(FormatError, match=rf"scales in .*{scale} as U8|codes that are not U8"):
        model.read(codes)


@pytest.mark.parametrize("part", [".quant_map", ".absmax", ".nested_absmax", ".nested_quant_map"])
def test_a_missing_or_short_table_is_refused_by_name(part, tmp_path):
    held, said, _ = four_bits("nf4", True)
    held[WEIGHT + part] = held[WEIGHT + part][:-1]
    with pytest.raises(FormatError, match=r"values in .*q_proj\.weight\."):
        open_model(checkpoint(tmp_path, held, said)).read(WEIGHT)


def test_a_group_that_is_not_there_is_refused(tmp_path):
    held, said, _ = gptq()
    held[f"{NAME}.g_idx"][3] = 4
    with pytest.raises(FormatError, match="groups 0 to 4 of 4"):
        open_model(checkpoint(tmp_path, held, said)).read(WEIGHT)


@pytest.mark.parametrize(("stored", "bits"), [("F4", 4), ("F8_E8M0", 8), ("F6_E2M3", 6)])
def test_a_type_that_is_not_read_leaves_the_file_open(stored, bits, tmp_path):
    held = {"a_blocks": (stored, (4, 8), bytes(bits * 4)), "b": np.ones((2, 2), np.float32)}
    (tmp_path / "model.safetensors").write_bytes(raw(held))
    model = open_model(tmp_path)
    assert (model.tensors["a_blocks"].dtype, model.tensors["a_blocks"].shape) == (
        f"{stored} codes",
        (4, 8),
    )
    with pytest.raises(FormatError, match=f"a_blocks is kept as codes .{stored}"):
        model.read("a_blocks")
    assert model.read("b").tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("name", "dtype", "said"),
    [
        (WEIGHT, "u1", None),
        (WEIGHT, "i1", None),
        (WEIGHT, "u4", None),  # MLX packs into such words
        (f"{NAME}.weight_packed", "i4", None),
        ("model.layers.0.mlp.experts.down_proj_blocks", "u1", None),
        (f"{NAME}.codes", "i2", {"quant_method": "aqlm"}),
    ],
)
def test_codes_of_no_known_layout_are_never_shown_as_numbers(name, dtype, said, tmp_path):
    model = open_model(checkpoint(tmp_path, {name: np.ones((4, 4), dtype)}, said))
    with pytest.raises(FormatError, match="is kept as codes"):
        model.read(name)
    if said:
        with pytest.raises(FormatError, match="'aqlm'"):
            model.read(name)
