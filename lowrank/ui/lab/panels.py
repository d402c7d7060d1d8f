"""What the lab shows of a run: its curve, two answers, the scale, the proof of merging, memory."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from lowrank.figures import lab as figures
from lowrank.figures.lora import shapes
from lowrank.figures.numbers import amount, three
from lowrank.figures.style import COLOURS
from lowrank.language import gettext as _
from lowrank.language import joined
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import name_of
from lowrank.lora.finetuning import Record
from lowrank.lora.lab.alternatives import LORA
from lowrank.lora.lab.records import stored
from lowrank.lora.parameter_count import report
from lowrank.memory import accounting
from lowrank.readers import uploads
from lowrank.ui import cached
from lowrank.ui.adapters import MINE, bring
from lowrank.ui.answering import side_by_side
from lowrank.ui.downloads import zipped
from lowrank.ui.drawing import chart, table
from lowrank.ui.jobs import Job
from lowrank.ui.lab import runs
from lowrank.ui.lab.runs import Beside, Halted, HeldOut, Kept, Learnt, Merged, Run
from lowrank.ui.lab.settings import BASES, STORED, Choice, method_words
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text, as_told
from lowrank.ui.progress import mine, outcome, progress, watched

TOLERANCE = 1e-4  # of the largest logit: what float32 leaves of an identity after 30 layers
SINGLE = accounting.FLOAT32
BITS = dict(
    zip(BASES, (SINGLE, accounting.NF4_DOUBLE, accounting.INT8), strict=True)
)  # of the matrices


def counts(config: LlamaConfig, choice: Choice) -> None:
    """What is trained and what is frozen, in PEFT's own line."""
    said = report(config, choice.method)
    st.code(str(said), language=None, wrap_lines=True)
    st.caption(
        _(
            "Frozen {frozen:,}, trained {trained:,}: 1 in {ratio:,.0f}. The line is what PEFT's "
            "print_trainable_parameters prints for these settings."
        ).format(
            frozen=said.total - said.trainable,
            trained=said.trainable,
            ratio=said.total / said.trainable,
        )
    )


def curve(source: str, config: LlamaConfig, job: Job) -> None:
    """The loss as it falls, tokens a second, time left, Stop."""
    run, steps = job.newest(Run), job.all(Record)
    total = run.choice.config.steps if run else 1
    losses = [record.loss for record in steps]
    plain = [each.loss for each in job.all(Beside)]
    words = _("Laying out the examples")
    if steps:
        words = _("Step {step} of {steps} · {rate:,.0f} tokens/s").format(
            step=len(steps), steps=total, rate=steps[-1].tokens_per_second
        )
    progress(job, len(steps) / total, words)
    if run:
        came(report(config, run.choice.method).trainable, losses)
    unseen = [(each.step, each.loss) for each in job.all(HeldOut)]
    lines = {_("loss"): losses}
    if run and run.choice.beside:
        lines = {_(run.choice.base): losses, _(STORED): plain}
    colours = {_(STORED): COLOURS["W0"]}
    chart(
        figures.losses(lines, total, colours, held_out=unseen),
        key="curve",
        alt=_("Loss after {step} of {steps} steps. {course}").format(
            step=len(steps), steps=total, course=by_step(losses)
        ),
    )
    if run:
        st.caption(
            _("This run: {settings}. {whose}").format(
                settings=run.choice.words(), whose=text("lab", "own" if mine(job) else "theirs")
            )
        )
    if steps and job.over:
        st.caption(came_of_all(steps, unseen))
    if run and run.choice.quantizer:
        in_fewer_bits(job, run.choice)
    outcome(job)
    go_on(source, job)


def in_fewer_bits(job: Job, choice: Choice) -> None:
    """What a quantized base takes, and the same run on the base as stored if it was asked for."""
    kept, held = job.newest(Kept), job.newest(HeldOut)
    base = _(choice.base)
    if kept:
        st.caption(
            _(
                "Base in {base}: the layers' matrices take {kept}, as stored {stored}. One at a "
                "time, {largest} at most, is made anew of its codes while it is used."
            ).format(
                base=base,
                kept=amount(kept.kept),
                stored=amount(kept.stored),
                largest=amount(kept.largest),
            )
        )
    if held and held.stored is not None:
        st.caption(
            _(
                "Held out after step {step}: **{loss:.3f}** on the base in {base}, "
                "**{stored:.3f}** on the base as stored."
            ).format(step=held.step, loss=held.loss, base=base, stored=held.stored)
        )


def go_on(source: str, job: Job) -> None:
    """The way on for a run that was stopped before its last step."""
    run, halted = job.newest(Run), job.newest(Halted)
    if not (job.over and run and halted and mine(job)):
        return
    label = _("Go on after step {step}").format(step=halted.step)
    if st.button(label, key="go on", icon=":material/play_arrow:"):
        runs.begin_training(source, run.choice, job)
        st.rerun()


