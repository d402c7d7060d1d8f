"""Recovering a rank-5 200 x 200 matrix from 30 % of its entries, beside mean fill and scikit-learn.

python benchmarks/completion.py [SEEDS]     Medians over SEEDS draws (3). Error is ||Z - X||_F /
||X||_F over the hidden entries. scikit-learn's imputers take rows for samples and columns for
features; they run if it is installed (requirements-dev.txt), with the arguments shown.
"""

import statistics
import sys
import warnings
from collections.abc import Callable

import common
import numpy as np

from lowrank.spectra.completion import als, finish, soft_impute
from lowrank.spectra.recovery import mean_fill, relative_error

SIZE, RANK, FRACTION = 200, 5, 0.3
Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def methods() -> dict[str, Method]:
    """Each takes X and the observed mask and returns the completed matrix."""
    found: dict[str, Method] = {
        "lowrank soft_impute": lambda X, seen: finish(soft_impute(X, seen)).matrix,
        "lowrank als, rank=5": lambda X, seen: finish(als(X, seen, RANK)).matrix,
        "mean fill": mean_fill,
    }
    try:
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer, KNNImputer
    except ImportError:
        print("scikit-learn is not installed: no other baseline than the mean fill")
        return found

    def knn(X: np.ndarray, seen: np.ndarray) -> np.ndarray:
        return KNNImputer(n_neighbors=5).fit_transform(np.where(seen, X, np.nan))

    def iterative(X: np.ndarray, seen: np.ndarray) -> np.ndarray:
        imputer = IterativeImputer(max_iter=5, n_nearest_features=50, random_state=0)
        return imputer.fit_transform(np.where(seen, X, np.nan))

    name = "sklearn IterativeImputer(max_iter=5, n_nearest_features=50)"
    return found | {"sklearn KNNImputer(n_neighbors=5)": knn, name: iterative}


def main(seeds: int) -> None:
    """Print one row a method: error, seconds, and seconds beside als."""
    problems = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((SIZE, RANK)) @ rng.standard_normal((RANK, SIZE))
        problems.append((X, rng.random(X.shape) < FRACTION))
    rows = {}
    for name, method in methods().items():
        errors, seconds = [], []
        for X, seen in problems:
            found: list[np.ndarray] = []
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an imputer that has not converged says so
                work = lambda: found.append(method(X, seen))  # noqa: B023, E731 - called at once
                seconds.append(common.seconds(work))
            errors.append(relative_error(found[0][~seen], X[~seen]))
        rows[name] = statistics.median(errors), statistics.median(seconds)
    fastest = rows["lowrank als, rank=5"][1]
    methods_found = {
        name: {"error": error, "seconds": taken, "beside als": taken / fastest}
        for name, (error, taken) in rows.items()
    }
    print(f"rank {RANK}, {SIZE} x {SIZE}, {FRACTION:.0%} observed, medians of {seeds}")
    print("| method | error on hidden entries | seconds | time beside als |")
    print("|:--|--:|--:|--:|")
    for name, (error, seconds_taken) in rows.items():
        ratio = seconds_taken / fastest
        print(f"| {name} | {error:.2g} | {seconds_taken:.3f} | {ratio:.3g} |")
    common.save("completion", {"seeds": seeds, "methods": methods_found}, ["scikit-learn"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
