"""Write the calibration text of activation-aware truncation: our own lines, then the model's.

python scripts/calibration.py        It keeps the part above MARK and has the default model write
the rest: answers to the prompts below, drawn at temperature 0.8 with seeds 0, 1, 2, ... Another
machine's rounding may draw another token now and then.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lowrank import llama  # noqa: E402
from lowrank.llama.tokenizer import Tokenizer  # noqa: E402
from lowrank.readers import open_model  # noqa: E402

FILE = ROOT / "lowrank/surgery/data/calibration.txt"
TOKENS = 160
MARK = "=== What follows was written by the default model: see scripts/calibration.py"
PROMPTS = [
    "Write a short story about a child who finds a map.",
    "Explain how a bicycle stays upright.",
    "Give me five tips for sleeping better.",
    "Write a letter to a friend about a holiday by the sea.",
    "What happened in the French Revolution?",
    "Write a Python function that counts the vowels of a word.",
    "Write a conversation between a doctor and a patient.",
    "Describe a busy market in the morning.",
    "What is the difference between weather and climate?",
    "Summarize the life of an average bee.",
    "Write a JavaScript function that sorts a list of names.",
    "Tell me about the planets of the solar system.",
    "How do I bake bread at home?",
    "Write a poem about winter.",
    "Solve step by step: 12 * 7 + 5.",
    "Racontez une journée à Paris.",
    "Cuéntame algo sobre los gatos.",
    "Why do we need vitamins?",
    "Write a news report about a football match.",
    "What should I say in a job interview?",
]


def main() -> None:
    """Replace the model's part of the file."""
    own = FILE.read_text(encoding="utf-8").partition(MARK)[0].rstrip("\n -")
    model = open_model("default")
    params, tokenizer = llama.load(model), Tokenizer(model.vocabulary)
    said = []
    for seed, prompt in enumerate(PROMPTS):
        ids = tokenizer.encode_chat([{"role": "user", "content": prompt}])
        tokens = llama.generate(
            params, ids, TOKENS, temperature=0.8, seed=seed, stop_ids=tokenizer.stop_ids
        )
        said.append(f"{prompt}\n{tokenizer.decode(list(tokens)).strip()}")
        print(f"{seed + 1} of {len(PROMPTS)}: {prompt}", flush=True)
    FILE.write_text("\n---\n".join([own, MARK, *said]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