def came_of_all(steps: Sequence[Record], unseen: Sequence[tuple[int, float]]) -> str:
    """What a run took, and what came of it; `unseen` are the held-out losses by step."""
    seconds, tokens = steps[-1].elapsed, sum(record.tokens for record in steps)
    told = _("{steps} steps in {seconds:.0f} s, {rate:,.0f} tokens/s. {course}").format(
        steps=len(steps),
        seconds=seconds,
        rate=tokens / seconds,
        course=by_step([record.loss for record in steps]),
    )
    if not unseen:
        return told
    (_first, before), (last, after) = unseen[0], unseen[-1]
    return _(
        "{told} Held out: {before:.2f} after the first, {after:.2f} after step {last}."
    ).format(told=told, before=before, after=after, last=last)


def earlier() -> None:
    """The curve of the stored run on the pirate set, where the visitor's own will be."""
    told = stored("alternatives")
    run = next(each for each in told["outcomes"] if each["label"] == LORA)
    came(run["trained"], run["losses"])
    chart(
        figures.losses({_("loss"): run["losses"]}, len(run["losses"])),
        key="earlier curve",
        alt=_("A stored run of {steps} steps. {course}").format(
            steps=len(run["losses"]), course=by_step(run["losses"])
        ),
    )
    st.caption(text("lab", "earlier").format(model=told["model"], date=told["date"]))


