"""What a move on each page costs the server, and how a class of a hundred is served.

python benchmarks/classroom.py                     everything, about 25 minutes on 2 cores
python benchmarks/classroom.py moves class         those parts alone
python benchmarks/classroom.py class --students 30 --seconds 30

The app is started as `make app` starts it. Students are `scripts/client.py`, which speaks the
browser's protocol but draws nothing. `moves` counts the processor time of the process that serves
pages, in multiples of what a move on a bare Streamlit page (benchmarks/bare.py) takes, measured in
turns with it; heavy work is done by others. `class` lets students open pages and move something
every five seconds; `heavy` does so beside three who train, cut and survey; `soak` opens and closes
sessions and weighs the server before and after; `holds` lets classes grow until their moves take
longer than a second, on one process and on two behind HAProxy or Caddy, each half as long as
`class`; `killed` is a class on two, one of which is killed in the middle of it. Linux only: it
reads /proc.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import common
import websockets

from lowrank.files import cache_folder
from scripts.client import Answer, Visitor

Cost = dict[str, float] | None

RANK = "rank?how=Type"  # where one types and asks rather than slides
PAGES = ["start", RANK, "redundancy", "truncation", "surgery", "atlas", "lora", "lab", "memory"]
PAGES += ["adapter", "article", "thread", "glossary"]
BARE = [sys.executable, "-m", "streamlit", "run", str(common.ROOT / "benchmarks/bare.py")]
APP = [sys.executable, "-m", "lowrank", "app"]
SCHOOL = [*APP[:-1], "class", "--workers", "2"]
TICK = os.sysconf("SC_CLK_TCK")
WORK = ("move", "layer", "open")
EVERY = 5.0  # seconds between a student's moves, on average
LAYERS = range(3, 30, 6)  # of the default model, whose data is at hand when it is measured
TURNS = 10  # of each kind that are measured
CLASSES = (25, 50, 75, 100, 150, 200)  # students
SOON = 1.0  # seconds, at the 95th percentile of a class that a server holds
STAY = 6  # moves on a page before the next is opened


@dataclass(frozen=True)
class Server:
    """A running server: its port, and its process under the operating system."""

    port: int
    pid: int

    def processor(self) -> float:
        """Seconds of processor time so far; not that of workers which have ended."""
        parts = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, parts[11:13])) / TICK

    def memory(self) -> float:
        """Megabytes held now, its workers' too; what they share is counted once."""
        return sum(map(_held, _family(self.pid))) / 1024


def _family(pid: int) -> list[int]:
    """A process and all that it and its children have started, whichever of its threads did."""
    found = [pid]
    with suppress(OSError):  # it has ended
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in path.read_text().split():
                found += _family(int(child))
    return found


def _held(pid: int) -> int:
    """Kilobytes of a process, its share of what it shares with others; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@contextmanager
def served(command: Sequence[str], port_option: str, **environment: str) -> Iterator[Server]:
    """A server of that command, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": common.ROOT}
    known = {**os.environ, **environment}
    process = subprocess.Popen([*command, port_option, str(port)], env=known, **quiet)
    try:
        asyncio.run(_healthy(port))
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(60)


