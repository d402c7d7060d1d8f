"""Adapters that differ from what PEFT writes, as people's files do: made from the plain fixture."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).parents[1] / "fixtures"
PLAIN, RECORD = ROOT / "adapters" / "plain", ROOT / "adapter_variants.json"
Q = "base_model.model.model.layers.0.self_attn.q_proj"
FLAGS = ("use_rslora", "use_dora", "fan_in_fan_out", "lora_bias", "init_lora_weights")
UNSLOTH = (
    r"(?:.*?(?:language|text).*?(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense).*?"
    r"(?:q_proj|v_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:self_attn|attention|attn|mlp|"
    r"feed_forward|ffn|dense)\.(?:(?:q_proj|v_proj)))"
)
ZERO = np.zeros((32, 32), np.float32)

# Each: fields of adapter_config.json, a text in every key and what stands for it, further tensors.
VARIANTS: dict[str, tuple[dict, tuple[str, str], dict]] = {
    "null flags": (dict.fromkeys(FLAGS), ("", ""), {}),
    "an unknown field": ({"a_field_of_tomorrow": 1}, ("", ""), {}),
    "the adapter's name in its keys": ({}, (".weight", ".default.weight"), {}),
    "keys of the bare model": ({"task_type": None}, ("model.model.layers", "model.layers"), {}),
    "a target that is not there beside one that is": (
        {"target_modules": ["q_proj", "nothing"]},
        ("", ""),
        {},
    ),
    "a plain weight beside a pair": ({}, ("", ""), {f"{Q}.weight": ZERO}),
    "the frozen weight beside a pair": ({}, ("", ""), {f"{Q}.base_layer.weight": ZERO}),
    "another matrix as a whole": ({}, ("", ""), {f"{Q[:-6]}o_proj.weight": ZERO}),
    "a pair of a module that is not targeted": (
        {"target_modules": ["v_proj"]},
        ("", ""),
        {},
    ),
    "no target that is there": ({"target_modules": ["nothing"]}, ("", ""), {}),
    "a pattern that nothing matches": ({"target_modules": ".*nothing"}, ("", ""), {}),
    "as Unsloth writes it": (
        {
            "target_modules": UNSLOTH,
            "auto_mapping": {"base_model_class": "LlamaForCausalLM", "unsloth_fixed": True},
            "base_model_name_or_path": "unsloth/tiny-bnb-4bit",
            "loftq_config": {},
            "lora_dropout": 0,
            "unsloth_version": "2026.11",
        },
        ("", ""),
        {},
    ),
    "everything excluded": ({"exclude_modules": ["q_proj", "v_proj"]}, ("", ""), {}),
}


def write(name: str, folder: Path) -> Path:
    """The variant's two files in a folder."""
    fields, (old, new), more = VARIANTS[name]
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads((PLAIN / "adapter_config.json").read_text()) | fields
    (folder / "adapter_config.json").write_text(json.dumps(config))
    held = load_file(PLAIN / "adapter_model.safetensors")
    tensors = {key.replace(old, new) if old else key: value for key, value in held.items()}
    save_file(tensors | more, folder / "adapter_model.safetensors")
    return folder


def fingerprint(W: np.ndarray) -> list[float]:
    """Three numbers of a matrix that no other here shares: W seen by fixed vectors."""
    m, n = W.shape
    left = np.cos(np.arange(3)[:, None] * (1 + np.arange(m)) + 1)
    return [round(float(x), 5) for x in (left @ W @ np.sin(1 + np.arange(n)))]
