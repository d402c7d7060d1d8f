"""Hostile text costs what its length is, whoever reads it."""

import contextlib
import sys
from collections import Counter

import pytest

from lowrank.errors import LowrankError
from tests.hostile import READERS, hostile


def work(reader, text):
    """Calls of functions, Python's and C's, until the answer or the refusal."""
    calls = Counter()

    def count(frame, event, argument):
        calls[event] += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        with contextlib.suppress(LowrankError):
            reader(text)
    finally:
        sys.setprofile(None)
    return calls.total()


@pytest.mark.parametrize("name", READERS)
def test_work_grows_with_the_length_of_the_text_and_no_faster(name):
    length, frames = (150, 6) if name == "parse_matrix" else (90, 2)
    reader, once, twice = READERS[name], hostile(length, frames), hostile(2 * length, frames)
    pairs = zip(once, twice, strict=True)
    worse = {a: (work(reader, once[a]), work(reader, twice[b])) for a, b in pairs}
    assert {a: pair for a, pair in worse.items() if pair[1] > 2.1 * pair[0] + 150} == {}


def test_work_that_grows_as_the_square_of_the_length_is_seen():
    def squared(text):
        for k in range(len(text)):
            for _ in text[k:]:
                abs(k)

    assert work(squared, "a" * 180) > 2.1 * work(squared, "a" * 90) + 150
