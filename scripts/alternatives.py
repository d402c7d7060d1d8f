"""LoRA, one whole matrix and adapter layers on the pirate set, stored for the LoRA lab's page.

python scripts/alternatives.py --steps 48
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lowrank import llama, lora
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora import lab
from lowrank.lora.lab import alternatives
from lowrank.lora.lab.sets import FOLDER
from lowrank.readers import open_model


def main() -> None:
    """Train the three ways and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=48)
    steps = parser.parse_args().steps
    model, known = open_model("default"), lab.built_in()["pirate"]
    params, tokenizer = llama.load(model), Tokenizer(model.words)
    method = lora.AdapterConfig(r=known.r, lora_alpha=known.lora_alpha)
    config = lora.TrainConfig(
        method, steps=steps, learning_rate=known.learning_rate, warmup_steps=min(4, steps - 1)
    )
    outcomes = []
    for found in alternatives.work(params, lora.answers(tokenizer, known.examples), config):
        if isinstance(found, alternatives.Outcome):
            outcomes.append(found.to_json())
            print(found.label, f"{found.seconds:.2f} s a step, latency {found.latency:.3f}x")
    record = {
        "command": f"python scripts/alternatives.py --steps {steps}",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "model": model.title,
        "steps": steps,
        "outcomes": outcomes,
    }
    (FOLDER / "alternatives.json").write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
