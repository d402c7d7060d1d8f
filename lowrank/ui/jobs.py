"""Long work beside the pages: a few workers, a queue with positions, progress, and cancelling.

A job is a generator that yields records as it goes; pages look at the records so far and never wait
for it. It goes on while its visitor looks at another page, and one visitor's work never stands in
the way of another's page.

Work is a function of a module and its arguments, held by `functools.partial`, names rather than
arrays; and records are finished when they are yielded: both can be sent to another process.
"""

import os
import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from lowrank.errors import InputError
from lowrank.language import Sentence, current, speaking
from lowrank.lora.lab.records import Doing as Doing  # the one record of progress
from lowrank.spectra.svd.threads import available, restored, use
from lowrank.ui.worker import Stopped as Stopped
from lowrank.ui.worker import Work, Worker, generator, last_words, problem_of

R = TypeVar("R")
State = Literal["waiting", "running", "done", "cancelled", "failed"]
OVER: tuple[State, ...] = ("done", "cancelled", "failed")

# Long work goes one piece at a time, so that pages keep a core for themselves; short work, which
# somebody waits for, never stands behind it.
# What visitors bring is decoded one at a time: each may take gigabytes for a moment.
Lane = Literal["long", "short", "brought"]
THREADS = available()  # of linear algebra, for a job; pages are left one (see `everything`)
WORKERS: Mapping[Lane, int] = {"long": 1, "short": 2, "brought": 1}
IDLE = 600.0  # seconds after which a process that has nothing to do is ended


