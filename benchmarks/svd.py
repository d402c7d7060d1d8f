"""The SVD engine beside its peers at equal accuracy: seconds and true errors, runs in turns.

python benchmarks/svd.py            Needs scikit-learn; torch is raced too where it can be imported.
python benchmarks/svd.py --quick    Truncation of the three benchmark matrices only.
python benchmarks/svd.py --exact    Every value of 4096 x 4096 against LAPACK in float64, minutes.

Each peer is given the least work that takes its true worst relative error to the tolerance: the
number of power iterations or steps is searched, at the oversampling that is quicker.

Matrices, all float32: the largest of the default model and ten of its projections; two synthetic
ones like those of a language model, P diag(10 i**-0.5, i = 1 to 512) Q.T + N, P and Q orthonormal,
N Gaussian noise with its upper edge at 1, so that the 64th value (1.5 with noise) stands just above
the bulk. True values: eigenvalues of the float64 Gram matrix.
"""

import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import common
import numpy as np
import scipy.linalg
from scipy.sparse.linalg import lobpcg, svds
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
TOLERANCES = 1e-3, 1e-5
MOST = 256  # iterations of a peer
TENTHS = 4  # how often the tolerance that a peer is asked for is made ten times smaller
SLOW = 8.0  # times as long as ours, from which a peer is not raced
PROJECTIONS = (
    *(f"9.self_attn.{each}_proj" for each in "qkvo"),
    *(f"9.mlp.{each}_proj" for each in ("gate", "up", "down")),
    *("0.mlp.up_proj", "20.self_attn.q_proj", "29.mlp.down_proj"),
)
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


Peer = Callable[[np.ndarray, int, int, float], np.ndarray]


def by_sklearn(W: np.ndarray, count: int, more: int, tol: float) -> np.ndarray:
    return randomized_svd(W, K, n_oversamples=more, n_iter=count, random_state=0)[1]


def by_torch(W: np.ndarray, count: int, more: int, tol: float) -> np.ndarray:
    torch.manual_seed(0)
    return torch.svd_lowrank(torch.from_numpy(W), min(K + more, *W.shape), count)[1][:K].numpy()


def by_arpack(W: np.ndarray, count: int, more: int, tol: float) -> np.ndarray:
    return svds(W, K, tol=tol / 10**count, random_state=0)[1]


def by_propack(W: np.ndarray, count: int, more: int, tol: float) -> np.ndarray:
    return svds(W, K, tol=tol / 10**count, solver="propack", random_state=0)[1]


