"""What visitors bring, decoded: what a worker does, within its limit, and how it hands that over.

Nothing here loads what pages need, so that a worker is soon there.
"""

import mmap
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from lowrank.errors import InputError, LowrankError, SourceError
from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers import open_model
from lowrank.readers.widened import make

SMALL = 10**6  # bytes of arrays that go through the pipe with the rest
UNIT = 64  # bytes: where an array may begin in the file


@dataclass(frozen=True)
class Handed:
    """A result, pickled; its arrays, of so many bytes, lie one after the other in a file."""

    rest: bytes
    sizes: tuple[int, ...] = ()


def within(nbytes: int, path: Path, work: Callable[[], Any]) -> Iterator[Handed]:
    """What work returns, with its arrays in a file at `path`.

    Raises InputError if it takes over `nbytes` of memory, SourceError if the disk is full.
    """
    with limited(nbytes):
        yield handed(work(), path)


@contextmanager
def limited(nbytes: int) -> Iterator[None]:
    """This process holds at most so many bytes beside what it holds now, where Linux tells.

    Raises InputError for what asks for more.
    """
    import resource  # only here: Windows has none, and no workers either

    before = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(FileNotFoundError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + nbytes
        resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    except MemoryError:
        raise InputError(
            "Reading this takes more than {most:.0f} GB of memory, the most that one file is given "
            "here. Choose a smaller one.",
            most=nbytes / 1e9,
        ) from None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def handed(found: Any, path: Path) -> Handed:
    """A result to hand over. Raises SourceError if there is no room for it on the disk."""
    arrays: list[pickle.PickleBuffer] = []
    rest = pickle.dumps(found, 5, buffer_callback=arrays.append)
    raw = [array.raw() for array in arrays]
    if sum(map(len, raw)) <= SMALL:
        return Handed(pickle.dumps(found, 5))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            for part in raw:
                out.write(part)
                out.write(bytes(-len(part) % UNIT))
    except OSError as error:
        raise SourceError(
            "{path} cannot be written: {reason}.", path=path, reason=error.strerror or error
        ) from error
    return Handed(rest, tuple(map(len, raw)))


def taken(there: Handed, path: Path) -> Any:
    """The result that was handed over; its arrays are read-only views of the file."""
    if not there.sizes:
        return pickle.loads(there.rest)
    with path.open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    sizes = there.sizes
    starts = accumulate((size + -size % UNIT for size in sizes), initial=0)
    parts = [whole[at : at + size] for at, size in zip(starts, sizes, strict=False)]
    return pickle.loads(there.rest, buffers=parts)


def tried(source: str) -> None:
    """Open a model and lay out its vocabulary, to see what that takes. Raises as `open_model`."""
    model = open_model(source)
    with suppress(LowrankError):  # a model is shown without its words, too
        if vocabulary := model.vocabulary:
            Tokenizer(vocabulary)


def numbers(source: str, tensor: str) -> Any:
    """One matrix of a model as float32. Raises as its reader does."""
    return open_model(source).read(tensor)


def widen(source: str, path: Path) -> None:
    """Make the file of a model's numbers as float32, unless the disk will not have it."""
    with suppress(SourceError):
        make(open_model(source), path)
