"""Record what PEFT does: adapters it writes, and the weights it merges them into.

python tests/oracles/make_adapters.py            writes tests/fixtures/adapters anew
python tests/oracles/make_adapters.py --check    PEFT loads adapters that lowrank saves

Needs torch 2.13, transformers 5 and peft 0.21; the test suite needs none of them.
"""

import argparse
import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from adapter_variants import RECORD, VARIANTS, fingerprint, write
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.numpy import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "fixtures" / "adapters"
ADAPTER = ("adapter_config.json", "adapter_model.safetensors")

LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 40,
    "max_position_embeddings": 64,
}
BASES = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**LLAMA, tie_word_embeddings=False)),
    "biased": lambda: LlamaForCausalLM(
        LlamaConfig(**LLAMA, tie_word_embeddings=True, attention_bias=True)
    ),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(n_embd=32, n_layer=1, n_head=4, vocab_size=40, n_positions=16)
    ),
}
# Each case: the base it adapts, and what is asked of PEFT.
CASES = {
    "plain": ("llama", {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}),
    "rslora": (
        "llama",
        {
            "r": 4,
            "lora_alpha": 8,
            "use_rslora": True,
            "target_modules": ["q_proj", "k_proj", "down_proj"],
            "rank_pattern": {r"layers\.0\.self_attn\.q_proj": 2, "down_proj": 6, "proj": 3},
            "alpha_pattern": {r".*\.1\..*k_proj": 5, "q_proj": 12},
        },
    ),
    "dora": (
        "llama",
        {"r": 3, "use_dora": True, "target_modules": ["q_proj", "v_proj", "up_proj"]},
    ),
    "conv1d": (
        "gpt2",
        {"r": 4, "fan_in_fan_out": True, "target_modules": ["c_attn", "c_proj", "c_fc"]},
    ),
    "conv1d-dora": (
        "gpt2",
        {"r": 2, "fan_in_fan_out": True, "use_dora": True, "target_modules": ["c_attn", "c_proj"]},
    ),
    "all-linear": ("llama", {"r": 2, "lora_alpha": 3, "target_modules": "all-linear"}),
    "layers": (
        "llama",
        {
            "r": 2,
            "target_modules": ["o_proj", "gate_proj"],
            "layers_to_transform": [1],
            "layers_pattern": "layers",
        },
    ),
    "regex": (
        "llama",
        {
            "r": 2,
            "target_modules": r".*\.(q|k|v|o)_proj",
            "exclude_modules": r".*\.0\..*v_proj",
            "modules_to_save": ["lm_head", "norm"],
        },
    ),
    "biases": ("biased", {"r": 2, "bias": "all", "target_modules": ["q_proj", "o_proj"]}),
    "own-biases": (
        "biased",
        {"r": 2, "bias": "lora_only", "lora_bias": True, "target_modules": ["v_proj"]},
    ),
    "embeddings": ("llama", {"r": 2, "target_modules": ["embed_tokens", "lm_head", "k_proj"]}),
}


def base(name: str) -> torch.nn.Module:
    """A small model with random weights, biases too: always the same."""
    torch.manual_seed(0)
    model = BASES[name]()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return model


