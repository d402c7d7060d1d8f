"""Train each built-in set of the LoRA lab on the default model and record what it answers.

    python scripts/lab_sets.py [--sets pirate ...]

Writes lowrank/lora/lab/data/sets_record.json: answers before and after to prompts that are no
examples, and whether each has the set's sign (a regular expression that is in the set's file).
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lowrank import llama, lora
from lowrank.llama import Params
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora import lab
from lowrank.lora.lab.records import store, stored
from lowrank.lora.lab.sets import TrainingSet
from lowrank.readers import open_model

RECORD = "sets_record"
LONGEST_ANSWER = 40  # tokens, as on the page
WARMUP = 4


def learnt(params: Params, tokenizer: Tokenizer, known: TrainingSet) -> dict[str, object]:
    """One set trained with its own settings."""
    method = lora.AdapterConfig(
        r=known.r,
        lora_alpha=known.lora_alpha,
        target_modules=tuple(known.target_modules.split(", ")),
    )
    config = lora.TrainConfig(
        method, steps=known.steps, learning_rate=known.learning_rate, warmup_steps=WARMUP
    )
    data = lora.answers(tokenizer, known.examples)
    run = lora.finetune(params, data, config)
    records = list(run)
    after = lora.adapted(params, method, run.state)
    asked = {}
    for prompt in (known.prompt, *known.others):
        said = {"before": say(params, tokenizer, prompt), "after": say(after, tokenizer, prompt)}
        signs = {f"sign {when}": known.shows(answer) for when, answer in said.items()}
        asked[prompt] = said | signs
    return {
        "steps": len(records),
        "seconds": round(records[-1].elapsed, 1),
        "first losses": round(sum(r.loss for r in records[:8]) / 8, 3),
        "last losses": round(sum(r.loss for r in records[-8:]) / 8, 3),
        "asked": asked,
    }


def say(params: Params, tokenizer: Tokenizer, prompt: str) -> str:
    """The most probable answer."""
    ids = tokenizer.encode_chat([{"role": "user", "content": prompt}])
    tokens = llama.generate(params, ids, LONGEST_ANSWER, stop_ids=tokenizer.stop_ids)
    return tokenizer.decode(list(tokens))


def main() -> None:
    """Every set; the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(lab.built_in()))
    held = stored(RECORD)["sets"]
    model = open_model("default")
    params, tokenizer = llama.load(model), Tokenizer(model.vocabulary)
    for name in parser.parse_args().sets:
        held[name] = learnt(params, tokenizer, lab.built_in()[name])
        print(name, held[name], flush=True)
    store(RECORD, {"sets": held}, "python scripts/lab_sets.py", model.title)


if __name__ == "__main__":
    main()
