"""The number of BLAS threads belongs to the whole process: whoever changes it gives it back."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from lowrank.spectra.svd import threads, truncate, truncation


@pytest.fixture
def two() -> Iterator[int]:
    """Two threads in force, and afterwards as many as before."""
    before = threads.available()
    threads.use(2)
    if threads.available() != 2:
        pytest.skip("no BLAS library here can be told how many threads to use")
    yield 2
    threads.use(before)


def test_a_truncation_gives_its_threads_back(two, monkeypatch):
    monkeypatch.setattr(truncation, "NARROW", 0)
    monkeypatch.setattr(threads.Race, "quicker", 1)  # what the search would leave behind
    W = np.random.default_rng(0).standard_normal((420, 330))
    assert truncate(W, 8, 1e-2).method == "krylov"
    assert threads.available() == two


def test_a_holder_that_lets_go_takes_its_cap_along(two):
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with threads.restored():
            threads.use(1)
            inside.set()
            assert leave.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    assert inside.wait(60)
    with threads.restored():
        threads.use(2)
        assert threads.available() == 1  # nobody lifts another's cap
        leave.set()
        other.join(60)
        assert threads.available() == two
    assert threads.available() == two
