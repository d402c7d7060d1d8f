"""What the lab shows of a run: its curve, two answers, the scale, the proof of merging, memory."""

import io
import zipfile
from collections.abc import Mapping

import numpy as np
import streamlit as st

from lowrank.figures import lab as figures
from lowrank.figures.lora import shapes
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import LINEAR
from lowrank.lora.counting import report
from lowrank.memory import accounting
from lowrank.readers import Model, uploads
from lowrank.ui.jobs import Job
from lowrank.ui.lab import runs
from lowrank.ui.lab.settings import Choice
from lowrank.ui.layout import text
from lowrank.ui.progress import outcome, progress, watched
from lowrank.ui.truncation import amount

PLOTLY = {"displayModeBar": False}
TOLERANCE = 1e-4  # of the largest logit: what float32 leaves of an identity after 30 layers
UPLOAD_MB = 200
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


def curve(job: Job) -> None:
    """The loss as it falls, tokens a second, time left, Stop."""
    run, steps = runs.run_of(job), runs.records(job)
    total = run.choice.config.steps if run else 1
    losses = [record.loss for record in steps]
    speed = f" · {steps[-1].tokens_per_second:,.0f} tokens/s" if steps else ""
    progress(job, len(steps) / total, f"Step {len(steps)} of {total}{speed}")
    last = f"{np.mean(losses[-8:]):.3f}" if losses else "not known yet"
    st.plotly_chart(
        figures.losses({"loss": losses}, total),
        key="curve",
        config=PLOTLY,
        alt=f"Loss after {len(steps)} of {total} steps; mean of the last eight {last}",
    )
    if steps and job.over:
        tokens = sum(record.tokens for record in steps)
        st.caption(
            f"{len(steps)} steps in {steps[-1].elapsed:.0f} s, "
            f"{tokens / steps[-1].elapsed:,.0f} tokens/s; mean loss of the first eight steps "
            f"{np.mean(losses[:8]):.2f}, of the last eight {last}."
        )
    outcome(job)


def two_answers(model: Model, name: str, asked: str) -> None:
    """Before and after side by side, with 0 to 2 times the update."""
    scale = st.slider(
        "Times the update", 0.0, 2.0, 1.0, 0.25, key="scale", bind="query-params",
        help=text("lab", "help scale"),
    )  # fmt: skip
    if not asked:
        st.info("Type a question to ask both.", icon=":material/edit:")
        return
    job = runs.answer_job(model, name, asked, float(scale))

    def draw(job: Job) -> None:
        left, right = st.columns(2, gap="medium")
        for place, side, title in (
            (left, "before", "Before"),
            (right, "after", f"After, {scale:g} × the update"),
        ):
            with place.container(border=True, height=190):
                st.markdown(f"**{title}**")
                said = runs.told(model, job, side)
                st.text(said if said.strip() or job.over else "…")
        failure(job)

    watched(job, draw, every=0.4)


def losses_by_scale(model: Model, name: str, job: Job | None) -> None:
    """How well the training answers are known with 0 to 2 times the update."""
    run = runs.run_of(job) if job and job.over else None
    if run is None or run.kept != name:
        return
    measured = runs.loss_job(model, name, run.examples)

    def draw(job: Job) -> None:
        points = dict(job.records)
        st.plotly_chart(
            figures.by_scale(points, float(st.session_state.get("scale", 1.0))),
            key="by scale",
            config=PLOTLY,
            alt="Loss on the training answers by scale: "
            + ", ".join(f"{t:g}: {loss:.2f}" for t, loss in sorted(points.items())),
        )
        failure(job)

    watched(measured, draw, every=1.0)


def merged(model: Model, name: str, asked: str) -> None:
    """W0 + s B A as one matrix: the largest difference of a logit, beside the tolerance."""
    if not asked:
        return
    job = runs.merge_job(model, name, asked)

    def draw(job: Job) -> None:
        found = job.last
        if not isinstance(found, runs.Merged):
            st.caption("Merging and comparing…")
            failure(job)
            return
        relative = found.difference / found.largest
        holds = relative <= TOLERANCE
        st.markdown(
            f"**{'Merged = unmerged' if holds else 'Merged and unmerged differ'}**: the logits "
            f"after your question differ by {found.difference:.2g} at most, {relative:.1e} of the "
            f"largest, {found.largest:.3g}; tolerance {TOLERANCE:.0e}."
        )
        st.markdown(
            f"One pass over the question: W₀ alone {found.seconds['plain']:.2f} s, A and B beside "
            f"it {found.seconds['beside']:.2f} s, merged {found.seconds['merged']:.2f} s."
        )

    watched(job, draw)


