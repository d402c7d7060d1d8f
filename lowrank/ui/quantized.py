"""A real matrix in fewer bits: the error, its spectrum, what the model loses; one number's bits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from lowrank.errors import InputError
from lowrank.figures import memory as figures
from lowrank.figures.numbers import three
from lowrank.language import Sentence, gettext_noop, ngettext
from lowrank.language import gettext as _
from lowrank.llama import Dense, nll, projections, replaced
from lowrank.llama.linear import Projection, bias_of
from lowrank.llama.names import HEAD
from lowrank.memory.quantization import bfloat16, int8, nf4
from lowrank.surgery import texts
from lowrank.ui import cached
from lowrank.ui.bound import EVERY_KIND, said
from lowrank.ui.drawing import chart, table
from lowrank.ui.jobs import Doing, Job, one_thread
from lowrank.ui.layout import text
from lowrank.ui.progress import shown, sought, watched


def compared(source: str, tensor: str) -> None:
    """One real matrix in int8 and NF4: the error, its spectrum, and the rounding of one entry."""
    found = cached.roundings(source, tensor)
    rows = [
        (_(each.name), three(each.bits), f"{each.share:.3%}", three(each.largest)) for each in found
    ]
    head = ["", _("bits a number"), _("error, share of the norm"), _("largest error")]
    st.markdown(table(head, rows))
    if found[0].spectrum is None:
        told = _("The spectrum of the error is shown of matrices up to {side:,} × {side:,}.")
        st.caption(told.format(side=cached.SIDE))
        return
    picture, beside = st.columns([3, 2], gap="large")
    with picture:
        chart(
            figures.error_spectrum(
                cached.spectrum(source, tensor),
                {
                    _("error of {code}").format(code=each.name.partition(",")[0]): each.spectrum
                    for each in found
                    if each.spectrum is not None
                },
            ),
            key="errors",
            alt=_("Singular values of the matrix and of its quantization errors, which are flat."),
        )
    beside.markdown(text("memory", "errors"))


def rows(source: str, tensor: str) -> list[dict[str, Any]]:
    """What each code loses, with every digit."""
    return [
        {
            "code": each.name,
            "bits a number": float(each.bits),
            "error, share of the norm": each.share,
            "largest error": each.largest,
        }
        for each in cached.roundings(source, tensor)
    ]


ROUNDED = {"int8": int8, "NF4": nf4}
THIS, EVERY = gettext_noop("this matrix"), gettext_noop("all matrices")


@dataclass(frozen=True)
class Loss:
    """Mean nll of a text, nats a token, before and after `count` matrices are quantized."""

    before: float
    after: float
    count: int


def effect_on_loss(source: str, tensor: str) -> None:
    """The mean nll of a built-in text with matrices quantized, measured when asked for."""
    first, second, third = st.columns([3, 3, 2], vertical_alignment="bottom")
    name = tensor.removesuffix(".weight")
    kind = name.rpartition(".")[2]
    scopes = {THIS: name, EVERY_KIND.format(kind=kind): kind, EVERY: ""}
    scope = first.selectbox(
        _("Quantize"),
        list(scopes),
        key="scope",
        format_func=said,
        bind="query-params",
        filter_mode=None,
    )
    to = second.segmented_control(
        _("to"), list(ROUNDED), default="NF4", required=True, key="rounded", bind="query-params"
    )
    asked = source, scopes[scope], str(to)
    with third:
        job = sought(
            f"nll {cached.version(source)} {asked}",
            partial(_losses, *asked),
            "nll",
            ask=_("Measure nll"),
        )
    if job is None:
        st.caption(text("memory", "nll"))
    watched(job, _draw_loss)


def _losses(source: str, ending: str, to: str) -> Iterator[Doing | Loss]:
    """The loss with every projection of a layer quantized whose name ends so."""
    params = cached.params(source)
    words = Sentence("Reading a text, quantizing, reading again")
    ids = cached.words(source).encode(texts.text("prose"))
    held = projections(params)
    chosen = [each for each in held if each != HEAD and each.endswith(ending)]
    if not chosen:
        raise InputError(
            "{ending} is no projection of a layer: choose one in the sidebar.",
            ending=ending,
        )
    with one_thread():
        yield Doing(0.1, words)
        before = float(nll(params, ids).mean())
        new: dict[str, Projection] = {}
        for i, each in enumerate(chosen, start=1):
            new[each] = Dense(ROUNDED[to](held[each].matrix()).matrix(), bias_of(held[each]))
            yield Doing(0.1 + 0.6 * i / len(chosen), words)
        yield Loss(before, float(nll(replaced(params, new), ids).mean()), len(chosen))


def _draw_loss(job: Job) -> None:
    found = job.newest(Loss)
    if found is None:
        shown(job)
        return
    st.markdown(
        ngettext(
            "Mean nll of a story: **{before}** before, **{after}** with {count} matrix quantized "
            "({more} nats a token more).",
            "Mean nll of a story: **{before}** before, **{after}** with {count} matrices quantized "
            "({more} nats a token more).",
            found.count,
        ).format(
            before=three(found.before),
            after=three(found.after),
            count=found.count,
            more=three(found.after - found.before),
        )
    )


FORMATS: dict[str, Callable[[float], Any]] = {
    "float32": np.float32,
    "bfloat16": bfloat16,
    "float16": np.float16,
}


def rounding(source: str, tensor: str) -> None:
    """One entry of a real matrix in three formats, and an update too small for two of them."""
    W = cached.matrix(source, tensor)
    first, second, third = st.columns(3)
    m, n = W.shape
    row = int(first.number_input(_("Row"), 1, m, 1, key="entry_row", bind="query-params"))
    column = int(second.number_input(_("Column"), 1, n, 1, key="entry_col", bind="query-params"))
    step = 10.0 ** float(
        third.slider(
            _("Update, a power of ten of it"),
            -8.0,
            0.0,
            -3.0,
            0.5,
            key="step_size",
            bind="query-params",
        )
    )
    x = float(W[row - 1, column - 1])  # counted from 1
    update = abs(x) * step
    st.html(figures.bits(x))
    st.caption(_("sign · exponent · fraction"))
    rows = []
    for name, rounded in FORMATS.items():
        before = float(rounded(x))
        after = float(rounded(before + update))
        left = (after - before) / update if update else 0.0
        rows.append((name, f"{before:.8g}", f"{after:.8g}", f"{left:.0%}"))
    head = ["", _("the entry"), _("entry + update"), _("what is left of the update")]
    st.markdown(table(head, rows))
    st.markdown(text("memory", "master"))
