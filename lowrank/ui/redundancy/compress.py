"""Compress a picture: its best approximation of rank k, and what is stored for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.figures.numbers import three
from lowrank.figures.pictures import DRAWN, read_picture, shown
from lowrank.figures.spectrum import spectrum
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.spectra.measures import random_spectrum
from lowrank.spectra.svd import (
    SVD,
    break_even_rank,
    energy,
    frobenius,
    full,
    parameters,
    truncation_error,
)
from lowrank.ui import cached, taking
from lowrank.ui.apart import apart
from lowrank.ui.bound import choice, rank_slider, said
from lowrank.ui.bringing import brought
from lowrank.ui.drawing import chart
from lowrank.ui.layout import errors_shown, say, text
from lowrank.ui.outside import as_text

OWN = gettext_noop("my own")
UPLOAD_MB = 10


@dataclass(frozen=True)
class Picture:
    """A picture's matrix and its decomposition; a drawn one's name, or that of a file."""

    X: NDArray[np.floating]
    svd: SVD
    name: str
    own: bool

    @property
    def words(self) -> str:
        """What it is."""
        m, n = self.svd.shape
        told = (
            _("{name}: {m} × {n} greys, shown only to you")
            if self.own
            else _("{name}: {m} × {n} greys, drawn by this program")
        )
        return told.format(name=self.name if self.own else said(self.name), m=m, n=n)


@st.fragment
@errors_shown()  # inside the fragment, which also runs alone
def compress() -> None:
    """The picture, the same of rank k, what is lost, and what it costs."""
    first, second = st.columns(2, gap="medium")
    with first:
        picture = chosen_picture()
    if picture is None:
        st.info(text("redundancy", "upload"), icon=":material/upload_file:")
        return
    m, n = picture.X.shape
    limit = min(m, n)
    with second:
        k = rank_slider(_("Rank k"), "terms", limit, 6)
    numbers(picture.svd, k)
    near = picture.svd.top(k).matrix()
    places = st.columns(3)
    for place, (name, values, diverging) in zip(
        places,
        (
            (_("Original, {m} × {n}").format(m=m, n=n), picture.X, False),
            (_("Rank {rank}").format(rank=k), near, False),
            (_("What is lost"), picture.X - near, True),
        ),
        strict=True,
    ):
        place.markdown(f"**{name}**")
        limits = (-0.5, 0.5) if diverging else (0.0, 1.0)
        alt = _("{name}: {picture}").format(name=name, picture=picture.words)
        place.html(shown(values, limits, alt, diverging=diverging))
    st.caption(_("{words}.").format(words=as_text(picture.words)))
    s = picture.svd.s
    norm = frobenius(s)
    rng = np.random.default_rng(0)
    peer = random_spectrum((m, n), norm, rng) if norm else np.zeros_like(s)
    chart(
        spectrum(s, peer, k, break_even_rank(m, n)),
        "picture spectrum",
        _(
            "Singular values of the picture, from {largest} to {smallest}, beside "
            "those of a random matrix; k = {k}"
        ).format(largest=three(s[0]), smallest=three(s[-1]), k=k),
    )
    taking.take_home(
        taking.table(
            _("Spectrum"),
            "spectrum",
            lambda: [
                {"k": i, "singular value": value, "random": other}
                for i, (value, other) in enumerate(zip(s.tolist(), peer.tolist(), strict=True), 1)
            ],
        ),
        taking.matrix(_("Rank {rank}").format(rank=k), f"rank-{k}", near),
    )


def chosen_picture() -> Picture | None:
    """A drawn picture, or the visitor's own, which stays with the session."""
    name = choice(_("Picture"), [*DRAWN, OWN], "skyline", "image")
    if name != OWN:
        return Picture(DRAWN[name](), cached.drawn_svd(name), name, own=False)
    refused = brought(
        _("A PNG or JPEG, up to {size} MB").format(size=UPLOAD_MB),
        "own_picture",
        read,
        type=["png", "jpg", "jpeg"],
        max_upload_size=UPLOAD_MB,
    )
    if refused:
        say(refused)
    return st.session_state.get("own_picture")


def read(files: Mapping[str, bytes]) -> Picture:
    """A visitor's picture. Raises InputError if it is none."""
    ((name, data),) = files.items()
    X = apart(partial(read_picture, data))
    return Picture(X, full(X), name[:60], own=True)


def numbers(svd: SVD, k: int) -> None:
    """What rank k keeps and costs."""
    m, n = svd.shape
    stored = parameters(m, n, k)
    share = truncation_error(svd.s, k) / (frobenius(svd.s) or 1.0)
    first, second, third = st.columns(3)
    kept = f"{energy(svd.s, k):.2%}"
    first.metric(_("Energy kept"), kept, help=text("truncation", "energy"))
    second.metric(_("Relative error"), three(share), help=text("truncation", "predicted"))
    cost = _("k(m + n), of mn = {whole:,}").format(whole=m * n)
    third.metric(cost, f"{stored:,}", f"{stored / (m * n) - 1:+.1%}", "inverse")