async def _healthy(port: int) -> None:
    for _ in range(1200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except OSError:
            await asyncio.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


def app(**environment: str) -> Any:
    return served(APP, "--port", **environment)


async def moved(visitor: Visitor, page: str, rng: random.Random, sidebar: bool) -> Answer | None:
    """One move of a student: on Rank an operation or a hint, elsewhere a slider."""
    if page == RANK:
        hints = visitor.here("button", "Hint")
        if hints and rng.random() < 0.4:
            return await visitor.press(hints[0])
        (field,) = visitor.here("text_input", "Your next operation")
        first, second = rng.sample("123", 2)
        return await visitor.type(field, f"R{first} - {rng.randint(1, 9)} R{second}")
    there = visitor.here("slider") + (visitor.here("slider", sidebar=True) if sidebar else [])
    chosen = rng.choice(there) if there else None
    return await visitor.slide(chosen, rng.randrange(chosen.places)) if chosen else None


async def cost(server: Server, turns: int, work: Callable[[], Awaitable[Answer | None]]) -> Cost:
    """Milliseconds of processor time and bytes of one run of that work."""
    before, answers = server.processor(), []
    for _ in range(turns):
        answer = await work()
        if answer is None:  # nothing to move here
            return None
        answers.append(answer)
    for error in {error for answer in answers for error in answer.errors}:
        print("  an error on the page:", error)
    ms = 1000 * (server.processor() - before) / turns
    return {"ms": ms, "bytes": statistics.median(answer.sent for answer in answers)}


async def page_costs(server: Server, bare: Server, page: str) -> dict[str, Cost]:
    """A move and an opening of a page whose data is at hand, and a move of the floor beside."""
    rng = random.Random(1)

    async def opened() -> Answer:
        async with Visitor(server.port) as visitor:
            return await visitor.open(page)

    async with Visitor(server.port) as one, Visitor(bare.port) as other:
        await one.open(page)
        await other.open("")
        for slider in one.here("slider", sidebar=True):
            for at in LAYERS:  # once: what is read is kept
                await one.slide(slider, at)
        (lone,) = other.here("slider")
        found: dict[str, Cost] = {}
        for name, server_of, work in (
            ("floor", bare, lambda: other.slide(lone, rng.randrange(100))),
            ("move", server, lambda: moved(one, page, rng, sidebar=False)),
            ("layer", server, lambda: layer(one, rng)),
            ("open", server, opened),
        ):
            await cost(server_of, 2, work)
            found[name] = await cost(server_of, TURNS, work)
    return found


async def layer(visitor: Visitor, rng: random.Random) -> Answer | None:
    """Another layer, where the sidebar asks for one."""
    there = visitor.here("slider", sidebar=True)
    return await visitor.slide(there[0], rng.choice(LAYERS)) if there else None


def moves(pages: Sequence[str], rows: dict[str, Any]) -> dict[str, Any]:
    """Those pages' costs in floors, beside what is known of the others."""
    with app() as server, served(BARE, "--server.port") as bare:
        heads = "".join(f"{name:>10}{'floors':>8}{'KB':>7}" for name in WORK)
        print(f"{'ms':12}{'floor':>10}{heads}")
        for page in pages:
            found = asyncio.run(page_costs(server, bare, page))
            rows[page] = found
            floor = found["floor"]["ms"]
            line = f"{page.partition('?')[0]:12}{floor:10.1f}"
            for c in (found[name] for name in WORK):
                ms = c and f"{c['ms']:10.1f}{c['ms'] / floor:8.2f}{c['bytes'] / 1000:7.1f}"
                line += ms or f"{'':25}"
            print(line, flush=True)
    return {"pages": rows}


@dataclass
class Log:
    """What a class met with."""

    moves: list[float] = field(default_factory=list)
    opens: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    back: list[float] = field(default_factory=list)  # seconds from a lost connection to the page

    def figures(self) -> dict[str, Any]:
        found = {"moves": len(self.moves), "errors": len(self.errors), "dropped": len(self.dropped)}
        for name, taken in (("move", sorted(self.moves)), ("open", sorted(self.opens))):
            if taken:
                found[f"{name} median s"] = statistics.median(taken)
                found[f"{name} p95 s"] = taken[int(0.95 * len(taken))]
        if self.back:
            found |= {"back": len(self.back), "back longest s": max(self.back)}
        return found


async def student(port: int, seed: int, until: float, log: Log) -> None:
    """Pages in any order, a few moves on each, until the lesson is over.

    Whoever loses the connection comes back to the same page, as a browser does by its address.
    """
    rng, page, lost = random.Random(seed), "", 0.0
    await asyncio.sleep(rng.random() * EVERY)
    while time.monotonic() < until:
        try:
            async with Visitor(port) as visitor:
                while time.monotonic() < until:
                    page = page if lost else rng.choice(PAGES)
                    answer = await visitor.open(page)
                    log.opens.append(answer.seconds)
                    if lost:
                        log.back.append(time.monotonic() - lost)
                        lost = 0.0
                    await stay(visitor, page, rng, until, answer, log)
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            if not lost:
                log.dropped.append(f"{type(error).__name__}: {error}")
            lost = lost or time.monotonic()
            await asyncio.sleep(0.2)


async def stay(
    visitor: Visitor, page: str, rng: random.Random, until: float, answer: Answer, log: Log
) -> None:
    """A few moves on a page that was opened with that answer."""
    for _ in range(STAY):
        log.errors += answer.errors
        await asyncio.sleep(rng.expovariate(1 / EVERY))
        found = await moved(visitor, page, rng, sidebar=True)
        if found is None or time.monotonic() > until:
            return
        answer = found
        log.moves.append(answer.seconds)


async def lesson(
    server: Server,
    students: int,
    seconds: float,
    beside: Sequence[Awaitable[None]] = (),
    processes: int = 1,
) -> dict[str, Any]:
    """A class on a server where each page was opened once a process, and what it met with."""
    await asyncio.gather(*(_shown(server.port) for _ in range(processes)))
    log, before, until = Log(), server.memory(), time.monotonic() + seconds
    busy = [asyncio.ensure_future(work) for work in beside]
    await asyncio.gather(*(student(server.port, i, until, log) for i in range(students)))
    while waiting := [task for task in busy if not task.done()]:
        for task in waiting:  # more than once: a wait that ends at this moment loses it
            task.cancel()
        await asyncio.wait(waiting, timeout=1)
    found = log.figures() | {"MB before": before, "MB after": server.memory()}
    print(", ".join(f"{name} {value:.3g}" for name, value in found.items()))
    for said, count in Counter(log.errors + log.dropped).most_common(5):
        print(f"  {count} x {said[:200]}")
    return found


async def _shown(port: int) -> None:
    """A teacher opens each page; of several at once the proxy sends each to another process."""
    async with Visitor(port) as teacher:
        for page in PAGES:
            await teacher.open(page)


def holds(seconds: float) -> dict[str, Any]:
    """Growing classes, until they are no longer answered soon, on one process and on two."""
    found: dict[str, list[dict[str, Any]]] = {}
    for words, command, processes in (
        ("one process: `lowrank app`", APP, 1),
        ("two processes: `lowrank class --workers 2`", SCHOOL, 2),
    ):
        runs = found[words] = []
        for students in CLASSES:
            with served(command, "--port") as server:
                run = asyncio.run(lesson(server, students, seconds, processes=processes))
            runs.append({"students": students} | run)
            if run["errors"] or run["dropped"] or run["move p95 s"] >= SOON:
                break
    return found


def killed(students: int, seconds: float) -> dict[str, Any]:
    """A class on two processes, one of which is killed half-way."""

    async def kill(pid: int) -> None:
        await asyncio.sleep(seconds / 2)
        os.kill(pid, signal.SIGKILL)

    with served(SCHOOL, "--port") as server:
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in _family(server.pid)}
        doomed = next(pid for pid, command in commands.items() if "--server.port" in command)
        run = asyncio.run(lesson(server, students, seconds, [kill(doomed)], processes=2))
    return {"students": students, "seconds": seconds} | run


