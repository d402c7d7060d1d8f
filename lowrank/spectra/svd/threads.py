"""How many threads BLAS may use: the speed of a small product lies in not waiting for a busy core.

The number belongs to the whole process. Several callers may ask for one at once: the least of
them counts, so that nobody lifts another's cap; when the last lets go, the numbers found by the
first are back. Without threadpoolctl nothing is capped.
"""

import functools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# Threads that get less than this share of their cores' time are waiting for somebody else's work.
CROWDED = 0.8

# Of the process, as the number is: what was found, and what each holder asks for; under the lock.
_lock = threading.Lock()
_held: list[tuple[Any, int]] = []
_asked: dict[object, int | None] = {}
_own = threading.local()  # the holders of each thread, the innermost last


@functools.cache
def _pools() -> tuple[Any, ...]:
    """The BLAS libraries loaded in this process."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return ()
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def available() -> int:
    """The most threads any BLAS library of this process may use now; 1 if none can be asked."""
    return max((pool.get_num_threads() for pool in _pools()), default=1)


@contextmanager
def restored() -> Iterator[None]:
    """Within it `use` may change the number of threads; afterwards it is as it was.

    >>> before = available()
    >>> with restored():
    ...     use(1)
    ...     available()
    1
    >>> available() == before
    True
    """
    holder, mine = object(), _mine()
    with _lock:
        if not _asked:
            _held[:] = [(pool, pool.get_num_threads()) for pool in _pools()]
        _asked[holder] = None
    mine.append(holder)
    try:
        yield
    finally:
        mine.remove(holder)
        with _lock:
            del _asked[holder]
            _apply()


def _mine() -> list[object]:
    if not hasattr(_own, "holders"):
        _own.holders = []
    return _own.holders


def _apply() -> None:
    counts = [count for count in _asked.values() if count is not None]
    _set([(pool, min(counts, default=found)) for pool, found in _held])


def use(count: int) -> None:
    """Let BLAS use `count` threads, or fewer if another asks so, until this `restored` ends."""
    mine = _mine()
    with _lock:
        if mine:
            _asked[mine[-1]] = count
            _apply()
        else:
            _set([(pool, count) for pool in _pools()])


def _set(counts: Sequence[tuple[Any, int]]) -> None:
    """Each library to its number, from a thread that ends at once.

    threadpoolctl lets one living thread at a time change the number of an OpenBLAS and silently
    ignores all others: a page's cap would come to nothing while a worker lives that set one before.
    """
    new = [(pool, count) for pool, count in counts if pool.get_num_threads() != count]

    def work() -> None:
        for pool, count in new:
            pool.set_num_threads(count)

    if new:
        setter = threading.Thread(target=work)
        setter.start()
        setter.join()


class Race:
    """Chooses between all threads and half of them by timing work that has to be done anyway.

    All threads stay as long as they get the processor time of as many cores, which says that
    nobody else is waiting for them. If they do not, half is tried and the quicker stays; every
    `again` runs the other gets one more chance, since another process may have come or gone. The
    first run is not counted: it warms up.
    """

    def __init__(self, count: int, again: int = 12) -> None:
        self.choices = (count, max(1, count // 2))
        self.best = [float("inf"), float("inf")]
        self.again = again
        self.runs = 0
        self.crowded = False

    @property
    def quicker(self) -> int:
        """The number of threads that has been quicker so far."""
        return self.choices[int(self.best[1] < self.best[0])]

    @contextmanager
    def run(self) -> Iterator[None]:
        """Time the work inside, which should be of one size each time."""
        side = int(self.best[1] < self.best[0])
        if self.best[1] == float("inf"):
            side = int(self.crowded)
        elif self.runs % self.again == 0:
            side = 1 - side
        use(self.choices[side])
        start, used = time.perf_counter(), time.process_time()
        yield
        spent, used = time.perf_counter() - start, time.process_time() - used
        if self.runs:
            self.best[side] = spent
            if side == 0:
                self.crowded = used < CROWDED * self.choices[0] * spent
        self.runs += 1
