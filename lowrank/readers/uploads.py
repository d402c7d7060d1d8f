"""Files that visitors bring: kept on disk, under a name made from the content, while room lasts.

The name is also what a link says, so that a reload finds the file again.
"""

import hashlib
import io
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

from lowrank.errors import InputError, SourceError
from lowrank.files import cache_folder, discard, drop_oldest, named_folder, nbytes, whole, write
from lowrank.language import gettext as _
from lowrank.readers import uploaded_zip
from lowrank.readers.gguf import splits
from lowrank.readers.identity import digest

MOST = 2 * 10**9  # bytes of uploads kept in all
LARGEST = 400_000_000  # bytes of one model's files together, unpacked
KINDS = ("safetensors", "gguf", "npy")
MOST_ADAPTERS = 10**9  # bytes of adapters kept in all
SHARE = 600_000_000  # bytes of one visitor's, before which nobody else's make room
ADAPTER_FILES = {"adapter_config.json", "adapter_model.safetensors"}
MLX_ADAPTER_FILES = {"adapter_config.json", "adapters.safetensors"}
ADAPTER = re.compile(r"adapter-[0-9a-f]{16}")
NAME = re.compile(r"[A-Za-z0-9_]{1,40}-[0-9a-f]{16}(\.(safetensors|gguf|npy))?")
TOGETHER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.(safetensors|json|jinja|(?i:gguf))")
Source = Callable[[], IO[bytes]]  # a file's bytes, from their beginning


def folder() -> Path:
    """Where uploads are kept."""
    return cache_folder() / "uploads"


def keep(filename: str, data: bytes | memoryview) -> str:
    """Keep a file and return its name from now on; the same content has the same name.

    Raises InputError for a file of another kind, SourceError if there is no room for it.
    """
    stem, _, kind = filename.rpartition(".")
    if kind.lower() not in KINDS:
        raise InputError(
            "{filename!r} is not a .safetensors, .gguf or .npy file.",
            filename=filename[:80],
        )
    name = f"{plain(stem)}-{digest(data)[:16]}.{kind.lower()}"
    write(folder() / name, data)
    drop_oldest(folder(), MOST)
    return name


def keep_all(files: Mapping[str, bytes | memoryview]) -> str:
    """Keep what was brought together, and return its name: a file, a checkpoint, or a zip of one.

    A checkpoint is weights in .safetensors with config.json, tokenizer.json and what else stands
    beside them, or all parts of a split .gguf; in a zip other files are left out. All of it may
    have 400 MB, unpacked.

    Raises InputError or FormatError if it is none of these, SourceError if there is no room for it.
    """
    zipped = [name for name in files if name.lower().endswith(".zip")]
    if len(files) == 1 and not zipped:
        return keep(*next(iter(files.items())))
    if not zipped:
        total = sum(len(data) for data in files.values())
        if total > LARGEST:
            raise InputError(
                "The files have {total:,.0f} MB together; {largest:.0f} MB are accepted.",
                total=total / 1e6,
                largest=LARGEST / 1e6,
            )
        return keep_folder({name: partial(io.BytesIO, data) for name, data in files.items()})
    if len(files) > 1:
        raise InputError(
            "A zip comes alone: put everything into it, or bring the files themselves."
        )
    archive, members = uploaded_zip.members(files[zipped[0]], LARGEST)
    chosen = {Path(i.filename).name: i for i in uploaded_zip.nearest(members, KINDS)}
    if not chosen:
        raise InputError(
            "{zipped!r} holds no .safetensors, .gguf or .npy file.",
            zipped=zipped[0][:80],
        )
    single = [name for name in chosen if name.lower().endswith((".gguf", ".npy"))]
    wanted = splits(single[0]) if single else [n for n in chosen if TOGETHER.fullmatch(n)]
    with uploaded_zip.sound():
        if len(wanted) == 1 and single:
            return keep(single[0], archive.read(chosen[single[0]]))
        held = {name: chosen[name] for name in wanted if name in chosen}
        return keep_folder({name: partial(archive.open, info) for name, info in held.items()})


