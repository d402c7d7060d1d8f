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
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.lora.lab import experiments, verdicts
from lowrank.lora.lab.experiments import Redo, Settings
from lowrank.lora.lab.paper import TABLE_5, TABLE_6, TABLE_7, TABLE_18
from lowrank.lora.lab.records import stored
from lowrank.lora.lab.subspace_overlap import chance
from lowrank.readers import Model
from lowrank.spectra.svd import energy
from lowrank.ui import cached
from lowrank.ui.bound import said
from lowrank.ui.drawing import chart, table
from lowrank.ui.jobs import Doing
from lowrank.ui.lab.runs import seconds_a_step
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text
from lowrank.ui.progress import begin, latest, watched

PATIENCE = 7200.0  # seconds that a redo goes on without its visitor
NAMES = {
    "ranks": gettext_noop("ranks (table 6)"),
    "matrices": gettext_noop("q, k, v, o (table 5)"),
    "update": gettext_noop("the update (figures 3, 4, table 7)"),
}
LINES = {
    "W0": COLOURS["W0"],
    "LoRA, r = 8": "#E69F00",
    "LoRA, r = 64": COLOURS["update"],
    experiments.FULL_UPDATE: COLOURS["result"],
}


def record(model: Model) -> dict[str, Any]:
    """The results to show: those made here, as soon as there are some, or the stored ones."""
    run_here(model)
    job = latest("paper")
    watched(job, every=1.0)
    here = job.newest(dict) if job else None
    if here:
        st.caption(
            _("Made here: {title}, {count} runs so far.").format(
                title=as_text(model.title), count=len(here["runs"])
            )
        )
        return here
    told = stored("experiments")
    st.caption(
        _("Stored results: {model}, {count} runs, made on {date} with `{command}`.").format(
            model=told["model"],
            count=len(told["runs"]),
            date=told["date"],
            command=told["command"],
        )
    )
    return told


def run_here(model: Model) -> None:
    """Which experiments to run on this server, and the button that begins them."""
    with st.expander(_("Run it here")):
        first, second, third = st.columns([2, 1, 1])
        tables = first.pills(
            _("Experiments"), list(NAMES), selection_mode="multi", default=["ranks"],
            format_func=lambda table: said(NAMES[table]), key="tables", persist_state="session",
        )  # fmt: skip
        steps = second.number_input(
            _("Steps a run"), 1, 400, 30, key="paper steps", persist_state="session"
        )
        seeds = third.number_input(_("Seeds"), 1, 3, 2, key="paper seeds", persist_state="session")
        tuned = st.toggle(
            _("Look for the best learning rate of each first"),
            key="paper tuned",
            help=text("lab", "help tuned"),
            persist_state="session",
        )
        if not tables:
            st.caption(_("Choose an experiment."))
            return
        last = model.config.num_hidden_layers - 1 if model.config else 0
        settings = Settings(
            steps=int(steps),
            seeds=tuple(range(int(seeds))),
            tables=tuple(t for t in experiments.TABLES if t in tables),
            tuned=bool(tuned),
            layer=min(15, last),
        )
        count = len(experiments.missing({}, settings))
        seconds = seconds_a_step(latest("lab"))
        told = _("{count} runs of {steps} steps.")
        if tuned:  # which are chosen depends on what they find
            count = len(experiments.ways(settings)) * (3 + int(seeds) - 1)
        if seconds:
            told = _(
                "{count} runs of {steps} steps. A step of your last run took {seconds} s on this "
                "machine: about {minutes:.0f} min."
            )
        minutes = count * int(steps) * (seconds or 0.0) / 60
        took = three(seconds or 0.0)
        st.caption(told.format(count=count, steps=steps, seconds=took, minutes=minutes))
        if st.button(_("Run"), icon=":material/science:", key="run paper"):
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
    """Which rank is enough: ours with the scale held, rsLoRA beside it, and tables 6 and 18."""
    ours = experiments.by_rank(found)
    if len(ours) < 2:
        st.caption(text("lab", "not run"))
        return
    others = experiments.by_rank(found, "rsLoRA")
    picture, beside = st.columns([1, 2], gap="medium")
    with picture:
        means = (f"r = {r}: {np.mean(ours[r]):.3f}" for r in ours)
        alt = _("Held-out loss by rank: {means}").format(means=joined(means, _("{first}, {last}")))
        chart(figures.by_rank(ours), key="ranks", alt=alt)
    least = ours[verdicts.best(ours)]
    with beside:
        rows = [
            (
                r,
                with_spread(ours[r]),
                verdicts.paired(ours[r], least) if ours[r] is not least else "",
                f"{found['rates'][f'ranks/{r}']:g}",
                with_spread(others[r]) if r in others else "",
                TABLE_18.get(r, ""),
            )
            for r in ours
        ]
        head = ["r", _("ours, nats"), _("above the least"), _("rate"), _("rsLoRA, nats")]
        st.markdown(table([*head, _("E2E, nats")], rows, left=0))
        st.markdown(verdicts.of_ranks(ours))
        if whole := verdicts.of_full(found):
            st.markdown(whole)
        st.caption(text("lab", "ranks").format(before=found["before"]))
    of = [[f"{name}: {data}", *(TABLE_6[name][r][k] for r in TABLE_6[name])]
          for k, data in enumerate(("WikiSQL %", "MultiNLI %")) for name in TABLE_6]  # fmt: skip
    with st.expander(_("The paper's table 6")):
        st.markdown(table(["r", *map(str, TABLE_6["q"])], of))


