"""Held-out nll of the default model, truncated in every way to the same sizes.

python scripts/truncation_methods.py          The table: every way to cut and to share ranks out,
    at 90, 80, 70 and 60 % of all projections' parameters; a quarter of an hour on two cores, of
    which factors that are not stored yet are the most.
python scripts/truncation_methods.py vary     Gradient-weighted at 80 %, with less calibration
    text and with other damping.

Calibrated on the built-in calibration text and measured on the built-in texts that it has nothing
of, without the one that the map of sensitivity was measured on. The peers are the ways of the
literature: plain SVD, FWSVD (arXiv 2207.00112), SVD-LLM (arXiv 2403.07378), GFWSVD (arXiv
2505.17974).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lowrank import files, llama  # noqa: E402
from lowrank.llama.names import LINEAR  # noqa: E402
from lowrank.readers import open_model  # noqa: E402
from lowrank.surgery import (  # noqa: E402
    Rule,
    Source,
    allocate,
    chosen,
    operate,
    reading,
    recorded,
    store_of,
    weighted,
)
from lowrank.surgery.factors import DAMPING  # noqa: E402
from lowrank.surgery.fisher import Sides, read_back  # noqa: E402
from lowrank.surgery.truncating import held_out, predicted  # noqa: E402

SHARES = (0.9, 0.8, 0.7, 0.6)
WAYS: tuple[tuple[str, Rule], ...] = (
    ("plain", "uniform"),
    ("rows", "uniform"),
    ("aware", "uniform"),
    ("aware", "energy"),
    ("aware", "sensitivity"),
    ("fisher", "uniform"),
    ("fisher", "sensitivity"),
    ("fisher", "loss"),
)
DRAWN = VARIED = 0.8  # the share at which ranks are kept, and calibration is varied
KEPT = recorded.FOLDER / "methods.json"
DAMPINGS, PARTS = (1e-4, DAMPING, 1e-2), (0.25, 0.5, 1.0)


def mean_nll(params: llama.Params, texts: Mapping[str, Sequence[int]]) -> float:
    """Mean over all tokens of the texts, each read by itself, nats."""
    return float(np.concatenate([reading(params, ids).losses for ids in texts.values()]).mean())


def main() -> None:
    """Print and keep the table."""
    model = open_model("default")
    params = llama.load(model)
    store, texts, names = store_of(model, params), held_out(model, params), chosen(params, LINEAR)
    del texts[recorded.together().text]  # on which sensitivity was measured
    if sys.argv[1:] == ["vary"]:
        record = json.loads(KEPT.read_text(encoding="utf-8"))
        keep(record | {"varied": varied(store.texts, params, texts)})
        return
    for way in dict.fromkeys(way for way, _ in WAYS):
        for done, total, name in store.prepare(way, names):
            print(f"\r{way}: {done} of {total} {name:45}", end="", file=sys.stderr)
    print(file=sys.stderr)
    rows = []
    for way, rule in WAYS:
        source = store.source(way)
        curves = recorded.together().curves("plain" if way == "plain" else "aware")
        for share in SHARES:
            plan = allocate(params, names, share, rule, source, curves)
            row = {"way": way, "rule": rule, "share": share}
            row["nll"] = mean_nll(operate(params, plan, source), texts)
            row |= {"predicted": predicted(plan, source)} if way == "fisher" else {}
            row |= {"ranks": list(plan.values())} if share == DRAWN else {}
            rows.append(row)
            print({key: row[key] for key in row if key != "ranks"}, flush=True)
    keep(
        {
            "command": "python scripts/truncation_methods.py",
            "tokens": sum(len(ids) - 1 for ids in texts.values()),
            "calibration_tokens": sum(map(len, store.texts)),
            "damping": DAMPING,
            "base": mean_nll(params, texts),
            "rows": rows,
        }
    )


def keep(record: Mapping[str, object]) -> None:
    """Write what the README's table and the Surgery page show, a measurement a line."""
    lines = []
    for key, value in record.items():
        if isinstance(value, list):
            lines.append(
                f' "{key}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
            )
        else:
            lines.append(f' "{key}": {json.dumps(value)}')
    files.write(KEPT, "{\n" + ",\n".join(lines) + "\n}\n")


def varied(
    calibration: Sequence[Sequence[int]],
    params: llama.Params,
    texts: Mapping[str, Sequence[int]],
) -> list[dict[str, float]]:
    """Held-out nll at VARIED with parts of the calibration text, and with other damping."""
    names = chosen(params, LINEAR)
    held, found = llama.projections(params), []
    for part in PARTS:
        passages = calibration[: max(1, round(part * len(calibration)))]
        both = {name: Sides(held[name].shape) for name in names}
        for _ in read_back(params, passages, both):
            pass
        for damping in DAMPINGS if part == 1 else [DAMPING]:
            factors = {
                name: weighted(held[name].matrix(), *both[name].triangles(damping))
                for name in names
            }
            source: Source = factors.__getitem__
            plan = allocate(params, names, VARIED, "loss", source)
            nll = mean_nll(operate(params, plan, source), texts)
            tokens = sum(map(len, passages))
            found.append({"tokens": tokens, "damping": damping, "nll": nll})
            print(found[-1], flush=True)
    return found


if __name__ == "__main__":
    main()
