"""Extract features: the model's vectors of some words, along the directions that differ most."""

import re
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.figures.features import explained_bars, words_on_plane
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.readers import Model
from lowrank.spectra.components import pca, random_explained
from lowrank.ui import cached, taking
from lowrank.ui.drawing import chart
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.lora import EMBEDDINGS
from lowrank.ui.model_picker import bring
from lowrank.ui.outside import as_text
from lowrank.ui.sidebar import chosen_model

PRESETS = {
    gettext_noop("Numbers"): "one, two, three, four, five, six, seven, eight, nine, ten, "
    "eleven, twelve\n"
    "first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth",
    gettext_noop("Months"): "January, February, March, April, May, June, July, August, "
    "September, October, November, December\nMonday, Tuesday, Wednesday, Thursday, Friday, "
    "Saturday, Sunday",
    gettext_noop("Capitals"): "France, Germany, Italy, Spain, Russia, China, Japan, Egypt, "
    "Greece, Poland\n"
    "Paris, Berlin, Rome, Madrid, Moscow, Beijing, Tokyo, Cairo, Athens, Warsaw",
    gettext_noop("Animals"): "cat, dog, horse, cow, sheep, goat, lion, tiger, wolf, mouse\n"
    "salmon, shark, whale, tuna, crab\neagle, owl, crow, duck, swan",
}
FEWEST, MOST = 3, 120  # words
LONGEST = 40  # characters of one
SHOWN = 12  # directions in the spectrum


@dataclass(frozen=True)
class Vectors:
    """X (words, hidden): the mean of each word's token embeddings, and how many tokens that is."""

    words: tuple[str, ...]
    groups: tuple[int, ...]
    X: NDArray[np.floating]
    tokens: tuple[int, ...]


def features() -> None:
    """The model, and its words; other words run only this again."""
    explore(chosen_model())


@st.fragment
@errors_shown()  # inside the fragment, which also runs alone
def explore(model: Model) -> None:
    """The words, where they lie, and how much that says."""
    words = chosen_words()
    found = vectors(model, *read_words(words))
    result = pca(found.X)
    count = min(SHOWN, len(result.svd.s))
    random = random_explained(found.X.shape, np.random.default_rng(0), count)
    first, second = result.explained[:2]
    shown = [escape(word) for word in found.words]  # a figure's labels are a kind of HTML
    picture, beside = st.columns([3, 1])
    with picture:
        chart(
            words_on_plane(result.scores(2), shown, found.groups, result.explained),
            "plane",
            _(
                "{count} words placed by the first two principal directions of their "
                "embeddings, which hold {first:.0%} and {second:.0%} of the variance"
            ).format(count=len(found.words), first=first, second=second),
        )
        m, n = found.X.shape
        what = (
            _("{title} · {tensor} · {m} of its rows × {n:,} · synthetic. {words}")
            if model.kind == "synthetic"
            else _("{title} · {tensor} · {m} of its rows × {n:,} · real. {words}")
        )
        words = as_text(split_words(found))
        title = as_text(model.title)
        st.caption(what.format(title=title, tensor=EMBEDDINGS, m=m, n=n, words=words))
    with beside:
        st.metric(
            _("Direction {k}").format(k=1),
            f"{first:.1%}",
            help=text("redundancy", "help explained"),
        )
        st.metric(_("Direction {k}").format(k=2), f"{second:.1%}")
        st.metric(_("Both, for random vectors"), f"{random[:2].sum():.1%}")
        st.metric(_("Words"), len(found.words))
    chart(
        explained_bars(result.explained[:count], random),
        "explained",
        _(
            "Share of variance by direction: {first:.1%} for the first, where random vectors of "
            "the same shape have {random:.1%}"
        ).format(first=first, random=random[0]),
    )
    named = list(zip(found.words, result.scores(2).tolist(), strict=True))
    taking.take_home(
        taking.table(
            _("Words"),
            "words",
            lambda: [{"word": word, "first": x, "second": y} for word, (x, y) in named],
        ),
        taking.table(
            _("Variance"),
            "variance",
            lambda: [
                {"direction": k, "share": share, "random": peer}
                for k, (share, peer) in enumerate(
                    zip(result.explained.tolist(), random.tolist(), strict=False), 1
                )
            ],
        ),
    )


def chosen_words() -> str:
    """The words as typed; a preset fills the box, and the box can be changed."""
    state = st.session_state
    if "words" not in state and "words" not in st.query_params:
        state["words"] = PRESETS["Capitals"]
    with st.container(horizontal=True):
        for preset in PRESETS:
            key = f"preset {preset.lower()}"
            st.button(_(preset), key=key, on_click=take, args=(preset,))
    return (
        st.text_area(
            _("Words, with commas between; a new line starts a new sign"),
            key="words",
            height=110,
            max_chars=1500,
            bind="query-params",
        )
        or ""
    )


def take(name: str) -> None:
    """Put a preset's words in the box."""
    st.session_state["words"] = PRESETS[name]


def read_words(typed: str) -> tuple[list[str], list[int]]:
    """The different words in what was typed, and the line of each.

    Raises InputError, with what was found, unless there are 3 to 120 of up to 40 characters.

    >>> read_words("one, two,, one\\nthree")
    (['one', 'two', 'three'], [0, 0, 1])
    """
    found: dict[str, int] = {}
    for line, part in enumerate(part for part in typed.splitlines() if part.strip(" ,;")):
        for word in re.split(r"[,;\t]", part):
            if word.strip():
                found.setdefault(" ".join(word.split()), line)
    if not FEWEST <= len(found) <= MOST:
        raise InputError(
            "Different words in the box: {found}. Type {fewest} to {most}, with commas "
            "between them.",
            found=len(found),
            fewest=FEWEST,
            most=MOST,
        )
    longest = max(found, key=len)
    if len(longest) > LONGEST:
        raise InputError(
            "{most!r}… has {most_2} characters; a word of at most {most_3} is accepted. "
            "Put commas between words.",
            most=longest[:LONGEST],
            most_2=len(longest),
            most_3=LONGEST,
        )
    return list(found), list(found.values())


def vectors(model: Model, words: list[str], groups: list[int]) -> Vectors:
    """The words' embeddings as they stand inside a sentence; raises InputError if there are none.

    A word of several tokens gets the mean of their rows.
    """
    tokenizer = cached.tokenizer(model.source)
    info = model.tensors.get(EMBEDDINGS)
    if tokenizer is None or info is None:
        raise InputError(
            "{title} has no vocabulary or no embeddings, so words mean nothing to it. "
            "Choose a model with both in the sidebar, for example the default.",
            title=model.title,
        )
    bring(model, info)
    E = cached.matrix(model.source, EMBEDDINGS)
    ids = [[i for i in tokenizer.encode(" " + word) if i < len(E)] for word in words]
    for word, tokens in zip(words, ids, strict=True):
        if not tokens:
            raise InputError(
                "{word!r} has no token in this vocabulary: take it out.",
                word=word,
            )
    X = np.stack([E[tokens].mean(axis=0) for tokens in ids])  # (words, hidden)
    return Vectors(tuple(words), tuple(groups), X, tuple(map(len, ids)))


def split_words(found: Vectors) -> str:
    """Which words are several tokens, and what was done with them."""
    several = [w for w, count in zip(found.words, found.tokens, strict=True) if count > 1]
    if not several:
        return _("Every word is one token.")
    names = ", ".join(several[:6]) + (", …" if len(several) > 6 else "")
    return _("Several tokens, of which the mean is taken: {words}.").format(words=names)
