"""GGUF files against the `gguf` package itself, and hostile ones; the synthetic model."""

import struct
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, dequantize, quantize
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import _type_traits
from hypothesis import strategies as st
from safetensors.numpy import save

from lowrank.errors import FormatError, InputError, SourceError
from lowrank.readers import open_model
from lowrank.readers.gguf import GGUFModel
from lowrank.readers.gguf_names import from_gguf
from tests.outcomes import taken_or_refused

HEADS, KV_HEADS, HIDDEN, MIDDLE, WORDS = 4, 2, 64, 96, 8
SHAPES = {
    "token_embd.weight": (WORDS, HIDDEN),
    "blk.0.attn_q.weight": (HIDDEN, HIDDEN),
    "blk.0.attn_k.weight": (HIDDEN // 2, HIDDEN),
    "blk.0.ffn_down.weight": (HIDDEN, MIDDLE),
    "output_norm.weight": (HIDDEN,),
}
MATRICES = [name for name, shape in SHAPES.items() if len(shape) == 2]


def permuted(w: np.ndarray, heads: int) -> np.ndarray:
    """What llama.cpp's converter does to the rows of q_proj and k_proj."""
    half = w.shape[0] // heads // 2
    return w.reshape(heads, 2, half, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in SHAPES.items()}


def written(path: Path, kind: GGMLQuantizationType = GGMLQuantizationType.F32) -> Path:
    """A tiny Llama as the `gguf` package writes it."""
    writer = GGUFWriter(path, "llama")
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(MIDDLE)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(100_000.0)
    writer.add_token_list([f"t{i}é" for i in range(WORDS)])
    for name, w in weights().items():
        heads = {"blk.0.attn_q.weight": HEADS, "blk.0.attn_k.weight": KV_HEADS}.get(name)
        w = permuted(w, heads) if heads else w
        if w.ndim == 2 and kind != GGMLQuantizationType.F32:
            writer.add_tensor(name, quantize(w, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, w)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    return written(tmp_path_factory.mktemp("gguf") / "tiny.gguf").read_bytes()


def test_reads_what_the_package_wrote_in_hugging_face_order(tmp_path):
    model = open_model(written(tmp_path / "tiny.gguf"))
    for name, w in weights().items():
        np.testing.assert_array_equal(model.read(from_gguf(name)), w)
    config = model.config
    assert (config.num_attention_heads, config.num_key_value_heads) == (HEADS, KV_HEADS)
    assert (config.head_dim, config.vocab_size, config.rope_theta) == (16, WORDS, 100_000.0)
    assert config.tie_word_embeddings
    assert model.tokens[3] == "t3é"
    assert model.merges == []


@pytest.mark.parametrize("label", ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
def test_stored_types_agree_with_the_package(label, tmp_path):
    kind = GGMLQuantizationType[label]
    model = open_model(written(tmp_path / "tiny.gguf", kind))
    for name in MATRICES:
        if "attn" in name:
            continue
        expected = dequantize(quantize(weights()[name], kind), kind)
        np.testing.assert_array_equal(model.read(from_gguf(name)), expected)
        info = model.tensors[from_gguf(name)]
        assert (info.dtype, info.shape) == (label, SHAPES[name])


QUANTISED = sorted(kind.name for kind in _type_traits)


@pytest.mark.parametrize("label", QUANTISED)
def test_every_quantised_type_agrees_with_the_package_on_any_bytes(label, tmp_path):
    """Random blocks rather than quantised weights: every bit of every field takes part."""
    kind = GGMLQuantizationType[label]
    block, size = GGML_QUANT_SIZES[kind]
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 256, (64, 256 // block * size), dtype=np.uint8)
    path = tmp_path / "blocks.gguf"
    writer = GGUFWriter(path, "llama")
    for key, value in (("embedding_length", 256), ("feed_forward_length", 64), ("block_count", 1)):
        getattr(writer, f"add_{key}")(value)
    writer.add_head_count(HEADS)
    writer.add_tensor("token_embd.weight", raw, raw_dtype=kind)
    writer.add_tensor("blk.0.attn_q.weight", raw, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    model = open_model(path)
    with np.errstate(all="ignore"):
        expected = dequantize(raw, kind)
    assert expected.shape == (64, 256)
    np.testing.assert_array_equal(model.read("model.embed_tokens.weight"), expected)
    q = model.read("model.layers.0.self_attn.q_proj.weight")
    np.testing.assert_array_equal(permuted(q, HEADS), expected)
    assert model.tensors["model.embed_tokens.weight"].dtype == label


def test_biases_of_q_and_k_come_back_in_hugging_face_order(tmp_path):
    bias = np.arange(HIDDEN, dtype=np.float32)
    path = tmp_path / "biased.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(MIDDLE)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_tensor("token_embd.weight", weights()["token_embd.weight"])
    writer.add_tensor("blk.0.attn_q.bias", permuted(bias[:, None], HEADS)[:, 0])
    writer.add_tensor("blk.0.attn_v.bias", bias)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    model = open_model(path)
    for name in ("q_proj", "v_proj"):
        read = model.read(f"model.layers.0.self_attn.{name}.bias")
        np.testing.assert_array_equal(read, bias)


def test_the_default_model_agrees_with_the_package_on_every_tensor(default_model):
    assert default_model.kind == "real"
    assert len(default_model.tensors) == 272
    total = sum(np.prod(info.shape) for info in default_model.tensors.values())
    assert total == 134_515_008
    stored = {tensor.name: tensor for tensor in GGUFReader(default_model.path).tensors}
    for name in [n for n in stored if ".7." in n or n == "output_norm.weight"]:
        expected = dequantize(stored[name].data, stored[name].tensor_type)
        ours = default_model.read(from_gguf(name))
        heads = {"attn_q": 9, "attn_k": 3}.get(name.split(".")[-2])
        np.testing.assert_array_equal(permuted(ours, heads) if heads else ours, expected)


def test_a_missing_tensor_source_or_file_is_said(tmp_path):
    with pytest.raises(InputError, match="no tensor 'nothing'"):
        open_model("synthetic").read("nothing")
    with pytest.raises(InputError, match="expected 'default'"):
        open_model("elsewhere")
    with pytest.raises(SourceError, match="cannot be opened"):
        open_model(tmp_path / "absent.gguf")


def test_synthetic_is_the_same_every_time_and_says_what_it_is():
    model = open_model("synthetic")
    name = "model.layers.3.mlp.down_proj.weight"
    W = model.read(name)
    assert (model.kind, W.shape, W.dtype) == ("synthetic", (576, 1536), np.float32)
    np.testing.assert_array_equal(W, open_model("synthetic").read(name))
    assert not np.array_equal(W, model.read(name.replace(".3.", ".4.")))
    assert W.std() == pytest.approx(1536**-0.5, rel=0.01)


def opens(data: bytes, folder: Path) -> GGUFModel:
    path = folder / "mutant.gguf"
    path.write_bytes(data)
    return GGUFModel(path)


def test_cut_anywhere_it_is_refused(sound, tmp_path):
    for end in [*range(0, 1200, 7), *range(1200, len(sound) - 256, 997)]:
        with pytest.raises(FormatError, match=r"mutant\.gguf"):
            opens(sound[:end], tmp_path)


@pytest.mark.parametrize(
    ("at", "code", "value", "words"),
    [
        (0, "4s", b"GGML", "begin with 'GGUF'"),
        (4, "I", 4, "version 4"),
        (4, "I", 3 << 24, "big-endian"),
        (4, "I", 2 << 24, "big-endian"),
        (8, "Q", 2**63, "more than the file can hold"),
        (16, "Q", 2**63, "more than the file can hold"),
        (24, "Q", 2**63, "the file ends before"),
    ],
)
def test_a_header_that_lies_is_named(sound, tmp_path, at, code, value, words):
    data = bytearray(sound)
    struct.pack_into("<" + code, data, at, value)
    with pytest.raises(FormatError, match=words):
        opens(bytes(data), tmp_path)


def row_of(data: bytes, name: str) -> int:
    """Where, in the tensor table, the number of dimensions of a matrix stands."""
    return data.index(name.encode()) + len(name)


@pytest.mark.parametrize(
    ("field", "code", "value", "words"),
    [
        (0, "I", 9, "dimensions"),
        (4, "Q", 0, "does not fit"),
        (4, "Q", 2**40, "past the end"),
        (12, "Q", 2**62, "past the end"),
        (20, "I", 999, "unknown type 999"),
        (24, "Q", 7, "misaligned"),
        (24, "Q", 2**63, "past the end"),
        (24, "Q", 0, "overlap"),
    ],
)
def test_a_tensor_table_that_lies_is_named(sound, tmp_path, field, code, value, words):
    data = bytearray(sound)
    struct.pack_into("<" + code, data, row_of(sound, "blk.0.attn_q.weight") + field, value)
    with pytest.raises(FormatError, match=words):
        opens(bytes(data), tmp_path)


def test_a_name_that_occurs_twice_is_refused(sound, tmp_path):
    twice = sound.replace(b"blk.0.attn_k.weight", b"blk.0.attn_q.weight")
    with pytest.raises(FormatError, match="twice"):
        opens(twice, tmp_path)


def test_a_mutated_header_opens_or_is_refused_but_never_crashes(sound, tmp_path):
    def read(changes):
        data = bytearray(sound)
        for at, byte in changes:
            data[at] = byte
        model = opens(bytes(data), tmp_path)
        return [model.read(name) for name in model.tensors], model.tokens

    held, tokens = read([])
    assert (len(held), len(tokens)) == (len(SHAPES), WORDS)
    changes = st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 255)), min_size=1, max_size=4)
    taken_or_refused(changes, read, refusal=FormatError, examples=400)


def test_more_items_than_any_model_has_are_refused_soon(tmp_path):
    """Hundreds of thousands of rows, or millions of empty strings, all of which would fit."""
    rows = struct.pack("<4sIQQ", b"GGUF", 3, 400_000, 0) + bytes(24 * 400_000)
    with pytest.raises(FormatError, match="lists 400,000 tensors"):
        opens(rows, tmp_path)
    key = struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 8, 4_000_001)
    strings = struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + key + bytes(8 * 4_000_001)
    with pytest.raises(FormatError, match="above 4,000,000"):
        opens(strings, tmp_path)


def test_a_notebook_shows_what_an_open_model_is(tmp_path):
    model = open_model(written(tmp_path / "a<b>.gguf"))
    html = model._repr_html_()
    assert "<b>a&lt;b&gt;</b>: weights" in html
    assert f"{sum(w.size for w in weights().values()):,} numbers" in html
    assert f"{HEADS} heads, {KV_HEADS} of keys" in html
    rows = [row.split("</td><td>") for row in html.split("<tr><td>")[1:]]
    assert sum(int(row[2]) for row in rows) == len(model.tensors)
    assert ["q_proj", f"{HIDDEN} × {HIDDEN}", "1", "F32"] in [row[:4] for row in rows]
    assert "random numbers" in open_model("synthetic")._repr_html_()


def test_a_notebook_is_not_flooded_by_a_file_of_many_names(tmp_path):
    many = {f"<i>{n}": np.zeros(2, np.float32) for n in range(50)}
    (tmp_path / "many.safetensors").write_bytes(save(many))
    html = open_model(tmp_path / "many.safetensors")._repr_html_()
    assert (html.count("<tr><td>"), "and 10 more" in html) == (40, True)
    assert "<i>" not in html
