"""Families of decoders open under Hugging Face's names, in its order, from both formats."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lowrank.errors import FormatError, SourceError
from lowrank.readers import open_model
from lowrank.readers.families import FAMILIES as TABLE
from tests.families import FAMILIES, as_gguf, by_pairs, weights, written

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
FUSED = [name for name, known in FAMILIES.items() if known.get("qkv")]


def worst(model, name: str) -> float:
    """The largest difference of any entry from the checkpoint's; the names must be the same."""
    held = weights(FAMILIES[name]["shapes"])
    assert set(model.tensors) == set(held)
    return max(float(np.abs(model.read(key) - w).max()) for key, w in held.items())


def test_the_page_of_formats_says_what_opens():
    """Its tables are written by scripts/formats.py with the functions of these tests."""
    from scripts import formats  # only here: it imports these tests

    page = PAGE.read_text(encoding="utf-8")
    for name in ("opens", "quantised"):
        rows = page.partition(f"<!-- {name}: begin -->")[2].partition(f"<!-- {name}: end -->")[0]
        assert rows.strip().splitlines() == list(formats.TABLES[name]())


@pytest.mark.parametrize("name", FAMILIES)
def test_safetensors_have_the_names_that_transformers_gives(name, tmp_path):
    model, held = open_model(written(tmp_path, name)), weights(FAMILIES[name]["shapes"])
    assert dict.fromkeys(model.tensors) == dict.fromkeys(held)
    for key, w in held.items():
        np.testing.assert_array_equal(model.read(key), w)
    within = [t for t in model.tensors.values() if ".0." in t.name.partition("expert")[0]]
    assert within
    assert all(t.layer == 0 and t.projection for t in within if t.name.endswith(".weight"))


@pytest.mark.parametrize("name", FAMILIES)
def test_gguf_has_the_same_names_shapes_and_numbers(name, tmp_path):
    model, held = open_model(as_gguf(tmp_path / "a.gguf", name)), weights(FAMILIES[name]["shapes"])
    assert set(model.tensors) == set(held)
    for key, w in held.items():
        assert model.tensors[key].shape == w.shape
        tolerance = 1e-6 if "gemma" in name and "norm" in key else 0  # w + 1 is stored
        np.testing.assert_allclose(model.read(key), w, rtol=0, atol=tolerance, err_msg=key)
    assert not [t.name for t in model.tensors.values() if "not known" in t.note]


@pytest.mark.parametrize("name", ["deepseek_v2", "deepseek_v3"])
def test_older_files_have_the_latent_matrix_whole(name, tmp_path):
    model = open_model(as_gguf(tmp_path / "a.gguf", name, split_latent=False))
    held = weights(FAMILIES[name]["shapes"])
    assert set(model.tensors) == set(held)
    key = "model.layers.1.self_attn.kv_b_proj.weight"
    np.testing.assert_array_equal(model.read(key), held[key])


@pytest.mark.parametrize("kind", ["safetensors", "gguf"])
@pytest.mark.parametrize("name", FUSED)
def test_parts_of_fused_matrices_are_what_transformers_computes_with(name, kind, tmp_path):
    gguf = kind == "gguf"
    model = open_model(as_gguf(tmp_path / "a.gguf", name) if gguf else written(tmp_path, name))
    held, x = weights(FAMILIES[name]["shapes"]), weights({"x": [32]})["x"]
    bias = {key: b for key, b in held.items() if key.endswith(".bias")}
    for part, expected in zip("qkv", FAMILIES[name]["qkv"], strict=True):
        (found,) = [t for t in model.parts if ".0." in t and f"[{part}]" in t]
        info, W = model.parts[found], model.read(found)
        assert (info.layer, info.projection) == (0, found.split(".")[-2])
        assert W.shape == info.shape == (len(expected), 32)
        assert found not in model.tensors
        fused = bias.get(found.replace(f"[{part}].weight", ".bias"))
        whole = model.read(found.replace(f"[{part}]", ""))
        whole = whole.T if name == "gpt2" else whole
        at = [int(np.flatnonzero((whole == row).all(axis=1))[0]) for row in W]  # rows of the whole
        y = W @ x + (0 if fused is None else fused[at])
        np.testing.assert_allclose(y, expected, atol=2e-5)


def test_gate_and_up_are_parts_too(tmp_path):
    model = open_model(written(tmp_path, "phi3"))
    whole = model.read("model.layers.1.mlp.gate_up_proj.weight")
    halves = [model.read(f"model.layers.1.mlp.gate_up_proj[{p}].weight") for p in ("gate", "up")]
    np.testing.assert_array_equal(np.concatenate(halves), whole)
    assert model.parts["model.layers.1.mlp.gate_up_proj[up].weight"].nbytes == whole.nbytes // 2


def test_every_row_of_the_table_is_tried(tmp_path):
    tried = {known["config"]["model_type"] for known in FAMILIES.values()}
    for row in TABLE:
        assert tried & set(row.types), row.title


@pytest.mark.parametrize("name", ["gpt2", "bloom"])
def test_names_without_the_first_word_get_it(name, tmp_path):
    held = weights(FAMILIES[name]["shapes"])
    bare = {key.removeprefix("transformer."): w for key, w in held.items()}
    save_file(bare, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(FAMILIES[name]["config"]))
    assert set(open_model(tmp_path).tensors) == set(held)


