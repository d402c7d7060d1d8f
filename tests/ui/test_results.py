"""Results that all threads share: made once, bounded, and an error is nobody's for good."""

import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from lowrank.ui.results import Results


def test_many_threads_get_one_result_each_key_and_nothing_is_made_twice():
    results, made, lock = Results[list](64), [], threading.Lock()

    def make(key):
        with lock:
            made.append(key)
        return [key]

    def student(seed):
        keys = [key for key in range(50) for _ in range(3)]
        Random(seed).shuffle(keys)
        return [(key, results.made(key, lambda key=key: make(key))) for key in keys]

    with ThreadPoolExecutor(32) as class_room:
        found = [pair for pairs in class_room.map(student, range(32)) for pair in pairs]
    assert sorted(made) == list(range(50))
    assert all(value is results.get(key) and value == [key] for key, value in found)


def test_it_stays_bounded_under_threads():
    results = Results[int](8)

    def student(seed):
        keys = Random(seed)
        for _ in range(300):
            key = keys.randrange(40)
            assert results.made(key, lambda key=key: key * key) == key * key
            if keys.random() < 0.2:
                results.put(key, key * key)

    with ThreadPoolExecutor(16) as class_room:
        list(class_room.map(student, range(16)))
    results.put("last", 1)
    there = [key for key in [*range(40), "last"] if results.get(key) is not None]
    assert len(there) <= 8
    assert "last" in there


def test_those_longest_unused_make_room():
    results = Results[int](2)
    for key in (1, 2, 1, 3):  # 1 was used again
        results.made(key, lambda key=key: key)
    assert [results.get(key) for key in (1, 2, 3)] == [1, None, 3]


def test_what_is_being_made_is_waited_for_however_much_else_is_made_meanwhile():
    results, gate, begun = Results[int](1), threading.Event(), threading.Event()
    calls = []

    def slow():
        calls.append(1)
        begun.set()
        assert gate.wait(10)
        return 7

    with ThreadPoolExecutor(2) as two:
        first = two.submit(results.made, "slow", slow)
        assert begun.wait(10)
        for key in range(5):
            results.made(key, lambda key=key: key)
        second = two.submit(results.made, "slow", slow)
        gate.set()
        assert (first.result(10), second.result(10), calls) == (7, 7, [1])


def test_after_an_error_the_next_one_tries_again():
    results = Results[int](4)
    with pytest.raises(ZeroDivisionError):
        results.made("a", lambda: 1 // 0)
    assert results.get("a") is None
    assert results.made("a", lambda: 5) == 5
