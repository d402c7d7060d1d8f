"""The Truncation page's control, panels and sentences; the page itself only puts them in order."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from lowrank.figures.matrix import (
    SIDE,
    Outline,
    Preview,
    colour_scale,
    heatmap,
    outlines,
    picture,
    tile_heatmap,
)
from lowrank.figures.numbers import amount, three
from lowrank.figures.style import COLOURS
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.readers import Model, TensorInfo
from lowrank.spectra.measures import (
    default_tolerance,
    effective_rank,
    numerical_rank,
    rank_at_energy,
    stable_rank,
)
from lowrank.spectra.svd import (
    SVD,
    break_even_rank,
    energies,
    energy,
    frobenius,
    parameters,
    truncation_error,
)
from lowrank.ui.bound import choice
from lowrank.ui.drawing import chart, table
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text

TILE = 24
WHOLE, A_TILE = gettext_noop("whole matrix"), gettext_noop("tile")


def numbers(svd: SVD, k: int, info: TensorInfo) -> DeltaGenerator:
    """Energy, predicted error and cost of rank k; returns the place for the measured error."""
    share = truncation_error(svd.s, k) / (frobenius(svd.s) or 1.0)
    return figures_of(k, info, energy(svd.s, k), share)


def figures_of(k: int, info: TensorInfo, kept: float, lost: float) -> DeltaGenerator:
    """The same from the energy kept and the error, both as shares."""
    m, n = info.shape
    stored = parameters(m, n, k)
    st.metric(_("Energy kept"), f"{kept:.2%}", help=text("truncation", "energy"))
    st.metric(
        _("Error, predicted"), three(lost), help=exactly(lost, text("truncation", "predicted"))
    )
    place = st.empty()
    place.metric(_("Error, measured"), "…", help=text("truncation", "measured"))
    st.metric(
        _("k(m + n), of mn = {whole:,}").format(whole=m * n),
        f"{stored:,}",
        f"{stored / (m * n) - 1:+.1%}",
        "inverse",
    )
    per_number = info.nbytes / (m * n)
    st.metric(
        _("Bytes, of {size}").format(size=amount(info.nbytes)),
        amount(stored * per_number),
        help=text("truncation", "bytes").format(bits=three(8 * per_number), dtype=info.stored_as),
    )
    return place


def measured(place: DeltaGenerator, error: float, norm: float) -> None:
    """Put ||W - W_k||_F, as a share of ||W||_F, where numbers() left room for it."""
    share = error / (norm or 1.0)
    place.metric(
        _("Error, measured"), three(share), help=exactly(share, text("truncation", "measured"))
    )


def exactly(share: float, what: str) -> str:
    """What a number is, and its digits: two errors are compared in more than the eye wants."""
    return _("{what}\n\nIn full: {share:.8g}.").format(what=what, share=share)


def heatmaps(W: NDArray[np.floating], svd: SVD, small: Preview, k: int, title: str) -> None:
    """W, W_k and W - W_k on one scale: the whole as block means, or a tile of true entries."""
    m, n = svd.shape
    views = [WHOLE, A_TILE]
    view = choice(
        _("What the heatmaps show"), views, WHOLE, "heatmaps", label_visibility="collapsed"
    )
    if view == A_TILE:
        row, column = _corner(m, n)
        tile = np.s_[row : row + TILE], np.s_[column : column + TILE]
        near = svd.top(k)
        whole = W[tile]
        kept = SVD(near.U[tile[0]], near.s, near.Vt[:, tile[1]]).matrix()
        limit = float(np.abs(whole).max()) or 1.0
        shown = _(
            "rows {top:,} to {bottom:,}, columns {left:,} to {right:,}; true entries, exact on "
            "hover"
        ).format(
            top=row + 1,
            bottom=row + whole.shape[0],
            left=column + 1,
            right=column + whole.shape[1],
        )
    else:
        whole, kept, limit = small.W, small.kept(k), small.limit
        shown = _("{rows} × {columns} entries a cell, each cell their mean").format(
            rows=_block(m), columns=_block(n)
        )
    caption = _("{title}: {shown}. One colour scale for all three, centred on zero.")
    st.caption(caption.format(title=as_text(title), shown=shown))
    names = (("W", whole), (f"W_k, k = {k:,}", kept), ("W − W_k", whole - kept))
    for place, (name, values) in zip(st.columns(3), names, strict=True):
        words = _("Heatmap of {name}, {title}: {shown}").format(name=name, title=title, shown=shown)
        place.markdown(f"**{name}**")
        if view == A_TILE:
            with place:
                chart(tile_heatmap(values, limit, row + 1, column + 1), f"heat-{name[:3]}", words)
        else:
            png = small.picture if values is whole else picture(values, limit)
            place.html(heatmap(png, (m, n), words))
    if view != A_TILE:
        st.html(colour_scale(limit))


def spectrum_rows(s: NDArray[np.float64], peer: NDArray[np.float64]) -> list[dict[str, float]]:
    """Every singular value with what is kept and lost at its rank, and a random matrix's value."""
    kept = energies(s)
    columns = ("singular value", "energy kept", "error", "random")
    each = zip(s, kept, np.sqrt(1 - kept), peer, strict=True)
    return [
        {"k": k} | dict(zip(columns, map(float, values), strict=True))
        for k, values in enumerate(each, start=1)
    ]


