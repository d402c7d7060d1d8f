"""Write the tables of docs/formats.md from what the tests measure.

python scripts/formats.py

Each table stands between two marks that bear its name. What a test proves is measured by the test's
own functions; the tests hold the numbers to what is written.
"""

import sys
import tempfile
from collections.abc import Iterator
from math import floor, log10
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lowrank import llama  # noqa: E402
from lowrank.llama.relatives import REFUSED, RELATIVES  # noqa: E402
from tests.llama.test_relatives import BOTH, FORMATS, difference, opened  # noqa: E402
from tests.relative_models import CASES, IDS  # noqa: E402

DOCUMENT = ROOT / "docs" / "formats.md"


def runs() -> Iterator[str]:
    """What runs and trains, from which format, and how near to transformers."""
    yield "| model | adds to the Llama | safetensors | GGUF | worst logit difference |"
    yield "|:--|:--|:--|:--|--:|"
    for case, config in CASES.items():
        worst = 0.0
        for kind in FORMATS:
            if (case, kind) in BOTH:
                with tempfile.TemporaryDirectory() as folder:
                    params = llama.load(opened(case, kind, Path(folder)))
                    worst = max(worst, difference(llama.forward(params, IDS), case))
        said = ["runs, trains" if (case, kind) in BOTH else "no keys for it" for kind in FORMATS]
        adds = RELATIVES[config["model_type"]].adds
        rope = config.get("rope_scaling") or {}
        if kind := rope.get("rope_type", rope.get("type")):
            adds = f"positions by {kind}" if adds == "nothing" else f"{adds}; positions by {kind}"
        yield f"| {case} | {adds} | {said[0]} | {said[1]} | {rounded_up(worst):.0e} |"


def refused() -> Iterator[str]:
    """What does not run, and why."""
    yield "| model | why it does not run here |"
    yield "|:--|:--|"
    for title, reason in sorted(set(REFUSED.values())):
        yield f"| {title} | {reason} |"


TABLES = {"runs": runs, "refused": refused}


def rounded_up(x: float) -> float:
    """The next number of one digit.

    >>> rounded_up(1.2e-7)
    2e-07
    """
    unit = 10.0 ** floor(log10(x))
    return float(f"{-(-x // unit) * unit:.0e}")


def written(document: str) -> str:
    """The document with every table anew."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = document.partition(begin)
        after = rest.partition(end)[2]
        document = "\n".join([before + begin, *table(), end + after])
    return document


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
