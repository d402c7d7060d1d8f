"""Show that truncated models open in transformers as what was measured, and record its logits.

python tests/oracles/make_truncated.py            writes tests/fixtures/truncated.json anew
python tests/oracles/make_truncated.py --default  the default model too, at 80 %, in both forms

Needs torch, transformers 5 and gguf, of which the test suite has only the last. A checkpoint is
opened by from_pretrained, thin pairs by the loader of their README, run as it stands there.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from lowrank import llama  # noqa: E402
from lowrank.__main__ import main as command  # noqa: E402
from lowrank.llama.model import projections, replaced  # noqa: E402
from lowrank.readers import open_model  # noqa: E402
from lowrank.readers.safetensors import SafetensorsModel  # noqa: E402
from lowrank.surgery.saving import FORMS, LOADER, THIN  # noqa: E402
from tests import tiny_llama  # noqa: E402

FIXTURE = ROOT / "tests" / "fixtures" / "truncated.json"
IDS = [0, 40, 90, 41, 200, 7, 7, 130]


def opened(folder: Path, form: str) -> torch.nn.Module:
    """The model as its README opens it."""
    if form == "dense":
        model, found = AutoModelForCausalLM.from_pretrained(
            folder, output_loading_info=True, dtype=torch.float32
        )
        assert not any(found.values()), found
        return model.eval()
    (code,) = re.findall("```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    space: dict = {}
    with contextlib.chdir(folder):
        exec(code, space)
    weights, names = space["weights"], set(space["model"].state_dict())
    assert set(weights) <= names, set(weights) - names
    assert names - set(weights) <= {"lm_head.weight"}, names - set(weights)
    return space["model"].float().eval()


def ours(source: str | Path, folder: Path, form: str) -> llama.Params:
    """The same folder by this project's readers."""
    if form == "dense":
        return llama.load(open_model(folder))
    params, held = llama.load(open_model(source)), SafetensorsModel(folder / THIN)
    new = {}
    for name, each in projections(params).items():
        if f"{name}.0.weight" in held.tensors:
            U, SVt = (held.read(f"{name}.{i}.weight") for i in (1, 0))
            new[name] = llama.LowRank(U, SVt, getattr(each, "bias", None))
    return replaced(params, new)


def compared(source: str | Path, out: Path, form: str, *options: str) -> tuple[np.ndarray, float]:
    """transformers' logits after IDS, and how far ours are at most, over the largest."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        order = ["truncate", str(source), "--out", str(out), "--form", form, *options]
        assert command(order) == 0
    print(said.getvalue())
    with torch.no_grad():
        theirs = opened(out, form)(torch.tensor([IDS])).logits[0].double().numpy()
    got = llama.forward(ours(source, out, form), IDS)
    return theirs[-1], float(np.abs(got - theirs).max() / np.abs(theirs).max())


def main() -> None:
    """Make the tiny model's fixture, or compare the default model."""
    with tempfile.TemporaryDirectory() as work:
        if "--default" in sys.argv:
            for form in FORMS:
                _, apart = compared("default", Path(work) / form, form, "--share", "0.8")
                print(f"default model, {form}: logits apart {apart:.1e} of the largest")
            return
        os.environ["LOWRANK_CACHE"] = str(Path(work) / "cache")
        base = tiny_llama.write(Path(work) / "tiny")
        logits, aparts = {}, {}
        for form in FORMS:
            options = ("--share", "0.6", "--dtype", "F32")
            last, apart = compared(base, Path(work) / form, form, *options)
            logits[form], aparts[form] = [float(f"{x:.6g}") for x in last], apart
            print(f"{form}: logits apart {apart:.1e} of the largest")
    record = {"ids": IDS, "loader": LOADER, "apart": aparts, "logits": logits}
    FIXTURE.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
