"""Finished results in memory, shared by all threads: each made once, and only so many bytes.

They belong to the process. What Streamlit caches any client may have thrown away, with a message
of its protocol, while others wait for it or use it.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import fields, is_dataclass
from functools import wraps
from math import inf
from typing import Any, Generic, ParamSpec, TypeVar

import streamlit as st

from lowrank.language import gettext as _

Found = TypeVar("Found")
Given = ParamSpec("Given")


def nbytes(found: Any) -> int:
    """Bytes of a result that says so, or of arrays and words in dataclasses, mappings, sequences.

    >>> nbytes((memoryview(bytes(24)), {"a": memoryview(bytes(8))}, "words"))
    37
    """
    if isinstance(said := getattr(found, "nbytes", None), int):
        return said
    if isinstance(found, str | bytes):
        return len(found)
    if isinstance(found, Mapping):
        return sum(map(nbytes, found.values()))
    if isinstance(found, tuple | list):
        return sum(map(nbytes, found))
    if is_dataclass(found):
        return sum(nbytes(getattr(found, field.name)) for field in fields(found))
    return 0


def shared(
    most: int, budget: float = inf, show_spinner: str = ""
) -> Callable[[Callable[Given, Found]], Callable[Given, Found]]:
    """A function's results, made once for the whole process: so many, and so many bytes.

    What is said where they take long is looked up there.
    """

    def decorated(function: Callable[Given, Found]) -> Callable[Given, Found]:
        held: Results[Found] = Results(most, budget)

        @wraps(function)
        def kept(*args: Given.args, **named: Given.kwargs) -> Found:
            key = args, tuple(sorted(named.items()))
            slow = show_spinner and key not in held
            with st.spinner(_(show_spinner)) if slow else nullcontext():
                return held.made(key, lambda: function(*args, **named))

        return kept

    return decorated


class Results(Generic[Found]):
    """At most `most` results by key, of at most `budget` bytes beside the newest.

    Those longest unused make room for the newer.

    >>> squares = Results[int](2)
    >>> [squares.made(n, lambda: n * n) for n in (3, 4, 5)], squares.get(3), squares.get(5)
    ([9, 16, 25], None, 25)
    """

    def __init__(self, most: int, budget: float = inf) -> None:
        self._most, self._budget = most, budget
        self._held: OrderedDict[Hashable, Future[Found]] = OrderedDict()
        self._size: dict[Hashable, int] = {}
        self._lock = threading.Lock()

    def __contains__(self, key: Hashable) -> bool:
        """Whether the result of that key is there, finished."""
        with self._lock:
            there = self._held.get(key)
            return there is not None and there.done()

    def get(self, key: Hashable) -> Found | None:
        """The result of that key if it is there."""
        with self._lock:
            there = self._held.get(key)
            return there.result() if there and there.done() else None

    def put(self, key: Hashable, found: Found) -> None:
        """Share a finished result."""
        slot: Future[Found] = Future()
        slot.set_result(found)
        self._keep(key, slot, found)

    def made(self, key: Hashable, make: Callable[[], Found]) -> Found:
        """The result of that key, made by whoever comes first; others who ask wait for it.

        If making it fails, all who wait get its error and whoever asks next tries again. If who
        made it was stopped, as a visitor is who leaves the page, the next in line makes it.
        """
        while True:
            with self._lock:
                mine = key not in self._held
                slot = self._held.setdefault(key, Future())
                self._make_room(key)
            if mine:
                return self._make(key, slot, make)
            error = slot.exception()
            if error is None or isinstance(error, Exception):
                return slot.result()

    def _make(self, key: Hashable, slot: "Future[Found]", make: Callable[[], Found]) -> Found:
        try:
            slot.set_result(make())
        except BaseException as error:
            with self._lock:
                if self._held.get(key) is slot:
                    del self._held[key]
            slot.set_exception(error)
        else:
            self._keep(key, slot, slot.result())
        return slot.result()

    def _keep(self, key: Hashable, slot: "Future[Found]", found: Found) -> None:
        size = nbytes(found)
        with self._lock:
            self._held[key], self._size[key] = slot, size
            self._make_room(key)

    def _make_room(self, newest: Hashable) -> None:
        """Drop the oldest that are finished, so that nobody's unfinished result is made twice."""
        self._held.move_to_end(newest)
        finished = [key for key in self._held if key in self._size and key != newest]
        total = sum(self._size[key] for key in finished)
        for key in finished:
            if len(self._held) <= self._most and total <= self._budget:
                return
            del self._held[key]
            total -= self._size.pop(key)
