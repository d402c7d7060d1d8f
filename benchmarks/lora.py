"""LoRA in numpy beside PEFT on torch: the forward of one matrix, and a step of training.

python benchmarks/lora.py         Needs torch 2.13, transformers 5 and peft 0.21 in the same
environment for the comparison; without them it says so and measures the rest. Everything is
float32, with as many threads on either side, and interleaved; figures are medians.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import common
import numpy as np

from lowrank import llama
from lowrank import lora as ours
from lowrank.readers import open_model

SIZE, RANKS, BATCHES = 4096, (8, 64), (1, 16, 256)
TOKENS, TURNS, IN_A_ROW, WARM, REPEATS = 64, 9, 4, 2, 11
IDS = tuple(range(100, 100 + TOKENS))
PEER = all(importlib.util.find_spec(name) for name in ("torch", "transformers", "peft"))


def peft_layer(W: np.ndarray, r: int, x: np.ndarray) -> tuple[Callable[[], object], ...]:
    """torch's plain linear layer, and PEFT's LoRA around it with a B that is not zero."""
    import torch
    from peft.tuners.lora import Linear, LoraConfig

    base = torch.nn.Linear(SIZE, SIZE, bias=False)
    base.weight.data = torch.from_numpy(W)
    layer = Linear(base, "default", LoraConfig(r=r, lora_alpha=2 * r), r=r, lora_alpha=2 * r).eval()
    torch.nn.init.normal_(layer.lora_B["default"].weight)
    inputs = torch.from_numpy(x)

    def plain() -> None:
        with torch.inference_mode():
            torch.nn.functional.linear(inputs, base.weight)

    def lora() -> None:
        with torch.inference_mode():
            layer(inputs)

    return plain, lora


def forwards() -> list[dict]:
    """Plain, LoRA, merged, and PEFT's, for every rank and batch: printed, a row each."""
    rng = np.random.default_rng(0)
    W = rng.standard_normal((SIZE, SIZE), dtype=np.float32) / np.float32(64)
    dense = llama.Dense(W)
    print(f"forward of a {SIZE} x {SIZE} matrix, ms          ratios")
    print("  r batch |  plain   LoRA merged   PEFT | LoRA/plain merged/plain LoRA/PEFT")
    rows = []
    for r in RANKS:
        A = rng.standard_normal((r, SIZE), dtype=np.float32) / np.float32(64)
        B = rng.standard_normal((SIZE, r), dtype=np.float32)
        lora = llama.LoRA(dense, A, B, 2.0)
        merged = llama.Dense(lora.matrix())
        for batch in BATCHES:
            x = rng.standard_normal((batch, SIZE), dtype=np.float32)
            works: dict[str, Callable[[], object]] = {
                "plain": lambda x=x: dense.apply(x),
                "LoRA": lambda x=x, lora=lora: lora.apply(x),
                "merged": lambda x=x, merged=merged: merged.apply(x),
            }
            if PEER:
                works["PEFT"] = peft_layer(W, r, x)[1]
            repeats = 4 * REPEATS if batch < 256 else REPEATS
            times = common.in_turns(works, repeats, WARM, primed=True)
            ms = {name: 1e3 * taken for name, taken in common.medians(times).items()}
            pairs = [("LoRA", "plain"), ("merged", "plain"), *[("LoRA", "PEFT")] * PEER]
            ratios = {f"{a}/{b}": common.ratio(times[a], times[b]) for a, b in pairs}
            shown = "       ".join(f"{q:.2f}" for q in ratios.values())
            print(f" {r:2} {batch:5} | {' '.join(f'{t:6.2f}' for t in ms.values())} | {shown}")
            rows.append({"r": r, "batch": batch, "ms": ms, "ratios": ratios})
    print("  wanted: LoRA/plain <= 1.10 at batch >= 16, merged/plain <= 1.02, LoRA/PEFT <= 1")
    return rows


