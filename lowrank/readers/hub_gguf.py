"""A GGUF file on the hub, in one piece or split: its header and the matrices looked at travel."""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from threading import Lock

from huggingface_hub import constants

from lowrank.errors import InputError
from lowrank.readers import range_cache
from lowrank.readers.default_model import Progress
from lowrank.readers.gguf import GGUFModel, splits
from lowrank.readers.gguf_header import Stored
from lowrank.readers.hub import PART, REVISION, fetched, key, small_file
from lowrank.readers.interface import known_tensor
from lowrank.readers.ranges import RemoteFile
from lowrank.readers.safetensors import CONFIG

STEP = r"[A-Za-z0-9_][\w.-]{0,94}"  # a folder or file name inside a repository
HUB_FILE = re.compile(rf"({PART}/{PART})/((?:{STEP}/){{0,8}}{STEP}\.(?i:gguf))(?:@({REVISION}))?")


def hub_file(given: str) -> tuple[str, str, str]:
    """Repository, file and revision of "owner/name/file.gguf[@revision]"; "main" if left out.

    >>> hub_file("acme/tiny-GGUF/q4/tiny.Q4_0.gguf@v1")
    ('acme/tiny-GGUF', 'q4/tiny.Q4_0.gguf', 'v1')

    Raises InputError for anything else.
    """
    found = HUB_FILE.fullmatch(given.strip())
    if not found or ".." in given or "--" in found[1]:
        raise InputError(
            "{given!r} is not a GGUF file on the hub; expected owner/name/file.gguf or "
            "owner/name/file.gguf@revision.",
            given=given[:100],
        )
    return found[1], found[2], found[3] or "main"


@dataclass(frozen=True)
class RangedFile:
    """One file on the hub: see `lowrank.readers.gguf.File`."""

    remote: RemoteFile
    lock: Lock = field(default_factory=Lock)

    @property
    def name(self) -> str:
        """Its name in the repository."""
        return self.remote.name

    def size(self) -> int:
        """Its bytes in all, known once some of them came."""
        return self.remote.total

    def first(self, count: int) -> memoryview:
        """At least so many of its first bytes, kept here for next time if they can be."""
        file = self.remote
        kept_as = f"{constants.ENDPOINT} {file.repo} {file.version} {file.name} first {count}"
        held = range_cache.get(kept_as) if file.is_final else None
        if held is None:
            head = file.read(0, count)
            held = file.total.to_bytes(8, "little") + head
            if file.is_final:
                range_cache.put(kept_as, held)
        file.total = int.from_bytes(held[:8], "little")
        return memoryview(held)[8:]

    def raw(self, start: int, size: int, progress: Progress | None = None) -> bytes:
        """A range of its bytes, from this machine or else by one request."""
        with self.lock:  # thirty visitors fetch it once
            return fetched(self.remote, start, size, progress)

    def done(self, start: int, size: int) -> None:
        """Nothing is mapped that could be given back."""


class HubGGUF(GGUFModel):
    """A GGUF model on the hub, open: see `lowrank.readers.interface.Model` for its verbs.

    `given` is "owner/name/file.gguf[@revision]"; any part of a split file stands for all. Raises
    InputError for what is no such name, SourceError (with what to do) if the model cannot be had,
    FormatError if a file is not sound.
    """

    def __init__(self, given: str) -> None:
        repo, name, revision = hub_file(given)
        _, commit = small_file(repo, CONFIG, revision)
        path = PurePosixPath(name)
        names = [str(path.with_name(each)) for each in splits(path.name)]
        self._remote = [RangedFile(RemoteFile(repo, commit or revision, each)) for each in names]
        self.source, self.title = f"hf://{repo}/{name}@{commit or revision}", given.strip()
        self._open(self._remote)
        versions = (each.remote.version for each in self._remote)
        self.made_of = (constants.ENDPOINT, self.source, *versions)

    def here(self, name: str) -> bool:
        """Whether all that a tensor is stored as is kept on this machine already."""
        ranges = (key(*self._range(stored)) for stored in self._of(name))
        return all(range_cache.place(each).is_file() for each in ranges)

    def fetch(self, name: str, progress: Progress | None = None) -> None:
        """Bring a tensor's stored bytes here, one range request for each part it is stored as."""
        parts = self._of(name)
        done, size = 0, sum(stored.nbytes for stored in parts)
        for stored in parts:

            def further(got: int, _of: int, before: int = done) -> None:
                if progress:
                    progress(before + got, size)

            self._remote[stored.file].raw(stored.start, stored.nbytes, further)
            done += stored.nbytes

    def _of(self, name: str) -> list[Stored]:
        shown = known_tensor(self._shown, name, self.title)
        return [self._stored[each] for each in shown.stored]

    def _range(self, stored: Stored) -> tuple[RemoteFile, int, int]:
        return self._remote[stored.file].remote, stored.start, stored.nbytes