def matrices(found: Mapping[str, Any]) -> None:
    """Table 5 beside ours, at equal parameters."""
    ours = experiments.spread(found, "matrices")
    if not ours:
        st.caption(text("lab", "not run"))
        return
    trained = {run["label"]: run["trained"] for run in experiments.rows(found)}
    best = verdicts.best(ours)
    rows = []
    for label, of in experiments.EQUAL.items():
        if label in ours:
            here = ", ".join(f"{name.removesuffix('_proj')} {rank}" for name, rank in of.items())
            shown = with_spread(ours[label])
            shown = f"**{shown}**" if label == best else shown
            above = verdicts.paired(ours[label], ours[best]) if label != best else ""
            rate = f"{found['rates'][f'matrices/{label}']:g}"
            rows.append((label, here, f"{trained[label]:,}", shown, above, rate, *TABLE_5[label]))
    head = [_("adapted"), _("ranks here"), _("trained"), _("ours, nats"), _("above the least")]
    head += [_("rate"), _("paper: r"), "WikiSQL %", "MultiNLI %"]
    st.markdown(table(head, rows, left=2))
    st.markdown(verdicts.of_matrices(ours))
    st.caption(text("lab", "equal"))


def with_spread(losses: list[float]) -> str:
    """The mean, and half the distance of the extremes; ∞ where a seed diverged.

    >>> with_spread([2.0, 2.2]), with_spread([2.0])
    ('2.100\\xa0±\\xa00.100', '2.000')
    """
    if np.isinf(losses).any():
        return "∞"
    half = f"\u00a0±\u00a0{(max(losses) - min(losses)) / 2:.3f}" if len(losses) > 1 else ""
    return f"{np.mean(losses):.3f}{half}"