def keep_folder(files: Mapping[str, Source]) -> str:
    """Keep the files of one checkpoint in a folder of their own, and return its name.

    Raises InputError for a file that none of a checkpoint's can be, or if weights are wanting.
    """
    split = sorted(name for name in files if name.lower().endswith(".gguf"))
    parts = splits(split[0]) if split else []
    odd = [n for n in files if not TOGETHER.fullmatch(n) or (split and n not in parts)]
    if odd or (split and len(parts) == 1):
        raise InputError(
            "{file!r} is no file of a checkpoint; expected .safetensors with config.json "
            "and tokenizer.json, or a .gguf alone, or its parts (-00001-of-0000N).",
            file=(odd or split)[0][:80],
        )
    if missing := [name for name in parts if name not in files]:
        raise InputError(
            "{split!r} is one of {count} files: bring {missing} too.",
            split=split[0][:80],
            count=len(parts),
            missing=missing[0],
        )
    weights = split or sorted(name for name in files if name.endswith(".safetensors"))
    if not weights:
        raise InputError(
            "The files are {files}; expected .safetensors among them.",
            files=", ".join(sorted(files))[:200],
        )
    stem = plain(weights[0].partition(".")[0])

    def named(hashes: list[str]) -> str:
        all_of_it = "".join(map(str, zip(sorted(files), hashes, strict=True)))
        return f"{stem}-{digest(all_of_it.encode())[:16]}"

    return kept_together(files, folder(), MOST, named)


def kept_together(
    files: Mapping[str, Source], where: Path, most: int, named: Callable[[list[str]], str]
) -> str:
    """Keep files in a folder of their own, all or none; `named` makes its name of their hashes."""

    def fill(new: Path) -> str:
        return named([copied(files[each], new / each) for each in sorted(files)])

    name = named_folder(where, fill)
    drop_oldest(where, most)
    return name


def copied(source: Source, target: Path) -> str:
    """Write a file from a stream of its bytes, and return their hash. Raises SourceError."""
    found = hashlib.sha256()
    with whole(target) as out, source() as given:
        while part := given.read(2**20):
            found.update(part)
            out.write(part)
    return found.hexdigest()


def plain(stem: str) -> str:
    """Of a file's name what a link can say."""
    return re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")[:40] or "file"


def find(name: str) -> Path:
    """The file or folder of a name that `keep` or `keep_all` gave, now used last.

    Raises InputError for any other text, SourceError if the file is no longer there.
    """
    path = _kept(folder(), NAME, name)
    os.utime(path)
    return path


def keep_adapter(files: Mapping[str, bytes | memoryview]) -> str:
    """Keep an adapter's two files of those brought and return their folder's name from now on.

    Raises InputError if the two are not there, SourceError if there is no room for them.
    """
    given = ", ".join(sorted(files))[:200] or _("none")
    files = {name: files[name] for name in files if name in ADAPTER_FILES | MLX_ADAPTER_FILES}
    if set(files) not in (ADAPTER_FILES, MLX_ADAPTER_FILES):
        first, second = sorted(ADAPTER_FILES)
        raise InputError(
            "The files are {given}; expected {first} and {second}.",
            given=given,
            first=first,
            second=second,
        )
    sources = {name: partial(io.BytesIO, data) for name, data in files.items()}
    return kept_together(
        sources,
        adapters_folder(),
        MOST_ADAPTERS,
        lambda hashes: f"adapter-{digest(''.join(hashes).encode())[:16]}",
    )


def find_adapter(name: str) -> Path:
    """The folder of a name that `keep_adapter` gave.

    Raises InputError for any other text, SourceError if it is no longer there.
    """
    path = _kept(adapters_folder(), ADAPTER, name)
    with suppress(OSError):  # now used last; where nothing may be written, nothing is dropped
        os.utime(path)
    return path


def adapters_folder() -> Path:
    """Where uploaded adapters are kept."""
    return cache_folder() / "adapters"


def _kept(where: Path, pattern: re.Pattern[str], name: str) -> Path:
    if not pattern.fullmatch(name):
        raise InputError(
            "{name!r} is not the name of an uploaded file: upload it again.",
            name=name[:80],
        )
    path = where / name
    if not path.exists():
        raise SourceError(
            "The uploaded {name} is no longer kept here: upload it again.",
            name=name,
        )
    return path


class Shares:
    """What each visitor brought: beyond a share, the own oldest makes room, and nobody else's.

    Of the process, behind a lock; after a restart all that is kept is nobody's, and only the limit
    in all holds.
    """

    def __init__(self, share: int = SHARE, most: int = 1000) -> None:
        self._share, self._most = share, most
        self._brought: OrderedDict[str, list[Path]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, visitor: str, path: Path) -> None:
        """The visitor brought this file or folder."""
        with self._lock:
            own = [each for each in self._brought.pop(visitor, []) if each != path]
            others = {each for paths in self._brought.values() for each in paths}
            total, kept = nbytes(path), [path]
            for each in reversed(own):
                total += nbytes(each)
                if total <= self._share or each in others:
                    kept.insert(0, each)
                else:
                    discard(each)
            self._brought[visitor] = kept
            while len(self._brought) > self._most:
                self._brought.popitem(last=False)


SHARES = Shares()  # the server's one record
