"""The SVD engine beside its peers: seconds and accuracy, every ratio from interleaved runs.

python benchmarks/svd.py            Needs scikit-learn; torch is shown too where it can be imported.
python benchmarks/svd.py --quick    The three matrices at 1e-3 and 1e-5 only.
python benchmarks/svd.py --exact    Every value of 4096 x 4096 against LAPACK in float64, minutes.

Matrices, all float32: the largest of the default model, and its largest projection as a row beside
the mean; two synthetic ones like those of a language model, P diag(10 i**-0.5, i = 1 to 512) Q.T
+ N, P and Q orthonormal, N Gaussian noise with its upper edge at 1, so that the 64th value (1.5
with noise) stands just above the bulk. True values: eigenvalues of the float64 Gram matrix.
"""

import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import common
import numpy as np
import scipy.linalg
from scipy.sparse.linalg import svds
from sklearn.utils.extmath import randomized_svd

from lowrank.readers import open_model
from lowrank.spectra.svd import of_product, singular_values, truncate
from lowrank.spectra.svd.blocks import gram

try:
    import torch
except ImportError:
    torch = None

K = 64
REPEATS = 5
# A process that keeps two threads busy with products as long as its parent lives.
BUSY = """
import os, numpy as np
A = np.ones((1500, 1500), np.float32)
parent = os.getppid()
print(flush=True)
while os.getppid() == parent:
    A @ A
"""

Runs = dict[str, Callable[[], Any]]


def synthetic(m: int, n: int, head: int = 512) -> np.ndarray:
    """The matrix described above, (m, n)."""
    rng = np.random.default_rng(0)
    P = np.linalg.qr(rng.standard_normal((m, head), dtype=np.float32))[0]
    Q = np.linalg.qr(rng.standard_normal((n, head), dtype=np.float32))[0]
    theta = (10 * np.arange(1, head + 1) ** -0.5).astype(np.float32)
    noise = rng.standard_normal((m, n), dtype=np.float32)
    return (P * theta) @ Q.T + noise / np.float32(m**0.5 + n**0.5)


def true_values(W: np.ndarray) -> np.ndarray:
    """The top K singular values in float64."""
    G = gram(W if W.shape[0] >= W.shape[1] else W.T)
    n = len(G)
    return np.sqrt(scipy.linalg.eigh(G, eigvals_only=True, subset_by_index=(n - K, n - 1))[::-1])


def race(runs: Runs, repeats: int = REPEATS) -> dict[str, tuple[float, Any]]:
    """Median seconds and last result of each, taken in turns."""
    results: dict[str, Any] = {}

    def keeping(name: str) -> Callable[[], None]:
        return lambda: results.update({name: runs[name]()})

    seconds = common.medians(common.in_turns({n: keeping(n) for n in runs}, repeats, warm=1))
    return {name: (seconds[name], results[name]) for name in runs}


def worst(s: np.ndarray, true: np.ndarray) -> float:
    """The largest relative error among the values."""
    return float(abs(np.sort(np.asarray(s, np.float64))[::-1] / true - 1).max())


def row(name: str, spent: float, error: float | None, more: str = "") -> None:
    shown = f"{error:8.1e}" if error is not None else " " * 8
    print(f"  {name:32}{spent:9.4f} s  {shown}   {more}".rstrip(), flush=True)