def class_(students: int, seconds: float) -> dict[str, Any]:
    """A class that does nothing heavy."""
    with app() as server:
        found = asyncio.run(lesson(server, students, seconds))
    return {"students": students, "seconds": seconds} | found


async def pressing(port: int, address: str, button: str) -> None:
    """Heavy work, begun again whenever it is over; its visitor watches it as a browser does."""
    async with Visitor(port) as visitor:
        while True:
            await visitor.open(address)
            begin = visitor.here("button", button)
            if begin:
                await visitor.press(begin[0])
            while visitor.again:
                await asyncio.sleep(0.5)
                await visitor.watch()
            await asyncio.sleep(1)


async def cutting(port: int) -> None:
    """A cut of the model to another rank, one after the other."""
    rng = random.Random(0)
    async with Visitor(port) as visitor:
        await visitor.open("surgery")
        while True:
            await visitor.slide(visitor.here("slider")[0], rng.randrange(1, 90))
            while visitor.again:
                await asyncio.sleep(0.5)
                await visitor.watch()
            await asyncio.sleep(1)


def heavy(students: int, seconds: float) -> dict[str, Any]:
    """The same class beside three visitors whose work is heavy."""
    with tempfile.TemporaryDirectory() as folder:
        for kept in cache_folder().iterdir():
            if kept.name != "atlas":  # to be surveyed again
                (Path(folder) / kept.name).symlink_to(kept)
        with app(LOWRANK_CACHE=folder) as server:
            port = server.port
            work = [pressing(port, "lab", "Train"), cutting(port), pressing(port, "atlas", "Go on")]
            found = asyncio.run(lesson(server, students, seconds, work))
    return {"students": students, "seconds": seconds} | found


async def _soaked(server: Server, sessions: int) -> dict[str, Any]:
    async def session(at: int) -> None:
        rng, page = random.Random(at), PAGES[at % len(PAGES)]
        await asyncio.sleep(float(at))
        async with Visitor(server.port) as visitor:
            await visitor.open(page)
            for _ in range(3):
                await moved(visitor, page, rng, sidebar=True)

    weights = []
    for count in (40, sessions):  # the first fill the caches
        await asyncio.gather(*(session(at) for at in range(count)))
        weights.append(server.memory())
    return {"sessions": sessions, "MB before": weights[0], "MB after": weights[1]}


def soak(sessions: int) -> dict[str, Any]:
    """Sessions that open, move three times and close; what the server keeps of them."""
    with app() as server:
        found = asyncio.run(_soaked(server, sessions))
    print(", ".join(f"{name} {value:.4g}" for name, value in found.items()))
    return found


def main() -> None:
    """Run the parts asked for and keep them beside the others' last results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    known = {
        "moves": lambda a: moves(a.pages or PAGES, figures.get("moves", {}).get("pages", {})),
        "class": lambda a: class_(a.students, a.seconds),
        "heavy": lambda a: heavy(a.students, a.seconds),
        "soak": lambda a: soak(a.sessions),
        "holds": lambda a: holds(a.seconds / 2),
        "killed": lambda a: killed(a.students, a.seconds),
    }
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(known)}; all if none is named")
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--sessions", type=int, default=300, help="of the soak, one a second")
    parser.add_argument("--pages", nargs="+", help="of `moves`, as they stand in a link")
    given = parser.parse_args()
    path = common.RESULTS / "classroom.json"
    figures = json.loads(path.read_text())["figures"] if path.exists() else {}
    for part in given.parts or known:
        print(f"{part}:")
        figures[part] = known[part](given)
        common.save("classroom", figures, ["streamlit"])


if __name__ == "__main__":
    main()
