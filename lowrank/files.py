"""Files that appear whole or not at all, cells that stay text, the folder where things are kept."""

import csv
import io
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from lowrank.errors import SourceError
from lowrank.language import gettext as _


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
    part = _unfinished(path)
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
        reason = error.strerror or error
        if isinstance(error, FileExistsError):  # from mkdir, the new name being nobody else's
            reason = _("{folder} is not a folder").format(folder=path.parent)
        if path.is_relative_to(cache_folder()):
            raise SourceError(
                "{path} cannot be written: {reason}. Name a folder with room, which you may write "
                "to, in LOWRANK_CACHE.",
                path=path,
                reason=reason,
            ) from error
        raise SourceError(
            "{path} cannot be written: {reason}.", path=path, reason=reason
        ) from error
    finally:
        remove(part)


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """A folder to fill that becomes the one at `place` when the block ends, and not before.

    It lies beside it under another name; whatever fails or is raised in the block leaves the folder
    that was there, or none.

    Raises SourceError if it cannot be put there.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "export"
    >>> with whole_folder(place) as new:
    ...     write(new / "note.txt", "all of it")
    ...     place.exists()
    False
    >>> [path.name for path in place.iterdir()]
    ['note.txt']
    """
    new = _unfinished(place)
    try:
        yield new
        _swap(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def named_folder(where: Path, fill: Callable[[Path], str]) -> str:
    """The name of a folder in `where`: `fill` fills it and makes the name, from its content.

    If a folder of that name is there, or comes there meanwhile, it stays: it holds the same.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp())
    >>> named_folder(place, lambda new: write(new / "note.txt", "all of it") or "note")
    'note'
    >>> [path.name for path in place.iterdir()]
    ['note']
    """
    new = _unfinished(where / "folder")
    try:
        name = fill(new)
        if not (where / name).exists():
            with suppress(OSError):  # another process brings the same files
                os.replace(new, where / name)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return name


def _unfinished(path: Path) -> Path:
    """Beside what is being written, a name that is nobody else's; `drop_stale` knows it."""
    return path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.new")


def _swap(new: Path, place: Path) -> None:
    """Put a finished folder in the place of an older one."""
    old = new.with_suffix(".old")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            os.replace(place, old)
        os.replace(new, place)
    except OSError as error:
        if old.exists() and not place.exists():
            os.replace(old, place)
        raise SourceError(
            "{path} cannot be written: {problem}.", path=place, problem=error.strerror or error
        ) from error
    shutil.rmtree(old, ignore_errors=True)


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


STALE_AFTER = 24 * 3600  # seconds after which a file that is being written is nobody's any more


def drop_oldest(folder: Path, most: int) -> None:
    """Remove what was used longest ago in a folder until the rest is within `most` bytes.

    A folder inside it counts with all it holds, and goes with it. What `drop_stale` removes goes in
    any case.
    """
    drop_stale(folder)
    held = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process has just removed it
            held.append((path.stat().st_mtime, nbytes(path), path))
    total = sum(size for _, size, _ in held)
    for _used, size, path in sorted(held):
        if total <= most:
            return
        discard(path)
        total -= size


def drop_stale(folder: Path) -> None:
    """Remove what a killed process was writing in a folder a day ago."""
    for path in folder.glob("*.new"):
        with suppress(OSError):  # another process has just removed it
            if time.time() - path.stat().st_mtime > STALE_AFTER:
                discard(path)


def nbytes(path: Path) -> int:
    """Bytes of a file, or of all in a folder, while others may be adding and removing some.

    Folders count too, since many empty ones fill a disk; what a link leads to does not.
    """
    total = 0
    for each in (path, *path.rglob("*")):
        with suppress(OSError):
            total += each.lstat().st_size
    return total


def discard(path: Path) -> None:
    """Remove a file, or a folder with all it holds, as far as it may be."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        remove(path)


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


def as_cell(value: object) -> object:
    """A cell of a table to take home: a text that a spreadsheet would reckon with stays a text.

    >>> as_cell("=HYPERLINK(1)"), as_cell(-1.5), as_cell("q_proj")
    ("'=HYPERLINK(1)", -1.5, 'q_proj')
    """
    dangerous = isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@"))
    return f"'{value}" if dangerous else value


def as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as a table under the first one's keys, every cell by `as_cell`.

    >>> as_csv([{"module": "q_proj", "r": 8}]).splitlines()
    ['module,r', 'q_proj,8']
    """
    held = io.StringIO(newline="")
    writer = csv.DictWriter(held, rows[0] if rows else ["table"])
    writer.writeheader()
    writer.writerows({key: as_cell(cell) for key, cell in row.items()} for row in rows)
    return held.getvalue()
