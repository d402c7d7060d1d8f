"""Predict, then see: who wants to commits to a guess before a page answers its question.

It is a switch beside the page's title, off at first. Where it is on, the page waits below one line
for a guess, then says the answer, computed from what the page shows, beside it.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lowrank.exact.elimination import rank as rank_of
from lowrank.exact.matrices import Matrix
from lowrank.figures.exact import matrix_html
from lowrank.figures.numbers import amount, three
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.llama.names import LABELS
from lowrank.lora.equations import update
from lowrank.lora.lab import experiments, verdicts
from lowrank.memory.accounting import (
    FLOAT32,
    Storage,
    parameters,
    training_memory,
    weight_bytes,
)
from lowrank.memory.published import PUBLISHED
from lowrank.spectra.measures import rank_at_energy
from lowrank.surgery import recorded
from lowrank.ui import cached, lora
from lowrank.ui.bound import said
from lowrank.ui.layout import text

LEVEL = 0.9  # of the energy
SHARES = (0.05, 0.2, 0.4, 0.6, 0.8)  # of all directions, offered as guesses
ALPHA, SMALL, GREAT = 16, 8, 64
FALLS = (0.1, 0.3, 0.8, 1.5, 3.0)  # nats a token
LLAMA, TOKENS = "Llama 2 7B", 512
MORE, LESS = gettext_noop("More"), gettext_noop("Less")


class Answer(NamedTuple):
    """Which of the guesses is right, or nearest, and the sentence that says the answer."""

    right: str
    told: str


def switched(head: DeltaGenerator) -> bool:
    """The switch, and whether it is on."""
    return head.toggle(
        _("Predict first"),
        key="predict_first",
        help=text("predicting", "help"),
        persist_state="session",
        width="content",
    )


def ask(
    on: bool,
    of: Hashable,
    puzzle: str,
    guesses: Sequence[str],
    answer: Callable[[], Answer],
    picture: str = "",
) -> None:
    """Where the switch is on, a question; the page stops here until there is a guess.

    `of` says what the question is about: another matrix is asked about anew. Its `picture`, which
    gives nothing away, is seen until then.
    """
    if not on:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"prediction {of}"):
        st.markdown(f"**{puzzle}**", width="content")
        guess = st.segmented_control(
            puzzle,
            guesses,
            key=f"guess {of}",
            format_func=said,
            label_visibility="collapsed",
            width="content",
        )
        if guess is not None:
            found = answer()
            told = text("predicting", "right" if guess == found.right else "another")
            st.markdown(told.format(guess=said(guess), answer=found.told), width="content")
    if guess is None:
        if picture:
            st.html(picture)
        st.stop()


def of_rank(head: DeltaGenerator, A: Matrix) -> None:
    """Which rank has this matrix?"""
    m, n = len(A), len(A[0])

    def answer() -> Answer:
        r = rank_of(A)
        return Answer(f"{r}", text("predicting", "rank answer").format(r=r))

    puzzle = text("predicting", "rank").format(m=m, n=n)
    ask(
        switched(head),
        A,
        puzzle,
        [str(r) for r in range(min(m, n) + 1)],
        answer,
        matrix_html(A, "A"),
    )


def of_energy(head: DeltaGenerator, source: str, tensor: str, shape: tuple[int, int]) -> None:
    """How many directions keep most of the energy? Not asked of what takes long to decompose."""
    least = min(shape)
    guesses = sorted({max(1, round(share * least)) for share in SHARES})
    if cached.is_large(shape) or len(guesses) < 2:
        return

    def answer() -> Answer:
        k = rank_at_energy(cached.spectrum(source, tensor), LEVEL)
        told = text("predicting", "energy answer").format(k=k, share=k / least)
        return Answer(str(min(guesses, key=lambda guess: abs(guess - k))), told)

    puzzle = text("predicting", "energy").format(least=least, level=LEVEL)
    ask(switched(head), tensor, puzzle, [str(guess) for guess in guesses], answer)


def of_surgery(head: DeltaGenerator) -> None:
    """Which kind of matrix bears to lose half its rank? As measured of the default model."""

    def answer() -> Answer:
        curves = recorded.together().curves("plain")
        rises = {LABELS[kind]: dict(points)[0.5] for kind, points in curves.items()}
        best, worst = min(rises, key=rises.__getitem__), max(rises, key=rises.__getitem__)
        told = text("predicting", "surgery answer").format(
            best=best, rise=three(rises[best]), worst=worst, more=three(rises[worst])
        )
        return Answer(best, told)

    kinds = [LABELS[kind] for kind in recorded.together().curves("plain")]
    ask(switched(head), "surgery", text("predicting", "surgery"), kinds, answer)


def of_lora(head: DeltaGenerator, shape: tuple[int, int]) -> None:
    """Does a larger r at the same alpha move h more? Of random pairs, as the page draws them."""
    if min(shape) < GREAT:
        return

    def answer() -> Answer:
        x = np.random.default_rng(2).standard_normal(shape[1], dtype=np.float32)
        small, great = (
            float(np.linalg.norm(update(x, *lora.pair(shape, r, zero=False), ALPHA, r)))
            for r in (SMALL, GREAT)
        )
        told = text("predicting", "lora answer").format(
            ratio=three(great / small), s=three(ALPHA / GREAT), t=three(ALPHA / SMALL)
        )
        return Answer(MORE if great > small else LESS, told)

    puzzle = text("predicting", "lora").format(alpha=ALPHA, small=SMALL, great=GREAT)
    ask(switched(head), shape, puzzle, [MORE, LESS], answer)


def of_memory(head: DeltaGenerator) -> None:
    """How many bytes does full fine-tuning take? Guesses are multiples of the weights."""
    config, stored = PUBLISHED[LLAMA], Storage(FLOAT32, FLOAT32)
    weights = weight_bytes(config, stored)
    guesses = {amount(times * weights): times * weights for times in (1, 2, 4, 8)}

    def answer() -> Answer:
        found = training_memory(
            config, stored, parameters(config), TOKENS, full=True, compute_bits=32
        )
        near = min(guesses, key=lambda guess: abs(np.log(guesses[guess] / found.total)))
        told = text("predicting", "memory answer").format(
            total=amount(found.total), weights=amount(weights), rest=three(found.total / weights)
        )
        return Answer(near, told)

    puzzle = text("predicting", "memory").format(model=LLAMA, tokens=TOKENS)
    ask(switched(head), "memory", puzzle, list(guesses), answer)


def of_fall(on: bool, record: Mapping[str, Any]) -> None:
    """How far does the loss fall?"""
    found = experiments.by_rank(record).get(8, [])
    before, after = float(record["before"]), float(np.mean(found or np.inf))
    if np.isinf(after):
        return

    def answer() -> Answer:
        near = min(FALLS, key=lambda loss: abs(np.log(loss / after)))
        seeds = joined((three(loss) for loss in found), _("{first}, {last}"))
        told = text("predicting", "fall answer").format(after=three(after), seeds=seeds)
        return Answer(three(near), told)

    steps = record["settings"]["steps"]
    puzzle = text("predicting", "fall").format(before=three(before), steps=steps)
    ask(on, "fall", puzzle, [three(loss) for loss in FALLS], answer)


def of_enough(on: bool, record: Mapping[str, Any]) -> None:
    """Which rank is enough?"""
    ours = experiments.by_rank(record)
    if len(ours) < 2:
        return

    def answer() -> Answer:
        return Answer(str(verdicts.enough(ours)), verdicts.of_ranks(ours))

    ask(on, "enough", text("predicting", "enough"), [str(r) for r in ours], answer)


def of_matrices(on: bool, record: Mapping[str, Any]) -> None:
    """Which matrices first?"""
    ours = experiments.spread(record, "matrices")
    if len(ours) < 2:
        return

    def answer() -> Answer:
        return Answer(verdicts.best(ours), verdicts.of_matrices(ours))

    labels = [label for label in experiments.EQUAL if label in ours]
    ask(on, "matrices", text("predicting", "matrices"), labels, answer)
