"""Safetensors files against the `safetensors` library and against GGUF; hostile ones."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from lowrank.errors import FormatError, InputError, SourceError
from lowrank.readers import open_model
from lowrank.readers.gguf_names import from_gguf
from lowrank.readers.hf_config import llama_config_from_json
from lowrank.readers.safetensors_header import parse_header, widen
from tests.outcomes import taken_or_refused

CONFIG = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 8,
}
GGUF_SHAPES = {
    "token_embd.weight": (8, 64),
    "blk.0.attn_q.weight": (64, 64),
    "blk.0.attn_k.weight": (32, 64),
    "blk.0.ffn_down.weight": (64, 96),
    "output_norm.weight": (64,),
}


def weights(dtype: type = np.float16) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        from_gguf(name): rng.standard_normal(shape).astype(dtype)
        for name, shape in GGUF_SHAPES.items()
    }


def single(folder: Path) -> Path:
    folder.mkdir()
    save_file(weights(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def sharded(folder: Path) -> Path:
    folder.mkdir()
    names = list(weights())
    parts = {"model-1-of-2.safetensors": names[:2], "model-2-of-2.safetensors": names[2:]}
    for file, held in parts.items():
        save_file({name: weights()[name] for name in held}, folder / file)
    index = {"weight_map": {name: file for file, held in parts.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def as_gguf(path: Path) -> Path:
    """The same weights as llama.cpp's converter lays them out: q and k permuted for its RoPE."""
    writer = GGUFWriter(path, "llama")
    writer.add_embedding_length(CONFIG["hidden_size"])
    writer.add_feed_forward_length(CONFIG["intermediate_size"])
    writer.add_block_count(1)
    writer.add_head_count(CONFIG["num_attention_heads"])
    writer.add_head_count_kv(CONFIG["num_key_value_heads"])
    for name in GGUF_SHAPES:
        w = weights()[from_gguf(name)]
        heads = {"blk.0.attn_q.weight": 4, "blk.0.attn_k.weight": 2}.get(name)
        if heads:
            half = w.shape[0] // heads // 2
            w = w.reshape(heads, 2, half, 64).swapaxes(1, 2).reshape(w.shape)
        writer.add_tensor(name, np.ascontiguousarray(w), raw_dtype=GGMLQuantizationType.F16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_one_set_of_weights_is_the_same_from_every_format(tmp_path):
    models = [
        open_model(single(tmp_path / "single")),
        open_model(sharded(tmp_path / "sharded")),
        open_model(tmp_path / "single" / "model.safetensors"),
        open_model(as_gguf(tmp_path / "tiny.gguf")),
    ]
    for name, w in weights().items():
        for model in models:
            np.testing.assert_array_equal(model.read(name), w.astype(np.float32))
            info = model.tensors[name]
            assert (info.shape, info.dtype, info.nbytes) == (w.shape, "F16", w.nbytes)
    for model in models[:3]:
        assert (model.config.head_dim, model.config.num_key_value_heads) == (16, 2)
    q = "model.layers.0.self_attn.q_proj.weight"
    assert (models[0].tensors[q].layer, models[0].tensors[q].projection) == (0, "q_proj")


@pytest.mark.parametrize("code", ["f8", "f4", "f2", "i1", "i2", "i4", "i8", "u1", "?"])
def test_plain_types_widen_as_numpy_does(code, tmp_path):
    values = np.arange(-6, 6).astype(code).reshape(3, 4)
    save_file({"w": values}, tmp_path / "a.safetensors")
    got = open_model(tmp_path / "a.safetensors").read("w")
    np.testing.assert_array_equal(got, values.astype(np.float32))


def test_eight_and_sixteen_bit_floats_widen_exactly():
    """Bit by bit: bfloat16 and E5M2 are upper halves, E4M3 has no infinity and one NaN a sign."""
    byte, word = np.arange(256, dtype=np.uint8), np.arange(65536, dtype=np.uint16)
    exponent, fraction = byte >> 3 & 15, (byte & 7) / 8
    size = np.where(exponent == 0, fraction * 2.0**-6, (1 + fraction) * 2.0 ** (exponent - 7.0))
    size[(byte & 127) == 127] = np.nan
    cases = {
        "BF16": (word, (word.astype(np.uint32) << 16).view(np.float32)),
        "F8_E5M2": (byte, (byte.astype(np.uint16) << 8).view(np.float16).astype(np.float32)),
        "F8_E4M3": (byte, np.where(byte < 128, size, -size).astype(np.float32)),
    }
    for dtype, (stored, expected) in cases.items():
        got = widen(stored.tobytes(), dtype, stored.shape)
        np.testing.assert_array_equal(got, expected)
        assert (np.signbit(got) == np.signbit(expected))[np.isfinite(expected)].all()


def test_nan_and_infinity_are_read_as_they_are(tmp_path):
    save_file({"w": np.array([np.nan, np.inf, 1], np.float32)}, tmp_path / "a.safetensors")
    got = open_model(tmp_path / "a.safetensors").read("w")
    np.testing.assert_array_equal(got, np.array([np.nan, np.inf, 1], np.float32))


def tensor(dtype: str = "F32", shape: object = (2,), offsets: object = (0, 8)) -> str:
    return json.dumps({"dtype": dtype, "shape": shape, "data_offsets": offsets})


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a": ' + "9" * 10_000 + "}", "not JSON"),
        ('{"a": 1}', "not described by an object"),
        ('{"a": ' + tensor(dtype="F31") + "}", "has type 'F31'"),
        ('{"a": ' + tensor(shape=[-2]) + "}", "shape"),
        ('{"a": ' + tensor(shape=[True]) + "}", "shape"),
        ('{"a": ' + tensor(shape=[2**62, 4]) + "}", "offsets hold"),
        ('{"a": ' + tensor(offsets=[0, 2**64]) + "}", "offsets"),
        ('{"a": ' + tensor(offsets=[4, 12]) + "}", "hole"),
        ('{"a": ' + tensor() + ', "b": ' + tensor() + "}", "overlaps"),
        ('{"a": ' + tensor() + ', "a": ' + tensor(offsets=[8, 16]) + "}", "occurs twice"),
        ("{}", "take 0 bytes, and 8 follow"),
    ],
)
def test_a_header_that_lies_is_named(header, words):
    with pytest.raises(FormatError, match=words):
        parse_header(header.encode(), 8, "a.safetensors")
    with pytest.raises(FormatError, match="UTF-8"):
        parse_header(b"\xff" + header.encode(), 8, "a.safetensors")