def adapter_in_hand(job: Job | None) -> str:
    """The name of the adapter to ask: the one just trained, an uploaded one, or that of the link.

    Raises InputError for files that are no adapter.
    """
    state = st.session_state
    run = runs.run_of(job) if job else None
    if run and run.kept and state.get("taken run") != run.kept:
        # A link that names both a run and an adapter means the adapter.
        if "taken run" in state or not st.query_params.get("tuned"):
            state["tuned"] = run.kept
        state["taken run"] = run.kept
    given = st.file_uploader(
        "Upload an adapter: adapter_config.json and adapter_model.safetensors, or their zip",
        type=["json", "safetensors", "zip"],
        accept_multiple_files=True,
        key="uploading tuned",
        max_upload_size=UPLOAD_MB,
    )
    ids = [file.file_id for file in given or []]
    if ids and state.get("uploaded tuned") != ids:
        state["uploaded tuned"] = ids
        state["tuned"] = uploads.keep_adapter(unpacked({f.name: f.getvalue() for f in given}))
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


def unpacked(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files themselves: a single zip is opened, and nothing but an adapter's files taken."""
    if len(files) != 1 or not next(iter(files)).endswith(".zip"):
        return dict(files)
    try:
        with zipfile.ZipFile(io.BytesIO(next(iter(files.values())))) as archive:
            chosen = [i for i in archive.infolist() if i.filename in uploads.ADAPTER_FILES]
            if sum(info.file_size for info in chosen) > UPLOAD_MB * 10**6:
                return {}
            return {info.filename: archive.read(info) for info in chosen}
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        return {}  # `keep_adapter` says what was expected


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


def arrows(config: LlamaConfig, choice: Choice) -> None:
    """The shapes at every arrow, of each kind of matrix that is trained."""
    kinds = [kind for kind in LINEAR if choice.method.targets(f"model.layers.0.{kind}")]
    r, tokens = choice.method.r, "T"
    for kind in kinds:
        m, n = config.projection_shape(kind)
        trained, last = accounting.pair_parameters((m, n), r), ""
        if choice.method.use_dora:
            trained, last = trained + m, f" Each row is then brought to its trained length ({m},)."
        st.markdown(
            f"**{kind}**: x ({tokens}, {n}) → W₀ ({m}, {n}) → ({tokens}, {m}); "
            f"x ({tokens}, {n}) → A ({r}, {n}) → ({tokens}, {r}) → B ({m}, {r}) → ({tokens}, {m}); "
            f"× s = {choice.method.scale(kind):g}, added.{last} {trained:,} trained of {m * n:,}."
        )
    if kinds:
        st.html(shapes(*config.projection_shape(kinds[0]), r))


def memory(config: LlamaConfig, choice: Choice, job: Job | None) -> None:
    """The same step's memory: LoRA measured in this run, LoRA and full fine-tuning computed."""
    run = runs.run_of(job) if job else None
    tokens = 64
    if run and run.examples:
        tokens = max(len(example.ids) for example in run.examples)
    asked = run.choice if run else choice
    trained = report(config, asked.method).trainable
    memories = {
        "full, computed": accounting.training_memory(
            config, SINGLE, accounting.parameters(config), tokens, full=True, compute_bits=32
        ),
        "LoRA, computed": accounting.training_memory(
            config, SINGLE, trained, tokens, compute_bits=32
        ),
    }
    if run and run.memory:
        memories["LoRA, measured"] = run.memory
    st.plotly_chart(
        figures.memory(memories),
        key="memory",
        config=PLOTLY,
        alt="Megabytes: " + ", ".join(f"{n} {m.total / 1e6:,.0f}" for n, m in memories.items()),
    )
    lines = ["| | " + " | ".join(memories) + " |", "|:--|" + "--:|" * len(memories)]
    for part, (label, _) in figures.PARTS.items():
        cells = " | ".join(amount(getattr(each, part)) for each in memories.values())
        lines.append(f"| {label} | {cells} |")
    total = " | ".join(f"**{amount(each.total)}**" for each in memories.values())
    st.markdown("\n".join([*lines, f"| **all** | {total} |"]))
    st.caption(text("lab", "memory").format(tokens=tokens))


def failure(job: Job) -> None:
    """Why short work failed; where it was stopped, something newer was asked for, and is shown."""
    if job.state == "failed":
        outcome(job)
