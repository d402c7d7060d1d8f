"""Show that PEFT takes extracted and resized adapters as we do, and that its merges are verified.

PYTHONPATH=. python tests/oracles/make_extracted.py      writes tests/fixtures/extracted.json anew,
and tests/fixtures/merged: models that PEFT merged in bfloat16.

Needs torch 2.13, transformers 5 and peft 0.21; the test suite needs none of them.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from lowrank.lora import adapters  # noqa: E402
from lowrank.readers import open_model  # noqa: E402
from tests.oracles import tuned_llama as tuned  # noqa: E402
from tests.oracles.adapter_variants import fingerprint  # noqa: E402

MERGED = tuned.ROOT / "merged"
CASES = ("plain", "rslora", "dora")
IDS = torch.arange(12)[None]


def loaded(folder: Path, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    """transformers' model of a folder."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def by_peft(folder: Path) -> dict[str, list[float]]:
    """What PEFT makes of an adapter of the base, merged; and how far our merge is from it."""
    model, adapter = open_model(tuned.BASE), adapters.load(folder)
    theirs = PeftModel.from_pretrained(loaded(tuned.BASE), folder).merge_and_unload()
    found, worst = {}, 0.0
    for name, value in theirs.state_dict().items():
        W = value.numpy()
        if W.ndim != 2 or name.removesuffix(".weight") not in adapter.pairs:
            continue
        ours = adapters.merged(model, adapter, name)
        worst = max(worst, float(np.linalg.norm(ours - W) / np.linalg.norm(W)))
        found[name] = fingerprint(W)
    print(f"{folder.name:10} {len(found)} matrices, ours and PEFT's: {worst:.1e} relative")
    assert worst < 1e-6
    return found


def main() -> None:
    """Write the record."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        base, other = open_model(tuned.BASE), open_model(tuned.write(folder / "tuned"))
        adapters.extract_adapter(base, other, folder / "rank", tuned.RANK)
        adapters.extract_adapter(base, other, folder / "energy", energy=tuned.ENERGY)
        adapters.extract_adapter(base, other, folder / "whole", energy=1.0)
        small = adapters.resized(adapters.load(tuned.ADAPTER), tuned.SMALLER)[0]
        adapters.save(small, folder / "resized")
        record = {name: by_peft(folder / name) for name in ("rank", "energy", "resized")}
        by_peft(folder / "whole")
        whole = PeftModel.from_pretrained(loaded(tuned.BASE), folder / "whole")
        with torch.no_grad():
            wanted = loaded(folder / "tuned")(IDS).logits
            far = float((whole(IDS).logits - wanted).abs().max() / wanted.abs().max())
        print(f"all of the change as an adapter, logits of the tuned model: {far:.1e} relative")
        assert far < 1e-5
    tuned.RECORD.write_text(json.dumps(record, indent=1) + "\n")
    merges()


def merges() -> None:
    """Models that PEFT merged in bfloat16, and their base in bfloat16."""
    shutil.rmtree(MERGED, ignore_errors=True)
    written(loaded(tuned.BASE, torch.bfloat16), MERGED / "base")
    base = open_model(MERGED / "base")
    for case in CASES:
        folder = tuned.ROOT / "adapters" / case
        model = PeftModel.from_pretrained(loaded(tuned.BASE, torch.bfloat16), folder)
        written(model.merge_and_unload(), MERGED / case)
        rows = adapters.verify(base, adapters.load(folder), open_model(MERGED / case))
        off = max(row.off for row in rows)
        along = max(abs(row.merged - row.stored) for row in rows if row.merged is not None)
        print(f"{case:10} merged by PEFT in bfloat16: {off:.2f} of what is allowed, {along:.4f}")
        assert {row.verdict for row in rows} == {"equal"}, case


def written(model: torch.nn.Module, folder: Path) -> None:
    """A model's tensors as a checkpoint."""
    folder.mkdir(parents=True)
    held = {name: value.contiguous().clone() for name, value in model.state_dict().items()}
    save_file(held, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_bytes((tuned.BASE / "config.json").read_bytes())


if __name__ == "__main__":
    main()
