"""A class on several processes: the proxy's configuration, and a process that ends mid-lesson."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import websockets

from lowrank.errors import InputError, SourceError
from lowrank.ui import serving
from scripts.client import Visitor, Widget
from tests.browser.conftest import awaited, wait_until_healthy

ROOT = Path(__file__).parents[2]
STUDENTS = 6
PAGE, SLIDER = "redundancy?data=ratings", "Hidden, %"


@pytest.mark.parametrize("name", serving.PROXIES)
def test_each_process_is_named_with_its_cookie_and_asked_for_its_health(name):
    written = serving.PROXIES[name][0](8501, [9001, 9002])
    assert "127.0.0.1:9001" in written
    assert "127.0.0.1:9002" in written
    assert serving.HEALTH in written
    assert "cookie" in written
    assert ":8501" in written


def test_a_machine_without_a_proxy_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(serving.shutil, "which", lambda *_, **__: None)
    with pytest.raises(SourceError, match="apt install haproxy"):
        serving.serve(lambda port: [], 8501, 2)


def test_no_processes_and_too_many_are_refused():
    for count in (0, 65):
        with pytest.raises(InputError, match="expected 1 to 64"):
            serving.serve(lambda port: [], 8501, count)


@pytest.fixture
def proxy() -> tuple[str, str]:
    try:
        return serving.proxy_found()
    except SourceError as error:
        pytest.skip(str(error))


def test_the_proxy_takes_its_configuration(proxy, tmp_path):
    name, path = proxy
    config = tmp_path / name
    config.write_text(serving.PROXIES[name][0](8501, [9001, 9002]), encoding="utf-8")
    checks = {"haproxy": ["-c", "-f"], "caddy": ["validate", "--adapter", "caddyfile", "--config"]}
    done = subprocess.run([path, *checks[name], str(config)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def lesson(proxy) -> Iterator[tuple[int, subprocess.Popen]]:
    (port,) = serving.free_ports(1)
    command = [sys.executable, "-m", "lowrank", "class", "--workers", "2", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = subprocess.Popen(command, cwd=ROOT, **quiet)
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", running, seconds=300)
        yield port, running
    finally:
        running.terminate()
        running.wait(60)


def children(pid: int) -> dict[int, str]:
    """The processes that one has started, and their command lines."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(status.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                command = status.with_name("cmdline").read_text().replace("\0", " ")
                found[int(status.parent.name)] = command
    return found


def cookie(port: int) -> str:
    """What a browser that comes for the first time is given."""
    given = urllib.request.urlopen(f"http://127.0.0.1:{port}/").headers.get_all("Set-Cookie") or []
    return next(each.partition(";")[0] for each in given if each.startswith("lowrank="))


def slider(visitor: Visitor) -> Widget:
    return visitor.here("slider", SLIDER)[0]


def place(visitor: Visitor) -> float:
    """Where the slider stands on the page that was opened last."""
    shown = slider(visitor).proto
    return (shown.value if shown.set_value else shown.default)[0]


async def arrived(port: int, address: str) -> tuple[Visitor, str]:
    """A visitor who has opened an address, however long no process answers; and its cookie."""
    given_up = time.monotonic() + 120
    while True:
        try:
            own = cookie(port)
            visitor = await Visitor(port, patience=120, cookie=own).__aenter__()
            assert (await visitor.open(address)).errors == []
            return visitor, own
        except (OSError, urllib.error.URLError, websockets.WebSocketException):
            assert time.monotonic() < given_up, "no process answers"
            await asyncio.sleep(0.2)


async def killed_in_mid_lesson(port: int, serve_pid: int) -> list[tuple[float, float]]:
    """Students move their sliders, a process is killed: where each stood, and stands again."""
    students = [await arrived(port, PAGE) for _ in range(STUDENTS)]
    stood = [5 + 10 * at for at in range(STUDENTS)]
    for at, (visitor, _) in enumerate(students):
        await visitor.slide(slider(visitor), 2 * at)
    served_by = {own for _, own in students}
    assert len(served_by) == 2  # both had work
    doomed = served_by.pop().removeprefix("lowrank=p")
    apps = [pid for pid, line in children(serve_pid).items() if f"--server.port {doomed}" in line]
    os.kill(apps[0], signal.SIGKILL)
    back = []
    for percent, (visitor, own) in zip(stood, students, strict=True):
        link = f"{PAGE}&hidden={percent}"  # a browser writes what is moved into the address
        if own.endswith(doomed):
            with pytest.raises(websockets.ConnectionClosed):
                await visitor.slide(slider(visitor), 1)
            visitor, _ = await arrived(port, link)
        else:
            assert (await visitor.open(link)).errors == []
        back.append(place(visitor))
        await visitor.__aexit__()
    return list(zip(stood, back, strict=True))


@pytest.mark.slow
def test_a_process_is_killed_and_each_student_is_back_by_its_link(lesson):
    port, running = lesson
    for stood, stands in awaited(killed_in_mid_lesson(port, running.pid)):
        assert stood == stands
