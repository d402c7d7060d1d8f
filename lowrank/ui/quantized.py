"""A real matrix in fewer bits: the error, its spectrum, what the model loses; one number's bits."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import streamlit as st

from lowrank.errors import InputError
from lowrank.figures import memory as figures
from lowrank.llama import Dense, nll, projections, replaced
from lowrank.llama.linear import Projection, bias_of
from lowrank.llama.names import HEAD
from lowrank.memory.quantization import bfloat16, int8, nf4
from lowrank.spectra.svd.threads import restored, use
from lowrank.surgery import texts
from lowrank.ui import cached
from lowrank.ui.jobs import Job
from lowrank.ui.layout import text
from lowrank.ui.progress import outcome, progress, watched

PLOTLY: dict[str, Any] = {"displayModeBar": False}


def compared(source: str, tensor: str) -> None:
    """One real matrix in int8 and NF4: the error, its spectrum, and the rounding of one entry."""
    found = cached.roundings(source, tensor)
    chart, beside = st.columns([3, 2], gap="large")
    with chart:
        st.plotly_chart(
            figures.error_spectrum(
                cached.spectrum(source, tensor),
                {
                    f"error of {each.name.partition(',')[0]}": each.spectrum
                    for each in found
                    if each.spectrum is not None
                },
            ),
            key="errors",
            config=PLOTLY,
            alt="Singular values of the matrix and of its quantization errors, which are flat.",
        )
    beside.markdown(text("memory", "errors"))
    lines = ["| | bits a number | error, share of the norm | largest error |", "|:--|--:|--:|--:|"]
    for each in found:
        lines.append(f"| {each.name} | {each.bits:.3g} | {each.share:.3%} | {each.largest:.3g} |")
    st.markdown("\n".join(lines))


ROUNDED = {"int8": int8, "NF4": nf4}
EVERY = "all matrices"


def effect_on_loss(source: str, tensor: str) -> None:
    """The mean nll of a built-in text with matrices quantized, measured when asked for."""
    first, second, third = st.columns([2, 2, 1], vertical_alignment="bottom")
    kind = tensor.removesuffix(".weight").rpartition(".")[2]
    scope = first.selectbox(
        "Quantize", ["this matrix", f"every {kind}", EVERY], key="scope", filter_mode=None
    )
    name = second.segmented_control(
        "to", list(ROUNDED), default="NF4", required=True, key="rounded"
    )
    key = f"quantized {source} {tensor if scope == 'this matrix' else scope} {name}"
    if third.button("Measure nll", type="primary"):
        cached.jobs().start(key, lambda: _losses(source, tensor, scope, name), owner=session())
    job = cached.jobs().get(key)
    if job is None:
        st.caption(text("memory", "nll"))
        return
    watched(job, _draw_losses)


def session() -> str:
    """A name for this visitor, so that what is asked next takes the place of what was asked."""
    return st.session_state.setdefault("memory session", uuid4().hex)


def _losses(source: str, tensor: str, scope: str, name: str) -> Iterator[tuple[float, float, int]]:
    """(share done, mean nll so far or of all, how many matrices): before, then after."""
    params, words = cached.params(source), cached.tokenizer(source)
    if words is None:
        raise InputError("This model brings no vocabulary, so it can read no text.")
    ids = words.encode(texts.text("prose"))
    held = projections(params)
    chosen = [n for n in held if n != HEAD]
    kind = tensor.removesuffix(".weight").rpartition(".")[2]
    if scope != EVERY:
        own = tensor.removesuffix(".weight")
        chosen = [n for n in chosen if (n == own if scope == "this matrix" else n.endswith(kind))]
    if not chosen:
        raise InputError(f"{tensor} is no projection of a layer: choose one in the sidebar.")
    with restored():
        use(1)
        yield 0.1, float(nll(params, ids).mean()), 0
        new: dict[str, Projection] = {}
        for i, each in enumerate(chosen, start=1):
            new[each] = Dense(ROUNDED[name](held[each].matrix()).matrix(), bias_of(held[each]))
            yield 0.1 + 0.6 * i / len(chosen), float("nan"), i
        yield 1.0, float(nll(replaced(params, new), ids).mean()), len(chosen)


def _draw_losses(job: Job) -> None:
    if job.state == "done":
        before, after, count = job.records[0][1], job.last[1], job.last[2]
        matrices = "1 matrix" if count == 1 else f"{count} matrices"
        st.markdown(
            f"Mean nll of a story: **{before:.4f}** before, **{after:.4f}** with {matrices} "
            f"quantized ({after - before:+.4f} nats a token)."
        )
        return
    progress(job, job.last[0] if job.last else 0.0, "Reading a text, quantizing, reading again")
    outcome(job)


def rounding(source: str, tensor: str) -> None:
    """One entry of a real matrix in three formats, and an update too small for two of them."""
    W = cached.matrix(source, tensor)
    first, second, third = st.columns(3)
    m, n = W.shape
    row = int(first.number_input("Row", 0, m - 1, 0, key="entry_row", bind="query-params"))
    column = int(second.number_input("Column", 0, n - 1, 0, key="entry_col", bind="query-params"))
    step = 10.0 ** float(
        third.slider("Update, a power of ten of it", -8.0, 0.0, -3.0, 0.5, key="step_size")
    )
    x = float(W[row, column])
    update = abs(x) * step
    st.html(figures.bits(x))
    st.caption("sign · exponent · fraction")
    lines = ["| | the entry | entry + update | what is left of the update |", "|:--|--:|--:|--:|"]
    formats = {
        "float32": lambda v: float(np.float32(v)),
        "bfloat16": lambda v: float(bfloat16(v)),
        "float16": lambda v: float(np.float16(v)),
    }
    for name, rounded in formats.items():
        before, after = rounded(x), rounded(rounded(x) + update)
        kept = (after - before) / update if update else 0.0
        lines.append(f"| {name} | {before:.8g} | {after:.8g} | {kept:.0%} |")
    st.markdown("\n".join(lines))
    st.markdown(text("memory", "master"))
