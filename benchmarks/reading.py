"""How long hostile text holds up whoever reads it: the worst of every reader and every regular
expression, in processor time, beside Python's own `ast.literal_eval` of a list as long.

    PYTHONPATH=. python benchmarks/reading.py

A thousand and more texts of 10^5 characters each, and of 10^6, which are refused by their length.
"""

import ast
import contextlib
import time
from collections.abc import Callable

from lowrank.errors import LowrankError
from lowrank.exact.expressions import parse_parametric
from lowrank.exact.matrices import exact
from lowrank.exact.operations import parse_operation
from lowrank.exact.parsing import parse_cells, parse_matrix
from lowrank.exact.query import decode, decode_moves
from lowrank.llama.names import place
from lowrank.readers.gguf_names import from_gguf
from lowrank.readers.hub import hub_id
from lowrank.teaching.quiz import judge, make_question
from tests.exact.hostile import hostile

QUESTION = make_question("next", seed=1, difficulty="easy")
READERS: dict[str, Callable[[str], object]] = {
    "parse_matrix": parse_matrix,
    "parse_parametric": parse_parametric,
    "parse_cells": lambda text: parse_cells([[text]]),
    "parse_operation": lambda text: parse_operation(text, 3),
    "quiz.judge": lambda text: judge(QUESTION, text),
    "query.decode": decode,
    "query.decode_moves": lambda text: decode_moves(exact([[1, 2], [3, 4]]), "v1." + text),
    "readers.hub_id": hub_id,
    "names of tensors": lambda text: (place(text), from_gguf(text)),
}


def seconds(reader: Callable[[str], object], text: str) -> float:
    """Processor time until the answer or the refusal."""
    start = time.process_time()
    with contextlib.suppress(LowrankError):
        reader(text)
    return time.process_time() - start


def worst(reader: Callable[[str], object], texts: dict[str, str]) -> tuple[float, str]:
    """The longest time and the name of its text; each the best of three."""
    rough = sorted(texts, key=lambda name: seconds(reader, texts[name]))[-3:]
    return max((min(seconds(reader, texts[name]) for _ in range(3)), name) for name in rough)


def main() -> None:
    plain = "[" + "1, " * 33_000 + "1]"
    print(f"ast.literal_eval of 10^5 plain characters: {seconds(ast.literal_eval, plain):.3f} s")
    for power in (5, 6):
        texts = hostile(10**power)
        print(f"\n{len(texts):,} texts of 10^{power} characters, the worst of each reader:")
        for name, reader in READERS.items():
            took, text = worst(reader, texts)
            print(f"  {name:20} {took:6.3f} s   {text}")


if __name__ == "__main__":
    main()
