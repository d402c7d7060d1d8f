"""Files that visitors bring: kept on disk, under a name made from the content, while room lasts.

The name is also what a link says, so that a reload finds the file again.
"""

import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lowrank.errors import InputError, SourceError
from lowrank.files import cache_folder, drop_oldest, write
from lowrank.readers.identity import digest

MOST = 2 * 10**9  # bytes of uploads kept in all
KINDS = ("safetensors", "gguf")
MOST_ADAPTERS = 50
ADAPTER_FILES = {"adapter_config.json", "adapter_model.safetensors"}
ADAPTER = re.compile(r"adapter-[0-9a-f]{16}")
NAME = re.compile(r"[A-Za-z0-9_]{1,40}-[0-9a-f]{16}\.(safetensors|gguf)")


def folder() -> Path:
    """Where uploads are kept."""
    return cache_folder() / "uploads"


def keep(filename: str, data: bytes | memoryview) -> str:
    """Keep a file and return its name from now on; the same content has the same name.

    Raises InputError for a file of another kind, SourceError if there is no room for it.
    """
    stem, _, kind = filename.rpartition(".")
    if kind.lower() not in KINDS:
        raise InputError(f"{filename[:80]!r} is not a .safetensors or .gguf file.")
    plain = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")[:40] or "file"
    name = f"{plain}-{digest(data)[:16]}.{kind.lower()}"
    write(folder() / name, data)
    drop_oldest(folder(), MOST)
    return name


def find(name: str) -> Path:
    """The file of a name that `keep` gave, now used last.

    Raises InputError for any other text, SourceError if the file is no longer there.
    """
    path = _kept(folder(), NAME, name)
    os.utime(path)
    return path


def keep_adapter(files: Mapping[str, bytes | memoryview]) -> str:
    """Keep an adapter's two files and return their folder's name from now on.

    Raises InputError if they are not the two, SourceError if there is no room for them.
    """
    if set(files) != ADAPTER_FILES:
        given = ", ".join(sorted(files))[:200] or "none"
        raise InputError(f"The files are {given}; expected {' and '.join(sorted(ADAPTER_FILES))}.")
    both = "".join(digest(files[name]) for name in sorted(files))
    name = f"adapter-{digest(both.encode())[:16]}"
    target = adapters_folder() / name
    for file, data in files.items():
        write(target / file, data)
    with suppress(OSError):  # another process may be removing the same ones
        kept = sorted(adapters_folder().iterdir(), key=lambda path: path.stat().st_mtime)
        for old in kept[:-MOST_ADAPTERS]:
            shutil.rmtree(old, ignore_errors=True)
    return name


def find_adapter(name: str) -> Path:
    """The folder of a name that `keep_adapter` gave.

    Raises InputError for any other text, SourceError if it is no longer there.
    """
    return _kept(adapters_folder(), ADAPTER, name)


def adapters_folder() -> Path:
    """Where uploaded adapters are kept."""
    return cache_folder() / "adapters"


def _kept(where: Path, pattern: re.Pattern[str], name: str) -> Path:
    if not pattern.fullmatch(name):
        raise InputError(f"{name[:80]!r} is not the name of an uploaded file: upload it again.")
    path = where / name
    if not path.exists():
        raise SourceError(f"The uploaded {name} is no longer kept here: upload it again.")
    return path
