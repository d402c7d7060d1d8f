"""The Llama in numpy beside transformers on torch, and beside its own bare matrix products.

python benchmarks/llama.py        Needs torch 2.13 and transformers 5 in the same environment for
the comparison; without them it says so and measures the rest. Everything is float32, with as many
threads on either side, and interleaved; figures are medians.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import common
import numpy as np

from lowrank import llama
from lowrank.readers import open_model

T, NEW, REPEATS = 64, 32, 9
PROMPT = [504, 3575, 282, 4649, 314]
WARM = 2


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
    forward = common.in_turns(works, REPEATS, WARM)
    print(f"forward of {T} tokens, every position's logits")
    for name, taken in common.medians(forward).items():
        print(f"  {name:13} {taken * 1e3:8.1f} ms")
    product = bare(params, 1)
    works = {
        "lowrank": lambda: list(llama.generate(params, PROMPT, NEW)),
        "products": lambda: [product() for _ in range(NEW)],
    } | ({"transformers": peer[1]} if peer else {})
    decoding = common.in_turns(works, 3, WARM)
    print(f"greedy decoding of {NEW} tokens with cache, prompt of {len(PROMPT)}")
    rates = {name: NEW / taken for name, taken in common.medians(decoding).items()}
    for name, rate in rates.items():
        print(f"  {name:13} {rate:8.1f} tokens/s")
    ratios = {
        "forward over products": common.ratio(forward["lowrank"], forward["products"]),
        "quarter over dense": common.ratio(forward["quarter"], forward["lowrank"]),
        "speed over products": common.ratio(decoding["products"], decoding["lowrank"]),
    }
    if peer:
        ratios |= {
            "forward over transformers": common.ratio(forward["lowrank"], forward["transformers"]),
            "speed over transformers": common.ratio(decoding["transformers"], decoding["lowrank"]),
        }
    for name, value in ratios.items():
        print(f"  {name:27} {value:.2f}")
    print(f"peak memory {peak / 1e6:.0f} MB = weights {weights / 1e6:.0f} + the rest")
    figures = {"forward s": common.medians(forward), "tokens per s": rates, "ratios": ratios}
    figures |= {"peak bytes": peak, "weight bytes": weights, "tokens": T, "new tokens": NEW}
    common.save("llama", figures, ["torch", "transformers"])


if __name__ == "__main__":
    memory() if sys.argv[1:2] == ["memory"] else main()
