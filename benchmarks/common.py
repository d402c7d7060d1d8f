"""What the benchmarks share: settled threads, runs in turns, ratios of pairs, results kept.

Imported before numpy: OpenBLAS reads its settings when it is loaded. Idle threads of either side
sleep, so that they do not slow the other one down, and nobody's BLAS is tuned by hand.
"""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
LONG = 5.0  # seconds from which one run says enough

Works = Mapping[str, Callable[[], object]]
Times = dict[str, list[float]]

for _name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(_name, None)
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
sys.path.insert(0, str(ROOT))


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(works: Works, repeats: int, warm: int = 0, primed: bool = False) -> Times:
    """Seconds of each work, one after the other, so that a slow moment of the machine meets all.

    Rounds that do not count start threads and libraries; what takes LONG in the first of them is
    not run again, and that time counts. `primed`: each is called once before it is timed, since
    threads of the one before may go on waiting at full speed for a while.
    """
    times: Times = {name: [] for name in works}
    done: set[str] = set()
    for turn in range(warm + repeats):
        for name in works:
            if name in done:
                continue
            if primed:
                works[name]()
            taken = seconds(works[name])
            if turn < warm and taken > LONG:
                done.add(name)
            if turn >= warm or name in done:
                times[name].append(taken)
    return times


def ratio(ours: Sequence[float], peer: Sequence[float]) -> float:
    """The median of ours over the peer's, turn by turn."""
    if len(ours) != len(peer):
        return statistics.median(ours) / statistics.median(peer)
    return statistics.median(a / b for a, b in zip(ours, peer, strict=True))


def medians(times: Times) -> dict[str, float]:
    """The median of each."""
    return {name: statistics.median(taken) for name, taken in times.items()}


def machine(libraries: Sequence[str]) -> dict[str, Any]:
    """What the figures were measured on and against: cores, versions, and how busy it was."""
    found = {"cores": os.cpu_count(), "processor": platform.machine()}
    found |= {"python": platform.python_version(), "load": round(os.getloadavg()[0], 1)}
    for name in ("numpy", *libraries):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def rounded(value: Any) -> Any:
    """Figures to four significant digits, whatever holds them."""
    if isinstance(value, dict):
        return {str(key): rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def save(name: str, figures: Mapping[str, Any], libraries: Sequence[str] = ()) -> None:
    """Keep the last result of a benchmark, from which the README's tables are written."""
    kept = {
        "command": f"python benchmarks/{name}.py",
        "measured": time.strftime("%Y-%m-%d"),
        "machine": machine(libraries),
        "figures": rounded(dict(figures)),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"kept in {path.relative_to(ROOT)}; `python benchmarks/tables.py` writes the README's")
