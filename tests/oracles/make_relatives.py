"""Record what transformers computes with tiny models of the Llama's relatives.

python tests/oracles/make_relatives.py        writes tests/fixtures/relatives.json anew

Needs torch 2.13 and transformers 5, which the test suite does not. Each model is a folder that
`AutoModelForCausalLM.from_pretrained` opens, weights drawn by name as `tests/relative_models.py`
draws them; attention is transformers' eager one, everything float32. Kept of each: its tensors'
shapes, what transformers takes its configuration to be, logits, and greedy tokens with a cache.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.relative_models import (  # noqa: E402
    CASES,
    FIXTURE,
    IDS,
    as_safetensors,
    config_of,
    drawn_all,
)

NEW = 8
KEPT = ("head_dim", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings")
BARE = ("llama", "mistral", "qwen2", "qwen3", "smollm3")  # with nothing said but the sizes
NEEDED = {
    "hidden_size": 512,
    "intermediate_size": 24,
    "num_hidden_layers": 5,
    "num_attention_heads": 32,
    "vocab_size": 16,
}


def taken(config) -> dict:
    """What transformers takes a configuration to say, under the names of ours."""
    found = {key: getattr(config, key, None) for key in KEPT}
    found["head_dim"] = found["head_dim"] or config.hidden_size // config.num_attention_heads
    found["rope_theta"] = config.rope_parameters["rope_theta"]
    found["max_position_embeddings"] = config.max_position_embeddings
    types, turned = getattr(config, "layer_types", None), getattr(config, "no_rope_layers", None)
    window = None if config.model_type == "llama" else config.sliding_window
    found["windows"] = [
        window if types is None or types[i] == "sliding_attention" else None
        for i in range(config.num_hidden_layers)
    ]
    found["turned"] = [bool(turned[i]) if turned else True for i in range(config.num_hidden_layers)]
    return found


def recorded(case: str, folder: Path) -> dict:
    """One model's shapes and answers."""
    given = config_of(case)
    (folder / "config.json").write_text(json.dumps(given))
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        shapes = {
            name: list(W.shape)
            for name, W in AutoModelForCausalLM.from_config(config).state_dict().items()
            if not (config.tie_word_embeddings and name == "lm_head.weight")
        }
    as_safetensors(folder, given, drawn_all(shapes))
    peer, report = AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True
    )
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    peer.generation_config.eos_token_id = None  # none of these words ends a text
    with torch.inference_mode():
        logits = peer(torch.tensor([IDS]), use_cache=False).logits[0]
        said = peer.generate(
            torch.tensor([IDS[:6]]), max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False
        )
    return {
        "shapes": shapes,
        "config": taken(config),
        "logits": [[float(f"{x:.7g}") for x in row] for row in logits.tolist()],
        "said": said[0, 6:].tolist(),
    }


def defaults(family: str, folder: Path) -> dict:
    """What transformers makes of a config.json with sizes alone."""
    (folder / "config.json").write_text(json.dumps(NEEDED | {"model_type": family}))
    return taken(AutoConfig.from_pretrained(folder))


def main() -> None:
    """Write the fixture."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        found = {
            "models": {case: recorded(case, folder) for case in CASES},
            "needed": NEEDED,
            "defaults": {family: defaults(family, folder) for family in BARE},
        }
    lines = ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in found["models"].items())
    rest = ",\n".join(f'"{k}": {json.dumps(found[k])}' for k in ("needed", "defaults"))
    FIXTURE.write_text(f'{{"models": {{\n{lines}\n}},\n{rest}}}\n')
    print(f"{FIXTURE.relative_to(ROOT)}: {FIXTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