@dataclass(eq=False)
class Job:
    """One piece of long work: its state, what it has yielded so far, and how long it takes.

    `problem` says in one sentence why it failed. `patience` is how many seconds it goes on when
    nobody looks (see `looked_at`); None: to its end. `by_hand`: its visitor stopped it.
    It belongs to the `visitor` who began it, on that `page` and at that `address`, and to who knows
    its `secret`.
    """

    key: str
    work: Work
    owners: set[str] = field(default_factory=set)
    patience: float | None = None
    lane: Lane = "long"
    visitor: str = ""
    page: str = ""
    address: str = ""
    language: str = field(default_factory=current)
    secret: str = field(default_factory=lambda: secrets.token_hex(8))
    state: State = "waiting"
    records: list[Any] = field(default_factory=list)
    problem: Sentence | None = None
    by_hand: bool = False
    started: float = 0.0
    ended: float = 0.0
    seen: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)  # held while it begins
    taken: bool = False  # by a worker, which is about to begin it

    @property
    def over(self) -> bool:
        """Whether it is done, cancelled or failed."""
        return self.state in OVER

    @property
    def wanted(self) -> bool:
        """Whether it is done, or goes on: who asks for the same again is given this one."""
        return self.state == "done" or not (self.over or self._stop.is_set())

    @property
    def stays(self) -> bool:
        """Whether it failed or was stopped by hand: nobody begins it again without a word."""
        return self.by_hand or self.state == "failed"

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

    def all(self, kind: type[R]) -> list[R]:
        """The records of that kind so far."""
        return [record for record in list(self.records) if isinstance(record, kind)]

    def newest(self, kind: type[R]) -> R | None:
        """The newest record of that kind, or None."""
        for record in reversed(list(self.records)):
            if isinstance(record, kind):
                return record
        return None

    def left(self, share: float) -> float | None:
        """Seconds left when `share` of the work is done, going on at the same pace."""
        return self.elapsed * (1 - share) / share if 0 < share <= 1 else None

    def looked_at(self) -> None:
        """Somebody looks: it has reason to go on."""
        self.seen = time.monotonic()

    def wait(self, seconds: float) -> bool:
        """Wait until it is over, so long at most; whether it is."""
        return self._over.wait(seconds)

    def cancel(self, by_hand: bool = False) -> None:
        """Stop at the next record; one that waits never begins."""
        with self._turn:
            if self.over:
                return
            self.by_hand = by_hand
            self._stop.set()
            if self.state == "waiting":
                self._end("cancelled")

    def _unwanted(self) -> bool:
        """Whether it was cancelled, or nobody has looked for longer than its patience."""
        alone = self.patience is not None and time.monotonic() - self.seen > self.patience
        return self._stop.is_set() or alone

    def _end(self, state: State) -> None:
        self.ended = time.monotonic()
        self.state = state
        self._over.set()

    def run(self, worker: Worker | None = None) -> None:
        """Go through the work to its end, here or in a worker; errors become `problem`."""
        with self._turn:
            if self.over:
                return
            if self._unwanted():
                self._end("cancelled")
                return
            self.state, self.started = "running", time.monotonic()
        with speaking(self.language):
            self._end(self._worked(worker))

    def _worked(self, worker: Worker | None) -> State:
        try:
            records = (
                worker.records(self.work, self._unwanted) if worker else generator(self.work())
            )
            for record in records:
                self.records.append(record)
                if self._unwanted():
                    self.records.extend(last_words(records))
                    return "cancelled"
        except Stopped:
            return "cancelled"
        except Exception as error:
            self.problem = problem_of(error)
            return "failed"
        return "done"


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of linear algebra a worker: two of two threads on two cores only wait."""
    with restored():
        use(1)
        yield


class Jobs:
    """So many `workers` a lane, at most `queue` waiting in each, and the last `most` remembered.

    Each has a process of its own, or is a thread of this one, where a work may be any function.
    """

    def __init__(
        self,
        workers: Mapping[Lane, int] = WORKERS,
        queue: int = 80,
        most: int = 100,
        processes: bool = False,
    ) -> None:
        self._workers, self._queue, self._most = workers, queue, most
        self._processes = processes
        self._serving: set[Lane] = set()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._come = threading.Condition(self._lock)

    def start(
        self,
        key: str,
        work: Work,
        owner: str = "",
        patience: float | None = None,
        lane: Lane = "long",
        again: bool = False,
        visitor: str = "",
        page: str = "",
        address: str = "",
    ) -> Job:
        """The job of that key: the one that is there unless it was cancelled, else a new one.

        One that failed or was stopped by hand begins anew only where that is asked for: `again`.

        What else the same owner still has waiting or running is cancelled, unless another wants it
        too: who asks for something new no longer wants the old. Jobs without an owner are
        everybody's.

        Visitors take turns: what one asks for second stands behind what all others ask for first,
        and so for those of one `address`. Of one visitor one runs in a lane, and one waits, or what
        one `page` asks for together. Raises InputError if the visitor has work of another page
        waiting, if half of the queue is of that address, or if it is full.
        """
        with self._lock:
            self._leave(owner, key)
            there = self._jobs.get(key)
            if there and (there.wanted or (there.stays and not again)):
                there.looked_at()
                if owner and there.owners:
                    there.owners.add(owner)
                return there
            self._check_room(self._line(lane), visitor, page, address)
            job = Job(key, work, {owner} - {""}, patience, lane, visitor, page, address)
            self._jobs[key] = job
            self._jobs.move_to_end(key)
            self._forget(lane)
            self._work_on(lane)
            self._come.notify_all()
        return job

    def _check_room(self, line: list[Job], visitor: str, page: str, address: str) -> None:
        here = sum(job.address == address != "" for job in line)
        if any(job.visitor == visitor != "" and job.page != page for job in line):
            raise InputError(
                "Work that you asked for on another page is waiting already, and each visitor may "
                "have one piece waiting: wait until it runs, or stop it there."
            )
        if len(line) >= self._queue or here >= self._queue // 2:
            raise InputError(
                "The server is busy: {line} pieces of work are waiting already. Try again in a "
                "minute.",
                line=len(line),
            )

    def _work_on(self, lane: Lane) -> None:
        """The lane's workers begin with the first job."""
        if lane not in self._serving:
            self._serving.add(lane)
            for i in range(self._workers[lane]):
                # Daemons: a server that is told to stop does not wait for hours of work to end.
                threading.Thread(
                    target=self._serve, args=(lane,), name=f"{lane}_job_{i}", daemon=True
                ).start()

    def _serve(self, lane: Lane) -> None:
        """One job after the other, for ever."""
        worker = Worker() if self._processes else None
        if worker:  # whichever of them is given the second job: it is ready then
            worker.start()
        while True:
            with self._come:
                while not (job := self._next(lane)):
                    if not self._come.wait(IDLE) and worker:
                        worker.close()
                job.taken = True
            if worker:
                job.run(worker)
            else:
                with restored():
                    use(THREADS)
                    job.run()

    def _next(self, lane: Lane) -> Job | None:
        """The first in the line whose visitor has none running there."""
        busy = {job.visitor for job in self._of(lane) if job.taken and not job.over} - {""}
        return next((job for job in self._line(lane) if job.visitor not in busy), None)

    def _line(self, lane: Lane) -> list[Job]:
        """Those that wait, in their order: everybody's first, then everybody's second, …

        Of two firsts, that of who was served longest ago, or not yet.
        """
        ahead, served = Counter[str](), dict[str, float]()
        turns: list[tuple[int, int, str, str, Job]] = []
        for job in self._of(lane):
            who, where = f"visitor {job.visitor or job.key}", f"address {job.address or job.key}"
            for each in (who, where):
                served[each] = max(served.get(each, 0.0), job.started)
            if job.state == "waiting" and not job.taken:
                turns.append((ahead[who], ahead[where], who, where, job))
            if not job.over:
                ahead.update((who, where))

        def turn(found: tuple[int, int, str, str, Job]) -> tuple[int, int, float, float]:
            first, second, who, where, _ = found
            return first, second, served[where], served[who]

        return [found[-1] for found in sorted(turns, key=turn)]  # as they came, where all is equal

    def get(self, key: str) -> Job | None:
        """The job of that key, if it is remembered."""
        with self._lock:
            return self._jobs.get(key)

    def forget(self, job: Job) -> None:
        """Let go of a job that is over, with its work and its records, before others come."""
        with self._lock:
            self._jobs.pop(job.key, None)

    def position(self, job: Job) -> int:
        """How many jobs are before this one; 0 when it runs or is over."""
        if job.state != "waiting":
            return 0
        with self._lock:
            line = self._line(job.lane)
            going = sum(not other.over for other in self._of(job.lane)) - len(line)
        return going + line.index(job) if job in line else 0

    def _leave(self, owner: str, key: str) -> None:
        """What an owner who now wants `key` leaves, and nobody else wants, is cancelled."""
        for job in self._jobs.values():
            if owner in job.owners and job.key != key:
                job.owners.discard(owner)
                if not job.owners:
                    job.cancel()

    def _of(self, lane: Lane) -> list[Job]:
        return [job for job in self._jobs.values() if job.lane == lane]

    def _forget(self, lane: Lane) -> None:
        """Drop the lane's oldest that are over, beyond the number remembered."""
        there = self._of(lane)
        for job in [job for job in there if job.over][: max(0, len(there) - self._most)]:
            del self._jobs[job.key]


# The server's one pool. Work belongs to the process and not to a cache, which may be cleared while
# somebody waits; everything in it is behind its own lock.
PROCESSES = os.name == "posix" and os.environ.get("LOWRANK_JOBS") != "threads"
POOL = Jobs(processes=PROCESSES)
