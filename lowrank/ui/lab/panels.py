"""What the lab shows of a run: its curve, two answers, the scale, the proof of merging, memory."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from lowrank.figures import lab as figures
from lowrank.figures.lora import shapes
from lowrank.figures.numbers import amount, three
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import name_of
from lowrank.lora.counting import report
from lowrank.lora.finetuning import Record
from lowrank.lora.lab.alternatives import LORA
from lowrank.lora.lab.records import stored
from lowrank.memory import accounting
from lowrank.readers import uploads
from lowrank.ui import cached
from lowrank.ui.adapters import MINE, bring
from lowrank.ui.answering import side_by_side
from lowrank.ui.drawing import chart, table
from lowrank.ui.jobs import Job
from lowrank.ui.lab import runs
from lowrank.ui.lab.runs import HeldOut, Learnt, Merged, Run
from lowrank.ui.lab.settings import Choice, method_words
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text, as_told
from lowrank.ui.progress import mine, outcome, progress, watched

TOLERANCE = 1e-4  # of the largest logit: what float32 leaves of an identity after 30 layers
SINGLE = accounting.Storage(accounting.FLOAT32, accounting.FLOAT32)


def counts(config: LlamaConfig, choice: Choice) -> None:
    """What is trained and what is frozen, in PEFT's own line."""
    said = report(config, choice.method)
    st.code(str(said), language=None, wrap_lines=True)
    frozen = said.total - said.trainable
    st.caption(
        f"Frozen {frozen:,}, trained {said.trainable:,}: 1 in {said.total / said.trainable:,.0f}. "
        "The line is what PEFT's print_trainable_parameters prints for these settings."
    )


def curve(config: LlamaConfig, job: Job) -> None:
    """The loss as it falls, tokens a second, time left, Stop."""
    run, steps = job.newest(Run), job.all(Record)
    total = run.choice.config.steps if run else 1
    losses = [record.loss for record in steps]
    words = "Laying out the examples"
    if steps:
        words = f"Step {len(steps)} of {total} · {steps[-1].tokens_per_second:,.0f} tokens/s"
    progress(job, len(steps) / total, words)
    if run:
        came(report(config, run.choice.method).trainable, losses)
    unseen = [(each.step, each.loss) for each in job.all(HeldOut)]
    chart(
        figures.losses({"loss": losses}, total, held_out=unseen),
        key="curve",
        alt=f"Loss after {len(steps)} of {total} steps. {by_step(losses)}",
    )
    if run:
        st.caption(
            f"This run: {run.choice.words()}. {text('lab', 'own' if mine(job) else 'theirs')}"
        )
    if steps and job.over:
        tokens = sum(record.tokens for record in steps)
        st.caption(
            f"{len(steps)} steps in {steps[-1].elapsed:.0f} s, "
            f"{tokens / steps[-1].elapsed:,.0f} tokens/s. {by_step(losses)}"
            + (
                f" Held out: {unseen[0][1]:.2f} after the first, {unseen[-1][1]:.2f} after step "
                f"{unseen[-1][0]}."
                if unseen
                else ""
            )
        )
    outcome(job)


def earlier() -> None:
    """The curve of the stored run on the pirate set, where the visitor's own will be."""
    told = stored("alternatives")
    run = next(each for each in told["outcomes"] if each["label"] == LORA)
    came(run["trained"], run["losses"])
    chart(
        figures.losses({"loss": run["losses"]}, len(run["losses"])),
        key="earlier curve",
        alt=f"A stored run of {len(run['losses'])} steps. {by_step(run['losses'])}",
    )
    st.caption(text("lab", "earlier").format(model=told["model"], date=told["date"]))


