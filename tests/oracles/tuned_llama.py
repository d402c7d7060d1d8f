"""A fine-tune of the small Llama, made up: most matrices changed, mostly at low rank."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).parents[1] / "fixtures"
BASE, RECORD = ROOT / "adapters" / "base-llama", ROOT / "extracted.json"
ADAPTER = ROOT / "adapters" / "rslora"  # the one that is resized
RANK, ENERGY, SMALLER = 3, 0.9, 2


def write(folder: Path) -> Path:
    """The checkpoint: q changed at rank 2, gate not at all, all else at full rank, mostly at 4."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, held = np.random.default_rng(5), load_file(BASE / "model.safetensors")
    for name, W in held.items():
        if W.ndim != 2 or ".layers." not in name or "gate_proj" in name:
            continue
        r = 2 if "q_proj" in name else 4
        m, n = W.shape
        D = rng.standard_normal((m, r)) @ rng.standard_normal((r, n)) / 10
        if r == 4:
            D += rng.standard_normal((m, n)) / 50
        held[name] = W + D.astype(np.float32)
    save_file(held, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_bytes((BASE / "config.json").read_bytes())
    return folder