def top(label: str, W: np.ndarray, rate: float) -> dict:
    """Print one matrix; the seconds and errors of each, and the ratios at 1e-3 and 1e-5."""
    true = true_values(W)
    runs: Runs = {
        "truncate to 1e-3": lambda: truncate(W, K, 1e-3),
        "scikit-learn randomized_svd": lambda: randomized_svd(W, K, random_state=0)[1],
        "truncate to 1e-5": lambda: truncate(W, K, 1e-5),
        "scipy svds (ARPACK)": lambda: svds(W, K)[1],
    }
    if torch:
        T = torch.from_numpy(W)
        for niter in (2, 7):
            runs[f"torch.svd_lowrank niter {niter}"] = lambda niter=niter: torch.svd_lowrank(
                T, K + 8, niter
            )[1][:K]
    found = race(runs)
    at = [spent for spent, _ in found.values()]
    print(f"\n{label}, k = {K}")
    rows = {}
    for name, (spent, result) in found.items():
        if not name.startswith("truncate"):
            rows[name] = {"s": spent, "error": worst(result, true)}
            row(name, spent, rows[name]["error"])
            continue
        ratio = at[0] / at[1] if name.endswith("3") else at[2] / at[3]
        limit = result.flops / rate
        more = f"{ratio:.2f} x the next; {result.flops / 1e9:.1f} GFLOP, {spent / limit:.1f} x the "
        more += f"arithmetic limit; estimated {result.reached:.0e}, "
        more += f"proven {result.certificate.proven:.0e}"
        rows[name] = {"s": spent, "error": worst(result.svd.s, true), "limits": spent / limit}
        row(name, spent, rows[name]["error"], more)
    return {"runs": rows, "ratios": [at[0] / at[1], at[2] / at[3]]}


def moving(W: np.ndarray) -> dict:
    """k within what is there, and beyond it; seconds."""
    start = truncate(W, K, 1e-3)
    steps = [common.seconds(lambda k=k: start.top(k)) for k in range(1, K)]
    runs: Runs = {
        "grown from 64 to 96": lambda: start.grown(W, 96),
        "truncate, k = 96, afresh": lambda: truncate(W, 96, 1e-3),
    }
    found = race(runs, 3)
    print("\nsynthetic 4096 x 4096, another k, to 1e-3 (error: estimated)")
    row("k moved within 64", statistics.median(steps), start.reached)
    for name, (spent, result) in found.items():
        row(name, spent, result.reached)
    grown, fresh = (spent for spent, _ in found.values())
    print(f"  grown over afresh {grown / fresh:.2f}")
    return {"within s": statistics.median(steps), "grown s": grown, "afresh s": fresh}


def loaded(W: np.ndarray) -> dict:
    """The same race with another process busy on as many threads as numpy takes; times alone."""
    runs: Runs = {
        "truncate to 1e-3": lambda: truncate(W, K, 1e-3),
        "scikit-learn randomized_svd": lambda: randomized_svd(W, K, random_state=0),
        "scipy svds (ARPACK)": lambda: svds(W, K),
    }
    alone = race(runs, 3)
    other = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    try:
        assert other.stdout
        other.stdout.readline()
        busy = race(runs, 3)
    finally:
        other.kill()
        other.wait()
    print("\nsynthetic 4096 x 4096 beside a second process that multiplies matrices")
    for name in runs:
        a, b = alone[name][0], busy[name][0]
        ours = busy["truncate to 1e-3"][0]
        row(name, b, None, f"{b / a:.1f} x alone ({a:.3f} s); truncate / this {ours / b:.2f}")
    return {n: {"s": busy[n][0], "times alone": busy[n][0] / alone[n][0]} for n in runs}


def product() -> dict:
    """B A from its factors, beside the SVD of the product; seconds."""
    rng = np.random.default_rng(0)
    B = rng.standard_normal((4096, 256), dtype=np.float32)
    A = rng.standard_normal((256, 11008), dtype=np.float32)
    found = race({"of_product": lambda: of_product(B, A)})["of_product"]
    # The SVD of the whole product takes minutes; that of 1024 of its rows is a lower bound.
    part = common.seconds(lambda: scipy.linalg.svd((B @ A)[:1024], full_matrices=False))
    small = scipy.linalg.svdvals(
        np.linalg.qr(B.astype(float), mode="r") @ np.linalg.qr(A.T.astype(float), mode="r").T
    )
    cut, near = race({"": lambda: truncate(B @ A, 256, 1e-5)}, 1)[""]
    print("\nSVD of B A, r = 256, 4096 x 11008")
    row("of_product, from the factors", found[0], worst(found[1].s, small))
    row("B @ A, then truncate", cut, worst(near.svd.s, small), f"{cut / found[0]:.0f} x")
    row("B @ A, scipy svd of 1024 rows", part, None, f"at least {part / found[0]:.0f} x")
    return {"s": found[0], "a quarter of the rows s": part}


