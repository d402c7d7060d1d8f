"""Opening a 13 GB checkpoint, and reading one of its matrices beside np.fromfile.

python benchmarks/readers.py       The checkpoint is sparse: all of Llama-2-7B's tensors, hardly any
bytes on disk; the matrix that is read is filled with real numbers first.
"""

import json
import mmap
import os
import resource
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import common
import numpy as np

HIDDEN, MIDDLE, LAYERS, WORDS = 4096, 11008, 32, 32000
CHOSEN = "model.layers.7.self_attn.q_proj.weight"
REPEATS = 15


def llama_2_7b() -> dict[str, tuple[int, ...]]:
    """Every tensor of Llama-2-7B and its shape."""
    square, wide, tall = (HIDDEN, HIDDEN), (MIDDLE, HIDDEN), (HIDDEN, MIDDLE)
    layer = {f"self_attn.{p}_proj": square for p in "qkvo"}
    layer |= {"mlp.gate_proj": wide, "mlp.up_proj": wide, "mlp.down_proj": tall}
    layer |= dict.fromkeys(("input_layernorm", "post_attention_layernorm"), (HIDDEN,))
    table: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (WORDS, HIDDEN)}
    for i in range(LAYERS):
        table |= {f"model.layers.{i}.{name}.weight": shape for name, shape in layer.items()}
    return table | {"model.norm.weight": (HIDDEN,), "lm_head.weight": (WORDS, HIDDEN)}


def write_sparse(folder: Path) -> tuple[Path, int]:
    """Two float16 shards with their index; returns the chosen tensor's file and first byte."""
    table = llama_2_7b()
    names = list(table)
    halves = (names[: len(names) // 2], names[len(names) // 2 :])
    index, found = {}, (folder, 0)
    for number, held in enumerate(halves, 1):
        file = f"model-{number:05}-of-00002.safetensors"
        at, header = 0, {}
        for name in held:
            size = 2 * int(np.prod(table[name]))
            offsets = [at, at + size]
            header[name] = {"dtype": "F16", "shape": table[name], "data_offsets": offsets}
            index[name] = file
            at += size
        raw = json.dumps(header).encode()
        with (folder / file).open("wb") as out:
            out.write(struct.pack("<Q", len(raw)) + raw)
            out.truncate(8 + len(raw) + at)
        if CHOSEN in header:
            found = folder / file, 8 + len(raw) + header[CHOSEN]["data_offsets"][0]
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    with found[0].open("r+b") as out:
        out.seek(found[1])
        rng = np.random.default_rng(0)
        out.write(rng.standard_normal(table[CHOSEN], dtype=np.float32).astype("f2").tobytes())
    return found


def resident() -> float:
    """Resident memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def opening(folder: str) -> None:
    """In a process of its own: seconds and added resident MB of one open."""
    from lowrank.readers import open_model

    before, models = resident(), []
    seconds = common.seconds(lambda: models.append(open_model(folder)))
    print(json.dumps([seconds, resident() - before, len(models[0].tensors)]))


def reading(folder: Path, file: Path, start: int) -> tuple[float, float, float]:
    """Median seconds of ours, of np.fromfile + astype, and the median ratio of the pairs."""
    from lowrank.readers import open_model

    model, count = open_model(folder), HIDDEN * HIDDEN

    def peer() -> np.ndarray:
        return np.fromfile(file, "<f2", count, offset=start).astype(np.float32)

    assert np.array_equal(model.read(CHOSEN).ravel(), peer())
    times = common.in_turns({"ours": lambda: model.read(CHOSEN), "peer": peer}, REPEATS)
    found = common.medians(times)
    return found["ours"], found["peer"], common.ratio(times["ours"], times["peer"])


def from_the_hub(folder: Path, work: str) -> int:
    """Bytes that one tensor costs through a hub, counted at the server; own process, printed."""
    from tests.hub_server import Hub

    files: dict[str, bytes | memoryview] = {}
    for path in folder.iterdir():
        with path.open("rb") as file:
            files[path.name] = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    headers = sum(
        8 + int.from_bytes(data[:8], "little")
        for name, data in files.items()
        if name.endswith(".safetensors")
    )
    others = sum(len(data) for name, data in files.items() if name.endswith(".json"))
    program = f"from lowrank.readers import open_model; open_model('hf://a/b').read({CHOSEN!r})"
    with Hub({"a/b": files}) as hub:
        environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": work, "LOWRANK_CACHE": work}
        environment.pop("HF_HUB_OFFLINE", None)
        command = [sys.executable, "-c", program]
        subprocess.run(command, env=environment, check=True, cwd=Path(__file__).parents[1])
        sent = hub.sent()
    tensor = 2 * HIDDEN * HIDDEN
    print(f"hub: {sent:,} bytes sent by the server to open the model and read one matrix")
    print(f"  matrix {tensor:,} + 2 headers {headers:,} + index {others:,}")
    print(f"  over matrix and headers: {sent - tensor - headers:,} (bound 65,536)")
    return sent


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        file, start = write_sparse(folder)
        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        command = [sys.executable, __file__, "open", work]
        runs = [json.loads(subprocess.check_output(command)) for _ in range(5)]
        seconds, memory = (median(run[i] for run in runs) for i in (0, 1))
        print(f"checkpoint: {size / 1e9:.2f} GB in 2 shards, {runs[0][2]} tensors")
        print(f"open: {seconds:.3f} s, {memory:.1f} MB of added resident memory (median of 5)")
        ours, theirs, ratio = reading(folder, file, start)
        print(f"read one 4096 x 4096 float16 as float32 (median of {REPEATS})")
        print(f"  np.fromfile + astype {theirs * 1e3:7.1f} ms")
        print(f"  lowrank              {ours * 1e3:7.1f} ms   ratio {ratio:.2f}")
        with tempfile.TemporaryDirectory() as caches:
            sent = from_the_hub(folder, caches)
    figures = {"checkpoint bytes": size, "open s": seconds, "open MB": memory, "read s": ours}
    figures |= {"read over np.fromfile": ratio, "hub bytes": sent, "matrix bytes": 2 * HIDDEN**2}
    common.save("readers", figures)


if __name__ == "__main__":
    if sys.argv[1:2] == ["open"]:
        opening(sys.argv[2])
    else:
        main()