def test_cut_anywhere_it_is_refused(tmp_path):
    sound = save(weights())
    path = tmp_path / "cut.safetensors"
    for end in [*range(0, 600, 7), *range(600, len(sound), 997)]:
        path.write_bytes(sound[:end])
        with pytest.raises(FormatError, match=r"cut\.safetensors"):
            open_model(path)
    path.write_bytes(sound[:40])
    with pytest.raises(FormatError, match="and only 32 follow"):
        open_model(path)


@pytest.mark.parametrize(
    "raw", [b"Dear reader, this is a letter.", b"short", b"\xff" * 90, b"\0" * 9]
)
def test_another_kind_of_file_is_said_to_be_no_safetensors(raw, tmp_path):
    """Not that its header claims 5,269,260,421,095,515,496 bytes: it has none."""
    path = tmp_path / "letter.safetensors"
    path.write_bytes(raw)
    with pytest.raises(FormatError, match=r"letter\.safetensors is not a safetensors file"):
        open_model(path)


def test_a_mutated_file_opens_or_is_refused_but_never_crashes(tmp_path):
    path = tmp_path / "mutant.safetensors"

    def opens(changes):
        data = bytearray(save(weights()))
        for at, byte in changes:
            data[at] = byte
        path.write_bytes(data)
        model = open_model(path)
        return [model.read(name) for name in model.tensors]

    assert len(opens([])) == len(weights())
    changes = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), min_size=1, max_size=4)
    taken_or_refused(changes, opens, refusal=FormatError, examples=300)


@pytest.mark.parametrize("file", ["../model.safetensors", "/etc/passwd", "a\\b.safetensors", ".x"])
def test_a_shard_elsewhere_is_refused(file, tmp_path):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w": file}}))
    with pytest.raises(FormatError, match="expected a file beside it"):
        open_model(tmp_path)


def test_an_index_is_read_as_transformers_reads_it(tmp_path):
    """The files it names are opened, and what they hold counts; its stale entries do not."""
    folder = sharded(tmp_path / "m")
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    where = index["weight_map"]
    where["model.gone.weight"] = where.pop("model.norm.weight")
    path.write_text(json.dumps(index))
    model = open_model(folder)
    assert set(model.tensors) == set(weights())
    norm = "model.norm.weight"
    np.testing.assert_array_equal(model.read(norm), weights()[norm].astype(np.float32))


def test_a_checkpoint_of_the_base_model_alone_has_the_full_names(tmp_path):
    held = {name.removeprefix("model."): w for name, w in weights().items()}
    save_file(held, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    model = open_model(tmp_path)
    assert set(model.tensors) == set(weights())
    for name, w in weights().items():
        np.testing.assert_array_equal(model.read(name), w.astype(np.float32))


@pytest.mark.parametrize("index", ["", "[]", '{"weight_map": {}}', '{"weight_map": {"w": 3}}'])
def test_an_index_that_is_none_is_refused(index, tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(FormatError, match=r"index\.json"):
        open_model(tmp_path)


@pytest.mark.parametrize("name", ["a.bin", "a.pt", "a.pth", "a.ckpt"])
def test_a_pickle_is_never_opened(name, tmp_path):
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(FormatError, match="save_pretrained"):
        open_model(tmp_path / name)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(SourceError, match=r"no \.safetensors file"):
        open_model(tmp_path)
    with pytest.raises(SourceError, match="cannot be opened"):
        open_model(tmp_path / "absent.safetensors")
    with pytest.raises(InputError, match="no tensor 'x'"):
        open_model(single(tmp_path / "m")).read("x")


def test_an_absurd_configuration_is_no_configuration():
    assert llama_config_from_json(CONFIG).rope_theta == 10_000.0
    assert llama_config_from_json({**CONFIG, "rope_theta": 5e5}).rope_theta == 5e5
    for key in ("hidden_size", "num_attention_heads"):
        for value in (0, -1, None, "64", True, 2**40):
            assert llama_config_from_json({**CONFIG, key: value}) is None


def test_more_tensors_or_shards_than_any_model_has_are_refused(tmp_path):
    many = {f"{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(30_001)}
    raw = json.dumps(many).encode()
    path = tmp_path / "many.safetensors"
    path.write_bytes(struct.pack("<Q", len(raw)) + raw)
    with pytest.raises(FormatError, match="lists 30,001 tensors"):
        open_model(path)
    index = tmp_path / "model.safetensors.index.json"
    where = {f"{i}": f"{i}.safetensors" for i in range(1001)}
    index.write_text(json.dumps({"weight_map": where}))
    with pytest.raises(FormatError, match="names over 1,000 shards"):
        open_model(tmp_path)