def whole(W: np.ndarray) -> dict:
    """Every singular value; medians of 3 unless one run takes more than 5 s."""
    exact = "--exact" in sys.argv
    small = W if exact else np.ascontiguousarray(W[:1024, :1024])
    oracle = scipy.linalg.svdvals(small.astype(np.float64))
    seen = oracle > 1e-6 * oracle[0]

    def error(s: np.ndarray) -> float:
        return float(abs(s / oracle - 1).max(where=seen, initial=0.0))

    runs: Runs = {
        "singular_values": lambda: singular_values(W),
        "scipy svdvals float32": lambda: scipy.linalg.svdvals(W),
    }
    found = race(runs, 3)
    (ours, spectrum), (peer, theirs) = found.values()
    of = "all of it" if exact else "its first 1024 x 1024 (all of it: --exact)"
    print(f"\nevery singular value, 4096 x 4096; errors against LAPACK in float64 on {of}")
    at = (spectrum.s, theirs) if exact else (singular_values(small).s, scipy.linalg.svdvals(small))
    bound = float(
        (spectrum.bound / spectrum.s).max(where=spectrum.s > 1e-6 * spectrum.s[0], initial=0.0)
    )
    more = f"{ours / peer:.2f} x the next; {spectrum.method}, stated bound {bound:.0e}"
    row("singular_values", ours, error(at[0]), more)
    row("scipy svdvals float32", peer, error(at[1]))
    print(f"  smallest over largest {spectrum.s[-1] / spectrum.s[0]:.1e}")
    errors = {"error": error(at[0]), "peer error": error(at[1]), "against all of it": exact}
    least = spectrum.s[-1] / spectrum.s[0]
    return {"s": ours, "peer s": peer, "ratio": ours / peer, "least": float(least), **errors}


def main() -> None:
    """Print the table."""
    model = open_model("default")
    names = sorted(model.tensors, key=lambda name: int(np.prod(model.tensors[name].shape)))
    largest = names[-1]
    projection = [name for name in names if "_proj" in name][-1]
    W = synthetic(4096, 4096)
    rate = 2 * 4096**3 / race({"": lambda: W @ W}, 3)[""][0]
    print(f"one float32 product of 4096**3: {rate / 1e9:.0f} GFLOP/s")
    print(f"medians of {REPEATS} in turns; seconds, worst relative error")
    if not torch:
        print("torch is not installed: no rows of torch.svd_lowrank")
    figures: dict[str, Any] = {"top": {}}
    for label, matrix in (
        (f"{largest} {model.tensors[largest].shape}", model.read(largest)),
        ("synthetic (4096, 4096)", W),
        ("synthetic (4096, 11008)", synthetic(4096, 11008)),
    ):
        figures["top"][label] = top(label, matrix, rate)
    pairs = [found["ratios"] for found in figures["top"].values()]
    means = figures["means"] = [
        statistics.geometric_mean(pair[i] for pair in pairs) for i in (0, 1)
    ]
    print("\ngeometric means of the three: ", end="")
    print(f"{means[0]:.2f} of scikit-learn at 1e-3, {means[1]:.2f} of ARPACK at 1e-5")
    if "--quick" not in sys.argv:
        top(f"{projection} {model.tensors[projection].shape}", model.read(projection), rate)
        figures |= {"moving": moving(W), "loaded": loaded(W), "product": product()}
        figures["whole"] = whole(W)
        common.save("svd", figures, ["scipy", "scikit-learn", "torch"])


if __name__ == "__main__":
    main()
