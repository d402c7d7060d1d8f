"""A survey of the default model beside a plain loop of numpy.linalg.svd over the same matrices.

python benchmarks/atlas.py      about two minutes on 2 cores

Both read each matrix; the loop computes numpy's SVD and keeps s, the survey computes every singular
value with its bound and all measures. The survey is timed here with one thread, and with a pool of
two processes of one thread each, whose start is part of its time.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import common
import numpy as np

from lowrank import atlas
from lowrank.readers import open_model

REPEATS = 3


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

    works = {"numpy.linalg.svd": loop, "survey, here": here, "survey, pool": pool}
    times = common.in_turns(works, REPEATS)
    found = here()
    worst = max(
        float(np.abs(found.spectra[name] - kept[name]).max() / kept[name][0]) for name in names
    )
    print(f"{len(names)} matrices; largest difference of a value, relative to s1: {worst:.1e}")
    print(f"{'':24}{'seconds':>10}{'ratio':>8}")
    seconds = common.medians(times)
    ratios = {label: common.ratio(times[label], times["numpy.linalg.svd"]) for label in times}
    for label in times:
        print(f"{label:24}{seconds[label]:10.2f}{ratios[label]:8.2f}")
    common.save("atlas", {"matrices": len(names), "seconds": seconds, "ratios": ratios})


if __name__ == "__main__":
    main()
