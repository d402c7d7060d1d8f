"""A full disk, a flipped byte, a second server, a kill: nothing is lost, nobody is shut out."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from lowrank import files
from lowrank.__main__ import main
from lowrank.atlas import Journal, matrices, read_survey, survey
from lowrank.errors import FormatError, SourceError
from lowrank.lora.adapters import AdapterConfig, untrained
from lowrank.readers import default_model, open_model, uploads
from lowrank.readers.default_model import Pinned, cached_path, fetch
from lowrank.readers.identity import identity
from lowrank.ui import atlas, cached
from lowrank.ui.lab import runs


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def full_disk(monkeypatch) -> list[Path]:
    """The disk takes ten bytes more of any file, and no more."""

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)


def everything(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_full_disk_leaves_no_temporary_files(cache, full_disk):
    both = {"adapter_config.json": b"{}", "adapter_model.safetensors": b"1"}
    for bring in (
        lambda: uploads.keep("a.npy", bytes(100)),
        lambda: uploads.keep_all({"a.safetensors": bytes(9), "config.json": b"{}"}),
        lambda: uploads.keep_adapter(both),
    ):
        with pytest.raises(SourceError, match="No space left"):
            bring()
    assert not everything(cache)


def test_half_an_adapter_is_none(cache, monkeypatch):
    """The disk was full between the two files: the next to bring it is not shut out."""
    both = {"adapter_config.json": b"{}", "adapter_model.safetensors": b"1"}
    written, sync = [], os.fsync

    def second_fails(number: int) -> None:
        written.append(number)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        sync(number)

    monkeypatch.setattr(files.os, "fsync", second_fails)
    with pytest.raises(SourceError):
        uploads.keep_adapter(both)
    assert not everything(cache)
    assert len(everything(uploads.find_adapter(uploads.keep_adapter(both)))) == 2


def test_what_a_killed_server_was_writing_goes_after_a_day(tmp_path):
    old, new, kept = (tmp_path / name for name in (".a.1.new", ".b.2.new", "kept"))
    for path in (old, new, kept):
        path.write_bytes(b"1")
    os.utime(old, (0, 0))
    files.drop_oldest(tmp_path, 10**9)
    assert {path.name for path in tmp_path.iterdir()} == {new.name, kept.name}


def test_a_full_disk_loses_no_finished_training(monkeypatch, full_disk):
    adapter = untrained({"model.layers.0.self_attn.q_proj": (8, 8)}, AdapterConfig(r=2))
    learnt = runs.kept_or_held(adapter)
    assert learnt.name == ""
    assert "No space left" in learnt.problem
    monkeypatch.undo()
    assert runs.kept_or_held(learnt.adapter).name.startswith("adapter-")


@pytest.fixture
def model(tmp_path):
    """Three small matrices."""
    rng = np.random.default_rng(0)
    held = {
        f"model.layers.{i}.mlp.up_proj.weight": rng.standard_normal((6, 5), np.float32)
        for i in range(3)
    }
    (tmp_path / "a.safetensors").write_bytes(save(held))
    return open_model(tmp_path / "a.safetensors")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data)):
        data[at] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("file", ["spectra.npz", "survey.json", "matrices.csv"])
def test_a_damaged_survey_is_made_again(model, file):
    folder = atlas.surveys() / cached.content(model.source)
    survey(model, folder=folder)
    flip(folder / file)
    with pytest.raises(FormatError):
        read_survey(folder)
    assert cached.finished_survey(str(folder), model.title) is None
    records = list(atlas._surveying(model.source, folder))
    assert len(records) == 4
    assert len(read_survey(folder).rows) == 3


def test_a_damaged_part_is_measured_again(model, tmp_path):
    names = matrices(model)
    first = Journal(tmp_path / "s", model.title, names, identity(model))
    for row, s in atlas.surveyed(model, names[:2]):
        first.add(row, s)
    flip(tmp_path / "s" / "parts" / "000000.npz")
    assert list(Journal(tmp_path / "s", model.title, names, identity(model)).done) == [names[1]]


def test_two_servers_on_one_cache_survey_the_same_model(model, tmp_path):
    names, folder = matrices(model), tmp_path / "s"
    one = Journal(folder, model.title, names, identity(model))
    found = list(atlas.surveyed(model, names))
    with files.whole(folder / "parts" / "000009.npz") as writing:  # the first is in the midst of it
        writing.write(b"1")
        two = Journal(folder, model.title, names, identity(model))
    for journal in (one, two):
        journal.add(*found[0])
    for row, s in found[1:]:
        one.add(row, s)
    one.finish()
    for row, s in found[1:]:
        two.add(row, s)
    assert len(two.finish().rows) == len(read_survey(folder).rows) == 3


PINNED = Pinned(Path("absent.txt"), "tiny/m.gguf", 4, "", 4)


def pinned(content: bytes) -> Pinned:
    import dataclasses
    import hashlib

    return dataclasses.replace(PINNED, sha256=hashlib.sha256(content).hexdigest())


def test_a_damaged_model_in_the_cache_is_fetched_again(cache):
    files.write(cache / "m.gguf", b"good")
    assert cached_path(pinned(b"good"))
    files.write(cache / "m.gguf", b"goof")
    assert cached_path(pinned(b"good")) is None


def test_five_first_visitors_start_one_download(cache, monkeypatch):
    asked, waiting = [], threading.Event()

    def download(pinned, target, *_) -> None:
        asked.append(pinned)
        assert waiting.wait(60)
        target.write_bytes(b"good")

    monkeypatch.setattr(default_model, "download", download)
    heard: list[int] = []

    def progress(done: int, total: int) -> None:
        heard.append(done)
        if len(heard) > 8:
            waiting.set()

    found: list[Path] = []
    visitors = [
        threading.Thread(target=lambda: found.append(fetch(pinned(b"good"), progress)))
        for _ in range(5)
    ]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(60)
    assert len(asked) == 1
    assert [path.read_bytes() for path in found] == [b"good"] * 5


SERVER = """
import subprocess, sys, time
from lowrank.readers.default_model import TIED
client = subprocess.Popen(
    [sys.executable, "-c", TIED + "print(os.getpid(), flush=True); import time; time.sleep(600)"],
    stdin=subprocess.PIPE,
)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no /proc")
def test_a_killed_server_leaves_no_download_running():
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    client = int(server.stdout.readline())
    server.kill()
    server.wait()
    until(lambda: gone(client))


def gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.mark.parametrize("kind", ["safetensors", "gguf", "npy"])
def test_a_file_that_shrinks_is_an_error_and_kills_nobody(kind, tmp_path):
    path, W = tmp_path / f"a.{kind}", np.ones((64, 4096), np.float32)
    if kind == "safetensors":
        path.write_bytes(save({"w": W}))
    elif kind == "npy":
        np.save(path, W)
    else:
        from gguf import GGUFWriter

        writer = GGUFWriter(path, "llama")
        writer.add_tensor("w", W)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    program = f"""
import os, sys
from lowrank.errors import SourceError
from lowrank.readers import open_model
model = open_model({str(path)!r})
os.truncate({str(path)!r}, 20_000)
try:
    model.read(next(iter(model.tensors)))
except SourceError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "has shrunk from" in done.stdout


def test_a_shape_of_thousands_of_digits_is_a_sentence(capsys):
    assert main(["worksheet", "--shape", "9" * 6000 + "x3", "--rank", "1"]) != 0
    assert len(capsys.readouterr().err) < 300
