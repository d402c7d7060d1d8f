"""A model from the hub or of one's own: what is asked, fetched, said, and kept in the link."""

import io
import json
import os
import struct
import zipfile
import zlib

import numpy as np
import pytest
import streamlit
from hypothesis import strategies as st
from safetensors.numpy import load, save
from streamlit.testing.v1 import AppTest

from lowrank.errors import FormatError, InputError, LowrankError
from lowrank.llama import forward
from lowrank.readers import open_model, uploads
from lowrank.ui import cached, model_picker
from lowrank.ui.model_picker import HUB, MODELS, UPLOAD
from tests import tiny_llama
from tests.families import as_gguf
from tests.outcomes import taken_or_refused
from tests.pages import opening
from tests.pages.opening import captions
from tests.readers.test_families import split

Q = "model.layers.{}.self_attn.q_proj.weight"


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {Q.format(i): rng.standard_normal((24, 16)).astype("f2") for i in range(2)}


@pytest.fixture(autouse=True)
def nothing_cached(tmp_path, monkeypatch) -> None:
    """Other tests open other models of the same names."""
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "kept"))
    streamlit.cache_resource.clear()


def opened(model: str, page: str = "truncation", **query: str) -> AppTest:
    return opening.opened(page, model=MODELS[model], **query)


def test_an_id_is_asked_for_then_opens_and_stays_in_the_link(hub):
    hub.repos["acme/tiny"] = {"model.safetensors": save(weights())}
    app = opened(HUB)
    assert not app.exception
    assert "Type a model" in app.info[0].value
    app.sidebar.text_input(key="hub").set_value("acme/tiny").run()
    assert not app.exception
    assert not app.error
    assert f"acme/tiny · {Q.format(0)} · 24 × 16 · stored F16" in captions(app.sidebar)
    for page in ("truncation", "lora"):
        again = opened(HUB, page, hub="acme/tiny", layer="1")
        assert not again.exception
        assert Q.format(1) in captions(again.sidebar)


