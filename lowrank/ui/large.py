"""The Truncation page for a matrix too large to decompose while someone waits.

The top values come first, from `spectra.truncate` and with its certificate; the whole spectrum is
computed in the background and drawn when it is there.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.figures.matrix import preview
from lowrank.figures.numbers import three
from lowrank.figures.spectrum import spectrum
from lowrank.language import gettext as _
from lowrank.readers import Model, TensorInfo
from lowrank.spectra import bounds
from lowrank.spectra.random_matrix import quantiles
from lowrank.spectra.svd import Spectrum, Truncation, break_even_rank, singular_values
from lowrank.ui import cached, jobs, truncation
from lowrank.ui.bound import rank_slider
from lowrank.ui.drawing import chart, table
from lowrank.ui.jobs import Job
from lowrank.ui.layout import errors_beside, text
from lowrank.ui.progress import outcome, sought, watched

MOST = 512  # the largest k that the page computes: beyond, no truncation is quick
PATIENCE = 60.0  # seconds that a spectrum waits for its turn when nobody looks
LEVELS = (0.5, 0.9, 0.99)


def explore(source: str, info: TensorInfo, W: NDArray[np.float32], title: str) -> None:
    """All that follows the rank k: its numbers, the spectrum so far, the shapes, the heatmaps."""
    (m, n), tensor = W.shape, info.name
    k = rank_slider(_("Rank k"), "k", min(MOST, m, n), 64)
    if min(m, n) > MOST:
        st.caption(text("truncation", "end").format(most=f"{MOST:,}", least=f"{min(m, n):,}"))
    waiting = _("The top {k} of {most:,} singular values…").format(k=k, most=min(m, n))
    with st.spinner(waiting, show_time=True):
        found = cached.top(source, tensor, k)
    at = found.top(k)
    norm = float(found.certificate.norm.mean())
    picture, beside = st.columns([3, 1])
    with beside:
        kept = bounds.energy(at.svd.s, norm, min(m, n), k).low
        lost = float(at.certificate.lost[-1].mean()) / (norm or 1.0)
        place = truncation.figures_of(k, info, kept, lost)
        place.metric(_("Error, proven to within"), _within(at, norm))
    with picture:
        job = None
        with errors_beside():
            job = whole(source, tensor)
        if job:
            watched(job, lambda job: draw(job, found, k, (m, n), title))
        else:
            draw(None, found, k, (m, n), title)
        st.caption(certificate_words(at))
    truncation.shapes(m, n, k)
    truncation.heatmaps(W, at.svd, preview(W, at.svd), k, title)


def _within(at: Truncation, norm: float) -> str:
    """Half the width of what ||W - W_k|| is proven to lie in, as a share of ||W||."""
    low, high = at.certificate.lost[-1] / (norm or 1.0)
    return f"± {(high - low) / 2:.1e}"


def whole(source: str, tensor: str) -> Job | None:
    """The job that computes every singular value, once for everyone."""
    return sought(key_of(source, tensor), partial(_spectrum, source, tensor), "spectrum", PATIENCE)


def key_of(source: str, tensor: str) -> str:
    """The name of that job."""
    return f"spectrum {cached.version(source)} {source} {tensor}"


def _spectrum(source: str, tensor: str) -> Iterator[Spectrum]:
    yield singular_values(cached.matrix(source, tensor))


def _noise(found: Truncation, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The singular values of a random matrix of that shape and of the norm found."""
    return quantiles(shape, float(found.certificate.norm.mean()) / (shape[0] * shape[1]) ** 0.5)


def draw(job: Job | None, found: Truncation, k: int, shape: tuple[int, int], title: str) -> None:
    """The values known so far beside a random matrix's, and how the rest is coming along."""
    everything = job.newest(Spectrum) if job else None
    known = everything.s if everything else found.svd.s
    chart(
        spectrum(known, _noise(found, shape), min(k, len(known)), break_even_rank(*shape)),
        key="spectrum",
        alt=_(
            "{known:,} of {most:,} singular values of {title}, from {high} to {low}, beside the "
            "law of a random matrix; k = {k}."
        ).format(
            known=len(known),
            most=min(shape),
            title=title,
            high=three(known[0]),
            low=three(known[-1]),
            k=k,
        ),
    )
    if job is None:
        return
    if job.state == "waiting":
        st.caption(
            _("The other values wait for their turn: {before} before.").format(
                before=jobs.POOL.position(job)
            )
        )
    elif not job.over:
        st.caption(
            _("All {most:,} values are being computed, for {seconds:.0f} s so far.").format(
                most=min(shape), seconds=job.elapsed
            )
        )
    outcome(job)


def certificate_words(at: Truncation) -> str:
    """What is certain of the values shown, and what is estimated."""
    c = at.certificate
    return text("truncation", "certificate").format(
        k=f"{at.k:,}",
        reached=f"{at.reached:.1e}",
        tol=f"{at.tol:.0e}",
        proven=f"{c.proven:.1e}",
        excess=f"{float(c.excess[-1]) / (float(c.norm.mean()) or 1.0):.1e}",
        gflop=f"{at.flops / 1e9:,.1f}",
    )


def judged(model: Model, info: TensorInfo) -> None:
    """Is it of low rank? From the whole spectrum when it is there, bounds until then."""
    source, tensor, shape = model.source, info.name, (info.shape[0], info.shape[1])
    job = jobs.POOL.get(key_of(source, tensor))
    everything = job.newest(Spectrum) if job else None
    found = cached.top(source, tensor, 1)
    words, beside = st.columns(2)
    if everything:
        noise = _noise(found, shape)
        words.markdown(truncation.verdict(everything.s, noise, shape))
        words.markdown(truncation.compared(everything.s, noise, model, info))
        with beside:
            truncation.rank_table(everything.s, noise, shape)
        return
    words.markdown(text("truncation", "bounds"))
    beside.markdown(_bounds_table(found, float(found.certificate.norm.mean()), min(shape)))


def _bounds_table(found: Truncation, norm: float, count: int) -> str:
    s = found.svd.s
    rows = {
        _("Stable rank, ‖W‖²_F / σ₁²"): bounds.stable_rank(s, norm, count),
        _("Effective rank, Roy and Vetterli"): bounds.effective_rank(s, norm, count),
    }
    for level in LEVELS:
        name = _("Rank that keeps {level:.0%} of the energy").format(level=level)
        rows[name] = bounds.rank_at_energy(s, norm, count, level)
    cells = [(name, f"{b.low:,.1f}", f"{b.high:,.1f}") for name, b in rows.items()]
    return table([_("measure"), _("at least"), _("at most")], cells)
