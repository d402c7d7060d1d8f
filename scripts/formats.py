"""Write the tables of docs/formats.md from what the tests measure.

python scripts/formats.py

Each table stands between two marks that bear its name. What a test proves is measured by the test's
own functions; the tests hold the numbers to what is written.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from math import floor, log10
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lowrank import llama  # noqa: E402
from lowrank.llama.relatives import REFUSED, RELATIVES  # noqa: E402
from lowrank.lora import adapters  # noqa: E402
from lowrank.readers import open_model  # noqa: E402
from lowrank.readers.gguf_layout import order  # noqa: E402
from tests.families import FAMILIES  # noqa: E402
from tests.families import as_gguf as gguf  # noqa: E402
from tests.families import written as checkpoint  # noqa: E402
from tests.llama.test_relatives import BOTH, FORMATS, difference, opened  # noqa: E402
from tests.oracles.export_cases import NOTHING, relative  # noqa: E402
from tests.readers.quantised_files import LAYOUTS, NAME  # noqa: E402
from tests.readers.test_families import worst  # noqa: E402
from tests.readers.test_quantised import checkpoint as with_codes  # noqa: E402
from tests.relative_models import CASES, IDS  # noqa: E402

EXPORTS = ROOT / "tests" / "fixtures" / "exports.json"
DOCUMENT = ROOT / "docs" / "formats.md"


def runs() -> Iterator[str]:
    """What runs and trains, from which format, and how near to transformers."""
    yield "| model | adds to the Llama | safetensors | GGUF | exported | worst logit difference |"
    yield "|:--|:--|:--|:--|--:|--:|"
    for case, config in CASES.items():
        worst = again = 0.0
        for kind in FORMATS:
            if (case, kind) in BOTH:
                with tempfile.TemporaryDirectory() as folder:
                    params = llama.load(opened(case, kind, Path(folder)))
                    worst = max(worst, difference(llama.forward(params, IDS), case))
                    adapters.export(
                        open_model(relative(case, kind, Path(folder) / "of")),
                        NOTHING,
                        Path(folder) / "out",
                    )
                    params = llama.load(open_model(Path(folder) / "out"))
                    again = max(again, difference(llama.forward(params, IDS), case))
        said = ["runs, trains" if (case, kind) in BOTH else "no keys for it" for kind in FORMATS]
        adds = RELATIVES[config["model_type"]].adds
        rope = config.get("rope_scaling") or {}
        if kind := rope.get("rope_type", rope.get("type")):
            adds = f"positions by {kind}" if adds == "nothing" else f"{adds}; positions by {kind}"
        near = f"{rounded_up(again):.0e} | {rounded_up(worst):.0e}"
        yield f"| {case} | {adds} | {said[0]} | {said[1]} | {near} |"


def refused() -> Iterator[str]:
    """What does not run, and why."""
    yield "| model | why it does not run here |"
    yield "|:--|:--|"
    for title, reason in sorted(set(REFUSED.values())):
        yield f"| {title} | {reason} |"


def opens() -> Iterator[str]:
    """Whose matrices open from which format, and how near to the checkpoint's own numbers."""
    yield (
        "| model | safetensors | GGUF | runs, trains | exports | its logits there | "
        "rows of q and k in GGUF | parts of fused matrices |"
    )
    yield "|:--|:--|:--|:--|:--|--:|:--|:--|"
    recorded = json.loads(EXPORTS.read_text(encoding="utf-8"))
    for name in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            models = open_model(checkpoint(path, name)), open_model(gguf(path / "a.gguf", name))
            cells = ["opens" + nearness(worst(model, name)) for model in models]
            kinds = (each.projection or "" for each in models[0].parts.values())
            parts = ", ".join(f"`{kind}`" for kind in dict.fromkeys(kinds)) or "—"
            by_pairs = "put back from pairs" if order(models[1].architecture) else "as they were"
        runs_here = FAMILIES[name]["config"]["model_type"] in RELATIVES
        cells += ["yes" if runs_here else "no", "from both" if runs_here else "from safetensors"]
        off = recorded.get(f"family {name}", {}).get("apart")
        cells.append(
            "not in transformers" if off is None else f"{rounded_up(off):.0e}" if off else "0"
        )
        yield f"| {name} | {' | '.join(cells)} | {by_pairs} | {parts} |"


def quantised() -> Iterator[str]:
    """Which codes are read, and how near to the arithmetic of their layout in float64."""
    yield "| layout | worst difference, over the largest entry |"
    yield "|:--|--:|"
    for label, made in LAYOUTS.items():
        held, said, W = made()
        with tempfile.TemporaryDirectory() as folder:
            model = open_model(with_codes(Path(folder), held, said))
            off = float(abs(model.read(f"{NAME}.weight") - W).max() / abs(W).max())
        yield f"| {label} | {f'{rounded_up(off):.0e}' if off else '0'} |"


def nearness(off: float) -> str:
    """How a cell says a difference: nothing where there is none."""
    return f"; norms to {rounded_up(off):.0e}" if off else ""


TABLES = {"runs": runs, "refused": refused, "opens": opens, "quantised": quantised}


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
