"""Extracting an adapter from two checkpoints, beside the truncated SVDs that it cannot do without.

python benchmarks/extraction.py     Four layers in the shapes of Llama 2 7B, twice, in bfloat16,
some 3 GB in a temporary folder: a Gaussian base, and the same with a change of every matrix whose
singular values fall off as trained ones do, over noise. The whole of `extract_adapter` (reading
both, subtracting, the SVDs, measuring errors, writing) against `truncate` of the same differences,
held in memory. In turns, each in a process of its own, whose peak memory is that of the system.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import common
import numpy as np

from lowrank.llama.config import LLAMA2_7B
from lowrank.llama.names import LINEAR, name_of
from lowrank.readers import open_model
from lowrank.readers.difference import Difference
from lowrank.readers.safetensors_writer import write
from lowrank.spectra.svd import truncate

LAYERS, RANK, REPEATS = 4, 16, 2
DIRECTIONS = 64  # of a change, beside its noise


def shapes() -> Iterator[tuple[str, tuple[int, int]]]:
    """Every matrix and its shape."""
    for layer in range(LAYERS):
        for projection in LINEAR:
            yield f"{name_of(layer, projection)}.weight", LLAMA2_7B.projection_shape(projection)


def matrix(name: str, tuned: bool) -> np.ndarray:
    """One matrix of either checkpoint: the same base in both."""
    number = list(dict(shapes())).index(name)
    rng = np.random.default_rng(number)
    m, n = shape = dict(shapes())[name]
    W = rng.standard_normal(shape, dtype=np.float32) / np.float32(n**0.5)
    if tuned:
        s = (1 / np.sqrt(1 + np.arange(DIRECTIONS))).astype(np.float32)
        B = rng.standard_normal((m, DIRECTIONS), dtype=np.float32) * s
        A = rng.standard_normal((DIRECTIONS, n), dtype=np.float32)
        W += B @ A * np.float32(0.05 / (m * n) ** 0.5)
        W += rng.standard_normal(shape, dtype=np.float32) * np.float32(0.0005 / n**0.5)
    return W


def write_both(folder: Path) -> None:
    """The two checkpoints."""
    table = {name: ("BF16", shape) for name, shape in shapes()}
    for kind in ("base", "tuned"):
        write(folder / kind / "model.safetensors", table, lambda n, k=kind: matrix(n, k == "tuned"))


def ours(folder: Path) -> float:
    """Seconds of extracting the adapter."""
    from lowrank.lora.adapters import extract_adapter

    base, tuned = (open_model(folder / kind) for kind in ("base", "tuned"))
    with tempfile.TemporaryDirectory(dir=folder) as out:
        place = Path(out) / "adapter"
        return common.seconds(lambda: extract_adapter(base, tuned, place, RANK))


def peer(folder: Path) -> float:
    """Seconds of the truncated SVDs alone."""
    difference = Difference(*(open_model(folder / kind) for kind in ("base", "tuned")))
    total = 0.0
    for name in difference.tensors:
        D = difference.read(name)
        total += common.seconds(lambda D=D: truncate(D, RANK))
    return total


def main() -> None:
    """Time both in turns, and print the ratio and the peak memory of extracting."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([sys.executable, __file__, "write", work], check=True)
        runs: dict[str, list[list[float]]] = {"ours": [], "peer": []}
        for _turn in range(REPEATS):
            for side, found in runs.items():
                command = [sys.executable, __file__, side, work]
                found.append(json.loads(subprocess.check_output(command)))
    seconds = {side: [each[0] for each in found] for side, found in runs.items()}
    ratio = common.ratio(seconds["ours"], seconds["peer"])
    memory = max(each[1] for each in runs["ours"])
    print(f"{len(list(shapes()))} matrices of Llama 2 7B, rank {RANK}")
    for side, taken in seconds.items():
        print(f"  {side:5} {min(taken):8.1f} to {max(taken):.1f} s")
    print(f"  ratio {ratio:.2f} (bound 1.3), peak memory {memory / 1e3:.2f} GB (bound 1.5)")
    common.save("extraction", {"seconds": seconds, "ratio": ratio, "peak MB": memory})


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write_both(Path(sys.argv[2]))
    elif sys.argv[1:]:
        taken = {"ours": ours, "peer": peer}[sys.argv[1]](Path(sys.argv[2]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        print(json.dumps([taken, peak]))
    else:
        main()