def by_lobpcg(W: np.ndarray, count: int, more: int, tol: float) -> np.ndarray:
    """On W.T W, of the shorter side, as svds does it, but with W turned and the steps given."""
    W = W if W.shape[0] >= W.shape[1] else W.T
    X = np.random.default_rng(0).standard_normal((W.shape[1], K + more), dtype=W.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the tolerance of zero was not met
        squares = lobpcg(lambda V: W.T @ (W @ V), X, tol=0.0, maxiter=count, largest=True)[0]
    return np.sqrt(np.sort(squares)[::-1][:K])


# The largest count that is tried (of iterations, or of tenths of the tolerance), and how many
# columns more than K.
PEERS: dict[str, tuple[Peer, int, tuple[int, ...]]] = {
    "scikit-learn randomized_svd": (by_sklearn, MOST, (10, K)),
    "torch.svd_lowrank": (by_torch, MOST, (10, K)),
    "ARPACK": (by_arpack, TENTHS, (0,)),
    "PROPACK": (by_propack, TENTHS, (0,)),
    "LOBPCG": (by_lobpcg, MOST, (0, K // 2)),
}


def least(enough: Callable[[int], bool], most: int, patience: float) -> int | None:
    """The smallest count from 0 to `most` that is enough, found by doubling and halving.

    None if there is none, or the first that is enough would take more than `patience` seconds.
    """
    low, high = -1, 1
    while True:
        start = time.perf_counter()
        if enough(high):
            break
        if high >= most or 2 * (time.perf_counter() - start) > patience:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def peers(
    W: np.ndarray, true: np.ndarray, tol: float, patience: float
) -> tuple[Runs, dict[str, str]]:
    """Each peer with the settings that take it to tol within `patience` seconds, and in words."""
    runs: Runs = {}
    words: dict[str, str] = {}
    for name, (peer, most, columns) in PEERS.items():
        if peer is by_torch and not torch:
            continue
        quickest = float("inf")
        for more in columns:
            if K + more > min(W.shape):
                continue

            def run(count: int, peer: Peer = peer, more: int = more) -> np.ndarray:
                return peer(W, count, more, tol)

            count = least(lambda count, run=run: worst(run(count), true) <= tol, most, patience)
            if count is None:
                words.setdefault(name, f"not within {patience:.1f} s")
                continue
            spent = common.seconds(lambda run=run, count=count: run(count))
            if spent < quickest:
                quickest, runs[name] = spent, lambda run=run, count=count: run(count)
                words[name] = (
                    f"asked for {tol / 10**count:.0e}"
                    if most == TENTHS
                    else f"{count} iterations of {K + more} columns"
                )
    return runs, words


def top(label: str, W: np.ndarray, rate: float) -> dict:
    """Print one matrix; for each tolerance seconds, errors, settings, and ours over the fastest."""
    true = true_values(W)
    print(f"\n{label}, k = {K}")
    rows = {}
    for tol in TOLERANCES:
        ours: Runs = {"truncate": lambda tol=tol: truncate(W, K, tol)}
        patience = SLOW * race(ours, 1)["truncate"][0]
        runs, words = peers(W, true, tol, patience)
        found = race(ours | runs)
        spent, result = found["truncate"]
        fastest = min((each for each in found if each != "truncate"), key=lambda n: found[n][0])
        arithmetic = spent * rate / result.flops
        certificate = f"estimated {result.reached:.0e}, proven {result.certificate.proven:.0e}"
        of_limit = f"{arithmetic:.1f} x the arithmetic limit; {certificate}"
        print(f"  true error {tol:.0e}: {spent / found[fastest][0]:.2f} of {fastest}")
        each = {}
        for name, how in {"truncate": of_limit, **words}.items():
            if name in found:
                values = result.svd.s if name == "truncate" else found[name][1]
                each[name] = {"s": found[name][0], "error": worst(values, true)}
                row(name, *each[name].values(), how)
                each[name]["how"] = how
            else:
                print(f"  {name:32}{how}")
        rows[f"{tol:.0e}"] = {
            "runs": each,
            "fastest": fastest,
            "ratio": spent / found[fastest][0],
            "limits": arithmetic,
        }
    return rows


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
    W = synthetic(4096, 4096)
    rate = 2 * 4096**3 / race({"": lambda: W @ W}, 3)[""][0]
    print(f"one float32 product of 4096**3: {rate / 1e9:.0f} GFLOP/s")
    print(f"medians of {REPEATS} in turns; seconds, worst relative error")
    if not torch:
        print("torch is not installed: torch.svd_lowrank is not raced")
    matrices = {
        f"{largest} {model.tensors[largest].shape}": model.read(largest),
        "synthetic (4096, 4096)": W,
        "synthetic (4096, 11008)": synthetic(4096, 11008),
    }
    if "--quick" not in sys.argv:
        for name in (f"model.layers.{each}.weight" for each in PROJECTIONS):
            matrices[f"{name} {model.tensors[name].shape}"] = model.read(name)
    figures: dict[str, Any] = {"top": {}, "means": {}}
    for label, matrix in matrices.items():
        figures["top"][label] = top(label, matrix, rate)
    print(f"\ngeometric means over the {len(matrices)} matrices of ours over the fastest peer:")
    for tol in (f"{tol:.0e}" for tol in TOLERANCES):
        found = [each[tol]["ratio"] for each in figures["top"].values()]
        figures["means"][tol] = statistics.geometric_mean(found)
        print(f"  {figures['means'][tol]:.2f} at {tol}, {min(found):.2f} to {max(found):.2f}")
    if "--quick" not in sys.argv:
        figures |= {"moving": moving(W), "loaded": loaded(W), "product": product()}
        figures["whole"] = whole(W)
        common.save("svd", figures, ["scipy", "scikit-learn", "torch"])


if __name__ == "__main__":
    main()
