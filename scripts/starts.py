"""LoRA's starts (PEFT's init_lora_weights) on the pirate set, stored for the LoRA lab's page.

python scripts/starts.py --steps 40 --seeds 3      goes on from what is stored
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lowrank import llama, lora
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora import lab
from lowrank.lora.lab import starts
from lowrank.lora.lab.records import FOLDER, store, stored
from lowrank.readers import open_model

HELD_OUT = 2  # as the lab holds them out


def main() -> None:
    """Train what is missing and write the record after every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    model, known = open_model("default"), lab.built_in()["pirate"]
    params, tokenizer = llama.load(model), Tokenizer(model.vocabulary)
    data = lora.answers(tokenizer, known.examples)
    config = lora.TrainConfig(
        lora.AdapterConfig(r=known.r, lora_alpha=known.lora_alpha),
        steps=asked.steps,
        learning_rate=known.learning_rate,
        warmup_steps=min(4, asked.steps - 1),
    )
    about = {
        "steps": asked.steps,
        "learning rate": known.learning_rate,
        "method": asdict(config.method),
        "note": "the same rate, examples and order for every start; no rate was tuned",
    }
    there = (FOLDER / "starts.json").exists()
    record = {"runs": stored("starts")["runs"]} if there else {}
    command = f"python scripts/starts.py --steps {asked.steps} --seeds {asked.seeds}"
    learnt, unseen = data[:-HELD_OUT], data[-HELD_OUT:]
    count = len(record.get("runs", {}))
    for doing in starts.work(params, learnt, unseen, config, range(asked.seeds), record):
        if len(record["runs"]) > count:
            count = len(record["runs"])
            store("starts", about | record, command, model.title)
            print(f"{doing.share:.0%} {list(record['runs'])[-1]}", flush=True)
    store("starts", about | record, command, model.title)
    print(starts.verdict(record))


if __name__ == "__main__":
    main()
