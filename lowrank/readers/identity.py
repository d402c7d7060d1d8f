"""What tells one model's numbers from another's, for everything that is kept under a model's name.

Names, shapes and stored types do not: a fine-tune has those of its base. The content does.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from lowrank.errors import SourceError
from lowrank.files import cache_folder, write
from lowrank.readers.local_files import told

READING = 2  # to be raised when the readers make other numbers of the same bytes
Stamp = tuple[int, ...]


class Made(Protocol):
    """Whatever says of which files it is made, or which name stands for its content for good."""

    @property
    def made_of(self) -> tuple[Path | str, ...]:
        """See `lowrank.readers.interface.Model`."""


def identity(model: Made) -> str:
    """A digest (64 hex digits) of all that a model's numbers and words come from.

    Two models have the same one only if every file of theirs is the same to the last byte, whatever
    its name: weights, configuration, tokenizer. On the hub commit and ETag stand for the files. A
    file is hashed once: the hash is kept with the file's size, times and inode (`stamp`).

    Raises SourceError if a file cannot be read, or is written to at this moment.

    >>> from lowrank.readers import open_model
    >>> len(identity(open_model("synthetic")))
    64
    """
    parts = [file_hash(p) if isinstance(p, Path) else p for p in model.made_of]
    return digest(json.dumps([READING, parts]).encode())


def digest(content: bytes | memoryview) -> str:
    """The hash that stands for bytes: SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def stamps(made_of: Iterable[Path | str]) -> tuple[Stamp | str, ...]:
    """What changes when the content does, without reading any: for what is kept in memory only."""
    return tuple(stamp(part) if isinstance(part, Path) else part for part in made_of)


def stamp(path: Path) -> Stamp:
    """A file's size, times of change, inode and device, which no writing leaves as they are; ().

    The last for a file that is not there: it may come.
    """
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


def file_hash(path: Path) -> str:
    """A file's SHA-256 from this machine's notes, or else by reading it; empty if it is not there.

    Raises SourceError as `identity` does.
    """
    path = path.absolute()
    before = stamp(path)
    return _hashed(path, before) if before else ""


def note(path: Path, sha256: str) -> None:
    """Keep a hash that was just taken of a file; where nothing can be written, do not."""
    try:
        write(_place(path.absolute()), json.dumps([stamp(path), sha256]))
    except SourceError:
        return


@lru_cache(maxsize=256)
def _hashed(path: Path, before: Stamp) -> str:
    try:
        known, sha256 = json.loads(_place(path).read_text(encoding="utf-8"))
        if tuple(known) == before and isinstance(sha256, str):
            return sha256
    except (OSError, ValueError, TypeError):  # no note, or none of ours
        pass
    with told(path), path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if stamp(path) != before:
        raise SourceError(
            "{name} is being written to: open it when it is finished.",
            name=path.name,
        )
    note(path, sha256)
    return sha256


def _place(path: Path) -> Path:
    return cache_folder() / "hashes" / f"{digest(os.fsencode(path))[:32]}.json"
