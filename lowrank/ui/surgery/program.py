"""What the Surgery page gives to take home: its cut as a program, plan and map as tables."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from lowrank.language import gettext as _
from lowrank.llama.model import projections
from lowrank.llama.names import LABELS
from lowrank.surgery import recorded, stored, texts
from lowrank.ui import cached
from lowrank.ui.bound import OF_LAYER
from lowrank.ui.lora import nameable
from lowrank.ui.surgery.choice import Choice
from lowrank.ui.surgery.operating import LONGEST
from lowrank.ui.taking import File, matrix_files, table


def written(source: str) -> str:
    """Python that computes the loss before and after the cut that is shown."""
    state = st.session_state
    choice, label = state.get("now cut", {}).get("choice"), state.get("text")
    if choice is None:
        return ""
    built_in = next((name for name, each in texts.TEXTS.items() if each == label), None)
    read = repr(state.get("own") or "") if built_in is None else f"texts.text({built_in!r})"
    return f"""from pathlib import Path

from lowrank import llama, surgery
from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers import open_model
from lowrank.surgery import texts
from lowrank.ui.surgery.choice import Choice

model = open_model({nameable(source)!r})
params, tokenizer = llama.load(model), Tokenizer(model.vocabulary)
longest = params.config.max_position_embeddings
calibration = [tokenizer.begin(part)[:longest] for part in texts.calibration()]
store = surgery.FactorStore(Path("factors"), params, calibration)  # what is decomposed stays there
choice = {choice!r}
cut = surgery.operate(params, choice.plan(store), store.source(choice.way))
ids = tokenizer.begin({read})[: min({LONGEST}, longest)]
before, after = surgery.reading(params, ids), surgery.reading(cut, ids)
print(f"nll a token: {{after.nll:.3f}}, before: {{before.nll:.3f}}")
print(f"parameters: {{surgery.cost(cut).parameters / 1e6:,.2f}} M")
"""


def files(source: str) -> list[File]:
    """The ranks of the cut, the stored measurements of the default model, the matrix looked at."""
    state, found = st.session_state, list[File]()
    now: Mapping[str, Any] = state.setdefault("now cut", {})
    if choice := now.get("choice"):
        ranks = _("Ranks of this cut")
        found.append(table(ranks, "ranks", lambda: plan_rows(source, now["choice"])))
    if source == "default":
        points = [*recorded.together().points, *recorded.by_layer().points]
        rows = [{**asdict(point), "rise": point.rise} for point in points]
        found.append(table(_("The stored map"), "sensitivity", lambda: rows))
    if choice:
        names = choice.names(cached.factors(source))
        label = OF_LAYER.format
        look = {label(kind=LABELS[n.rpartition(".")[2]], layer=n.split(".")[2]): n for n in names}
        tensor = f"{look.get(str(state.get('look')), names[0])}.weight"
        model = cached.model(source)
        found += matrix_files(model.tensors[tensor], lambda: cached.matrix(source, tensor))
    return found


def plan_rows(source: str, choice: Choice | None) -> list[dict[str, Any]]:
    """For every matrix of a cut its shape, its rank, and what is stored of it."""
    if choice is None:
        return []
    store = cached.factors(source)
    held, plan = projections(store.params), choice.plan(store)
    return [
        {"matrix": name, "rows": m, "columns": n, "rank": k, "stored": stored((m, n), k)}
        for name, k in plan.items()
        for m, n in [held[name].shape]
    ]
