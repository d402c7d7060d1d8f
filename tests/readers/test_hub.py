"""Models on a hub: the real huggingface_hub over real sockets to a hub with faults on request."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import save

from lowrank.errors import FormatError, InputError, SourceError
from lowrank.readers import hub as hub_reader
from lowrank.readers import open_model, range_cache, ranges
from tests.hub_server import COMMIT

ROOT = Path(__file__).parents[2]
REPO = "acme/tiny-llama"
CONFIG = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 300,
}
SHAPES = {
    "model.embed_tokens.weight": (300, 64),
    "model.layers.0.self_attn.q_proj.weight": (64, 64),
    "model.layers.0.mlp.down_proj.weight": (64, 96),
    "model.norm.weight": (64,),
}
Q = "model.layers.0.self_attn.q_proj.weight"
E = "model.embed_tokens.weight"


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape).astype("f2") for name, shape in SHAPES.items()}


def single() -> dict[str, bytes]:
    return {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": save(weights())}


def sharded() -> dict[str, bytes]:
    names = list(SHAPES)
    parts = {"model-1-of-2.safetensors": names[:1], "model-2-of-2.safetensors": names[1:]}
    index = {"weight_map": {name: file for file, held in parts.items() for name in held}}
    files = {file: save({n: weights()[n] for n in held}) for file, held in parts.items()}
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    return files | {"config.json": json.dumps(CONFIG).encode()}


@pytest.fixture(autouse=True)
def tiny(hub, monkeypatch) -> None:
    """The hub holds one sharded model, and nobody sleeps between two tries."""
    hub.repos[REPO] = sharded()
    monkeypatch.setattr(ranges.time, "sleep", lambda _: None)


def off_the_network(monkeypatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    huggingface_hub.close_session()


def said(action) -> str:
    with pytest.raises(SourceError) as caught:
        action()
    return str(caught.value)


@pytest.mark.parametrize("files", [single, sharded])
def test_the_arrays_and_the_table_are_those_of_the_files(hub, files, tmp_path):
    hub.repos[REPO] = files()
    for name, data in files().items():
        (tmp_path / name).write_bytes(data)
    local, remote = open_model(tmp_path), open_model(REPO)
    assert remote.tensors == local.tensors
    assert remote.config == local.config
    assert (remote.kind, remote.source) == ("real", f"hf://{REPO}@{COMMIT}")
    for name in SHAPES:
        np.testing.assert_array_equal(remote.read(name), local.read(name))
        np.testing.assert_array_equal(remote.read(name), weights()[name].astype(np.float32))
    assert remote.tensors[Q].dtype == "F16"


def test_one_tensor_costs_its_bytes_and_the_headers(hub):
    hub.repos[REPO] = {
        "model.safetensors": save({f"big.{i}": np.ones((500, 400), "f4") for i in range(5)})
    }
    length = int.from_bytes(hub.repos[REPO]["model.safetensors"][:8], "little")
    model = open_model(REPO)
    model.read("big.3")
    assert hub.sent() <= 500 * 400 * 4 + length + 64_000
    before = len(hub.requests)
    model.read("big.3")
    assert len(hub.requests) == before


def test_a_long_header_takes_a_second_range(hub):
    many = {
        f"model.layers.{i}.self_attn.q_proj.weight": np.full((2, 2), i, "f2") for i in range(400)
    }
    hub.repos[REPO] = {"model.safetensors": save(many)}
    length = int.from_bytes(hub.repos[REPO]["model.safetensors"][:8], "little")
    assert length > hub_reader.FIRST_LOOK
    model = open_model(REPO)
    assert hub.sent() == 8 + length
    assert model.read("model.layers.399.self_attn.q_proj.weight").tolist() == [[399] * 2] * 2


def test_what_was_looked_at_works_offline_and_the_rest_says_why_not(hub, monkeypatch):
    first = open_model(f"{REPO}@main").read(Q)
    off_the_network(monkeypatch)
    before = len(hub.requests)
    for given in (REPO, f"hf://{REPO}@{COMMIT}"):
        model = open_model(given)
        np.testing.assert_array_equal(model.read(Q), first)
        assert (model.here(Q), model.here(E)) == (True, False)
        assert "HF_HUB_OFFLINE is set" in said(lambda model=model: model.read(E))
    assert "HF_HUB_OFFLINE is set" in said(lambda: open_model("acme/never-seen"))
    assert len(hub.requests) == before


def test_without_a_network_what_was_looked_at_still_opens(hub, monkeypatch):
    first = open_model(REPO).read(Q)
    hub.__exit__()
    huggingface_hub.close_session()  # its open connections would still be answered
    np.testing.assert_array_equal(open_model(REPO).read(Q), first)
    assert "is there a network?" in said(lambda: open_model(REPO).read(E))
    assert "is there a network?" in said(lambda: open_model("acme/never-seen"))


def test_a_dropped_connection_resumes_where_it_stopped(hub):
    model = open_model(REPO)
    hub.cut_after, before, seen = [1000, 5000, 0], hub.sent(), []
    got = model.read(E, lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(got, weights()[E].astype(np.float32))
    assert hub.sent() - before == got.size * 2  # not one byte twice
    starts = [int(r.range[6:].partition("-")[0]) for r in hub.requests if r.sent and r.range]
    assert np.diff(starts[-3:]).tolist() == [1000, 5000]
    assert seen[-1] == (got.size * 2, got.size * 2)
    assert seen == sorted(seen)


def test_a_busy_server_is_asked_again_and_not_for_ever(hub):
    model = open_model(REPO)
    hub.busy = [503, 429]
    assert model.read(Q).shape == (64, 64)
    hub.busy = [503] * 50
    assert "is busy" in said(lambda: model.read(E))
    hub.busy, hub.cut_after = [], [0] * 50
    assert "is there a network?" in said(lambda: model.read(E))
    assert len(hub.cut_after) == 50 - ranges.TRIES


def test_a_missing_repository_and_a_missing_revision(hub, monkeypatch):
    assert "not on the hub" in (message := said(lambda: open_model("acme/nothing")))
    assert "There is no token" in message
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    assert "Your token (HF_TOKEN) is not allowed" in said(lambda: open_model("acme/nothing"))
    assert "no revision 'v9'" in said(lambda: open_model(f"{REPO}@v9"))


def test_a_gated_repository_needs_a_token_that_may_read_it(hub, monkeypatch):
    hub.gated, hub.tokens = {REPO}, {"hf_good"}
    message = said(lambda: open_model(REPO))
    assert "is gated. There is no token" in message
    assert f"{hub.url}/{REPO}" in message
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    assert "is gated. Your token" in said(lambda: open_model(REPO))
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    assert open_model(REPO).read(Q).shape == (64, 64)
    elsewhere = [r for r in hub.requests if r.host.startswith("localhost")]
    assert elsewhere
    assert not any(r.authorization for r in elsewhere)  # the token is the hub's alone
    assert any(r.authorization == "Bearer hf_good" for r in hub.requests)


def test_a_token_that_is_not_accepted_is_said(hub, monkeypatch):
    hub.refuse_tokens = True
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    assert "the token is not accepted" in said(lambda: open_model(REPO))


def test_a_server_without_ranges_is_not_read_whole(hub):
    hub.ranges = False
    message = said(lambda: open_model(REPO))
    assert "does not send parts of a file" in message
    assert "Download acme/tiny-llama whole" in message


def test_a_server_that_sends_other_bytes_is_caught(hub):
    model = open_model(REPO)
    hub.shift = 4
    assert "when asked for" in said(lambda: model.read(Q))


def test_a_file_that_changed_or_shrank_is_caught(hub):
    model = open_model(REPO)
    changed = {**sharded(), "model-1-of-2.safetensors": bytes(60_000)}
    hub.repos[REPO] = changed
    assert "changed while it was read" in said(lambda: model.read(E))
    changed["model-2-of-2.safetensors"] = b"\0" * 1000
    assert "shorter than its header says" in said(lambda: model.read(Q))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"pytorch_model.bin": b"\x80"}, "only pickles"),
        ({"tiny.Q4_0.gguf": b"GGUF"}, "name one, such as acme/tiny-llama/tiny.Q4_0.gguf"),
        ({"adapter_model.safetensors": b""}, "under other names"),
        ({"README.md": b"hello"}, "no weights"),
    ],
)
def test_a_repository_without_safetensors_says_what_it_holds(hub, files, words):
    hub.repos[REPO] = files
    assert words in said(lambda: open_model(REPO))


@pytest.mark.parametrize("file", ["../secret.safetensors", "/etc/passwd", "sub/a.safetensors"])
def test_an_index_that_points_elsewhere_is_refused(hub, file):
    index = json.dumps({"weight_map": {"w": file}}).encode()
    hub.repos[REPO]["model.safetensors.index.json"] = index
    with pytest.raises(FormatError, match="expected a file beside it"):
        open_model(REPO)


@pytest.mark.parametrize(
    "body", [b"", b"\xff" * 3000, bytes(2000), b"\xff" * 7 + b"\x7f" + bytes(99)]
)
def test_a_hostile_shard_is_refused(hub, body):
    hub.repos[REPO] = {"model.safetensors": body}
    with pytest.raises((FormatError, SourceError)):
        open_model(REPO)


@pytest.mark.parametrize(
    "given",
    ["", "one", "a/b/c", "../x", "a/..", "/etc/passwd", "a/b@", "a/b@../x", "a/b?c=d", "a/b#c",
     "http://evil/a/b", "a b/c", "a/b\nc", "a/" + "b" * 200, "-a/b", "a--b/c", "a/b@x@y", "%2e/b"],
)  # fmt: skip
def test_what_is_no_hub_id_is_refused_before_any_request(hub, given):
    with pytest.raises(InputError, match="hub id"):
        open_model(f"hf://{given}")
    assert not hub.requests


def test_a_folder_of_that_name_is_opened_unless_the_hub_is_named(hub, tmp_path, monkeypatch):
    folder = tmp_path / REPO
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(save({"mine": np.ones((2, 3), "f4")}))
    monkeypatch.chdir(tmp_path)
    assert list(open_model(REPO).tensors) == ["mine"]
    assert list(open_model(f"hf://{REPO}").tensors) == list(SHAPES)


def test_what_is_kept_stays_under_its_limit_and_the_oldest_goes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path))
    monkeypatch.setenv("LOWRANK_HUB_CACHE_MB", "1")
    for age, key in enumerate(("a", "b", "c")):
        range_cache.put(key, bytes(300_000))
        os.utime(range_cache.place(key), (age, age))
    assert range_cache.get("a") == bytes(300_000)  # now b is the one used longest ago
    range_cache.put("d", bytes(300_000))
    assert [key for key in "abcd" if range_cache.place(key).exists()] == ["a", "c", "d"]
    range_cache.put("whale", bytes(1_000_001))
    assert not range_cache.place("whale").exists()
    assert range_cache.get("a", size=5) is None  # not what was asked for
    assert sum(path.stat().st_size for path in range_cache.folder().iterdir()) <= 10**6


def test_where_nothing_can_be_kept_reading_still_works(hub, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "file"))
    assert open_model(REPO).read(Q).shape == (64, 64)


def test_the_environment_alone_directs_the_client(hub, tmp_path):
    """A new process knows nothing but HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE."""
    hub.gated, hub.tokens = {REPO}, {"hf_good"}
    program = f"from lowrank.readers import open_model as o; print(o({REPO!r}).read({Q!r}).sum())"
    names = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "hf_good"}
    expected = str(weights()[Q].astype(np.float32).sum())

    def run(**more: str) -> str:
        environment = {**os.environ, **names, **more}
        environment.pop("HF_HUB_CACHE", None)
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert run() == expected
    asked = len(hub.requests)
    assert asked
    assert run(HF_HUB_OFFLINE="1", HF_TOKEN="") == expected
    assert len(hub.requests) == asked
    assert (tmp_path / "home" / "hub").is_dir()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
def test_a_huge_configuration_is_refused_before_it_travels(hub, monkeypatch, name):
    monkeypatch.setattr(hub_reader, "LARGEST_JSON", 10_000)
    hub.repos[REPO][name] = b" " * 50_000
    with pytest.raises(FormatError, match="too large"):
        open_model(REPO)
    assert hub.sent() < 10_000


def test_a_class_that_wants_one_matrix_fetches_it_once(hub):
    model = open_model(REPO)
    before = hub.sent()
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: model.read(E), range(8)))
    assert hub.sent() - before == got[0].size * 2
    for W in got:
        np.testing.assert_array_equal(W, got[0])
