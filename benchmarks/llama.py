"""The Llama in numpy beside transformers on torch, and beside its own bare matrix products.

python benchmarks/llama.py        Needs torch 2.13 and transformers 5 in the same environment for
the comparison; without them it says so and measures the rest. Everything is float32, with as many
threads on either side, and interleaved; figures are medians.
"""

import os
import sys

if __name__ == "__main__":  # before numpy loads
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    # Idle threads of either library should sleep, so that they do not slow the other one down.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lowrank import llama  # noqa: E402
from lowrank.readers import open_model  # noqa: E402

T, NEW, REPEATS = 64, 32, 9
PROMPT = [504, 3575, 282, 4649, 314]
WARM = 2


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def together(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """The times of each, taken in turn, so that a slow moment of the machine meets them all."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for i in range(WARM + repeats):
        for name, work in works.items():
            taken = seconds(work)
            if i >= WARM:
                times[name].append(taken)
    return times


def ratio(times: dict[str, list[float]], ours: str, peer: str) -> float:
    """The median of ours over the peer's, turn by turn."""
    pairs = zip(times[ours], times[peer], strict=True)
    return statistics.median(a / b for a, b in pairs)


def bare(params: llama.Params, rows: int) -> Callable[[], object]:
    """Nothing but the products of every projection, inputs at hand, for `rows` tokens."""
    weights = [p.matrix() for p in llama.projections(params).values()]
    rng = np.random.default_rng(0)
    inputs = {
        n: rng.standard_normal((rows, n), dtype=np.float32) for _, n in map(np.shape, weights)
    }

    def products() -> None:
        for W in weights:
            W @ inputs[W.shape[1]].T  # the quicker order of the two

    return products


def truncated(params: llama.Params, fraction: float) -> llama.Params:
    """Every attention projection at a fraction of its rank, by its singular values."""
    new = {}
    for name, dense in llama.projections(params).items():
        if "self_attn" in name:
            U, s, Vt = np.linalg.svd(dense.matrix(), full_matrices=False)
            k = round(fraction * len(s))
            SVt = np.ascontiguousarray(s[:k, None] * Vt[:k])
            new[name] = llama.LowRank(np.ascontiguousarray(U[:, :k]), SVt)
    return llama.replaced(params, new)


def torch_peer(model) -> tuple[Callable[[], object], Callable[[], object]] | None:
    """transformers' forward and greedy decoding; None where torch is not installed."""
    try:
        import torch

        from tests.oracles.make_llama import reference_model
    except ImportError as error:
        print(f"peer: not measured, since this environment has no torch ({error})")
        return None
    peer = reference_model(model, attention="sdpa")
    ids, prompt = torch.arange(100, 100 + T)[None], torch.tensor([PROMPT])
    print(f"peer: torch {torch.__version__}, {torch.get_num_threads()} threads, sdpa attention")

    def forward() -> None:
        with torch.inference_mode():
            peer(ids, use_cache=False)

    def decode() -> None:
        with torch.inference_mode():
            peer.generate(
                prompt, max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, pad_token_id=2
            )

    return forward, decode


def memory() -> None:
    """In a process of its own: load, one forward, and the most memory it ever held."""
    import resource

    params = llama.load(open_model("default"))
    llama.forward(params, np.arange(100, 100 + T))
    arrays = {id(a): a for a in [params.embed_tokens, params.norm]}
    arrays |= {id(p.matrix()): p.matrix() for p in llama.projections(params).values()}
    for layer in params.layers:
        arrays |= {id(w): w for w in (layer.input_layernorm, layer.post_attention_layernorm)}
    weights = sum(a.nbytes for a in arrays.values())
    print(json.dumps([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, weights]))


def main() -> None:
    """Print the table."""
    command = [sys.executable, __file__, "memory"]
    peak, weights = json.loads(subprocess.check_output(command))
    model = open_model("default")
    print(f"{model.title}, float32, {os.cpu_count()} cores, medians of {REPEATS}")
    params = llama.load(model)
    quarter, ids = truncated(params, 0.25), np.arange(100, 100 + T)
    peer = torch_peer(model)
    works = {
        "lowrank": lambda: llama.forward(params, ids),
        "products": bare(params, T),
        "quarter": lambda: llama.forward(quarter, ids),
    } | ({"transformers": peer[0]} if peer else {})
    times = together(works, REPEATS)
    print(f"forward of {T} tokens, every position's logits")
    for name in works:
        print(f"  {name:13} {statistics.median(times[name]) * 1e3:8.1f} ms")
    if peer:
        print(f"  lowrank / transformers    {ratio(times, 'lowrank', 'transformers'):.2f} (<= 0.9)")
    print(f"  lowrank / bare products   {ratio(times, 'lowrank', 'products'):.2f} (<= 1.25)")
    print(f"  attention at rank 1/4     {ratio(times, 'quarter', 'lowrank'):.2f} of dense (< 1)")
    product = bare(params, 1)
    works = {
        "lowrank": lambda: list(llama.generate(params, PROMPT, NEW)),
        "products": lambda: [product() for _ in range(NEW)],
    } | ({"transformers": peer[1]} if peer else {})
    times = together(works, 3)
    print(f"greedy decoding of {NEW} tokens with cache, prompt of {len(PROMPT)}")
    for name in works:
        print(f"  {name:13} {NEW / statistics.median(times[name]):8.1f} tokens/s")
    if peer:
        print(
            f"  speed over transformers   {1 / ratio(times, 'lowrank', 'transformers'):.2f} (>= 2)"
        )
    limit = statistics.median(times["products"]) / NEW
    print(f"  bare products of a token  {limit * 1e3:.1f} ms, {weights / limit / 1e9:.1f} GB/s")
    print(f"  speed over that limit     {1 / ratio(times, 'lowrank', 'products'):.2f} (>= 0.8)")
    over = (peak - weights) / 1e6
    print(f"peak memory {peak / 1e6:.0f} MB = weights {weights / 1e6:.0f} + {over:.0f} (<= 150)")


if __name__ == "__main__":
    memory() if sys.argv[1:2] == ["memory"] else main()