def test_a_matrix_is_fetched_once_however_often_it_is_looked_at(hub):
    hub.repos["acme/tiny"] = {"model.safetensors": save(weights())}
    opened(HUB, hub="acme/tiny")
    before = hub.sent()
    opened(HUB, hub="acme/tiny")
    assert hub.sent() == before
    opened(HUB, hub="acme/tiny", layer="1")
    assert hub.sent() == before + 24 * 16 * 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("acme/absent", "not on the hub"),
        ("../../etc/passwd", "not a hub id"),
        ("/etc/passwd", "not a hub id"),
        ("http://elsewhere/a/b", "not a hub id"),
        ("<b>x</b>", "not a hub id"),
        ("![](http://elsewhere/x.png)", "\\](http\u2060:"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence_and_stays_typed(hub, given, words):
    app = opened(HUB, hub=given)
    assert not app.exception
    assert [words in error.value for error in app.error] == [True]
    assert app.sidebar.text_input(key="hub").value == given


def test_a_file_of_ones_own_opens_again_from_its_link():
    name = uploads.keep("My tiny model.safetensors", save(weights()))
    assert uploads.keep("My tiny model.safetensors", save(weights())) == name
    app = opened(UPLOAD, file=name)
    assert not app.exception
    assert f"{Q.format(0)} · 24 × 16" in captions(app.sidebar)
    assert app.sidebar.text_input(key="file").value == name
    uploads.find(name).unlink()
    streamlit.cache_resource.clear()
    gone = opened(UPLOAD, file=name)
    assert "no longer kept here" in gone.error[0].value


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a.gguf", "x" * 90])
def test_a_link_can_name_nothing_but_an_uploaded_file(name):
    app = opened(UPLOAD, file=name)
    assert not app.exception
    assert "is not the name of an uploaded file" in app.error[0].value


def test_before_a_file_is_chosen_it_is_asked_for():
    app = opened(UPLOAD)
    assert not app.exception
    assert "Choose files" in app.info[0].value


def test_an_upload_that_is_no_model_is_one_sentence():
    name = uploads.keep("broken.gguf", b"GGUF" + bytes(100))
    app = opened(UPLOAD, file=name)
    assert not app.exception
    assert "is not a sound GGUF file" in app.error[0].value


def test_nan_and_infinity_are_counted_and_the_rest_still_opens():
    held = weights()
    held[Q.format(0)][3, :2] = np.nan, np.inf
    name = uploads.keep("strange.safetensors", save(held))
    app = opened(UPLOAD, file=name)
    assert not app.exception
    assert "2 of the 384 entries" in app.error[0].value
    assert not opened(UPLOAD, file=name, layer="1").error


def test_progress_is_drawn_now_and_then_and_at_the_end():
    drawn = []
    progress = model_picker.shown(lambda share, text: drawn.append((share, text)))
    for done in range(0, 1001):
        progress(done * 1000, 1_000_000)
    assert drawn[-1] == (1.0, "1.0 of 1.0 MB")
    assert len(drawn) < 50


def folder_of_ones_own(tmp_path, **config: object) -> dict[str, bytes]:
    """The files of a whole checkpoint, by name."""
    where = tiny_llama.write(tmp_path / "tiny")
    said = json.loads((where / "config.json").read_text()) | config
    (where / "config.json").write_text(json.dumps(said))
    return {path.name: path.read_bytes() for path in where.iterdir()}


def test_weights_with_their_configuration_and_tokenizer_run(tmp_path):
    files = folder_of_ones_own(tmp_path)
    app = opened(UPLOAD, "surgery")
    chosen = [(name, data, "application/octet-stream") for name, data in files.items()]
    app.sidebar.file_uploader[0].set_value(chosen).run()
    assert not app.exception
    assert not app.error
    name = app.sidebar.text_input(key="file").value
    params = cached.params(str(uploads.find(name)))
    assert forward(params, [1, 2, 3]).shape == (3, 258)
    assert cached.words(str(uploads.find(name))).encode("hi")
    again = opened(UPLOAD, "surgery", file=name)
    assert not again.exception
    assert not again.error


def test_surgery_keeps_apart_two_uploads_that_differ_in_one_matrix(tmp_path):
    """Of the same names, shapes and types: each has its own factors, and its own numbers."""
    files = folder_of_ones_own(tmp_path)
    held, name = load(files["model.safetensors"]), Q.format(0)
    held[name] = np.zeros_like(held[name])
    changed = files | {"model.safetensors": save(held)}
    one, other = (str(uploads.find(uploads.keep_all(each))) for each in (files, changed))
    assert cached.factors(one).folder != cached.factors(other).folder
    module = name.removesuffix(".weight")
    for source, there in ((one, True), (other, False)):
        store = cached.factors(source)
        assert store.source("plain")(module).s.any() == there


def test_a_family_that_does_not_run_says_so_and_its_matrices_open(tmp_path):
    files = folder_of_ones_own(tmp_path, model_type="gemma2")
    name = uploads.keep_all(files)
    assert "Gemma 2: logits are soft-capped" in opened(UPLOAD, "surgery", file=name).error[0].value
    app = opened(UPLOAD, file=name)
    assert not app.error
    assert Q.format(0) in captions(app.sidebar)


def zipped(files: dict[str, bytes], folder: str = "") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(folder + name, data)
    return held.getvalue()


def test_a_zip_of_the_folder_is_the_folder(tmp_path):
    files = folder_of_ones_own(tmp_path)
    name = uploads.keep_all(files)
    assert uploads.keep_all({"tiny.zip": zipped(files)}) == name
    more = files | {"README.md": b"#", ".gitattributes": b"", "original/consolidated.json": b"{}"}
    more |= {"original/params.safetensors": b"", "__MACOSX/config.json": b"?"}
    assert uploads.keep_all({"tiny.zip": zipped(more, "tiny/")}) == name
    assert {path.name for path in uploads.find(name).iterdir()} == set(files)
    single = uploads.keep_all({"tiny.zip": zipped({"a/model.gguf": b"GGUF"})})
    assert uploads.find(single).read_bytes() == b"GGUF"
    assert [path.name for path in uploads.folder().glob(".*")] == []


@pytest.mark.parametrize("as_zip", [False, True])
def test_the_parts_of_a_split_gguf_are_one_model(as_zip, tmp_path):
    names = split(as_gguf(tmp_path / "whole.gguf", "llama"), tmp_path)
    files = {path.name: path.read_bytes() for path in names}
    brought = {"all.zip": zipped(files, "a/")} if as_zip else files
    app = opened(UPLOAD)
    chosen = [(name, data, "application/octet-stream") for name, data in brought.items()]
    app.sidebar.file_uploader[0].set_value(chosen).run()
    assert not app.exception
    assert not app.error
    kept = uploads.find(app.sidebar.text_input(key="file").value)
    model, whole = open_model(kept), open_model(tmp_path / "whole.gguf")
    assert set(model.tensors) == set(whole.tensors)
    for name in whole.tensors:
        np.testing.assert_array_equal(model.read(name), whole.read(name))
    with pytest.raises(InputError, match=r"one of 2 files: bring m-00002-of-00002\.gguf too"):
        uploads.keep_all({"a.zip": zipped({names[0].name: b"GGUF"})})


def with_table(size: int) -> bytes:
    """A zip whose end says that its table of files is that long."""
    found = bytearray(zipped({"model.safetensors": b""}))
    struct.pack_into("<I", found, len(found) - 22 + 12, size)
    return bytes(found)


SOUND = zipped({"model.safetensors": b"0" * 100})


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.zip": b"no zip"}, "no sound zip"),
        ({"a.zip": b""}, "no sound zip"),
        ({"a.zip": SOUND[:-30]}, "no sound zip"),
        (
            {"a.zip": SOUND.replace(zlib.compress(b"0" * 100, wbits=-15), b"\xff" * 5)},
            "no sound zip",
        ),
        ({"a.zip": with_table(2_000_000)}, "more files than any model has"),
        ({"a.zip": SOUND[:-22] + b"PK\6\7" + bytes(16) + SOUND[-22:]}, "more files than any"),
        ({"a.zip": zipped({"model.safetensors": bytes(2_000_000)})}, "unpacks to 2 MB; 1 MB"),
        ({"a.zip": zipped({"readme.md": b""})}, "holds no .safetensors"),
        ({"a.zip": SOUND, "config.json": b"{}"}, "A zip comes alone"),
        ({"config.json": b"{}", "tokenizer.json": b"{}"}, "expected .safetensors among them"),
        ({"config.json": b"{}"}, "not a .safetensors, .gguf or .npy"),
        ({"../config.json": b"", "model.safetensors": b""}, "is no file of a checkpoint"),
        ({"a.gguf": b"", "config.json": b""}, "is no file of a checkpoint"),
        ({"a.safetensors": bytes(10**6), "config.json": b"{}"}, "MB together"),
    ],
)
def test_what_is_brought_together_and_is_no_checkpoint_is_refused(files, words, monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST", 1_000_000)
    with pytest.raises((InputError, FormatError), match=words):
        uploads.keep_all(files)
    assert not uploads.folder().exists() or list(uploads.folder().iterdir()) == []


def test_a_mutated_zip_is_kept_or_refused_but_never_crashes():
    def kept(changes):
        found = bytearray(zipped({"model.safetensors": b"abc" * 50, "config.json": b"{}"}, "t/"))
        for at, byte in changes:
            found[at % len(found)] = byte
        return uploads.find(uploads.keep_all({"a.zip": bytes(found)}))

    assert (kept([]) / "model.safetensors").read_bytes() == b"abc" * 50
    changes = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=6)
    taken_or_refused(changes, kept, refusal=LowrankError, examples=200)


