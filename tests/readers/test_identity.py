"""A model's identity: the same for the same content only, and cheap to ask for again."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from lowrank import atlas
from lowrank.errors import InputError, SourceError
from lowrank.readers import default_model, open_model, uploads
from lowrank.readers import identity as of_content
from lowrank.readers.hub import key, opened
from lowrank.readers.identity import file_hash, identity, stamps
from lowrank.readers.ranges import RemoteFile
from lowrank.surgery.factor_store import folder_name
from tests import tiny_llama
from tests.hub_server import COMMIT

Q = "model.layers.0.self_attn.q_proj.weight"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path) -> Path:
    return tiny_llama.write(tmp_path / "tiny")


def one_byte_changed(path: Path, at: int = -1) -> None:
    """Every stamp but those of the system's own clock stays: size, inode, time of change."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    with path.open("r+b") as file:
        file.write(raw)
    os.utime(path, ns=times)


def kept_under(folder: Path) -> set[str]:
    """The names that every store on disk gives to what it keeps of a model."""
    content = identity(open_model(folder))
    return {content, folder_name(content, ["a text"])}


def test_a_byte_of_any_file_tells_two_models_apart(folder, tmp_path):
    seen = kept_under(folder)
    for name in ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"):
        other = tmp_path / name
        shutil.copytree(folder, other)
        path = other / name
        if path.suffix == ".json":
            path.write_bytes(path.read_bytes() + b" ")
        else:
            one_byte_changed(path)
        found = kept_under(other)
        assert not found & seen
        seen |= found


def test_a_byte_changed_in_place_is_seen_whatever_the_file_s_times_say(folder):
    first, before = kept_under(folder), stamps(open_model(folder).made_of)
    one_byte_changed(folder / "model.safetensors")
    assert not kept_under(folder) & first
    assert stamps(open_model(folder).made_of) != before


def test_the_same_content_elsewhere_is_the_same_model(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    assert kept_under(folder) == kept_under(tmp_path / "copy")


def test_a_file_that_comes_makes_another_model(folder):
    model = open_model(folder)
    first, before = identity(model), stamps(model.made_of)
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert (identity(model), stamps(model.made_of)) != (first, before)
    assert identity(model) != first


def test_a_shard_s_byte_tells_two_models_apart(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        save_file({Q: np.ones((4, 4), "f4")}, tmp_path / name / "one.safetensors")
        save_file({"x": np.ones((4, 4), "f4")}, tmp_path / name / "two.safetensors")
        index = {"weight_map": {Q: "one.safetensors", "x": "two.safetensors"}}
        (tmp_path / name / "model.safetensors.index.json").write_text(json.dumps(index))
    assert kept_under(tmp_path / "a") == kept_under(tmp_path / "b")
    one_byte_changed(tmp_path / "b" / "two.safetensors")
    assert not kept_under(tmp_path / "a") & kept_under(tmp_path / "b")


def test_a_file_is_hashed_once_and_the_note_outlives_the_process(folder, monkeypatch):
    path = folder / "model.safetensors"
    known = file_hash(path)
    of_content._hashed.cache_clear()  # as another process begins
    monkeypatch.setattr(of_content.hashlib, "file_digest", None)
    assert file_hash(path) == known
    with pytest.raises(TypeError):  # and one without a note has to hash
        file_hash(folder / "config.json")


def test_a_damaged_note_is_none(folder):
    path = folder / "model.safetensors"
    known = file_hash(path)
    (note,) = (of_content.cache_folder() / "hashes").iterdir()
    for text in ("", "[1]", "{}", '[[1, 2], "abc"]', f"[{list(of_content.stamp(path))}, 3]"):
        note.write_text(text)
        of_content._hashed.cache_clear()
        assert file_hash(path) == known


def test_where_no_note_can_be_kept_the_hash_is_known_all_the_same(folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "file"))
    assert len(file_hash(folder / "model.safetensors")) == 64


def test_a_file_that_grows_while_it_is_hashed_is_refused(folder, monkeypatch):
    path, hashed = folder / "model.safetensors", of_content.hashlib.file_digest

    def growing(file, name):
        found = hashed(file, name)
        with path.open("ab") as more:
            more.write(b"more")
        return found

    monkeypatch.setattr(of_content.hashlib, "file_digest", growing)
    with pytest.raises(SourceError, match="being written"):
        file_hash(path)


def test_a_survey_is_not_taken_up_with_another_file_of_the_same_table(folder, tmp_path):
    atlas.survey(open_model(folder), folder=tmp_path / "survey", names=[Q])
    one_byte_changed(folder / "model.safetensors")
    with pytest.raises(InputError, match="another file"):
        atlas.survey(open_model(folder), folder=tmp_path / "survey", names=[Q])


def test_uploads_that_differ_in_a_byte_have_two_names():
    first = save({Q: np.ones((4, 4), "f4")})
    second = bytes(first[:-1]) + b"\x01"
    assert uploads.keep("a.safetensors", first) != uploads.keep("a.safetensors", second)
    assert uploads.keep("a.safetensors", first) == uploads.keep("a.safetensors", first)
    both = [{"adapter_config.json": b"{}", "adapter_model.safetensors": x} for x in (first, second)]
    assert uploads.keep_adapter(both[0]) != uploads.keep_adapter(both[1])


def test_a_fetched_file_needs_no_hashing(tmp_path, monkeypatch):
    raw = b"weights"
    pinned = default_model.Pinned(
        tmp_path / "none.txt", "model.gguf", len(raw), of_content.digest(raw), 0
    )

    def download(pinned, target, *_):
        target.write_bytes(raw)

    monkeypatch.setattr(default_model, "download", download)
    path = default_model.fetch(pinned)
    monkeypatch.setattr(of_content.hashlib, "file_digest", None)
    assert file_hash(path) == pinned.sha256


def test_the_hub_s_commit_stands_for_the_content_and_the_etag_where_there_is_none(hub):
    weights = {Q: np.ones((4, 4), "f4")}
    hub.repos["acme/tiny"] = {"model.safetensors": save(weights)}
    first = open_model("hf://acme/tiny")
    assert COMMIT in " ".join(first.made_of)
    assert identity(first) == identity(open_model(f"hf://acme/tiny@{COMMIT}"))
    found = []
    for value in (1, 2):
        hub.repos["acme/tiny"] = {"model.safetensors": save({Q: np.full((4, 4), value, "f4")})}
        branch = RemoteFile("acme/tiny", "main", "model.safetensors")
        found.append((opened(branch), key(branch, 0, 64), branch.version))
    assert found[0][1] != found[1][1]
    assert found[0][2] != found[1][2]
