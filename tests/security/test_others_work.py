"""What one visitor does takes nothing away from another."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.runtime.scriptrunner_utils.exceptions import StopException

from lowrank.errors import InputError
from lowrank.files import drop_oldest
from lowrank.readers import uploads
from lowrank.ui import atlas, cached, jobs, progress
from lowrank.ui.jobs import Job, Jobs
from lowrank.ui.results import Results, shared


def clear_cache() -> None:
    """What the server does at the framework's `clear_cache` message, which any client may send."""
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path))


Q = "model.layers.0.self_attn.q_proj.weight"


def test_a_clear_cache_message_takes_no_results_away():
    kept = cached.matrix("synthetic", Q), cached.svd("synthetic", Q)
    cached.results().put("mine", 7)
    clear_cache()
    assert cached.matrix("synthetic", Q) is kept[0]
    assert cached.svd("synthetic", Q) is kept[1]
    assert cached.results().get("mine") == 7


def test_what_is_held_is_counted_in_bytes():
    held = Results[np.ndarray](100, budget=5000)
    for i in range(50):
        held.made(i, lambda: np.zeros(100))  # 800 bytes
        assert sum(k in held for k in range(50)) <= 7  # six of them beside the newest
    assert 49 in held
    held.made("large", lambda: np.zeros(10_000))
    assert "large" in held
    held.made("next", lambda: np.zeros(1))
    assert "large" not in held


def test_files_that_unpack_to_gigabytes_are_refused_by_their_size(monkeypatch):
    """The header says how many numbers there are: 40 MB may hold 190 million of them."""
    known = cached.model("synthetic")
    monkeypatch.setattr(cached, "MOST_NUMBERS", 1000)

    def never(*_):
        raise AssertionError("it was read before it was measured")

    monkeypatch.setattr(type(known), "read", never)
    name = "model.layers.1.mlp.up_proj.weight"
    with pytest.raises(InputError, match="at most 1,000 are held here"):
        cached.matrix("synthetic", name)
    with pytest.raises(InputError, match="at most 1,000 are held here"):
        cached.params("synthetic")


def test_a_visitor_who_leaves_stops_nobody_who_waits_for_the_same():
    """Streamlit stops a page by an exception within it, which is nobody else's."""
    held, tried = Results[int](4), []

    def make() -> int:
        tried.append(len(tried))
        if len(tried) == 1:
            raise StopException
        return 7

    with pytest.raises(StopException):
        held.made("a", make)
    assert held.made("a", make) == 7


def test_a_shared_function_is_called_once_for_each_arguments():
    calls = []

    @shared(2)
    def square(n: int) -> int:
        calls.append(n)
        return n * n

    assert [square(3), square(3), square(4), square(5), square(3)] == [9, 9, 16, 25, 9]
    assert calls == [3, 4, 5, 3]


def test_uploads_live_on_disk_beyond_a_cleared_cache():
    name = uploads.keep("a.npy", b"123")
    clear_cache()
    assert uploads.find(name).read_bytes() == b"123"


def adapter(i: int, size: int = 10) -> dict[str, bytes]:
    return {"adapter_config.json": b"%d" % i, "adapter_model.safetensors": bytes(size)}


def test_junk_adapters_evict_nobody_elses():
    shares = uploads.Shares(share=50_000)
    mine = uploads.keep_adapter(adapter(-1))
    shares.add("me", uploads.find_adapter(mine))
    both = uploads.keep_adapter(adapter(0))
    shares.add("me", uploads.find_adapter(both))
    for i in range(60):
        junk = uploads.keep_adapter(adapter(i))
        shares.add("they", uploads.find_adapter(junk))
    for name in (mine, both, junk):
        assert uploads.find_adapter(name).is_dir()
    kept = list(uploads.adapters_folder().iterdir())
    assert 3 <= len(kept) < 60


def test_all_adapters_together_have_a_limit_in_bytes(monkeypatch):
    monkeypatch.setattr(uploads, "MOST_ADAPTERS", 50_000)
    names = [uploads.keep_adapter(adapter(i, 10_000)) for i in range(12)]
    kept = list(uploads.adapters_folder().iterdir())
    assert sum(uploads.nbytes(each) for each in kept) <= 50_000
    assert uploads.find_adapter(names[-1]).is_dir()


def gated(gate: threading.Event, order: list[str], name: str):
    def work():
        order.append(name)
        gate.wait(30)
        yield name

    return work


def test_visitors_take_turns_whatever_one_of_them_asks_for():
    pool, gate, order = Jobs(), threading.Event(), []
    began = [
        pool.start(f"a{i}", gated(gate, order, f"a{i}"), visitor="a", address="1") for i in range(4)
    ]
    assert pool.start("b0", gated(gate, order, "b0"), visitor="b", address="2")
    last = pool.start("c0", gated(gate, order, "c0"), visitor="c", address="3")
    assert pool.position(last) == 2  # what runs, and b's, which came before
    assert [pool.position(job) for job in began[1:]] == [3, 4, 5]
    gate.set()
    assert all(job.wait(30) for job in [*began, last])
    assert order == ["a0", "b0", "c0", "a1", "a2", "a3"]


