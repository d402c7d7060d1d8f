"""Reading files on this machine: mapped where they are large, whole where they must be small."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lowrank.errors import FormatError, SourceError


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raises SourceError, naming the file, where the system will not have it opened or read."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            "{name} cannot be opened: {problem}.", name=path.name, problem=error.strerror or error
        ) from error


def mapped(path: Path) -> memoryview:
    """A file's bytes, memory-mapped and read-only. Raises SourceError if it cannot be opened."""
    with told(path), path.open("rb") as file:
        if not path.stat().st_size:  # of which the system makes no map
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def unshrunk(path: Path, size: int) -> None:
    """Raises SourceError if a file has fewer bytes now than were mapped.

    To read a map beyond the end of its file kills the process. Nothing can be done about a file
    that shrinks in the very moment it is read: it should be replaced, never written in place.
    """
    with told(path):
        now = path.stat().st_size
    if now < size:
        raise SourceError(
            "{name} has shrunk from {size:,} to {now:,} bytes since it was opened.",
            name=path.name,
            size=size,
            now=now,
        )


def release(data: memoryview, start: int, size: int) -> None:
    """Give back the pages of a map that have been read: the system keeps them, we need not.

    Without it a process that has read a whole model holds it twice, as stored and as float32.
    """
    if hasattr(mmap, "MADV_DONTNEED") and isinstance(data.obj, mmap.mmap):
        first = start // mmap.PAGESIZE * mmap.PAGESIZE
        data.obj.madvise(mmap.MADV_DONTNEED, first, start + size - first)


def contents(path: Path, most: int) -> bytes:
    """A small file. Raises FormatError if it has over `most` bytes, SourceError as `mapped`."""
    with told(path):
        if path.stat().st_size > most:
            raise FormatError(
                "{name} is over {most:.0f} MB, too large for it.",
                name=path.name,
                most=most / 1e6,
            )
        return path.read_bytes()
