"""Files that appear whole or not at all, and the folder in which fetched things are kept."""

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lowrank.errors import SourceError


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose bytes become the file at `path` when the block ends, and not before.

    They are written beside it under another name, put on the disk, and renamed; whatever fails or
    is raised in the block leaves the file that was there, or none. Any number of processes may
    write one path at once: the last to finish wins. Missing folders are made.

    Raises SourceError if it cannot be written: a full disk, a folder without permission.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "new" / "note.txt"
    >>> with whole(path) as out:
    ...     written = out.write(b"all of it")
    ...     path.exists()
    False
    >>> path.read_bytes()
    b'all of it'
    """
    part = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, path)
    except SourceError:  # from the block: it says itself what is wrong
        raise
    except OSError as error:
        hint = ""
        if path.is_relative_to(cache_folder()):
            hint = " Name a folder with room, which you may write to, in LOWRANK_CACHE."
        reason = error.strerror or error
        if isinstance(error, FileExistsError):  # from mkdir, the new name being nobody else's
            reason = f"{path.parent} is not a folder"
        raise SourceError(f"{path} cannot be written: {reason}.{hint}") from error
    finally:
        remove(part)


def write(path: Path, content: bytes | memoryview | str) -> None:
    """Write a file, text as UTF-8, whole or not at all. Raises SourceError as `whole` does."""
    with whole(path) as out:
        out.write(content.encode() if isinstance(content, str) else content)


def remove(path: Path) -> None:
    """Remove a file if it is there and may be removed: nobody misses it."""
    try:
        path.unlink(missing_ok=True)
    except OSError:  # a folder that is none, a file that another program holds open
        return


def drop_oldest(folder: Path, most: int) -> None:
    """Remove what was used longest ago in a folder until the rest is within `most` bytes.

    A folder inside it counts with its files, and goes with them.
    """
    held = []
    for path in folder.iterdir():
        try:
            size = sum(each.stat().st_size for each in (path, *path.glob("*")))
            held.append((path.stat().st_mtime, size, path))
        except OSError:  # another process has just removed it
            continue
    total = sum(size for _, size, _ in held)
    for _, size, path in sorted(held):
        if total <= most:
            return
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            remove(path)
        total -= size


def cache_folder() -> Path:
    """Where fetched and computed things live: LOWRANK_CACHE, or `lowrank` in the user's cache."""
    chosen = os.environ.get("LOWRANK_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "lowrank"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/lowrank"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lowrank"
