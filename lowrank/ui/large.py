"""The Truncation page for a matrix too large to decompose while someone waits.

The top values come first, from `spectra.truncate` and with its certificate; the whole spectrum is
 computed in the background and drawn when it is there.
"""

from collections.abc import Iterator

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.figures.matrix import preview
from lowrank.figures.spectrum import spectrum
from lowrank.spectra import bounds
from lowrank.spectra.random_matrix import quantiles
from lowrank.spectra.svd import Spectrum, Truncation, break_even_rank, singular_values
from lowrank.ui import cached, truncation
from lowrank.ui.jobs import Job
from lowrank.ui.layout import text
from lowrank.ui.progress import outcome, watched

SIDE = 1200  # min(m, n) from which a matrix counts as large: below, the full SVD takes a second
MOST = 512  # the largest k that the page computes: beyond, no truncation is quick
LEVELS = (0.5, 0.9, 0.99)


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether the page truncates first and completes the spectrum later."""
    return min(shape) >= SIDE


def explore(source: str, tensor: str, W: NDArray[np.float32], title: str) -> None:
    """All that follows the rank k: its numbers, the spectrum so far, the shapes, the heatmaps."""
    m, n = W.shape
    k = truncation.rank_slider(min(MOST, m, n), default=64)
    with st.spinner(f"The top {k} of {min(m, n):,} singular values…", show_time=True):
        found = cached.top(source, tensor, k)
    at, job = found.top(k), whole(source, tensor, W)
    norm = float(found.certificate.norm.mean())
    picture, beside = st.columns([3, 1])
    with beside:
        kept = bounds.energy(at.svd.s, norm, min(m, n), k).low
        lost = float(at.certificate.lost[-1].mean()) / (norm or 1.0)
        place = truncation.figures_of((m, n), k, W.dtype.itemsize, kept, lost)
        place.metric("Error, proven to within", _within(at, norm))
    with picture:
        watched(job, lambda job: draw(job, found, k, (m, n), title))
        st.caption(certificate_words(at))
    truncation.shapes(m, n, k)
    truncation.heatmaps(W, at.svd, preview(W, at.svd), k, title)


def _within(at: Truncation, norm: float) -> str:
    """Half the width of what ||W - W_k|| is proven to lie in, as a share of ||W||."""
    low, high = at.certificate.lost[-1] / (norm or 1.0)
    return f"± {(high - low) / 2:.1e}"


def whole(source: str, tensor: str, W: NDArray[np.float32]) -> Job:
    """The job that computes every singular value, once for everyone."""

    def work() -> Iterator[Spectrum | None]:
        yield None
        yield singular_values(W)

    return cached.jobs().start(f"spectrum {source} {tensor}", work)


def draw(job: Job, found: Truncation, k: int, shape: tuple[int, int], title: str) -> None:
    """The values known so far beside a random matrix's, and how the rest is coming along."""
    known = job.last.s if isinstance(job.last, Spectrum) else found.svd.s
    norm = float(found.certificate.norm.mean())
    noise = quantiles(shape, norm / (shape[0] * shape[1]) ** 0.5)
    st.plotly_chart(
        spectrum(known, noise, min(k, len(known)), break_even_rank(*shape)),
        key="spectrum",
        config={"displayModeBar": False},
        alt=f"{len(known):,} of {min(shape):,} singular values of {title}, from {known[0]:.3g} to "
        f"{known[-1]:.3g}, beside the law of a random matrix; k = {k}.",
    )
    if job.state == "waiting":
        st.caption(f"The other values wait for their turn: {cached.jobs().position(job)} before.")
    elif not job.over:
        st.caption(f"All {min(shape):,} values are being computed, for {job.elapsed:.0f} s so far.")
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


def judged(source: str, tensor: str, shape: tuple[int, int], W: NDArray[np.float32]) -> None:
    """Is it of low rank? From the whole spectrum when it is there, bounds until then."""
    job = whole(source, tensor, W)
    found = cached.top(source, tensor, 1)
    norm = float(found.certificate.norm.mean())
    noise = quantiles(shape, norm / (shape[0] * shape[1]) ** 0.5)
    words, table = st.columns(2)
    if isinstance(job.last, Spectrum):
        words.markdown(truncation.verdict(job.last.s, noise, shape))
        with table:
            truncation.rank_table(job.last.s, noise, shape)
        return
    words.markdown(text("truncation", "bounds"))
    with table:
        st.markdown(_bounds_table(found, norm, min(shape)))


def _bounds_table(found: Truncation, norm: float, count: int) -> str:
    s = found.svd.s
    rows = {
        "Stable rank, ‖W‖²_F / s₁²": bounds.stable_rank(s, norm, count),
        "Effective rank, Roy and Vetterli": bounds.effective_rank(s, norm, count),
    }
    for level in LEVELS:
        rows[f"Rank that keeps {level:.0%} of the energy"] = bounds.rank_at_energy(
            s, norm, count, level
        )
    lines = ["| measure | at least | at most |", "|:--|--:|--:|"]
    lines += [f"| {name} | {b.low:,.1f} | {b.high:,.1f} |" for name, b in rows.items()]
    return "\n".join(lines)
