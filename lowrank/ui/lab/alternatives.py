"""LoRA beside a whole matrix and adapter layers: stored, and made here with the chosen examples."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from lowrank.figures import lab as figures
from lowrank.figures.style import COLOURS
from lowrank.lora.lab import alternatives
from lowrank.lora.lab.alternatives import Outcome
from lowrank.lora.lab.records import Doing, stored
from lowrank.readers import Model
from lowrank.ui import cached
from lowrank.ui.downloads import csv_and_json
from lowrank.ui.jobs import Job
from lowrank.ui.lab import runs
from lowrank.ui.lab.settings import Choice
from lowrank.ui.layout import text
from lowrank.ui.progress import outcome, progress, watched
from lowrank.ui.truncation import amount

LINES = {
    alternatives.LORA: COLOURS["update"],
    alternatives.WHOLE: COLOURS["W0"],
    alternatives.LAYERS: COLOURS["result"],
}


def beside(model: Model, choice: Choice) -> None:
    """The comparison made here if there is one, else the stored one."""
    state = st.session_state
    if st.button("Train all three here", icon=":material/model_training:", key="train three"):
        name = state["three"] = uuid.uuid4().hex[:12]
        cached.jobs().start(
            f"three {name}",
            lambda: training(model, choice),
            f"lab {runs.visitor()}",
            runs.PATIENCE,
        )
    job = cached.jobs().get(f"three {state.get('three', '')}")
    if job:
        watched(job, shown, every=1.0)
    made = [r.to_json() for r in list(job.records) if isinstance(r, Outcome)] if job else []
    if made:
        st.caption(f"Made here: {model.title}, {choice.config.steps} steps at most.")
        table(made)
        csv_and_json(alternatives.rows(made), made, "alternatives")
        return
    told = stored("alternatives")
    st.caption(
        f"Stored results: {told['model']}, the pirate set, made on {told['date']} with "
        f"`{told['command']}`."
    )
    table(told["outcomes"])
    csv_and_json(alternatives.rows(told["outcomes"]), told, "alternatives")


def training(model: Model, choice: Choice) -> Iterator[Doing | Outcome]:
    """The three runs."""
    examples = runs.laid_out(model, choice)
    yield from alternatives.work(cached.params(model.source), examples, choice.config)


def shown(job: Job) -> None:
    """Progress of the three runs."""
    doing = job.last if isinstance(job.last, Doing) else Doing(0.0, "Loading the weights")
    progress(job, doing.share, doing.words)
    outcome(job)


def table(made: Sequence[Mapping[str, Any]]) -> None:
    """One curve for each way, and one row."""
    losses = {str(each["label"]): each["losses"] for each in made}
    steps = max(len(values) for values in losses.values())
    st.plotly_chart(
        figures.losses(losses, steps, LINES),
        key="three curves",
        config={"displayModeBar": False},
        alt="Loss by step: "
        + ", ".join(f"{n} {v[0]:.2f} to {v[-1]:.2f}" for n, v in losses.items()),
    )
    lines = [
        "| | trained | last loss | s a step | gradients and moments | a token takes | merged |",
        "|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for each in made:
        tail = each["losses"][-8:]
        one = each["latency_merged"]
        one = "cannot be" if one is None else f"{one:.2f}×"
        lines.append(
            f"| {each['label']} | {each['trained']:,} | {sum(tail) / len(tail):.3f} | "
            f"{each['seconds']:.2f} | {amount(each['state_bytes'])} | {each['latency']:.2f}× | "
            f"{one} |"
        )
    st.markdown("\n".join(lines))
    st.caption(text("lab", "three"))
