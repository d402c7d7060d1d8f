"""What visitors bring is decoded in another process, within limits of memory and of time."""

import io
import json
import os
import re
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from lowrank.errors import FormatError
from lowrank.figures.pictures import read_picture
from lowrank.readers import uploads
from lowrank.readers.safetensors import SafetensorsModel
from lowrank.ui import adapters, cached, decoding, jobs, model_picker, worker
from lowrank.ui.apart import apart
from lowrank.ui.redundancy import compress
from tests import tiny_llama

NAME = "model.layers.0.self_attn.q_proj.weight"


@pytest.fixture(scope="module")
def pool() -> jobs.Jobs:
    return jobs.Jobs(processes=True)


@pytest.fixture(autouse=True)
def elsewhere(pool, monkeypatch):
    monkeypatch.setattr(jobs, "PROCESSES", True)
    monkeypatch.setattr(jobs, "POOL", pool)


@pytest.fixture
def only_there(monkeypatch):
    """Nothing that decodes works in this process."""

    def never(*_, **__):
        raise AssertionError("it was decoded in the server's process")

    for what in ("PIL.Image.open", "zipfile.ZipFile"):
        monkeypatch.setattr(what, never)
    monkeypatch.setattr(SafetensorsModel, "read", never)


def png(mode: str, side: int) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (side, side)).save(stream, "PNG", compress_level=9)
    return stream.getvalue()


def left() -> list[Path]:
    """Files on their way between two processes."""
    return list(uploads.folder().glob(".*.new"))


def test_another_process_does_it_and_arrays_come_as_they_were_made():
    assert apart(os.getpid) != os.getpid()
    for count in (10, 3_000_001):
        found = apart(partial(made, count))
        np.testing.assert_array_equal(found["a"], np.arange(count, dtype=np.float32))
        np.testing.assert_array_equal(found["b"], np.arange(5))
        assert found["words"] == "words"
        assert not left()
    assert not found["a"].flags.writeable


def made(count: int) -> dict[str, object]:
    return {"a": np.arange(count, dtype=np.float32), "b": np.arange(5), "words": "words"}


def test_what_takes_more_memory_is_refused_and_the_next_is_served():
    before = apart(os.getpid)
    with pytest.raises(FormatError, match="more than 1 GB of memory"):
        apart(partial(np.ones, 400_000_000), 10**9)
    assert apart(partial(len, "next")) == 4
    assert apart(os.getpid) == before


def test_large_transparent_pictures_are_refused_by_the_memory_they_take(only_there):
    """Eight of these took 4.2 GB."""
    data = png("RGBA", 6000)
    with pytest.raises(FormatError, match="memory"):
        apart(partial(read_picture, data), 10**8)
    assert apart(partial(read_picture, data)).shape == (320, 320)


def test_what_takes_longer_is_refused_and_the_next_is_served(monkeypatch):
    """A pattern that holds the interpreter, and so the whole server if it were matched here."""
    monkeypatch.setattr(worker, "GRACE", 0.1)
    before = apart(os.getpid)
    with pytest.raises(FormatError, match="longer than 0 seconds"):
        apart(partial(re.fullmatch, "(a+)+b", "a" * 60), seconds=0.3)
    assert apart(os.getpid) not in (before, os.getpid())


def test_a_decoder_that_takes_its_process_down_takes_nothing_else(only_there):
    with pytest.raises(FormatError, match="ended before it was done"):
        apart(os.abort)
    assert compress.read({"a.png": png("L", 40)}).X.shape == (40, 40)


def test_of_what_was_brought_nothing_is_remembered(pool):
    apart(partial(len, bytes(10**6)))
    assert not pool._jobs


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of this test's own, also to the processes that begin in it."""
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jobs, "POOL", jobs.Jobs(processes=True))


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def test_pictures_zips_adapters_matrices_and_weights_are_decoded_there(
    own_cache, tmp_path, monkeypatch, request
):
    where = tiny_llama.write(tmp_path / "tiny")
    model = zipped({path.name: path.read_bytes() for path in where.iterdir()})
    W = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)
    stem = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
    weights = save({f"{stem}A.weight": W.T[:2].copy(), f"{stem}B.weight": W[:, :2].copy()})
    config = {"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]}
    pair = {
        "adapter_config.json": json.dumps(config).encode(),
        "adapter_model.safetensors": weights,
    }
    adapter = zipped(pair)
    expected = SafetensorsModel(where).read(NAME)
    request.getfixturevalue("only_there")
    assert compress.read({"a.png": png("LA", 30)}).X.shape == (30, 30)

    kept = adapters.kept_for_visitor({"a.zip": adapter})
    (found,) = cached.adapter(str(uploads.find_adapter(kept))).pairs.values()
    np.testing.assert_array_equal(found.B, W[:, :2])

    source = str(uploads.find(model_picker._kept({"tiny.zip": model})))
    monkeypatch.setattr(cached, "LARGE", 100)
    np.testing.assert_array_equal(cached.matrix(source, NAME), expected)
    layer = cached.params(source).layers[0]
    np.testing.assert_array_equal(layer.q_proj.matrix(), expected)
    assert not left()


def test_a_small_matrix_is_widened_on_the_page(own_cache, monkeypatch):
    """A count bounds what that takes, and a process of its own would take longer."""
    raw = save({NAME: np.ones((40, 40), np.float16)})
    source = str(uploads.find(uploads.keep("a.safetensors", raw)))
    cached.model(source)
    monkeypatch.setattr(jobs, "POOL", None)
    assert cached.matrix(source, NAME).shape == (40, 40)


def test_hostile_headers_never_reach_the_servers_process(own_cache, monkeypatch):
    """What a worker cannot open in its time is not opened here."""
    seen = []
    monkeypatch.setattr(cached, "open_model", seen.append)
    raw = save({"a" * 40_000: np.ones((4, 4), np.float32)})
    name = uploads.keep("a.safetensors", raw)
    with pytest.raises(FormatError, match="40,000 characters"):
        cached.model(str(uploads.find(name)))
    assert not seen


def test_a_visitor_reads_a_sentence():
    with pytest.raises(FormatError) as told:
        compress.read({"a.png": b"\x89PNG\r\n\x1a\n" + bytes(100)})
    assert "expected a PNG or a JPEG" in str(told.value)


def test_limits_are_lifted_when_the_work_is_done():
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with decoding.limited(10**9):
        assert resource.getrlimit(resource.RLIMIT_AS) != before
    assert resource.getrlimit(resource.RLIMIT_AS) == before