def as_arrays(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """The state dict, each shared tensor once, as transformers would save it."""
    state, held = model.state_dict(), {}
    tied = model.config.tie_word_embeddings
    for name, value in state.items():
        if not (tied and name == "lm_head.weight"):
            held[name] = value.detach().numpy().copy()
    return held


def make() -> None:
    """Write every base, adapter and merged result."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name in BASES:
        folder = FOLDER / f"base-{name}"
        folder.mkdir(parents=True)
        model = base(name)
        save_file(as_arrays(model), folder / "model.safetensors", {"format": "pt"})
        config = json.loads(model.config.to_json_string())
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    for case, (name, asked) in CASES.items():
        folder, model = FOLDER / case, base(name)
        torch.manual_seed(1)
        adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **asked))
        with torch.no_grad():
            for parameter in adapted.parameters():
                if parameter.requires_grad:  # as if it had been trained
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        adapted.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        record = as_arrays(adapted.merge_and_unload())
        before = as_arrays(base(name))
        changed = {n: v for n, v in record.items() if not np.array_equal(v, before.get(n))}
        save_file(changed, folder / "merged.safetensors")
        print(f"{case:12} {len(changed)} tensors changed")
    variants()


def variants() -> None:
    """Record what PEFT makes of files that others wrote: its error, or each tensor it changed."""
    found: dict[str, dict[str, list[float]] | str] = {}
    before = as_arrays(base("llama"))
    for name in VARIANTS:
        with tempfile.TemporaryDirectory() as work:
            folder = write(name, Path(work))
            bare = json.loads((folder / ADAPTER[0]).read_text())["task_type"] is None
            model = base("llama").model if bare else base("llama")
            try:
                merged = as_arrays(PeftModel.from_pretrained(model, folder).merge_and_unload())
            except ValueError as error:
                found[name] = type(error).__name__
                continue
        names = {f"model.{n}" if bare else n: W for n, W in merged.items()}
        changed = {n: W for n, W in names.items() if not np.array_equal(W, before[n])}
        found[name] = {n: fingerprint(W) for n, W in changed.items()}
    RECORD.write_text(json.dumps(found, indent=1) + "\n")


def check() -> None:
    """Let PEFT load what lowrank saves: the fixtures again, and a pair that numpy made."""
    sys.path.insert(0, str(ROOT))
    from lowrank.lora import adapters
    from lowrank.readers import open_model

    worst = 0.0
    with tempfile.TemporaryDirectory() as work:
        for case, (name, _) in CASES.items():
            folder = adapters.save(adapters.load(FOLDER / case), Path(work) / case)
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                loaded = PeftModel.from_pretrained(base(name), folder)
            assert not [w for w in told if "missing" in str(w.message).lower()], case
            record = as_arrays(loaded.merge_and_unload())
            wanted = load_file(FOLDER / case / "merged.safetensors")
            error = max(relative(record[n], value) for n, value in wanted.items())
            print(f"{case:12} saved by lowrank, merged by PEFT: {error:.1e} relative")
            worst = max(worst, error)
        rng = np.random.default_rng(2)
        q = "model.layers.0.self_attn.q_proj"
        config = adapters.AdapterConfig(r=5, lora_alpha=2.5, target_modules=("q_proj",))
        pairs = {}
        for module in (q, q.replace(".0.", ".1.")):
            A, B = (rng.standard_normal(shape, dtype=np.float32) for shape in ((5, 32), (32, 5)))
            pairs[module] = adapters.Pair(module, A, B, config.scale(module))
        mine = adapters.Adapter(config, pairs)
        folder = adapters.save(mine, Path(work) / "mine")
        merged = PeftModel.from_pretrained(base("llama"), folder).merge_and_unload()
        model = open_model(FOLDER / "base-llama")
        record = as_arrays(merged)
        error = max(
            relative(record[f"{m}.weight"], adapters.merged(model, mine, f"{m}.weight"))
            for m in pairs
        )
        assert all(relative(model.read(f"{m}.weight"), record[f"{m}.weight"]) > 0.1 for m in pairs)
        print(f"{'from numpy':12} saved by lowrank, merged by PEFT: {error:.1e} relative")
        adapters.export(model, mine, Path(work) / "whole", shard_bytes=20_000)
        whole = LlamaForCausalLM.from_pretrained(Path(work) / "whole", dtype=torch.float32)
        ids = torch.arange(12)[None]
        with torch.no_grad():
            far = (whole(ids).logits - merged(ids).logits).abs().max() / merged(ids).logits.std()
        print(f"{'exported':12} shards loaded by transformers, logits: {far:.1e} relative")
        worst = max(worst, error, float(far))
    sys.exit(worst > 1e-5)


def relative(got: np.ndarray, wanted: np.ndarray) -> float:
    """||got - wanted|| / ||wanted||."""
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        check()
    else:
        make()
