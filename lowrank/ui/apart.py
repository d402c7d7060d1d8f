"""What visitors bring is decoded in another process, within a limit of memory and one of time."""

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from lowrank.errors import FormatError
from lowrank.files import remove
from lowrank.readers import uploads
from lowrank.ui import decoding, jobs
from lowrank.ui.progress import begin

Found = TypeVar("Found")

BYTES = 2 * 10**9  # of memory for a picture, a zip, a model's headers and words
OF_NUMBERS = 8 * 10**9  # … for a matrix, a model's numbers, an adapter
SECONDS = 60.0
TO_OPEN = 10.0  # seconds for headers and words, which are read again here
LOOK = 0.2  # seconds between two looks at the time


def is_uploaded(source: str) -> bool:
    """Whether a visitor brought what is at that source."""
    return Path(source).is_relative_to(uploads.folder())


def try_to_open(source: str) -> None:
    """Open what a visitor brought in a worker first: what takes too much there is refused."""
    if jobs.PROCESSES and is_uploaded(source):
        apart(partial(decoding.tried, source), seconds=TO_OPEN)


def apart(work: Callable[[], Found], nbytes: int = BYTES, seconds: float = SECONDS) -> Found:
    """What work returns, done in a worker: one visitor's after the other's, in turns.

    Arrays come as read-only views of a file. Raises FormatError, with a sentence, for what the
    worker refuses, or what takes more memory or time; InputError if the server is busy. Where there
    are no workers, as in a worker, it is done here.
    """
    if not jobs.PROCESSES:
        return work()
    path = uploads.folder() / f".{secrets.token_hex(8)}.new"
    job = begin("brought", partial(decoding.within, nbytes, path, work), lane="brought")
    try:
        while not job.wait(LOOK):
            if job.elapsed > seconds:
                job.cancel()
        if job.state == "failed":
            raise FormatError(str(job.problem))
        if job.state == "cancelled":
            raise FormatError(
                "Reading this takes longer than {seconds:.0f} seconds, the most that one file is "
                "given here. Choose a smaller one.",
                seconds=seconds,
            )
        return decoding.taken(job.last, path)
    finally:
        job.cancel()  # if whoever waited was broken off
        jobs.POOL.forget(job)
        remove(path)
