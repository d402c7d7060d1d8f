"""Long work beside the pages: a few workers, a queue with positions, progress, and cancelling.

A job is a generator that yields records as it goes; pages look at the records so far and never wait
for it. It goes on while its visitor looks at another page, and one visitor's work never stands in
the way of another's page.
"""

import queue as queues
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal

from lowrank.errors import InputError, LowrankError

State = Literal["waiting", "running", "done", "cancelled", "failed"]
OVER: tuple[State, ...] = ("done", "cancelled", "failed")


@dataclass(eq=False)
class Job:
    """One piece of long work: its state, what it has yielded so far, and how long it takes.

    `problem` says in one sentence why it failed. `patience` is how many seconds it goes on when
    nobody looks (see `looked_at`); None: to its end.
    """

    key: str
    owner: str = ""
    patience: float | None = None
    state: State = "waiting"
    records: list[Any] = field(default_factory=list)
    problem: str = ""
    started: float = 0.0
    ended: float = 0.0
    seen: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether it is done, cancelled or failed."""
        return self.state in OVER

    @property
    def last(self) -> Any:
        """The newest record, or None."""
        return self.records[-1] if self.records else None

    @property
    def elapsed(self) -> float:
        """Seconds it has run."""
        if not self.started:
            return 0.0
        return (self.ended if self.over else time.monotonic()) - self.started

    def left(self, share: float) -> float | None:
        """Seconds left when `share` of the work is done, going on at the same pace."""
        return self.elapsed * (1 - share) / share if 0 < share <= 1 else None

    def looked_at(self) -> None:
        """Somebody looks: it has reason to go on."""
        self.seen = time.monotonic()

    def cancel(self) -> None:
        """Stop at the next record; one that waits never begins."""
        self._stop.set()
        if self.state == "waiting":
            self.state = "cancelled"

    def unwanted(self) -> bool:
        """Whether it was cancelled, or nobody has looked for longer than its patience."""
        alone = self.patience is not None and time.monotonic() - self.seen > self.patience
        return self._stop.is_set() or alone

    def run(self, work: Callable[[], Iterator[Any]]) -> None:
        """Go through the work to its end; its own errors become `problem`."""
        if self.unwanted():
            self.state = "cancelled"
            return
        self.state, self.started = "running", time.monotonic()
        final: State = "done"
        try:
            with closing(_generator(work())) as records:
                for record in records:
                    self.records.append(record)
                    if self.unwanted():
                        final = "cancelled"
                        break
        except LowrankError as error:
            final, self.problem = "failed", str(error)
        except MemoryError:
            final, self.problem = "failed", "The server has not enough memory for this."
        except Exception as error:
            # A worker must outlive any mistake, and its visitor must hear of it.
            final, self.problem = "failed", f"This went wrong on the server: {error!r:.200}"
        self.ended = time.monotonic()
        self.state = final


def _generator(records: Iterator[Any]) -> Any:
    """The records as a generator, which can be closed."""
    yield from records


class Jobs:
    """At most `workers` jobs at once, at most `queue` waiting, and the last `kept` remembered."""

    def __init__(self, workers: int = 1, queue: int = 40, kept: int = 60) -> None:
        self._work: queues.SimpleQueue[tuple[Job, Callable[[], Iterator[Any]]]] = (
            queues.SimpleQueue()
        )
        for i in range(workers):
            # Daemons: a server that is told to stop does not wait for hours of work to end.
            threading.Thread(target=self._serve, name=f"job_{i}", daemon=True).start()
        self._queue, self._kept = queue, kept
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()

    def start(
        self,
        key: str,
        work: Callable[[], Iterator[Any]],
        owner: str = "",
        patience: float | None = None,
    ) -> Job:
        """The job of that key: the one that is there unless it failed or was cancelled, else new.

        What else the same owner still has waiting or running is cancelled: a visitor who asks for
        something new no longer wants the old. Jobs without an owner are everybody's.

        Raises InputError if the queue is full.
        """
        with self._lock:
            there = self._jobs.get(key)
            if there and there.state in ("waiting", "running", "done") and not there._stop.is_set():
                there.looked_at()
                return there
            for other in self._jobs.values():
                if owner and other.owner == owner and not other.over:
                    other.cancel()
            waiting = sum(job.state == "waiting" for job in self._jobs.values())
            if waiting >= self._queue:
                raise InputError(
                    f"The server is busy: {waiting} pieces of work are waiting already. "
                    "Try again in a minute."
                )
            job = self._jobs[key] = Job(key, owner, patience)
            self._jobs.move_to_end(key)
            self._forget()
        self._work.put((job, work))
        return job

    def _serve(self) -> None:
        """What a worker does: one job after the other, for ever."""
        while True:
            job, work = self._work.get()
            job.run(work)

    def get(self, key: str) -> Job | None:
        """The job of that key, if it is remembered."""
        return self._jobs.get(key)

    def position(self, job: Job) -> int:
        """How many jobs are before this one; 0 when it runs or is over."""
        if job.state != "waiting":
            return 0
        with self._lock:
            before = list(self._jobs.values())
        before = before[: before.index(job)] if job in before else []
        return sum(not other.over for other in before)

    def _forget(self) -> None:
        """Drop the oldest that are over, beyond the number kept."""
        for key in [k for k, job in self._jobs.items() if job.over]:
            if len(self._jobs) <= self._kept:
                return
            del self._jobs[key]