def update(found: Mapping[str, Any]) -> None:
    """Figures 3 and 4, table 7 and the spectra, of the layer that was compared."""
    compared = found.get("update")
    if not compared:
        st.caption(text("lab", "not run"))
        return
    short = st.segmented_control(
        _("Matrix"), ["q_proj", "v_proj"], default="q_proj", required=True, key="module",
        bind="query-params",
    )  # fmt: skip
    each, layer = compared["modules"][short], compared["layer"]
    named = {"matrix": short, "layer": layer}
    head = _("**Subspaces of {matrix}, layer {layer}** (the paper's figures 3 and 4)")
    st.markdown(head.format(**named))
    of_r, of_seed, of_chance = _("A of r = {r}"), _("A of seed {seed}"), _("random, {r}")
    pictures = {
        "8 and 64": (
            _("φ of r = 8 and r = 64, one seed"), of_r.format(r=8), of_r.format(r=64)
        ),
        "two seeds": (
            _("φ of two seeds, r = 64"), of_seed.format(seed=0), of_seed.format(seed=1)
        ),
        "random": (
            _("φ of random 8 and 64"), of_chance.format(r=8), of_chance.format(r=64)
        ),
    }  # fmt: skip
    columns = st.columns(3, gap="medium")
    for place, (key, (title, rows, across)) in zip(columns, pictures.items(), strict=True):
        if key not in each:
            place.caption(_("Two seeds are needed for the second picture."))
            continue
        phi = np.array(each[key])
        place.markdown(title)
        alt = _("{title}: phi(1, 1) {one:.3f}, all directions {all:.3f}")
        with place:
            chart(
                figures.similarity(phi, rows, across),
                key=f"phi {key}",
                alt=alt.format(title=title, one=phi[0, 0], all=phi[-1, -1]),
            )
    n = each["in"]
    lines = {
        name: np.diag(np.array(each[key])[:, : len(each[key])])
        for name, key in (
            (_("r = 8 and r = 64"), "8 and 64"),
            (_("two seeds, r = 64"), "two seeds"),
        )
        if key in each
    }
    longest = max(len(values) for values in lines.values())
    by_chance = np.array([chance(i, i, n) for i in range(1, longest + 1)])
    picture, words = st.columns([3, 2], gap="large")
    with picture:
        chart(
            figures.beside_chance(lines, by_chance), key="diagonal",
            alt=_("phi(i, i) by i beside the value by chance"),
        )  # fmt: skip
    with words:
        whole = np.array(each["8 and 64"])
        here = _(
            "φ(1, 1) of r = 8 and 64 is **{one:.3f}**; by chance {one_chance:.4f}. φ(8, 64) is "
            "**{all:.3f}**; by chance {all_chance:.3f}."
        ).format(one=whole[0, 0], one_chance=1 / n, all=whole[-1, -1], all_chance=chance(8, 64, n))
        theirs = verdicts.of_first_direction(float(whole[0, 0]), 1 / n)
        moved = _("From its random start A moved by {share:.0%} of its norm at r = 8.").format(
            share=each["A moved by"]["8"]
        )
        st.markdown(joined((here, theirs, moved), _("{first} {last}")))
        st.caption(text("lab", "phi"))
    st.markdown(_("**Amplification, {matrix}, layer {layer}** (table 7)").format(**named))
    st.markdown(amplification(each["amplification"]))
    st.markdown(verdicts.of_amplification(each["amplification"]))
    st.caption(text("lab", "amplification"))
    st.markdown(_("**Spectra, {matrix}, layer {layer}**").format(**named))
    spectra = {_(name): np.array(values) for name, values in each["spectra"].items() if values}
    effective = {_(name): rank for name, rank in each["effective rank"].items()}
    told = _("Singular values by number, each line over its largest. Effective ranks: {ranks}")
    listed = joined((f"{name} {rank:g}" for name, rank in effective.items()), _("{first}, {last}"))
    colours = {_(name): colour for name, colour in LINES.items()}
    chart(figures.spectra(spectra, colours), key="spectra", alt=told.format(ranks=listed))
    st.markdown(concentration(spectra, effective))
    st.markdown(verdicts.of_spectra(each["spectra"]))
    st.caption(text("lab", "spectra"))


def concentration(spectra: Mapping[str, np.ndarray], ranks: Mapping[str, float]) -> str:
    """How much of each matrix its largest directions hold, as Markdown; spectra are (k,) each."""
    rows = []
    for name, s in spectra.items():
        shares = [f"{energy(s, min(k, len(s))):.1%}" for k in (1, 8, 64)]
        rows.append([name, *shares, f"{ranks[name]:g}", len(s)])
    head = [_("‖·‖² held by the largest"), "1", "8", "64", _("effective rank"), _("of")]
    return table(head, rows)


def amplification(ours: Mapping[str, Mapping[str, float]]) -> str:
    """Table 7 as Markdown, ours and the paper's."""
    rows = [
        [_("ours: {way}").format(way=_(way))]
        + [three(of[key]) for key in ("within", "own", "random", "norm")]
        + [f"**{three(of['factor'])}**", three(of["norm"] / of["random"])]
        for way, of in ours.items()
    ]
    rows += [
        [_("paper, r = {r}").format(r=r), *(f"{x:g}" for x in values), three(values[3] / values[2])]
        for r, values in TABLE_7.items()
    ]
    head = ["", _("in ΔW's directions"), _("in W's own"), _("in random ones"), "‖ΔW‖", _("factor")]
    return table([*head, _("factor in random ones")], rows)
