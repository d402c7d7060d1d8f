"""Heavy work in a process of its own: its records come back, and it ends when it is told to."""

import itertools
import os
import time
from collections.abc import Iterator
from functools import partial
from itertools import starmap

import pytest

from lowrank.errors import InputError
from lowrank.language import Sentence, current, gettext, speaking
from lowrank.lora.config_text import parse_config
from lowrank.ui import worker
from lowrank.ui.jobs import Doing, Jobs
from lowrank.ui.worker import Failed, Stopped, Worker


@pytest.fixture
def mine() -> Iterator[Worker]:
    held = Worker()
    yield held
    held.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_records_come_back_from_one_process_that_stays(mine):
    assert list(mine.records(partial(iter, [1, "two"]))) == [1, "two"]
    pid = mine.pid
    assert pid != os.getpid()
    assert list(mine.records(partial(map, os.getppid, []))) == []
    assert mine.pid == pid


def test_what_is_stopped_ends_and_the_next_begins(mine):
    counting = mine.records(itertools.count)
    assert [next(counting) for _ in range(3)] == [0, 1, 2]
    rest = list(worker.last_words(counting))  # those that were on their way
    assert rest == list(range(3, 3 + len(rest)))
    assert list(mine.records(partial(iter, "ab"))) == ["a", "b"]


def test_work_that_says_nothing_is_killed_when_nobody_wants_it(mine, monkeypatch):
    monkeypatch.setattr(worker, "GRACE", 0.1)
    silent = mine.records(partial(map, time.sleep, [3600.0]), unwanted=lambda: True)
    with pytest.raises(Stopped):
        next(silent)
    assert mine.pid is None


def test_our_own_errors_are_sentences_and_a_lost_process_is_one(mine):
    with pytest.raises(Failed, match="LoraConfig"):
        list(mine.records(partial(parse_config, "no JSON")))
    with pytest.raises(Failed, match="went wrong on the server: TypeError"):
        list(mine.records(partial(iter, 5)))
    with pytest.raises(Failed, match="has ended before it was done"):
        list(mine.records(os.abort))
    assert list(mine.records(partial(iter, "a"))) == ["a"]


def test_a_worker_ends_with_who_started_it(mine):
    list(mine.records(partial(iter, "a")))
    pid, process = mine.pid, mine._process
    mine._pipe.close()
    process.wait(60)
    assert not alive(pid)


@pytest.mark.parametrize("processes", [False, True])
def test_work_speaks_the_language_of_the_visitor_who_began_it(processes):
    jobs = Jobs({"short": 1, "long": 1}, processes=processes)
    said = []
    for language in ("eo", "en", "fr"):  # one after the other, by the same worker
        with speaking(language):
            job = jobs.start(language, partial(starmap, current, [()]), lane="short")
        assert job.wait(60)
        said += job.records
    assert said == ["eo", "en", "fr"]


def telling() -> Iterator[Doing]:
    yield Doing(
        0.5, Sentence("Reading with less of {kind}, {way}", kind="q", way=Sentence("plain"))
    )
    raise InputError("count is {count}; expected 1 to {most} questions.", count=0, most=50)


@pytest.mark.parametrize("processes", [False, True])
def test_what_work_tells_is_said_in_the_language_of_who_looks(processes):
    jobs = Jobs({"short": 1, "long": 1}, processes=processes)
    with speaking("zh"):
        job = jobs.start("told", telling, lane="short")
    assert job.wait(60)
    for language in ("en", "zh"):
        with speaking(language):
            words = gettext("Reading with less of {kind}, {way}")
            assert str(job.last.words) == words.format(kind="q", way=gettext("plain"))
            problem = gettext("count is {count}; expected 1 to {most} questions.")
            assert str(job.problem) == problem.format(count=0, most=50)
    assert str(job.problem) == "count is 0; expected 1 to 50 questions."


def test_a_worker_ends_when_nobody_hears_that_it_cannot_make_out_its_work(mine):
    mine.start()
    process, pipe = mine._process, mine._pipe
    pipe.send_bytes(b"no pickle")
    pipe.close()
    assert process.wait(60) == 0


def test_jobs_in_processes_are_seen_and_stopped_as_those_in_threads_are():
    jobs = Jobs(processes=True)
    done = jobs.start("a", partial(iter, [1, 2]), lane="short")
    assert done.wait(60)
    assert (done.state, done.records) == ("done", [1, 2])
    endless = jobs.start("b", partial(map, time.sleep, itertools.repeat(0.01)), lane="long")
    while not endless.records:
        time.sleep(0.01)
    endless.cancel(by_hand=True)
    assert endless.wait(60)
    assert endless.state == "cancelled"
    failed = jobs.start("c", partial(iter, 5), lane="short")
    assert failed.wait(60)
    assert (failed.state, "TypeError" in str(failed.problem)) == ("failed", True)