@pytest.mark.parametrize(
    "wrapped",
    ["module.{}", "_orig_mod.{}", "module._orig_mod.{}", "_fsdp_wrapped_module.{}"],
)
@pytest.mark.parametrize("said", [True, False])
def test_what_was_wrapped_around_a_model_leaves_no_trace_in_names(wrapped, said, tmp_path):
    held = weights(FAMILIES["llama"]["shapes"])
    inside = {
        key.replace(".mlp.", "._checkpoint_wrapped_module.mlp."): w for key, w in held.items()
    }
    save_file({wrapped.format(k): w for k, w in inside.items()}, tmp_path / "model.safetensors")
    if said:
        (tmp_path / "config.json").write_text(json.dumps(FAMILIES["llama"]["config"]))
    model = open_model(tmp_path)
    assert set(model.tensors) == set(held)
    for key, w in held.items():
        np.testing.assert_array_equal(model.read(key), w)
    bare = {k.removeprefix("model."): w for k, w in held.items()}
    save_file({wrapped.format(k): w for k, w in bare.items()}, tmp_path / "model.safetensors")
    assert set(open_model(tmp_path).tensors) == set(held)


def test_two_names_never_become_one(tmp_path):
    both = {"a._orig_mod.weight": np.ones((2, 2), "f4"), "a.weight": np.zeros((2, 2), "f4")}
    save_file(both, tmp_path / "model.safetensors")
    model = open_model(tmp_path)
    assert set(model.tensors) == set(both)
    assert model.read("a._orig_mod.weight").all()


def test_a_folder_of_one_gguf_model_opens_and_of_several_is_refused(tmp_path):
    names = split(as_gguf(tmp_path / "a.gguf", "llama"), tmp_path)
    with pytest.raises(SourceError, match=r"3 \.gguf files: name one"):
        open_model(tmp_path)
    (tmp_path / "a.gguf").unlink()
    assert set(open_model(tmp_path).tensors) == set(weights(FAMILIES["llama"]["shapes"]))
    names[1].unlink()
    with pytest.raises(SourceError, match=r"m-00002-of-00002\.gguf is not there"):
        open_model(tmp_path)


def test_an_unknown_architecture_says_that_the_order_is_not_known(tmp_path):
    model = open_model(as_gguf(tmp_path / "a.gguf", "llama", architecture="novel"))
    for tensor in model.tensors.values():
        of_unknown_order = tensor.projection in ("q_proj", "k_proj")
        assert (tensor.note == "order of the rows of q and k not known") == of_unknown_order
    key = "model.layers.0.mlp.up_proj.weight"
    np.testing.assert_array_equal(model.read(key), weights(FAMILIES["llama"]["shapes"])[key])


def test_heads_may_differ_from_layer_to_layer(tmp_path):
    from gguf import GGUFWriter

    heads, keys = [4, 2], [2, 1]
    writer = GGUFWriter(tmp_path / "a.gguf", "deci")
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_head_count(heads)
    writer.add_head_count_kv(keys)
    writer.add_key_length(8)
    held = {}
    for i in (0, 1):
        for part, count in (("q", heads[i]), ("k", keys[i])):
            w = weights({f"{part}{i}": [8 * count, 32]})[f"{part}{i}"]
            held[f"model.layers.{i}.self_attn.{part}_proj.weight"] = w
            writer.add_tensor(f"blk.{i}.attn_{part}.weight", by_pairs(w, count))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    model = open_model(tmp_path / "a.gguf")
    for key, w in held.items():
        np.testing.assert_array_equal(model.read(key), w)


def split(path, folder, parts=2):
    """A model's file as llama.cpp's gguf-split cuts it: the metadata in the first part only."""
    from gguf import GGUFReader, GGUFWriter

    tensors = GGUFReader(path).tensors
    names = [folder / f"m-{i + 1:05}-of-{parts:05}.gguf" for i in range(parts)]
    for at, target in enumerate(names):
        if at == 0:
            writer = GGUFWriter(target, "llama")
            writer.add_embedding_length(32)
            writer.add_block_count(2)
            writer.add_feed_forward_length(48)
            writer.add_head_count(4)
            writer.add_head_count_kv(2)
        else:
            writer = GGUFWriter(target, "")
            writer.kv_data[0].clear()
        writer.add_uint16("split.no", at)
        writer.add_uint16("split.count", parts)
        writer.add_int32("split.tensors.count", len(tensors))
        for tensor in tensors[at::parts]:
            writer.add_tensor(tensor.name, np.ascontiguousarray(tensor.data))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return names


@pytest.mark.parametrize("at", [0, 1])
def test_a_split_file_opens_as_one_model_from_either_part(at, tmp_path):
    names = split(as_gguf(tmp_path / "a.gguf", "llama"), tmp_path)
    model, held = open_model(names[at]), weights(FAMILIES["llama"]["shapes"])
    assert set(model.tensors) == set(held)
    for key, w in held.items():
        np.testing.assert_array_equal(model.read(key), w)
    assert model.config.num_key_value_heads == 2


def test_a_part_alone_is_refused_by_name(tmp_path):
    names = split(as_gguf(tmp_path / "a.gguf", "llama"), tmp_path)
    alone = tmp_path / "alone.gguf"
    alone.write_bytes(names[1].read_bytes())
    with pytest.raises(FormatError, match=r"part 2 of 2.*part 1 of 1"):
        open_model(alone)
    names[0].unlink()
    with pytest.raises(SourceError, match=r"m-00001-of-00002\.gguf is not there"):
        open_model(names[1])


def test_capitals_in_the_ending_do_not_matter(tmp_path):
    model = open_model(as_gguf(tmp_path / "A.GGUF", "llama"))
    assert set(model.tensors) == set(weights(FAMILIES["llama"]["shapes"]))
