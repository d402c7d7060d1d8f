"""One thread of linear algebra a worker: two workers of two threads on two cores only wait."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_inside: list[object] = []  # a token for each who is inside
_limits: list[Any] = []


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread, in the whole process, while anybody is inside.

    The libraries know one limit for all threads of Python, so that each worker restoring what it
    found would leave the wrong one behind; the last to leave restores.
    """
    with _lock:
        _inside.append(None)
        if len(_inside) == 1:
            _limits.append(ThreadpoolController().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            _inside.pop()
            if not _inside:
                _limits.pop().restore_original_limits()
