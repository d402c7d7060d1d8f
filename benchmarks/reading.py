"""How long hostile text holds up whoever reads it: the worst of every reader, in processor time,
beside Python's own `ast.literal_eval` of a list as long.

python benchmarks/reading.py     A thousand and more texts of 10^5 characters each; of fewer, in
which the densest are not refused for their many signs; and of 10^6, refused by their length, so
that fewer will do. Each reader's three worst are timed three times more, and the best of those
counts, since a busy machine only adds. What is imported is out of the garbage collector's way, as
in the app.
"""

import ast
import contextlib
import gc
import time
from collections.abc import Callable
from typing import Any

import common

LENGTHS = {4 * 10**4: 12, 10**5: 12, 10**6: 1}  # and in how many frames
WORST = 3  # texts that are timed again, as often


def spent(reader: Callable[[str], object], text: str) -> float:
    """Processor seconds until the answer or the refusal."""
    from lowrank.errors import LowrankError

    start = time.process_time()
    with contextlib.suppress(LowrankError):
        reader(text)
    return time.process_time() - start


def worst(reader: Callable[[str], object], texts: dict[str, str]) -> dict[str, Any]:
    """The longest time and the name of its text."""
    rough = sorted(texts, key=lambda name: spent(reader, texts[name]))[-WORST:]
    s, text = max((min(spent(reader, texts[name]) for _ in range(WORST)), name) for name in rough)
    return {"s": s, "text": text}


def main() -> None:
    """Print a table for each length, and keep the figures."""
    from tests.hostile import READERS, hostile

    plain = "[" + "1, " * (10**5 // 3) + "1]"
    figures: dict[str, Any] = {"ast.literal_eval s": spent(ast.literal_eval, plain)}
    print(f"ast.literal_eval of as many plain characters: {figures['ast.literal_eval s']:.3f} s")
    gc.freeze()
    for length, frames in LENGTHS.items():
        texts = hostile(length, frames)
        found = {name: worst(reader, texts) for name, reader in READERS.items()}
        figures[f"{length}"] = {"texts": len(texts), "readers": found}
        print(f"{len(texts):,} texts of {length:,} characters, the worst of each reader:")
        for name, each in found.items():
            print(f"  {name:27} {each['s']:6.3f} s   {each['text']}")
    common.save("reading", figures)


if __name__ == "__main__":
    main()
