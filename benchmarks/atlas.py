"""A survey of the default model beside a plain loop of numpy.linalg.svd over the same matrices.

python benchmarks/atlas.py      about two minutes on 2 cores

Both read each matrix; the loop computes numpy's SVD and keeps s, the survey computes every singular
value with its bound and all measures. The survey is timed here with one thread, and with a pool of
two processes of one thread each, whose start is part of its time.
"""

import os
import sys
from pathlib import Path

if {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & set(os.environ) or not os.environ.get(
    "OPENBLAS_THREAD_TIMEOUT"
):
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    os.environ["OPENBLAS_THREAD_TIMEOUT"] = "4"
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # for the pool's processes too
    os.execv(sys.executable, [sys.executable, *sys.argv])

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from lowrank import atlas
from lowrank.readers import open_model

REPEATS = 3


def timed(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    """Time the three in turn, several times, and print medians and ratios."""
    model = open_model("default")
    names = atlas.matrices(model)
    kept: dict[str, np.ndarray] = {}

    def loop() -> None:
        for name in names:
            kept[name] = np.linalg.svd(model.read(name))[1]

    def here() -> atlas.Survey:
        return atlas.survey(model)

    def pool() -> atlas.Survey:
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as workers:
            return atlas.survey(model, workers)

    times: dict[str, list[float]] = {"numpy.linalg.svd": [], "survey, here": [], "survey, pool": []}
    for _ in range(REPEATS):
        for label, work in zip(times, (loop, here, pool), strict=True):
            times[label].append(timed(work))
    found = here()
    worst = max(
        float(np.abs(found.spectra[name] - kept[name]).max() / kept[name][0]) for name in names
    )
    base = float(np.median(times["numpy.linalg.svd"]))
    print(f"{len(names)} matrices; largest difference of a value, relative to s1: {worst:.1e}")
    print(f"{'':24}{'seconds':>10}{'ratio':>8}")
    for label, seconds in times.items():
        print(f"{label:24}{np.median(seconds):10.2f}{np.median(seconds) / base:8.2f}")


if __name__ == "__main__":
    main()
