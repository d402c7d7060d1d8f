"""Finished results in memory, shared by all threads: each made once, and only so many."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Results(Generic[Found]):
    """At most `most` results by key; those longest unused make room for the newer.

    >>> squares = Results[int](2)
    >>> [squares.made(n, lambda: n * n) for n in (3, 4, 5)], squares.get(3), squares.get(5)
    ([9, 16, 25], None, 25)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, Future[Found]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Found | None:
        """The result of that key if it is there."""
        with self._lock:
            there = self._held.get(key)
            return there.result() if there and there.done() else None

    def put(self, key: Hashable, found: Found) -> None:
        """Share a finished result."""
        slot: Future[Found] = Future()
        slot.set_result(found)
        with self._lock:
            self._held[key] = slot
            self._make_room(key)

    def made(self, key: Hashable, make: Callable[[], Found]) -> Found:
        """The result of that key, made by whoever comes first; others who ask wait for it.

        If making it fails, all who wait get its error and whoever asks next tries again.
        """
        with self._lock:
            mine = key not in self._held
            slot = self._held.setdefault(key, Future())
            self._make_room(key)
        if mine:
            try:
                slot.set_result(make())
            except BaseException as error:
                with self._lock:
                    if self._held.get(key) is slot:
                        del self._held[key]
                slot.set_exception(error)
        return slot.result()

    def _make_room(self, newest: Hashable) -> None:
        """Drop the oldest that are finished, so that nobody's unfinished result is made twice."""
        self._held.move_to_end(newest)
        finished = [key for key, slot in self._held.items() if slot.done() and key != newest]
        for key in finished[: max(0, len(self._held) - self._most)]:
            del self._held[key]