def came(trained: int, losses: Sequence[float]) -> None:
    """What a run trains, and what came of it so far."""
    few = min(8, max(1, len(losses) // 2))
    left, right = st.columns(2)
    left.metric("Numbers trained", f"{trained:,}")
    first, last = losses[:few], losses[-few:]
    said = f"{three(float(np.mean(first)))} → {three(float(np.mean(last)))}" if losses else "…"
    right.metric("Loss, nats a token", said)


def by_step(losses: Sequence[float]) -> str:
    """The losses in a sentence: means of eight steps only where there are twice as many.

    >>> by_step([4.54]), by_step([4.0, 3.0])
    ('Loss before the first step 4.54.', 'Loss before the first step 4.00, before the last 3.00.')
    >>> by_step([4.0] * 8 + [1.0] * 8)
    'Mean loss of the first eight steps 4.00, of the last eight 1.00.'
    """
    if not losses:
        return "No loss is known yet."
    if len(losses) < 16:
        more = f", before the last {losses[-1]:.2f}" if len(losses) > 1 else ""
        return f"Loss before the first step {losses[0]:.2f}{more}."
    first, last = np.mean(losses[:8]), np.mean(losses[-8:])
    return f"Mean loss of the first eight steps {first:.2f}, of the last eight {last:.2f}."


def other_settings(job: Job | None, choice: Choice) -> None:
    """That what is shown is of other settings than those asked for now; how long a run takes."""
    run = job.newest(Run) if job else None
    if run and run.choice != choice:
        st.caption(text("lab", "other settings"))
    seconds = runs.seconds_a_step(job)
    if seconds:
        st.caption(
            f"A step of the run beside took {three(seconds)} s on this machine (median): "
            f"{choice.config.steps} such steps, about {three(seconds * choice.config.steps)} s."
        )


def two_answers(source: str, name: str, asked: str) -> None:
    """Before and after side by side, with 0 to 2 times the update."""
    scale = st.slider(
        "Times the update", 0.0, 2.0, 1.0, 0.25, key="scale", bind="query-params",
        help=text("lab", "help scale"),
    )  # fmt: skip
    if not asked:
        st.info("Type a question to ask both.", icon=":material/edit:")
        return
    titles = {"before": "Before", "after": f"After, {scale:g} × the update"}

    def draw(job: Job) -> None:
        side_by_side(titles, cached.words(source), job)
        outcome(job)

    watched(runs.answer_job(source, name, asked, float(scale)), draw)


def losses_by_scale(source: str, name: str, job: Job | None) -> None:
    """How well the training answers are known with 0 to 2 times the update."""
    run, learnt = (job.newest(Run), job.newest(Learnt)) if job else (None, None)
    if run is None or learnt is None or learnt.name != name:
        return

    def draw(job: Job) -> None:
        points = dict(job.records)
        chart(
            figures.by_scale(points, float(st.session_state.get("scale", 1.0))),
            key="by scale",
            alt="Loss on the training answers by scale: "
            + ", ".join(f"{t:g}: {loss:.2f}" for t, loss in sorted(points.items())),
        )
        outcome(job)

    watched(runs.loss_job(source, name, run), draw, every=1.0)


def merged(source: str, name: str, asked: str) -> None:
    """W0 + s B A as one matrix: the largest difference of a logit, beside the tolerance."""
    if asked:
        watched(runs.merge_job(source, name, asked), _compared)


def _compared(job: Job) -> None:
    found = job.newest(Merged)
    if found is None:
        st.caption("Merging and comparing…")
        outcome(job)
        return
    relative = found.difference / found.largest
    holds = relative <= TOLERANCE
    st.markdown(
        f"**{'Merged = unmerged' if holds else 'Merged and unmerged differ'}**: the logits "
        f"after your question differ by {three(found.difference)} at most, {relative:.1e} of the "
        f"largest, {three(found.largest)}; tolerance {TOLERANCE:.0e}."
    )
    names = {"plain": "W₀ alone", "beside": "A and B beside it", "merged": "merged"}
    rows = [[name, *in_milliseconds(found.seconds[key])] for key, name in names.items()]
    st.markdown(table(["a pass over the question, ms", "least", "**median**", "most"], rows))
    st.caption(text("lab", "times").format(turns=runs.TURNS))


def in_milliseconds(times: Sequence[float]) -> list[str]:
    """The least, the median and the most of times in seconds.

    >>> in_milliseconds([0.3, 0.1, 0.2])
    ['100', '**200**', '300']
    """
    least, median, most = (
        three(1000 * x) for x in (min(times), float(np.median(times)), max(times))
    )
    return [least, f"**{median}**", most]


def adapter_in_hand(job: Job | None) -> str:
    """The name of the adapter to ask: the one just trained, one brought, or that of the link."""
    state = st.session_state
    learnt = job.newest(Learnt) if job and mine(job) else None
    if learnt and learnt.adapter:
        st.error(as_told(learnt.problem), icon=":material/error:")
        if st.button("Keep it now", key="keep now", icon=":material/save:") and job:
            learnt = runs.kept_or_held(learnt.adapter)
            job.records.append(learnt)
            st.rerun()
    elif learnt and state.get("taken run") != learnt.name:
        # A link that names both a run and an adapter means the adapter.
        if "taken run" in state or not st.query_params.get("tuned"):
            state["tuned"] = learnt.name
        state["taken run"] = learnt.name
    bring("tuned")
    return (
        st.text_input(
            "Adapter in hand",
            key="tuned",
            placeholder="none yet: train one or upload one",
            max_chars=100,
            bind="query-params",
            persist_state="session",
        )
        or ""
    )


def download(name: str) -> None:
    """The adapter's two files as PEFT reads them, in a zip."""
    folder, held = uploads.find_adapter(name), io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    st.download_button(
        f"Download the adapter ({amount(len(held.getvalue()))})",
        held.getvalue(),
        f"{name}.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
        help=text("lab", "help download"),
    )


def in_hand(page: Path, name: str) -> None:
    """What the adapter in hand is, by its own configuration, and the way to the Adapter page."""
    st.caption(f"The adapter in hand: {as_text(method_words(runs.kept_adapter(name).config))}.")
    st.page_link(
        page,
        label="Open it on the Adapter page",
        icon=":material/extension:",
        query_params={"adapter": MINE, "kept": name},
    )


def arrows(config: LlamaConfig, choice: Choice) -> None:
    """The shapes at every arrow, of each kind of matrix that is trained."""
    kinds = choice.kinds()
    r, tokens = choice.method.r, "T"
    for kind in kinds:
        (m, n), scale = config.projection_shape(kind), choice.method.scale(name_of(0, kind))
        trained, last = accounting.pair_parameters((m, n), r), ""
        if choice.method.use_dora:
            trained, last = trained + m, f" Each row is then brought to its trained length ({m},)."
        st.markdown(
            f"**{kind}**: x ({tokens}, {n}) → W₀ ({m}, {n}) → ({tokens}, {m}); "
            f"x ({tokens}, {n}) → A ({r}, {n}) → ({tokens}, {r}) → B ({m}, {r}) → ({tokens}, {m}); "
            f"× s = {scale:g}, added.{last} {trained:,} trained of {m * n:,}."
        )
    if kinds:
        st.html(shapes(*config.projection_shape(kinds[0]), r))


def computed(config: LlamaConfig, choice: Choice | None, job: Job | None) -> None:
    """Shapes and memory of the run that is shown; before there is one, of what is asked for."""
    run = (job.newest(Run) if job else None) or (Run(choice) if choice else None)
    if run:
        arrows(config, run.choice)
        memory(config, run, job.newest(accounting.Memory) if job else None)


def memory(config: LlamaConfig, run: Run, measured: accounting.Memory | None) -> None:
    """The same step's memory: LoRA measured in the run, LoRA and full fine-tuning computed."""
    tokens = run.longest or 64
    trained = report(config, run.choice.method).trainable
    memories = {
        "full, computed": accounting.training_memory(
            config, SINGLE, accounting.parameters(config), tokens, full=True, compute_bits=32
        ),
        "LoRA, computed": accounting.training_memory(
            config, SINGLE, trained, tokens, compute_bits=32, targets=run.choice.kinds()
        ),
    }
    if measured:
        memories["LoRA, measured"] = measured
    chart(
        figures.memory(memories),
        key="memory",
        alt="Megabytes: " + ", ".join(f"{n} {m.total / 1e6:,.0f}" for n, m in memories.items()),
    )
    rows = [
        [label, *(amount(getattr(each, part)) for each in memories.values())]
        for part, (label, _) in figures.PARTS.items()
    ]
    rows.append(["**all**", *(f"**{amount(each.total)}**" for each in memories.values())])
    st.markdown(table(["", *memories], rows))
    st.caption(text("lab", "memory").format(tokens=tokens))
