"""A zip that a visitor brings, looked at before anything of it is unpacked."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from lowrank.errors import FormatError, LowrankError

END, END_64 = b"PK\5\6", b"PK\6\7"
LONGEST_TABLE = 1_000_000  # bytes: some thousands of files
COMMENT = 65_535
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def members(data: bytes | memoryview, most: int) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """The archive, and those of its files that have a name to be kept: none unpacked yet.

    Raises FormatError for what is no zip, is encrypted or compressed in a way that is not read, has
    a table too long to be a model's, or says that it unpacks to over `most` bytes. No file unpacks
    to more than it says: `zipfile` stops there.
    """
    check_table(bytes(data[-COMMENT - 22 - 20 :]))
    with sound():
        archive = zipfile.ZipFile(io.BytesIO(data))
    found = [info for info in archive.infolist() if visible(info.filename)]
    for info in found:
        if info.flag_bits & 1 or info.compress_type not in METHODS:
            raise FormatError(
                "{filename!r} in the zip is encrypted, or compressed in a way that is not "
                "read; expected a plain zip.",
                filename=info.filename[:80],
            )
    total = sum(info.file_size for info in found)
    if total > most:
        raise FormatError(
            "The zip unpacks to {total:,.0f} MB; {most:,.0f} MB are accepted.",
            total=total / 1e6,
            most=most / 1e6,
        )
    return archive, found


@contextmanager
def sound() -> Iterator[None]:
    """Raises FormatError where `zipfile` stumbles over a zip: what it raises is not documented."""
    try:
        yield
    except LowrankError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError) as error:
        raise FormatError("The file is no sound zip.") from error
    except (RuntimeError, OverflowError) as error:  # RuntimeError: what it does not support, too
        raise FormatError("The file is no zip that is read here.") from error


def check_table(end: bytes) -> None:
    """Raises FormatError if the end of a file is no zip's, or the zip lists too many files.

    `zipfile` reads the whole table when it opens a zip, so this comes first. Zips beyond 4 GB or
    65,535 files have a second table, which none of ours has.
    """
    at = end.rfind(END)
    if at < 0 or len(end) < at + 22:
        raise FormatError("The file is no sound zip.")
    size = struct.unpack_from("<I", end, at + 12)[0]
    if size > LONGEST_TABLE or end[max(at - 20, 0) : at].startswith(END_64):
        raise FormatError("The zip lists more files than any model has.")


def visible(name: str) -> bool:
    """Whether a path in a zip is a file, and not a folder or the system's own."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and not name.endswith("/")
        and not any(part.startswith((".", "__MACOSX")) for part in parts)
    )


def nearest(found: list[zipfile.ZipInfo], endings: tuple[str, ...]) -> list[zipfile.ZipInfo]:
    """The files beside the weights that lie nearest to the top of the zip; none without weights."""
    weights = [PurePosixPath(i.filename) for i in found if i.filename.lower().endswith(endings)]
    if not weights:
        return []
    folder = min(weights, key=lambda path: (len(path.parts), path)).parent
    return [info for info in found if PurePosixPath(info.filename).parent == folder]