def our_steps() -> Callable[[], float]:
    """A training step in numpy; what it returns is the loss."""
    params = llama.load(open_model("default"))
    config = ours.TrainConfig(steps=10_000)
    run = ours.finetune(params, [ours.Example(IDS, (True,) * TOKENS)], config)
    return lambda: next(run).loss


def peft_steps() -> Callable[[], float]:
    """The same step with PEFT, torch's AdamW and its own attention kernel."""
    import torch
    from peft import LoraConfig, get_peft_model

    from tests.oracles.make_llama import reference_model

    base = reference_model(open_model("default"), attention="sdpa")
    fields = LoraConfig(task_type="CAUSAL_LM", r=8, target_modules=["q_proj", "v_proj"])
    peer = get_peft_model(base, fields).train()
    trained = [p for p in peer.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0)
    ids = torch.tensor([IDS])

    def step() -> float:
        loss = peer(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


def steps_of(which: str) -> None:
    """In a process of its own: steps for each line read; their time, the loss, the peak so far.

    They are taken in a row, as in a run of training. The peak counts from after loading, so that
    the way of loading does not matter.
    """
    import gc

    step = our_steps() if which == "lowrank" else peft_steps()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    print("ready", flush=True)
    for _ in sys.stdin:
        time.sleep(0.1)  # until the other's threads no longer wait at full speed
        step()
        start = time.perf_counter()
        for _ in range(IN_A_ROW):
            loss = step()
        taken = (time.perf_counter() - start) / IN_A_ROW
        status = Path("/proc/self/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
        print(json.dumps([taken, loss, peak]), flush=True)


def training() -> dict:
    """Steps of both, a few of each in turn, each in its own process: printed, time and peak."""
    names = ["lowrank", "PEFT"] if PEER else ["lowrank"]
    print(f"\na training step: r = 8 on q_proj and v_proj, {TOKENS} tokens, loss on all of them")
    processes = {
        name: subprocess.Popen(
            [sys.executable, __file__, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OPENBLAS_THREAD_TIMEOUT": "26"},  # OpenBLAS's own
        )
        for name in names
    }
    times: dict[str, list[float]] = {name: [] for name in names}
    peaks = dict.fromkeys(names, 0)
    losses = dict.fromkeys(names, 0.0)
    for process in processes.values():
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
    for i in range(WARM + TURNS):
        for name, process in processes.items():
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            taken, losses[name], peaks[name] = json.loads(process.stdout.readline())
            if i >= WARM:
                times[name].append(taken)
    seconds = common.medians(times)
    for name, process in processes.items():
        process.communicate("")
        print(
            f"  {name:8} {seconds[name] * 1e3:7.0f} ms,"
            f" peak {peaks[name] / 2**20:6.0f} MiB, loss after {(WARM + TURNS) * (IN_A_ROW + 1)}"
            f" steps {losses[name]:.3f}"
        )
    turns = {name: [min(taken), max(taken)] for name, taken in times.items()}
    found: dict = {"step s": seconds, "turns s": turns, "peak bytes": peaks}
    if PEER:
        found["time over PEFT"] = common.ratio(times["lowrank"], times["PEFT"])
        found["memory over PEFT"] = peaks["lowrank"] / peaks["PEFT"]
        print("  PEFT's turns took {:.0f} to {:.0f} ms".format(*(1e3 * t for t in turns["PEFT"])))
        print(f"  time lowrank / PEFT    {found['time over PEFT']:.2f} (<= 0.75)")
        print(f"  memory lowrank / PEFT  {found['memory over PEFT']:.2f} (<= 0.7)")
    return found


def main() -> None:
    """Print the tables."""
    print(f"float32, {os.cpu_count()} cores, medians")
    if PEER:
        import peft
        import torch

        print(f"peer: PEFT {peft.__version__} on torch {torch.__version__},", end=" ")
        print(f"{torch.get_num_threads()} threads")
    else:
        print("peer: not measured, since this environment has no torch, transformers and peft")
    common.save(
        "lora", {"forward": forwards(), "training": training()}, ["torch", "transformers", "peft"]
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        steps_of(sys.argv[1])
    else:
        main()
