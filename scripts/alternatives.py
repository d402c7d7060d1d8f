"""LoRA, one whole matrix and adapter layers on the pirate set, stored for the LoRA lab's page.

python scripts/alternatives.py --steps 40
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lowrank import llama, lora
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora import lab
from lowrank.lora.lab import alternatives
from lowrank.lora.lab.records import store
from lowrank.readers import open_model


def main() -> None:
    """Train the three ways and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=48)
    steps = parser.parse_args().steps
    model, known = open_model("default"), lab.built_in()["pirate"]
    params, tokenizer = llama.load(model), Tokenizer(model.vocabulary)
    method = lora.AdapterConfig(r=known.r, lora_alpha=known.lora_alpha)
    config = lora.TrainConfig(
        method, steps=steps, learning_rate=known.learning_rate, warmup_steps=min(4, steps - 1)
    )
    outcomes = []
    for found in alternatives.work(params, lora.answers(tokenizer, known.examples), config):
        if isinstance(found, alternatives.Outcome):
            outcomes.append(found.to_json())
            print(found.label, f"{found.seconds:.2f} s a step, latency {found.latency[1]:.3f}x")
    command = f"python scripts/alternatives.py --steps {steps}"
    store("alternatives", {"steps": steps, "outcomes": outcomes}, command, model.title)


if __name__ == "__main__":
    main()
