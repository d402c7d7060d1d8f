"""The running app and a real Chromium, for tests of what a person sees."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome"]
FLAGS = [
    "--no-sandbox",  # continuous integration runs as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker("browser")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_healthy(url: str, server: subprocess.Popen, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.poll() is None, "the app stopped while starting"
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the app did not answer within {seconds} s")


@contextmanager
def served(**environment: str) -> Iterator[str]:
    """The address of the app, served by a process of its own."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
        cwd=ROOT,
        env={**os.environ, "LOWRANK_JOBS": "processes", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def awaited(work: Coroutine[Any, Any, Any]) -> Any:
    """What it gives, from a thread of its own: Playwright keeps this one's loop running."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def app_url(default_model: object) -> Iterator[str]:
    """The app with the default model in place."""
    with served() as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A headless Chromium from the system; no browser is ever downloaded."""
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        message = f"no Chromium on this machine (looked for {', '.join(CHROMIUM_NAMES)})"
        if os.environ.get("LOWRANK_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=180_000)  # nothing that comes is late on a busy machine
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context_of(chromium) -> Callable:
    """The context of visitors of a kind, as `locale="zh-CN"`.

    They share it, and with it the app's scripts of several megabytes, which else each would fetch
    and compile.
    """
    return cache(chromium.new_context)


@contextmanager
def visits(context_of, app_url) -> Iterator[Callable]:
    """A function that opens an address of the app as a new visitor would; all leave at the end."""
    pages = []

    def open_page(
        address: str = "/", width: int = 1280, height: int = 900, wait: bool = True, **visitor
    ):
        context = context_of(**visitor)
        page = context.new_page()
        pages.append(page)
        page.on("popup", lambda opened: pages.append(opened))
        page.set_default_timeout(180_000)
        page.set_viewport_size({"width": width, "height": height})
        address = urljoin(app_url, address)
        forgotten = {"origin": address, "storageTypes": "cookies,local_storage"}
        context.new_cdp_session(page).send("Storage.clearDataForOrigin", forgotten)
        page.goto(address)
        if wait:
            settled(page)
        return page

    try:
        yield open_page
    finally:
        for page in pages:
            page.close()


@pytest.fixture
def new_page(context_of, app_url):
    """A function that opens an address of the app as a new visitor would."""
    with visits(context_of, app_url) as open_page:
        yield open_page


SERIOUS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .filter(v => ['serious', 'critical'].includes(v.impact))
  .flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary}`))"""
# What a box that scrolls does not show, axe does not look at.
HEIGHT = """() => Math.max(...[...document.querySelectorAll(
  '[data-testid="stMain"], [data-testid="stSidebarContent"]')].map(each => each.scrollHeight))"""
# Half-way to another colour, a word may have any contrast.
STILL = """() => !document.getAnimations().some(
  each => each instanceof CSSTransition && each.playState === 'running')"""


@pytest.fixture(scope="session")
def faults() -> Callable:
    """What axe-core finds seriously wrong on a page: faults of contrast, names and keyboards."""
    pytest.importorskip("axe_playwright_python", reason="axe-core: see requirements-dev.txt")
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

    def found(page) -> list[str]:
        page.set_viewport_size({**page.viewport_size, "height": page.evaluate(HEIGHT)})
        settled(page)
        page.wait_for_function(STILL)
        page.evaluate(axe)
        return page.evaluate(SERIOUS)

    return found


IDLE = """() =>
  document.querySelector('h1') &&
  document.querySelector('[data-test-script-state="notRunning"]') &&
  !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')"""
# The server answers in the order in which things happened to it: after its answer, the browser
# knows of a run that had begun.
ANSWERED = "() => fetch('/_stcore/health').then(() => new Promise(requestAnimationFrame))"


def settled(page) -> None:
    """Wait until the page is whole: its title and charts are drawn and no script runs.

    A page that asks to be run again is idle in between for a moment, hence the second look.
    """
    while True:
        # Not an async function: Playwright takes any promise for a yes.
        page.wait_for_function(IDLE, timeout=180_000)
        page.evaluate(ANSWERED)
        if page.evaluate(f"Boolean(({IDLE})())"):
            return


def number(page, label: str):
    """The place of the number under a label."""
    box = page.locator('[data-testid="stMetric"]').filter(has_text=label)
    return box.locator('[data-testid="stMetricValue"]')


def metric(page, label: str) -> str:
    """The number under a label once it is there."""
    return changed(page, label, "…")


def changed(page, label: str, before: str, timeout: float = 180_000) -> str:
    """The number under a label once it is no longer what it was."""
    from playwright.sync_api import expect

    place = number(page, label)
    expect(place).not_to_have_text(re.compile(f"^({re.escape(before)}|…)$"), timeout=timeout)
    return place.inner_text()


def fits(page, width: int) -> bool:
    """Whether nothing stands out at the right of a window of that width.

    Streamlit scrolls the page in a box of its own, which must not scroll sideways either.
    """
    main = page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollWidth ?? 0")
    return page.evaluate("document.documentElement.scrollWidth") <= width and main <= width
