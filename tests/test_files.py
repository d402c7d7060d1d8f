"""A file is written whole or not at all, whatever happens meanwhile."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lowrank import files
from lowrank.errors import FormatError, SourceError

BIG = 1 << 20  # bytes: far more than is written in one go


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """A file whose old content must survive the test, alone in its folder."""
    path = tmp_path / "folder" / "kept.bin"
    files.write(path, b"old")
    yield path
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("problem", [FormatError("no such value"), KeyboardInterrupt()])
def test_what_is_raised_half_way_leaves_the_old_file_alone(kept, problem):
    def fails():
        with files.whole(kept) as out:
            out.write(b"half of it")
            raise problem

    with pytest.raises(type(problem)):
        fails()


def test_a_full_disk_is_told_in_one_sentence(kept, monkeypatch):
    class Full:
        """A stream on a disk that fills: what is flushed does not fit."""

        def __init__(self, stream):
            self.stream = stream

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.stream.close()

        def write(self, raw):
            self.stream.write(raw[: len(raw) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *how: Full(real(self, *how)))
    with pytest.raises(SourceError) as raised:
        files.write(kept, bytes(BIG))
    monkeypatch.undo()
    assert str(raised.value) == f"{kept} cannot be written: No space left on device."


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set as Linux has it")
def test_a_real_limit_on_the_size_of_a_file_is_one_too(kept):
    program = f"""import resource, signal
from pathlib import Path
from lowrank import errors, files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({BIG // 2}, {BIG // 2}))
try:
    files.write(Path({str(kept)!r}), bytes({BIG}))
except errors.SourceError as error:
    print(error)"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == f"{kept} cannot be written: File too large.", done.stderr


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match=r"cannot be written: .*file is not a folder"):
        files.write(tmp_path / "file" / "inside", "text")


def test_in_the_cache_the_message_says_what_to_change(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "file"))
    with pytest.raises(SourceError, match="LOWRANK_CACHE"):
        files.write(files.cache_folder() / "hub" / "x", b"")


def test_processes_that_write_one_path_never_mix(tmp_path):
    """A reader sees one writer's bytes at every moment, never a part of them, never both."""
    path = tmp_path / "shared.bin"
    files.write(path, b"0" * BIG)
    program = f"""import sys
from pathlib import Path
from lowrank import files
for _ in range(20):
    files.write(Path({str(path)!r}), sys.argv[1].encode() * {BIG})"""
    writers = [subprocess.Popen([sys.executable, "-c", program, letter]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        raw = path.read_bytes()
        assert raw == raw[:1] * BIG
        seen.add(raw[:1])
    assert [writer.returncode for writer in writers] == [0, 0]
    assert path.read_bytes()[:1] in (b"a", b"b")
    assert seen
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as POSIX has them")
def test_others_may_read_it_as_they_may_read_any_new_file(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    files.write(tmp_path / "whole", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "whole")}
    assert len(modes) == 1


def test_the_oldest_files_go_first_and_no_more_than_must(tmp_path):
    for age, name in enumerate("cab"):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (age, age))
    files.drop_oldest(tmp_path, 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_the_cache_folder_follows_the_platform(monkeypatch):
    monkeypatch.delenv("LOWRANK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "xdg")
    monkeypatch.setenv("LOCALAPPDATA", "local")
    names = {"linux": Path("xdg/lowrank"), "win32": Path("local/lowrank")}
    names["darwin"] = Path.home() / "Library/Caches/lowrank"
    for platform, folder in names.items():
        monkeypatch.setattr(sys, "platform", platform)
        assert files.cache_folder() == folder
