"""The paper's experiments: our redo's numbers, stored or made here, beside the paper's own."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from lowrank.figures import lab as figures
from lowrank.figures.numbers import three
from lowrank.figures.style import COLOURS
from lowrank.lora.lab import experiments
from lowrank.lora.lab.experiments import Redo, Settings
from lowrank.lora.lab.paper import TABLE_5, TABLE_6, TABLE_7, TABLE_18
from lowrank.lora.lab.records import stored
from lowrank.lora.lab.subspaces import chance
from lowrank.readers import Model
from lowrank.ui import cached
from lowrank.ui.drawing import chart, table
from lowrank.ui.jobs import Doing
from lowrank.ui.lab.runs import seconds_a_step
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text
from lowrank.ui.progress import begin, latest, watched

PATIENCE = 7200.0  # seconds that a redo goes on without its visitor
NAMES = {
    "ranks": "ranks (table 6)",
    "matrices": "q, k, v, o (table 5)",
    "update": "the update (figures 3, 4, table 7)",
}
LINES = {
    "W0": COLOURS["W0"],
    "LoRA, r = 8": "#E69F00",
    "LoRA, r = 64": COLOURS["update"],
    "full fine-tuning": COLOURS["result"],
}


def record(model: Model) -> dict[str, Any]:
    """The results to show: those made here, as soon as there are some, or the stored ones."""
    run_here(model)
    job = latest("paper")
    watched(job, every=1.0)
    here = job.newest(dict) if job else None
    if here:
        st.caption(f"Made here: {as_text(model.title)}, {len(here['runs'])} runs so far.")
        return here
    told = stored("experiments")
    st.caption(
        f"Stored results: {told['model']}, {told['done']}, made on {told['date']} "
        f"with `{told['command']}`."
    )
    return told


def run_here(model: Model) -> None:
    """Which experiments to run on this server, and the button that begins them."""
    with st.expander("Run it here"):
        first, second, third = st.columns([2, 1, 1])
        tables = first.pills(
            "Experiments", list(NAMES), selection_mode="multi", default=["ranks"],
            format_func=NAMES.__getitem__, key="tables", persist_state="session",
        )  # fmt: skip
        steps = second.number_input(
            "Steps a run", 1, 400, 30, key="paper steps", persist_state="session"
        )
        seeds = third.number_input("Seeds", 1, 3, 2, key="paper seeds", persist_state="session")
        if not tables:
            st.caption("Choose an experiment.")
            return
        last = model.config.num_hidden_layers - 1 if model.config else 0
        settings = Settings(
            steps=int(steps),
            seeds=tuple(range(int(seeds))),
            tables=tuple(t for t in experiments.TABLES if t in tables),
            layer=min(15, last),
        )
        count = len(experiments.trials(settings))
        seconds = seconds_a_step(latest("lab"))
        here = (
            f" A step of your last run took {three(seconds)} s on this machine: about "
            f"{count * int(steps) * seconds / 60:.0f} min."
            if seconds
            else ""
        )
        st.caption(f"{count} runs of {steps} steps.{here}")
        if st.button("Run", icon=":material/science:", key="run paper"):
            begin("paper", partial(_redoing, model.source, settings), PATIENCE)


def _redoing(source: str, settings: Settings) -> Iterator[Doing | dict[str, Any]]:
    """How far the redo is, and its record as it stands after each run."""
    redo, done = Redo(settings), 0
    for doing in experiments.work(cached.params(source), cached.words(source), redo):
        yield doing
        if len(redo.record.get("runs", ())) > done:
            done = len(redo.record["runs"])
            yield deepcopy(redo.record)
    yield deepcopy(redo.record)


def ranks(found: Mapping[str, Any]) -> None:
    """Table 6 and table 18 beside ours."""
    ours = {int(r): losses for r, losses in experiments.spread(found, "ranks").items()}
    if len(ours) < 2:
        st.caption(text("lab", "not run"))
        return
    picture, beside = st.columns([4, 5], gap="medium")
    with picture:
        means = ", ".join(f"r = {r}: {np.mean(ours[r]):.3f}" for r in sorted(ours))
        chart(
            figures.by_rank(ours), key="ranks",
            alt=f"Held-out loss by rank: {means}",
        )  # fmt: skip
    with beside:
        rows = [
            (r, with_spread(ours[r]), *TABLE_6.get(r, ("", "")), TABLE_18.get(r, ""))
            for r in sorted(ours)
        ]
        head = ["r", "ours, nats", "WikiSQL %", "MultiNLI %", "E2E, nats"]
        st.markdown(table(head, rows, left=0))
        st.caption(
            "The last three columns are the paper's tables 6 (q and v) and 18. "
            f"Before training {found['before']:.3f} nats. {verdict(ours)} Ours and the paper's "
            "are other models, tasks and measures: compare the shape, not the numbers."
        )


def matrices(found: Mapping[str, Any]) -> None:
    """Table 5 beside ours, at equal parameters."""
    ours = experiments.spread(found, "matrices")
    if not ours:
        st.caption(text("lab", "not run"))
        return
    trained = {run["label"]: run["trained"] for run in experiments.rows(found)}
    best = min(ours, key=lambda label: np.mean(ours[label]))
    rows = []
    for label, of in experiments.EQUAL.items():
        if label in ours:
            here = ", ".join(f"{name.removesuffix('_proj')} {rank}" for name, rank in of.items())
            shown = with_spread(ours[label])
            shown = f"**{shown}**" if label == best else shown
            rows.append((label, here, f"{trained[label]:,}", shown, *TABLE_5[label]))
    head = ["adapted", "ranks here", "trained", "ours, nats", "paper: r", "WikiSQL %", "MultiNLI %"]
    st.markdown(table(head, rows, left=2))
    st.caption(f"{verdict(ours)} {text('lab', 'equal')}")


def with_spread(losses: list[float]) -> str:
    """The mean, and half the distance of the extremes.

    >>> with_spread([2.0, 2.2]), with_spread([2.0])
    ('2.100\\xa0±\\xa00.100', '2.000')
    """
    half = f"\u00a0±\u00a0{(max(losses) - min(losses)) / 2:.3f}" if len(losses) > 1 else ""
    return f"{np.mean(losses):.3f}{half}"


def verdict(ours: Mapping[Any, list[float]]) -> str:
    """Whether the differences between rows are larger than between seeds, in numbers."""
    means = [float(np.mean(losses)) for losses in ours.values()]
    between = max(means) - min(means)
    within = max(max(losses) - min(losses) for losses in ours.values())
    seeds = min(len(losses) for losses in ours.values())
    if seeds < 2:
        return f"Best and worst mean are {between:.3f} nats apart; one seed says nothing of chance."
    return (
        f"Best and worst mean are {between:.3f} nats apart, two seeds of one row up to "
        f"{within:.3f}."
    )


def update(found: Mapping[str, Any]) -> None:
    """Figures 3 and 4, table 7 and the spectra, of the layer that was compared."""
    compared = found.get("update")
    if not compared:
        st.caption(text("lab", "not run"))
        return
    short = st.segmented_control(
        "Matrix", ["q_proj", "v_proj"], default="q_proj", required=True, key="module",
        bind="query-params",
    )  # fmt: skip
    each, layer = compared["modules"][short], compared["layer"]
    st.markdown(f"**Subspaces of {short}, layer {layer}** (the paper's figures 3 and 4)")
    pictures = {
        "8 and 64": ("φ of r = 8 and r = 64, one seed", "A of r = 8", "A of r = 64"),
        "two seeds": ("φ of two seeds, r = 64", "A of seed 0", "A of seed 1"),
        "random": ("φ of random 8 and 64", "random, 8", "random, 64"),
    }
    columns = st.columns(3, gap="medium")
    for place, (key, (title, rows, across)) in zip(columns, pictures.items(), strict=True):
        if key not in each:
            place.caption("Two seeds are needed for the second picture.")
            continue
        phi = np.array(each[key])
        place.markdown(title)
        with place:
            chart(
                figures.similarity(phi, rows, across),
                key=f"phi {key}",
                alt=f"{title}: phi(1, 1) {phi[0, 0]:.3f}, all directions {phi[-1, -1]:.3f}",
            )
    n = each["in"]
    lines = {
        name: np.diag(np.array(each[key])[:, : len(each[key])])
        for name, key in (("r = 8 and r = 64", "8 and 64"), ("two seeds, r = 64", "two seeds"))
        if key in each
    }
    longest = max(len(values) for values in lines.values())
    by_chance = np.array([chance(i, i, n) for i in range(1, longest + 1)])
    picture, words = st.columns([3, 2], gap="large")
    with picture:
        chart(
            figures.beside_chance(lines, by_chance), key="diagonal",
            alt="phi(i, i) by i beside the value by chance",
        )  # fmt: skip
    with words:
        whole = np.array(each["8 and 64"])
        st.markdown(
            f"φ(1, 1) of r = 8 and 64 is **{whole[0, 0]:.3f}**; by chance {1 / n:.4f}. "
            f"φ(8, 64) is **{whole[-1, -1]:.3f}**; by chance "
            f"{chance(8, 64, n):.3f}. The paper finds more than 0.5 for the first "
            "direction."
        )
        st.caption(text("lab", "phi"))
    st.markdown(f"**Amplification, {short}, layer {layer}** (table 7)")
    st.markdown(amplification(each["amplification"]))
    st.caption(text("lab", "amplification"))
    st.markdown(f"**Spectra, {short}, layer {layer}**")
    spectra = {name: np.array(values) for name, values in each["spectra"].items() if values}
    told = ", ".join(f"{name} {rank:g}" for name, rank in each["effective rank"].items())
    chart(
        figures.spectra(spectra, LINES), key="spectra",
        alt=f"Singular values by number, each line over its largest. Effective ranks: {told}",
    )  # fmt: skip
    st.markdown(concentration(spectra, each["effective rank"]))
    st.caption(text("lab", "spectra"))


def concentration(spectra: Mapping[str, np.ndarray], ranks: Mapping[str, float]) -> str:
    """How much of each matrix its largest directions hold, as Markdown; spectra are (k,) each."""
    rows = []
    for name, s in spectra.items():
        held = np.cumsum(s**2) / (s**2).sum()
        shares = [f"{held[min(k, len(s)) - 1]:.1%}" for k in (1, 8, 64)]
        rows.append([name, *shares, f"{ranks[name]:g}", len(s)])
    return table(["‖·‖² held by the largest", "1", "8", "64", "effective rank", "of"], rows)


def amplification(ours: Mapping[str, Mapping[str, float]]) -> str:
    """Table 7 as Markdown, ours and the paper's."""
    rows = [
        [f"ours, r = {r}"]
        + [three(of[key]) for key in ("within", "own", "random", "norm")]
        + [f"**{three(of['factor'])}**", three(of["norm"] / of["random"])]
        for r, of in ours.items()
    ]
    rows += [
        [f"paper, r = {r}", *(f"{x:g}" for x in values), three(values[3] / values[2])]
        for r, values in TABLE_7.items()
    ]
    head = ["", "in ΔW's directions", "in W's own", "in random ones", "‖ΔW‖", "factor"]
    head.append("factor in random ones")
    return table(head, rows)
