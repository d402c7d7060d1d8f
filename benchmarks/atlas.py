"""A survey of the default model beside a plain loop of numpy.linalg.svd over the same matrices.

python benchmarks/atlas.py      some minutes on 2 cores

Both read each matrix; the loop computes numpy's SVD and keeps s, the survey computes every singular
value with its bound and all measures. The survey is timed here with one thread, and with a pool of
two processes of one thread each, whose start is part of its time.

Then one matrix of each shape of a Llama-2-7B layer, synthetic: every singular value as the survey
takes it, by numpy.linalg.svd, and by scipy's svdvals, which is WeightWatcher's accurate way; and
what that makes in hours for the model's 128 matrices of 4096 x 4096 and 96 of 4096 x 11008.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import common
import numpy as np
import scipy.linalg
from svd import synthetic

from lowrank import atlas
from lowrank.readers import open_model
from lowrank.spectra.svd import singular_values

REPEATS = 3
OF_7B = {(4096, 4096): 4 * 32, (4096, 11008): 3 * 32}


def large() -> dict[str, float]:
    """Hours for the matrices of a 7B model, from one of each shape."""
    works = {
        "survey": lambda W: singular_values(W),
        "numpy.linalg.svd": lambda W: np.linalg.svd(W, full_matrices=False),
        "scipy.linalg.svdvals": lambda W: scipy.linalg.svdvals(W),
    }
    hours = dict.fromkeys(works, 0.0)
    for shape, count in OF_7B.items():
        W = synthetic(*shape)
        for name, work in works.items():
            spent = common.seconds(lambda work=work, W=W: work(W))
            print(f"{name:24}{shape!s:>16}{spent:10.1f} s")
            hours[name] += count * spent / 3600
    print("a whole 7B model, from these: ", end="")
    print(", ".join(f"{name} {spent:.1f} h" for name, spent in hours.items()))
    return hours


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
    figures = {"matrices": len(names), "seconds": seconds, "ratios": ratios}
    common.save("atlas", figures | {"7B hours": large()}, ["scipy"])


if __name__ == "__main__":
    main()
