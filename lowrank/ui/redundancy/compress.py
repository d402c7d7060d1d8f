"""Compress a picture: its best approximation of rank k, and what is stored for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.figures.numbers import three
from lowrank.figures.pictures import DRAWN, read_picture, shown
from lowrank.figures.spectrum import spectrum
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
from lowrank.ui import cached
from lowrank.ui.bound import choice, rank_slider
from lowrank.ui.bringing import brought
from lowrank.ui.drawing import chart
from lowrank.ui.layout import errors_shown, say, text
from lowrank.ui.outside import as_text

OWN = "my own"
UPLOAD_MB = 10


@dataclass(frozen=True)
class Picture:
    """A picture's matrix and its decomposition."""

    X: NDArray[np.floating]
    svd: SVD
    words: str


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
        k = rank_slider("Rank k", "terms", limit, 6)
    numbers(picture.svd, k)
    near = picture.svd.top(k).matrix()
    places = st.columns(3)
    for place, (name, values, diverging) in zip(
        places,
        (
            (f"Original, {m} × {n}", picture.X, False),
            (f"Rank {k}", near, False),
            ("What is lost", picture.X - near, True),
        ),
        strict=True,
    ):
        place.markdown(f"**{name}**")
        limits = (-0.5, 0.5) if diverging else (0.0, 1.0)
        place.html(shown(values, limits, f"{name}: {picture.words}", diverging=diverging))
    st.caption(f"{as_text(picture.words)}.")
    s = picture.svd.s
    norm = frobenius(s)
    rng = np.random.default_rng(0)
    peer = random_spectrum((m, n), norm, rng) if norm else np.zeros_like(s)
    chart(
        spectrum(s, peer, k, break_even_rank(m, n)),
        "picture spectrum",
        f"Singular values of the picture, from {three(s[0])} to {three(s[-1])}, beside "
        f"those of a random matrix; k = {k}",
    )


def chosen_picture() -> Picture | None:
    """A drawn picture, or the visitor's own, which stays with the session."""
    name = choice("Picture", [*DRAWN, OWN], "skyline", "image")
    if name != OWN:
        svd = cached.drawn_svd(name)
        m, n = svd.shape
        return Picture(DRAWN[name](), svd, f"{name}: {m} × {n} greys, drawn by this program")
    refused = brought(
        f"A PNG or JPEG, up to {UPLOAD_MB} MB",
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
    X = read_picture(data)
    m, n = X.shape
    return Picture(X, full(X), f"{name[:60]}: {m} × {n} greys, shown only to you")


def numbers(svd: SVD, k: int) -> None:
    """What rank k keeps and costs."""
    m, n = svd.shape
    stored = parameters(m, n, k)
    share = truncation_error(svd.s, k) / (frobenius(svd.s) or 1.0)
    first, second, third = st.columns(3)
    first.metric("Energy kept", f"{energy(svd.s, k):.2%}", help=text("truncation", "energy"))
    second.metric("Relative error", three(share), help=text("truncation", "predicted"))
    third.metric(
        f"k(m + n), of mn = {m * n:,}", f"{stored:,}", f"{stored / (m * n) - 1:+.1%}", "inverse"
    )