def test_an_encrypted_zip_is_refused():
    found = bytearray(SOUND)
    at = found.rfind(b"PK\1\2")
    found[at + 8] |= 1
    with pytest.raises(FormatError, match="is encrypted"):
        uploads.keep_all({"a.zip": bytes(found)})


def test_an_uploaded_folder_goes_when_room_is_short(monkeypatch, tmp_path):
    name = uploads.keep_all(folder_of_ones_own(tmp_path))
    os.utime(uploads.find(name), (1, 1))
    monkeypatch.setattr(uploads, "MOST", 1000)
    kept = uploads.keep("new.gguf", bytes(100))
    assert [path.name for path in uploads.folder().iterdir()] == [kept]


def test_the_oldest_uploads_go_first(monkeypatch):
    monkeypatch.setattr(uploads, "MOST", 250)
    names = []
    for i in range(3):
        names.append(uploads.keep(f"f{i}.gguf", bytes([i]) * 100))
        path = uploads.folder() / names[-1]
        if path.exists():
            os.utime(path, (i, i))
    assert [(uploads.folder() / name).exists() for name in names] == [False, True, True]


def test_the_code_on_the_page_names_no_folder_of_the_server(tmp_path):
    name = uploads.keep("mine.safetensors", save(weights()))
    app = opened(UPLOAD, "lora", file=name)
    assert not app.exception
    app.session_state["numpy"] = True  # opened
    code = " ".join(block.value for block in app.run().code)
    assert f"open_model({name!r})" in code
    assert str(tmp_path) not in code


def test_a_refusal_is_said_until_other_files_come_and_then_nothing_of_it_is_listed():
    bad = ("notes.safetensors", b"these are my notes", "application/octet-stream")
    good = ("mine.safetensors", save(weights()), "application/octet-stream")
    app = opened(UPLOAD)
    app.sidebar.file_uploader[0].set_value([bad]).run()
    assert not app.exception
    assert "safetensors" in app.run().error[0].value
    app.sidebar.file_uploader[0].set_value([bad, good]).run()
    assert not app.exception
    assert not app.error
    assert app.sidebar.text_input(key="file").value.startswith("mine-")
    assert not app.sidebar.file_uploader[0].value
