"""Long work: queued, seen while it runs, cancelled, and never in another's way."""

import threading
import time

import pytest
from streamlit.testing.v1 import AppTest

from lowrank.errors import InputError
from lowrank.language import gettext, languages, speaking
from lowrank.ui.jobs import Job, Jobs, Stopped


def until(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def counting(n: int, gate: threading.Event | None = None):
    def work():
        for i in range(n):
            yield i
            if gate:
                gate.wait(10)

    return work


def test_records_can_be_seen_while_it_runs():
    gate = threading.Event()
    job = Jobs().start("a", counting(3, gate))
    until(lambda: job.last == 0)
    assert job.state == "running"
    gate.set()
    until(lambda: job.over)
    assert (job.state, job.records) == ("done", [0, 1, 2])
    assert job.elapsed > 0
    assert job.left(0.5) == pytest.approx(job.elapsed)
    assert job.left(0.0) is None


def test_the_same_key_is_the_same_job_for_everyone():
    jobs, gate = Jobs(), threading.Event()
    first = jobs.start("a", counting(2, gate))
    assert jobs.start("a", counting(9)) is first
    gate.set()
    until(lambda: first.over)
    assert jobs.start("a", counting(9)) is first
    assert jobs.get("a") is first
    assert jobs.get("b") is None


def test_jobs_wait_their_turn_and_know_their_place():
    jobs, gate = Jobs(), threading.Event()
    first, second, third = (jobs.start(k, counting(1, gate)) for k in "abc")
    until(lambda: first.state == "running")
    assert [jobs.position(j) for j in (first, second, third)] == [0, 1, 2]
    second.cancel()
    assert second.state == "cancelled"
    assert jobs.position(third) == 1
    gate.set()
    until(lambda: third.over)
    assert third.state == "done"
    assert second.records == []


def test_cancelling_stops_at_the_next_record_and_closes_the_work():
    closed = threading.Event()

    def work():
        try:
            yield from range(10**9)
        finally:
            closed.set()

    jobs = Jobs()
    job = jobs.start("a", work)
    until(lambda: job.last is not None)
    job.cancel()
    until(lambda: job.over)
    assert job.state == "cancelled"
    assert closed.is_set()
    again = jobs.start("a", counting(1))
    assert again is not job
    until(lambda: again.state == "done")


def test_what_an_owner_asks_for_next_takes_the_place_of_what_was_asked_before():
    jobs, gate = Jobs({"long": 2, "short": 1}), threading.Event()
    mine, other = jobs.start("a", counting(99, gate), "me"), jobs.start("b", counting(1), "you")
    newer = jobs.start("c", counting(1), "me")
    gate.set()
    until(lambda: mine.over and newer.over and other.over)
    assert (mine.state, newer.state, other.state) == ("cancelled", "done", "done")


def test_what_another_wants_too_goes_on_without_who_asked_first():
    jobs, gate = Jobs({"long": 2, "short": 1}), threading.Event()
    shared = jobs.start("a", counting(3, gate), "me")
    assert jobs.start("a", counting(3, gate), "you") is shared
    jobs.start("b", counting(1), "me")
    assert shared.wanted
    jobs.start("c", counting(1), "you")
    assert not shared.wanted
    gate.set()
    assert shared.wait(10)
    assert (shared.state, shared.by_hand) == ("cancelled", False)


def test_everyones_work_is_nobodys_to_replace():
    jobs, gate = Jobs({"long": 2, "short": 1}), threading.Event()
    ours = jobs.start("a", counting(2, gate))
    assert jobs.start("a", counting(2), "me") is ours
    jobs.start("b", counting(1), "me")
    gate.set()
    assert ours.wait(10)
    assert ours.state == "done"


def test_stopped_work_has_a_last_word():
    def work():
        try:
            yield from range(10**9)
        except Stopped:
            yield "kept"

    job = Jobs().start("a", work)
    until(lambda: job.last is not None)
    job.cancel(by_hand=True)
    assert job.wait(10)
    assert (job.state, job.by_hand, job.last) == ("cancelled", True, "kept")
    assert (job.newest(str), job.newest(float), job.all(int)[0]) == ("kept", None, 0)
    job.cancel()
    assert job.by_hand  # what is over stays as it ended


def test_short_work_does_not_wait_for_long():
    jobs, gate = Jobs(), threading.Event()
    long = [jobs.start(key, counting(1, gate)) for key in "ab"]
    short = jobs.start("c", counting(1), lane="short")
    assert short.wait(10)
    assert [jobs.position(job) for job in long] == [0, 1]
    gate.set()
    assert long[1].wait(10)


def test_a_job_begins_or_is_cancelled_and_never_both():
    for _ in range(200):
        began: list[int] = []
        job = Job("a", lambda began=began: iter([began.append(1)]))
        race = [threading.Thread(target=call) for call in (job.run, job.cancel)]
        for thread in race:
            thread.start()
        for thread in race:
            thread.join()
        assert job.over
        assert began or job.state == "cancelled"
        assert bool(job.started) == bool(began)


def test_nobody_looking_ends_what_has_little_patience():
    def work():
        while True:
            time.sleep(0.01)
            yield None

    job = Jobs().start("a", work, patience=0.2)
    assert job.wait(10)
    assert job.state == "cancelled"


def test_errors_become_a_sentence_and_the_worker_lives_on():
    def ours():
        yield 1
        raise InputError("rank k is 0; expected at least 1")

    def other():
        yield 1
        raise ZeroDivisionError

    jobs = Jobs()
    failed = [jobs.start("a", ours), jobs.start("b", other)]
    until(lambda: all(j.over for j in failed))
    assert [j.state for j in failed] == ["failed", "failed"]
    assert str(failed[0].problem) == "rank k is 0; expected at least 1"
    assert "ZeroDivisionError" in str(failed[1].problem)
    assert jobs.start("a", counting(1)) is failed[0]
    after = jobs.start("a", counting(1), again=True)
    until(lambda: after.state == "done")


def test_what_was_stopped_by_hand_begins_again_only_when_asked_to():
    jobs, gate = Jobs(), threading.Event()
    job = jobs.start("a", counting(5, gate))
    until(lambda: job.last == 0)
    job.cancel(by_hand=True)
    assert jobs.start("a", counting(9)) is job  # at its last record
    gate.set()
    until(lambda: job.over)
    assert jobs.start("a", counting(9)) is job
    assert jobs.start("a", counting(1), again=True) is not job


def test_a_full_queue_is_said_and_old_jobs_are_forgotten():
    jobs, gate = Jobs(queue=2, most=3), threading.Event()
    running = jobs.start("r", counting(1, gate))
    until(lambda: running.state == "running")
    jobs.start("a", counting(1))
    jobs.start("b", counting(1))
    with pytest.raises(InputError, match="busy: 2"):
        jobs.start("c", counting(1))
    gate.set()
    until(lambda: all(job.over for job in (running, jobs.get("a"), jobs.get("b"))))
    jobs.start("d", counting(1))
    assert jobs.get("r") is None
    assert isinstance(jobs.get("d"), Job)


PAGE = """
from lowrank.language import Sentence
from lowrank.ui import visitor_language
from lowrank.ui.jobs import Doing, Job
from lowrank.ui.progress import shown

words = Sentence("Reading with less of {kind}, {way}", kind="q", way=Sentence("plain"))
shown(Job("going", None, state="running", records=[Doing(0.5, words)]))
problem = Sentence("The server has not enough memory for this.")
shown(Job("failed", None, state="failed", problem=problem))
"""


@pytest.mark.parametrize("language", languages())
def test_progress_and_problem_of_shared_work_are_said_to_each_in_his_language(language):
    app = AppTest.from_string(PAGE)
    app.session_state["language"] = language
    app.run()
    assert not app.exception
    with speaking(language):
        doing = gettext("Reading with less of {kind}, {way}").format(kind="q", way=gettext("plain"))
        assert app.get("progress")[0].proto.text.startswith(doing)
        assert app.error[0].value == gettext("The server has not enough memory for this.")