def came(trained: int, losses: Sequence[float]) -> None:
    """What a run trains, and what came of it so far."""
    few = min(8, max(1, len(losses) // 2))
    left, right = st.columns(2)
    left.metric(_("Numbers trained"), f"{trained:,}")
    first, last = losses[:few], losses[-few:]
    said = f"{three(float(np.mean(first)))} → {three(float(np.mean(last)))}" if losses else "…"
    right.metric(_("Loss, nats a token"), said)


def by_step(losses: Sequence[float]) -> str:
    """The losses in a sentence: means of eight steps only where there are twice as many.

    >>> by_step([4.54]), by_step([4.0, 3.0])
    ('Loss before the first step 4.54.', 'Loss before the first step 4.00, before the last 3.00.')
    >>> by_step([4.0] * 8 + [1.0] * 8)
    'Mean loss of the first eight steps 4.00, of the last eight 1.00.'
    """
    if not losses:
        return _("No loss is known yet.")
    first, last = losses[0], losses[-1]
    if len(losses) == 1:
        told = _("Loss before the first step {first:.2f}.")
    elif len(losses) < 16:
        told = _("Loss before the first step {first:.2f}, before the last {last:.2f}.")
    else:
        told = _("Mean loss of the first eight steps {first:.2f}, of the last eight {last:.2f}.")
        first, last = float(np.mean(losses[:8])), float(np.mean(losses[-8:]))
    return told.format(first=first, last=last)


def other_settings(job: Job | None, choice: Choice) -> None:
    """That what is shown is of other settings than those asked for now; how long a run takes."""
    run = job.newest(Run) if job else None
    if run and run.choice != choice:
        st.caption(text("lab", "other settings"))
    seconds = runs.seconds_a_step(job)
    if seconds:
        st.caption(
            _(
                "A step of the run beside took {seconds} s on this machine (median): {steps} such "
                "steps, about {all} s."
            ).format(
                seconds=three(seconds),
                steps=choice.config.steps,
                all=three(seconds * choice.config.steps),
            )
        )


def two_answers(source: str, base: str, name: str, asked: str) -> None:
    """Before and after side by side, with 0 to 2 times the update."""
    scale = st.slider(
        _("Times the update"), 0.0, 2.0, 1.0, 0.25, key="scale", bind="query-params",
        help=text("lab", "help scale"),
    )  # fmt: skip
    if not asked:
        st.info(_("Type a question to ask both."), icon=":material/edit:")
        return
    after = _("After, {scale:g} × the update").format(scale=scale)
    titles = {"before": _("Before"), "after": after}

    def draw(job: Job) -> None:
        side_by_side(titles, cached.words(source), job)
        outcome(job)

    watched(runs.answer_job(source, base, name, asked, float(scale)), draw)


def losses_by_scale(source: str, name: str, job: Job | None) -> None:
    """How well the training answers are known with 0 to 2 times the update."""
    run, learnt = (job.newest(Run), job.newest(Learnt)) if job else (None, None)
    if run is None or learnt is None or learnt.name != name:
        return

    def draw(job: Job) -> None:
        points = dict(job.records)
        each = [f"{t:g}: {loss:.2f}" for t, loss in sorted(points.items())]
        alt = _("Loss on the training answers by scale: {losses}").format(
            losses=joined(each, _("{first}, {last}")) if each else ""
        )
        drawn = figures.by_scale(points, float(st.session_state.get("scale", 1.0)))
        chart(drawn, key="by scale", alt=alt)
        outcome(job)

    watched(runs.loss_job(source, name, run), draw, every=1.0)


def merged(source: str, base: str, name: str, asked: str) -> None:
    """W0 + s B A as one matrix: the largest difference of a logit, beside the tolerance."""
    if asked:
        watched(runs.merge_job(source, base, name, asked), _compared)


def _compared(job: Job) -> None:
    found = job.newest(Merged)
    if found is None:
        st.caption(_("Merging and comparing…"))
        outcome(job)
        return
    relative = found.difference / found.largest
    same = _(
        "**Merged = unmerged**: the logits after your question differ by {difference} at most, "
        "{relative:.1e} of the largest, {largest}; tolerance {tolerance:.0e}."
    )
    other = _(
        "**Merged and unmerged differ**: the logits after your question differ by {difference} at "
        "most, {relative:.1e} of the largest, {largest}; tolerance {tolerance:.0e}."
    )
    st.markdown(
        (same if relative <= TOLERANCE else other).format(
            difference=three(found.difference),
            relative=relative,
            largest=three(found.largest),
            tolerance=TOLERANCE,
        )
    )
    names = {"plain": _("W₀ alone"), "beside": _("A and B beside it"), "merged": _("merged")}
    rows = [[name, *in_milliseconds(found.seconds[key])] for key, name in names.items()]
    head = [_("a pass over the question, ms"), _("least"), _("median"), _("most")]
    st.markdown(table(head, rows))
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
        if st.button(_("Keep it now"), key="keep now", icon=":material/save:") and job:
            learnt = runs.kept_or_held(learnt.adapter)
            job.records.append(learnt)
            st.rerun()
    elif learnt and state.get("taken run") != learnt.name:
        # A link that names both a run and an adapter means the adapter.
        if "taken run" in state or not st.query_params.get("tuned"):
            state["tuned"] = learnt.name
        state["taken run"] = learnt.name
    bring("tuned")
    limits = {"adapters": uploads.MOST_ADAPTERS, "states": runs.MOST_STATES}
    st.caption(text("lab", "kept").format(**{key: amount(most) for key, most in limits.items()}))
    return (
        st.text_input(
            _("Adapter in hand"),
            key="tuned",
            placeholder=_("none yet: train one or upload one"),
            max_chars=100,
            bind="query-params",
            persist_state="session",
        )
        or ""
    )


def download(name: str) -> None:
    """The adapter's two files as PEFT reads them, in a zip."""
    held = zipped(uploads.find_adapter(name))
    st.download_button(
        _("Download the adapter ({size})").format(size=amount(len(held))),
        held,
        f"{name}.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
        help=text("lab", "help download"),
    )


def in_hand(page: Path, name: str) -> None:
    """What the adapter in hand is, by its own configuration, and the way to the Adapter page."""
    settings = method_words(runs.kept_adapter(name).config)
    st.caption(_("The adapter in hand: {settings}.").format(settings=as_text(settings)))
    st.page_link(
        page,
        label=_("Open it on the Adapter page"),
        icon=":material/extension:",
        query_params={"adapter": MINE, "kept": name},
    )


def arrows(config: LlamaConfig, choice: Choice) -> None:
    """The shapes at every arrow, of each kind of matrix that is trained."""
    kinds = choice.kinds()
    r, dora = choice.method.r, choice.method.use_dora
    pair = _(
        "**{kind}**: x (T, {n}) → W₀ ({m}, {n}) → (T, {m}); x (T, {n}) → A ({r}, {n}) → (T, {r}) → "
        "B ({m}, {r}) → (T, {m}); × s = {scale:g}, added. {trained:,} trained of {all:,}."
    )
    lengths = _(
        "**{kind}**: x (T, {n}) → W₀ ({m}, {n}) → (T, {m}); x (T, {n}) → A ({r}, {n}) → (T, {r}) → "
        "B ({m}, {r}) → (T, {m}); × s = {scale:g}, added. Each row is then brought to its trained "
        "length ({m},). {trained:,} trained of {all:,}."
    )
    for kind in kinds:
        (m, n), scale = config.projection_shape(kind), choice.method.scale(name_of(0, kind))
        trained = accounting.pair_parameters((m, n), r) + (m if dora else 0)
        st.markdown(
            (lengths if dora else pair).format(
                kind=kind, m=m, n=n, r=r, scale=scale, trained=trained, all=m * n
            )
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
    tokens, stored = run.longest or 64, accounting.Storage(SINGLE, SINGLE)
    base = accounting.Storage(BITS[run.choice.base], SINGLE)
    trained = report(config, run.choice.method).trainable
    memories = {
        _("full, computed"): accounting.training_memory(
            config, stored, accounting.parameters(config), tokens, full=True, compute_bits=32
        ),
        _("LoRA, computed"): accounting.training_memory(
            config, base, trained, tokens, compute_bits=32, targets=run.choice.kinds()
        ),
    }
    if measured:
        memories[_("LoRA, measured")] = measured
    totals = (f"{name} {each.total / 1e6:,.0f}" for name, each in memories.items())
    alt = _("Megabytes: {totals}").format(totals=joined(totals, _("{first}, {last}")))
    chart(figures.memory(memories), key="memory", alt=alt)
    rows = [
        [_(label), *(amount(getattr(each, part)) for each in memories.values())]
        for part, (label, _colour) in figures.PARTS.items()
    ]
    rows.append([_("**all**"), *(f"**{amount(each.total)}**" for each in memories.values())])
    st.markdown(table(["", *memories], rows))
    st.caption(text("lab", "memory").format(tokens=tokens))