def _corner(m: int, n: int) -> tuple[int, int]:
    """Where the tile begins, from two inputs kept in the address, which count from 1."""
    first, second = st.columns([1, 1, 2])[:2]
    last = max(1, m - TILE + 1), max(1, n - TILE + 1)
    row = first.number_input(_("First row"), 1, last[0], 1, TILE, key="row", bind="query-params")
    column = second.number_input(
        _("First column"), 1, last[1], 1, TILE, key="col", bind="query-params"
    )
    return int(row) - 1, int(column) - 1


def _block(length: int) -> str:
    size = length / min(SIDE, length)
    return f"{size:.0f}" if size == int(size) else _("about {size:.1f}").format(size=size)


def shapes(m: int, n: int, k: int) -> None:
    """The factors drawn to scale and the formula with the shapes they have right now."""
    boxes = [
        Outline("W", m, n, COLOURS["W0"]),
        Outline("≈"),
        Outline("Uₖ", m, k, COLOURS["result"]),
        Outline("Sₖ", k, k, COLOURS["result"]),
        Outline("Vₖᵀ", k, n, COLOURS["result"]),
    ]
    st.html(outlines(boxes))
    stored, whole = (f"{c:,}".replace(",", "{,}") for c in (parameters(m, n, k), m * n))
    sign = "<" if parameters(m, n, k) < m * n else r"\ge"
    st.latex(
        rf"\begin{{gathered}}\underset{{{m} \times {n}}}{{W}} \approx "
        rf"\underset{{{m} \times {k}}}{{U_k}}\;\underset{{{k} \times {k}}}{{S_k}}\;"
        rf"\underset{{{k} \times {n}}}{{V_k^T}}\\[0.6em]"
        rf"k(m + n) = {stored}\\{sign}\; mn = {whole}\end{{gathered}}"
    )


def rank_table(s: NDArray[np.float64], peer: NDArray[np.float64], shape: tuple[int, int]) -> None:
    """Every measure of rank, for this matrix and for the random one of its shape and norm."""
    tol = default_tolerance(s, shape, np.float32)
    random = numerical_rank(peer, shape, default_tolerance(peer, shape, np.float32))
    of_all = _("{rank} of {most}")
    rows = [
        (
            _("Numerical rank: σ above max(m, n) · eps · σ₁"),
            of_all.format(rank=numerical_rank(s, shape, tol), most=len(s)),
            of_all.format(rank=random, most=len(s)),
        ),
        (
            _("Effective rank, Roy and Vetterli"),
            f"{effective_rank(s):.1f}",
            f"{effective_rank(peer):.1f}",
        ),
        (_("Stable rank, ‖W‖²_F / σ₁²"), f"{stable_rank(s):.1f}", f"{stable_rank(peer):.1f}"),
    ]
    for level in (0.5, 0.9, 0.99):
        name = _("Rank that keeps {level:.0%} of the energy").format(level=level)
        rows.append((name, f"{rank_at_energy(s, level)}", f"{rank_at_energy(peer, level)}"))
    st.markdown(table([_("measure"), _("this matrix"), _("random")], rows))
    st.caption(
        _(
            "Smallest singular value {least}, {times} times the tolerance, {tolerance} with eps "
            "of float32. The random matrix has a tolerance of its own."
        ).format(least=three(s[-1]), times=three(s[-1] / (tol or 1.0)), tolerance=three(tol))
    )


def verdict(s: NDArray[np.float64], peer: NDArray[np.float64], shape: tuple[int, int]) -> str:
    """In two paragraphs made of measured numbers: is this matrix of low rank?"""
    m, n = shape
    exact = numerical_rank(s, shape, default_tolerance(s, shape, np.float32))
    k = int(np.ceil(break_even_rank(m, n))) - 1
    near_all = max(1, rank_at_energy(s, 0.99))
    found = {
        "m": f"{m:,}",
        "n": f"{n:,}",
        "whole": f"{m * n:,}",
        "rank": f"{exact:,}",
        "least": f"{min(m, n):,}",
        "stored": f"{exact * (m + n):,}",
        "rank99": f"{near_all:,}",
        "even": three(break_even_rank(m, n)),
        "pair": f"{m + n:,}",
    }
    if exact <= k:
        return text("truncation", "exactly").format(**found)
    if k < 1:
        return text("truncation", "no rank saves").format(**found)
    answer = text("truncation", "nearly" if near_all <= k else "not nearly")
    numbers = text("truncation", "verdict")
    return f"{answer}\n\n{numbers}".format(
        **found,
        k=f"{k:,}",
        energy=f"{energy(s, k):.1%}",
        random=f"{energy(peer, k):.1%}",
        error=f"{truncation_error(s, k) / (frobenius(s) or 1.0):.1%}",
    )


def compared(
    s: NDArray[np.float64], peer: NDArray[np.float64], model: Model, info: TensorInfo
) -> str:
    """What this spectrum has that a random one has not; of the default model, all the others."""
    if model.kind == "synthetic":
        return text("truncation", "synthetic")
    middle = len(s) // 2
    bits = 8 * info.nbytes / (info.shape[0] * info.shape[1])
    words = text("truncation", "compared").format(
        head=three(s[0] / (peer[0] or 1.0)), middle=three(s[middle] / (peer[middle] or 1.0))
    )
    if bits < 16:
        words += " " + text("truncation", "rounded").format(bits=three(bits), dtype=info.stored_as)
    return words + ("\n\n" + text("truncation", "this model")) * (model.source == "default")
