"""Record what bitsandbytes and PEFT make of random matrices and a tiny Llama, on a CPU.

python tests/oracles/make_quantized.py          writes tests/fixtures/quantized.npz anew
python tests/oracles/make_quantized.py --check  PEFT loads adapters that began with EVA and LoftQ,
                                                the latter on a base that bitsandbytes quantized

Needs bitsandbytes 0.50, torch 2.13, transformers 5 and peft 0.21, which the test suite does not.
PEFT's LoftQ asks for a GPU; here its own lines run with "cpu" in that place. bitsandbytes' kernel
for a CPU takes another block's constant where a row is not whole blocks, so that it is given each
matrix as one row, which means the same. Its kernel that finds a constant's 8-bit code rounds the
constant's share to 16 bits first, so that very near the middle of two levels it may take either.
"""

import argparse
import inspect
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from bitsandbytes import functional
from peft import EvaConfig, LoraConfig, PeftModel, get_peft_model, initialize_lora_eva_weights
from peft.utils import loftq_utils
from transformers import AutoModelForCausalLM

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "quantized.npz"
sys.path.insert(0, str(ROOT))

from tests import tiny_llama  # noqa: E402
from tests.oracles.quantized_data import (  # noqa: E402
    DIRECTIONS,
    ITERATIONS,
    RANK,
    SHAPES,
    random_matrix,
    token_ids,
)


def quantized(name: str) -> dict[str, np.ndarray]:
    """A matrix by NF4 and by NF4 with double quantization: what is kept, and what it stands for."""
    W, found = torch.from_numpy(random_matrix(name)), {}
    for label, double in (("nf4", False), ("double", True)):
        codes, state = four_bits(W, double)
        found |= {
            f"{label}.codes": codes.ravel(),
            f"{label}.absmax": state.absmax,
            f"{label}.matrix": functional.dequantize_4bit(codes, state).reshape(W.shape),
        }
        if double:
            found |= {
                f"{label}.offset": state.offset,
                f"{label}.nested": state.state2.absmax,
                f"{label}.map": state.state2.code,
            }
    return {f"{name}.{key}": array.numpy() for key, array in found.items()}


def four_bits(W: torch.Tensor, double: bool):
    """Codes and state of a matrix, as one row."""
    return functional.quantize_4bit(
        W.reshape(1, -1), blocksize=64, compress_statistics=double, quant_type="nf4"
    )


def loftq() -> dict[str, np.ndarray]:
    """PEFT's LoftQ at 4 bits: the base's matrix, A and B, after some numbers of iterations."""
    source = inspect.getsource(loftq_utils.loftq_init).replace('"cuda"', '"cpu"')
    made = dict(vars(loftq_utils))
    exec(source, made)
    W, found = torch.from_numpy(random_matrix("many")), {}
    for count in ITERATIONS:
        parts = made["loftq_init"](W, 4, RANK, count)
        for part, array in zip(("Q", "A", "B"), parts, strict=True):
            found[f"loftq.{count}.{part}"] = array.numpy()
    return found


def eva(folder: Path) -> dict[str, np.ndarray]:
    """PEFT's EVA on the tiny Llama, without redistribution: A of every projection."""
    config = LoraConfig(
        r=DIRECTIONS,
        lora_alpha=8,
        target_modules="all-linear",
        init_lora_weights="eva",
        eva_config=EvaConfig(rho=1.0, tau=0.99999, use_label_mask=False),
        task_type="CAUSAL_LM",
    )
    peer = get_peft_model(AutoModelForCausalLM.from_pretrained(folder).eval(), config)
    ids = [torch.tensor([each]) for each in token_ids()]
    longest = max(each.shape[1] for each in ids)
    rows = [torch.nn.functional.pad(each, (0, longest - each.shape[1])) for each in ids]
    mask = [torch.arange(longest)[None] < each.shape[1] for each in ids]
    batch = {"input_ids": torch.cat(rows), "attention_mask": torch.cat(mask).long()}
    initialize_lora_eva_weights(peer, [batch], show_progress_bar=False)
    return {
        "eva." + name.removeprefix("base_model.model.").removesuffix(".default.weight"): p.numpy()
        for name, p in peer.state_dict().items()
        if ".lora_A." in name
    }


def check(folder: Path) -> None:
    """Train here with EVA, and with LoftQ on NF4; PEFT loads what is saved: the same logits."""
    from lowrank import llama, lora, memory
    from lowrank.lora import adapters
    from lowrank.readers import open_model

    params = llama.load(open_model(str(folder)))
    data = [lora.Example(tuple(ids), (True,) * len(ids)) for ids in token_ids()]
    method = lora.AdapterConfig(r=4, lora_alpha=8, target_modules="all-linear")
    for kind in ("eva", "loftq"):
        config = lora.TrainConfig(
            replace(method, init_lora_weights=kind), steps=6, learning_rate=1e-3
        )
        base, state = params, None
        if kind == "loftq":
            base, state = lora.loftq_start(params, config, memory.nf4)
        run = lora.finetune(base, data, config, state)
        list(run)
        peer = AutoModelForCausalLM.from_pretrained(folder).eval()
        if kind == "loftq":
            for name, module in peer.named_modules():
                if isinstance(module, torch.nn.Linear) and name != "lm_head":
                    W = module.weight.data
                    module.weight.data = functional.dequantize_4bit(*four_bits(W, False)).reshape(
                        W.shape
                    )
        with tempfile.TemporaryDirectory() as place:
            adapters.save(adapters.trained(config.method, run.state), place)
            loaded = PeftModel.from_pretrained(peer, place).eval()
            with torch.no_grad():
                theirs = loaded(torch.tensor([token_ids()[0]])).logits[0].numpy()
        ours = llama.forward(lora.adapted(base, config.method, run.state), token_ids()[0])
        before = llama.forward(params, token_ids()[0])
        print(
            f"{kind}: largest difference of logits {np.abs(ours - theirs).max():.1e}, "
            f"largest change by training {np.abs(ours - before).max():.1e}"
        )
        assert np.abs(ours - theirs).max() < 1e-3


def main() -> None:
    """Write the fixture, or check the other direction."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    checked = parser.parse_args().check
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        folder = tiny_llama.write(Path(place) / "tiny")
        if checked:
            check(folder)
            return
        found = eva(folder) | loftq()
    for name in SHAPES:
        found |= quantized(name)
    np.savez_compressed(FIXTURE, **found)
    print(FIXTURE.name, f"{FIXTURE.stat().st_size / 1e3:,.0f} kB")


if __name__ == "__main__":
    main()
