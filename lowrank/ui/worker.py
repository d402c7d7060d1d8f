"""Heavy work in a process of its own, beside which pages keep the interpreter to themselves.

A worker is given one work after the other through a pipe, and sends back each record when it is
yielded. It uses one thread of linear algebra, and steps back where pages want the processor. It
ends with the server, however that ends.
"""

import multiprocessing
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lowrank.errors import LowrankError
from lowrank.language import Sentence, current, speaking

Work = Callable[[], Iterator[Any]]
Order = tuple[tuple[str, Work], threading.Event]  # in which language, what, and whether to stop

# Seconds until work that was told to stop, and yields nothing, is killed: a step of training, after
# which a run is kept, takes five on a busy machine.
GRACE = 15.0
LOOK = 0.2  # seconds between two looks at whether work is still wanted
NICE = 5
ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from lowrank.ui import worker; worker.serve(int(sys.argv[1]))"
# One thread of linear algebra, and no workers of its own.
ALONE = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LOWRANK_JOBS": "threads",
}


class Stopped(Exception):
    """Thrown into work that is cancelled, where it yields; what it still yields then is kept."""


class Failed(Exception):
    """Work that failed elsewhere, with the sentence its visitors read."""

    def __init__(self, said: Sentence) -> None:
        self.said = said
        super().__init__(str(said))


def problem_of(error: Exception) -> Sentence:
    """Why work failed, in one sentence."""
    if isinstance(error, LowrankError | Failed):
        return error.said
    if isinstance(error, MemoryError):
        return Sentence("The server has not enough memory for this.")
    # A worker must outlive any mistake, and its visitor must hear of it.
    return Sentence("This went wrong on the server: {error}", error=repr(error)[:200])


def generator(records: Iterator[Any]) -> Generator[Any, None, None]:
    """The records as a generator, which can be stopped."""
    yield from records


def last_words(records: Generator[Any, None, None]) -> Iterator[Any]:
    """Stop the work; what it still has to say."""
    try:
        yield records.throw(Stopped())
        yield from records
    except (Stopped, StopIteration):
        return


class Worker:
    """A process that is started when it is first needed; used by one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The number of its process, while there is one."""
        return self._process.pid if self._process else None

    def records(
        self, work: Work, unwanted: Callable[[], bool] = bool
    ) -> Generator[Any, None, None]:
        """What work yields there. It is told to stop when Stopped is thrown in, or it is unwanted.

        Raises Stopped if it had to be killed, and Failed, with a sentence, if it failed.
        """
        pipe = self.start()
        try:
            pipe.send(("work", (current(), work)))
            while True:
                kind, what = self._received(pipe, unwanted)
                if kind == "problem":
                    raise Failed(what)
                if kind == "end":
                    return
                try:
                    yield what
                except Stopped:
                    pipe.send(("stop", None))
        except (EOFError, OSError):
            self.close()
            raise Failed(
                Sentence(
                    "The process that worked on this has ended before it was done: it may have "
                    "needed more memory than there is."
                )
            ) from None
        except GeneratorExit:
            self.close()
            raise

    def _received(self, pipe: Connection, unwanted: Callable[[], bool]) -> tuple[str, Any]:
        told = None
        while not pipe.poll(LOOK):
            if told is None and unwanted():
                pipe.send(("stop", None))
                told = time.monotonic()
            if told is not None and time.monotonic() - told > GRACE:
                self.close()
                raise Stopped
        return pipe.recv()

    def start(self) -> Connection:
        """The pipe to its process, which begins if there is none; it takes a second or two."""
        if self._pipe is None or self._process is None or self._process.poll() is not None:
            self.close()
            self._pipe, theirs = multiprocessing.Pipe()
            path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(theirs.fileno())],
                env={**os.environ, **ALONE, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
            theirs.close()
        return self._pipe

    def close(self) -> None:
        """End the process, if there is one, whatever it does."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._pipe = self._process = None


def serve(descriptor: int) -> None:
    """What a worker does: one work after the other, until the server has gone."""
    os.nice(NICE)
    pipe = Connection(descriptor)
    come: queue.Queue[Order] = queue.Queue()
    threading.Thread(target=_listen, args=(pipe, come), daemon=True).start()
    while True:
        (language, work), stop = come.get()
        with speaking(language):
            try:
                for record in _until(generator(work()), stop):
                    pipe.send(("record", record))
                pipe.send(("end", None))
            except Exception as error:
                pipe.send(("problem", problem_of(error)))


def _until(records: Generator[Any, None, None], stop: threading.Event) -> Iterator[Any]:
    for record in records:
        yield record
        if stop.is_set():
            yield from last_words(records)
            return


def _listen(pipe: Connection, come: "queue.Queue[Order]") -> None:
    """Hear of work, and of what is to stop even while it is worked on; whatever ends this ends all.

    In the midst of work, too: who waited for it has gone.
    """
    try:
        _hear(pipe, come)
    finally:
        os._exit(0)


def _hear(pipe: Connection, come: "queue.Queue[Order]") -> None:
    stop = threading.Event()
    while True:
        try:
            kind, what = pipe.recv()
        except (EOFError, OSError):
            return
        except Exception as error:  # work that this process cannot make out
            pipe.send(("problem", problem_of(error)))
            continue
        if kind == "stop":
            stop.set()
        else:
            stop = threading.Event()
            come.put((what, stop))