def test_one_visitor_cannot_fill_the_queue_nor_can_one_address():
    pool, gate = Jobs(queue=20), threading.Event()

    def start(key: str, visitor: str, address: str) -> Job:
        work = gated(gate, [], key)
        return pool.start(key, work, visitor=visitor, page=key, address=address)

    first = start("first", "", "")
    until_running(first)
    start("a", "a", "1")
    with pytest.raises(InputError, match="may have one piece waiting"):
        start("more", "a", "1")
    for i in range(9):
        start(f"s{i}", f"session {i}", "1")
    with pytest.raises(InputError, match="The server is busy"):
        start("session", "another session", "1")
    student = start("student", "student", "2")
    assert pool.position(student) == 2  # what runs, and one of all those of the other address
    gate.set()
    assert student.wait(30)


def test_of_one_visitor_one_runs_and_the_other_worker_serves_the_others():
    pool, gate, order = Jobs({"long": 2, "short": 1}), threading.Event(), []

    def start(name: str) -> Job:
        return pool.start(name, gated(gate, order, name), visitor=name[0], page="lab")

    until_running(start("a0"))
    second = start("a1")
    third = start("a2")  # what one page asks for together waits together
    other = start("b0")
    until_running(other)
    assert {second.state, third.state} == {"waiting"}
    gate.set()
    assert all(job.wait(30) for job in (second, third))
    assert order[:2] == ["a0", "b0"]


def test_what_a_page_looks_for_next_takes_the_place_of_what_it_looked_for(monkeypatch):
    """Whoever goes through a hundred matrices leaves one piece of work in the queue."""
    pool, gate = Jobs(), threading.Event()
    monkeypatch.setattr(jobs, "POOL", pool)
    monkeypatch.setattr(st, "session_state", {"visitor": "a", "visited": ["truncation"]})
    until_running(pool.start("first", gated(gate, [], "first")))
    asked = [progress.sought(f"m{i}", gated(gate, [], f"m{i}"), "spectrum") for i in range(100)]
    assert [job.state for job in asked if job] == ["cancelled"] * 99 + ["waiting"]
    gate.set()


def until_running(job: Job) -> None:
    while job.state == "waiting":
        job.wait(0.01)


def test_a_survey_ends_once_its_visitor_has_left(monkeypatch):
    """Nobody looks at it any more, and the next visitor's waits behind it."""
    pool, seen = Jobs(), threading.Event()

    def endless():
        for i in range(10**9):
            seen.set()
            yield i

    survey = pool.start("atlas", endless, patience=60.0)
    assert seen.wait(30)
    survey.seen -= 61.0
    assert survey.wait(30)
    assert survey.state == "cancelled"


def job(visitor: str) -> Job:
    return Job("lab x", lambda: iter(()), visitor=visitor)


def test_a_run_belongs_to_who_began_it_and_to_whom_its_link_gives_it(monkeypatch):
    state: dict[str, object] = {"visitor": "somebody else"}
    monkeypatch.setattr(st, "session_state", state)
    began = job("me")
    monkeypatch.setattr(jobs.POOL, "get", lambda key: began if key == "lab x" else None)
    assert progress.latest("lab", "x") is began
    assert not progress.mine(began)
    assert progress.link_of(began, "x") == "x"
    assert progress.latest("lab", "x-" + "0" * 16) is began
    assert not progress.mine(began)
    assert progress.latest("lab", f"x-{began.secret}") is began
    assert progress.mine(began)
    assert progress.link_of(began, "x") == f"x-{began.secret}"
    state.clear()
    state["visitor"] = "me"
    assert progress.mine(began)


def test_stop_is_offered_to_the_owner_alone(monkeypatch):
    stops: list[str] = []
    monkeypatch.setattr(st, "button", lambda label, **_: stops.append(label))
    monkeypatch.setattr(st, "session_state", {"visitor": "me"})
    for visitor in ("me", "another"):
        each = job(visitor)
        each.state = "running"
        progress.progress(each, 0.5, "…")
    assert stops == ["Stop"]


def test_surveys_have_a_limit_in_bytes_and_what_was_looked_at_stays(tmp_path):
    for i in range(6):
        folder = tmp_path / "atlas" / str(i)
        (folder / "parts").mkdir(parents=True)
        (folder / "parts" / "000000.npz").write_bytes(bytes(100_000))
        used(folder, 1000 + i)
    used(tmp_path / "atlas" / "0", 2000)
    drop_oldest(tmp_path / "atlas", 250_000)
    assert {path.name for path in (tmp_path / "atlas").iterdir()} == {"0", "5"}


def test_a_survey_makes_room_before_it_begins(tmp_path, monkeypatch):
    """Those that were begun and left never come to their end."""
    monkeypatch.setattr(atlas, "KEPT", 250_000)
    for i in range(6):
        left = tmp_path / "atlas" / str(i) / "parts"
        left.mkdir(parents=True)
        (left / "000000.npz").write_bytes(bytes(100_000))
        used(left.parent, 1000 + i)
    next(atlas._surveying("synthetic", tmp_path / "atlas" / "new"))
    assert {path.name for path in (tmp_path / "atlas").iterdir()} == {"4", "5", "new"}


def test_a_clear_cache_message_takes_no_work_away(monkeypatch):
    gate = threading.Event()
    began = jobs.POOL.start("of another visitor", gated(gate, [], "a"))
    workers = threading.active_count()
    clear_cache()
    assert jobs.POOL.get("of another visitor") is began
    assert jobs.POOL.start("of another visitor", gated(gate, [], "b")) is began
    assert threading.active_count() == workers
    gate.set()
    assert began.wait(60)


def used(path: Path, moment: float) -> None:
    os.utime(path, (moment, moment))
