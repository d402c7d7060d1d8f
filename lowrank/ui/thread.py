"""The steps of the thread: one small matrix, then real weights, from pivots to a merged pair."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.exact.elimination import echelon, pivots, rank
from lowrank.exact.filling import filled
from lowrank.exact.matrices import Matrix, rational, written
from lowrank.exact.parsing import compact, parse_matrix
from lowrank.exact.systems import cr
from lowrank.figures.exact import cells_html, matrix_html
from lowrank.figures.lora import shapes, vectors
from lowrank.figures.numbers import amount, three
from lowrank.figures.spectrum import spectrum
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.llama.names import PEFT_DEFAULT, name_of
from lowrank.lora.equations import merge
from lowrank.lora.one_matrix import Trained, fit_pair
from lowrank.memory.accounting import (
    BFLOAT16,
    FLOAT32,
    Storage,
    fitting,
    lora_parameters,
    pair_parameters,
    training_memory,
)
from lowrank.memory.accounting import parameters as all_parameters
from lowrank.memory.published import PUBLISHED
from lowrank.readers import Model, TensorInfo
from lowrank.readers.default_model import cached_path
from lowrank.spectra.measures import numerical_rank
from lowrank.spectra.recovery import degrees_of_freedom
from lowrank.spectra.svd import (
    break_even_rank,
    energy,
    frobenius,
    full,
    parameters,
    residual_norm,
    truncation_error,
)
from lowrank.ui import cached, lora
from lowrank.ui.bound import BOUND, fitted, rank_slider, takes
from lowrank.ui.drawing import chart, table
from lowrank.ui.glossary import explained
from lowrank.ui.layout import text
from lowrank.ui.model_picker import MODELS
from lowrank.ui.outside import as_text
from lowrank.ui.results import shared
from lowrank.ui.sidebar import label, provenance

FIRST = "1 1 1 3 4; 2 1 3 4 7; 1 -1 3 -1 2; 3 2 4 7 11"
SIDE, LARGEST, LETTERS = 8, 10**6, 1.1
LAYER, KIND = 14, "q_proj"
CAPITALS = {
    "Paris": "France",
    "Berlin": "Germany",
    "Rome": "Italy",
    "Tokyo": "Japan",
    "Madrid": "Spain",
    "London": "England",
    "Moscow": "Russia",
    "Athens": "Greece",
}
UNSEEN = {"Cairo": "Egypt", "Dublin": "Ireland", "Vienna": "Austria", "Lisbon": "Portugal"}
STEPS, RATE, MOST_RANK = 300, 3e-3, 64
LLAMA, TARGETS, TOKENS = "Llama 2 7B", PEFT_DEFAULT, 512


@dataclass(frozen=True)
class Weights:
    """The weight matrix of the later steps: its model, what it is, its numbers (out, in)."""

    model: Model
    info: TensorInfo
    W0: NDArray[np.float32]

    @property
    def link(self) -> dict[str, str]:
        """The parameters that choose it on other pages."""
        return {"model": MODELS[self.model.source], "proj": label(KIND), "layer": str(LAYER)}

    @property
    def origin(self) -> str:
        return as_text(provenance(self.model, self.info))


def onward(pages: Path, page: str, words: str, link: Mapping[str, str]) -> None:
    """A link to the page that goes deep, with what stands here set up."""
    st.page_link(
        pages / f"{page}.py", label=words, icon=":material/arrow_forward:", query_params=dict(link)
    )


def step(heading: str, changed: str) -> None:
    """The title of a step and what it changes."""
    st.subheader(heading, anchor=False)
    st.markdown(explained(changed))


def named(letter: str, picture: str) -> None:
    """A matrix below its name, beside others where there is room."""
    with st.container(width="content"):
        st.markdown(f"**{letter}**")
        st.html(picture)


def matrix() -> Matrix:
    """The matrix that is carried, as typed. Raises InputError for what cannot be carried."""
    st.subheader(_("1 · A matrix to reduce by hand"), anchor=False)
    typed = st.text_input(
        "A",
        FIRST,
        key="A",
        max_chars=1000,
        help=text("thread", "matrix").format(side=SIDE),
        **BOUND,
    )
    A = rational(
        parse_matrix(typed or "", SIDE),
        gettext_noop("The thread carries fractions only; the matrix holds {other}."),
    )
    largest = max(abs(x) for row in A for x in row)
    if not largest:
        raise InputError("A is zero: its rank is 0, and there is nothing to carry further.")
    if largest > LARGEST or any(x.denominator > LARGEST for row in A for x in row):
        raise InputError(
            "A has an entry with more than {largest:,} above or below its bar; expected none.",
            largest=LARGEST,
        )
    return A


def reduced(A: Matrix, pages: Path) -> None:
    """A, its echelon form and its rank."""
    m, n, r = len(A), len(A[0]), rank(A)
    st.html(matrix_html(A, "A", size=LETTERS))
    onward(pages, "rank", _("Reduce it yourself"), {"m": compact(A), "how": "Type"})
    step(_("2 · Its echelon form"), text("thread", "rank"))
    E = echelon(A)
    marked = set(enumerate(pivots(A)))
    st.html(matrix_html(E, _("Echelon form of A"), pivots=marked, size=LETTERS))
    said = text("thread", "rows became zero" if r < m else "no row became zero")
    st.markdown(said.format(r=r, most=min(m, n), zero=m - r, m=m))
    onward(pages, "rank", _("Watch every step"), {"m": compact(A), "how": "Watch"})


def product(A: Matrix, pages: Path) -> None:
    """A = C R and what it takes to store."""
    step("3 · A = C R", text("thread", "product"))
    found, m, n = cr(A), len(A), len(A[0])
    r = len(found.columns)
    with st.container(horizontal=True):
        for letter, M in (("C", found.C), ("R", found.R)):
            named(f"{letter}, {len(M)} × {len(M[0])}", matrix_html(M, letter, size=LETTERS))
    stored = parameters(m, n, r)
    even = three(break_even_rank(m, n))
    said = text("thread", "saves" if stored < m * n else "saves nothing")
    st.markdown(said.format(r=r, m=m, n=n, stored=stored, whole=m * n, even=even))
    onward(
        pages,
        "rank",
        _("A = C R and why"),
        {"m": compact(A), "view": "What it gives"} | {"gives": "A = C R"},
    )


@st.fragment
def holes(A: Matrix, pages: Path) -> None:
    """Entries hidden at random, and those that the rank brings back."""
    step(_("4 · What redundancy buys"), text("thread", "holes"))
    m, n, r = len(A), len(A[0]), rank(A)
    most = m * n - degrees_of_freedom(m, n, r)
    if not most:
        st.info(text("thread", "full rank"), icon=":material/info:")
        return
    first, second = st.columns(2)
    with first:
        takes("holes", 0, most)
        count = fitted(_("Entries that are hidden"), "holes", range(most + 1), min(3, most))
    takes("places", 1, 99)
    label = _("Which ones, drawn anew")
    places = int(second.number_input(label, 1, 99, key="places", **BOUND))
    hidden = np.random.default_rng(places).permutation(m * n)[:count].tolist()
    known = [
        [None if i * n + j in hidden else x for j, x in enumerate(row)] for i, row in enumerate(A)
    ]
    found = filled(known, r)
    cells = {divmod(at, n) for at in hidden}
    with st.container(horizontal=True):
        follows = _("What follows from rank {r}").format(r=r)
        for said, M in ((_("What is known"), known), (follows, found)):
            shown = [["?" if x is None else written(x) for x in row] for row in M]
            named(said, cells_html(shown, said, pivots=cells, size=LETTERS))
    back = sum(found[i][j] is not None for i, j in cells)
    numbers = {"back": back, "count": count, "r": r, "whole": m * n, "free": m * n - most}
    st.markdown(text("thread", "came back").format(**numbers, most=most))
    onward(pages, "redundancy", _("Recover pictures, ratings and weights"), {"rank": str(r)})


@st.fragment
def best(A: Matrix, pages: Path) -> None:
    """A with noise on it, its singular values, and the nearest matrix of rank k."""
    step(_("5 · U S Vᵀ, the best such product"), text("thread", "best"))
    m, n, r = len(A), len(A[0]), rank(A)
    first, second = st.columns(2)
    noise = float(
        first.select_slider(
            _("Noise"), [0.0, 0.001, 0.01, 0.1, 0.3, 1.0], 0.1, key="noise_size", **BOUND
        )
    )
    with second:
        k = rank_slider(_("Rank k"), "best", min(m, n), r)
    X = np.array(A, dtype=np.float64)
    X += noise * np.random.default_rng(0).standard_normal(X.shape)
    svd = full(X)
    near = svd.top(k)
    columns = X[:, [*pivots(A), *(j for j in range(n) if j not in pivots(A))][:k]]  # (m, k)
    R = np.linalg.lstsq(columns, X)[0]  # (k, n)
    by_columns = frobenius(X - columns @ R)
    cut = near.matrix()  # (m, n)
    rows, digits = [[three(x) for x in row] for row in cut], cut.astype(str).tolist()
    sigmas, kept = [[three(x)] for x in svd.s], {(i, 0) for i in range(k)}
    with st.container(horizontal=True):
        nearest = cells_html(rows, _("Nearest matrix"), hover=digits, size=1)
        named(_("U S Vᵀ cut after {k}").format(k=k), nearest)
        named("σ₁, σ₂, …", cells_html(sigmas, _("Singular values"), pivots=kept, size=1))
    st.markdown(text("thread", "noisy rank").format(r=r, rank=numerical_rank(svd.s, X.shape)))
    errors = [
        [_("predicted, √(the σ² that are cut off)"), three(truncation_error(svd.s, k))],
        [_("measured, ‖A − U S Vᵀ‖"), three(residual_norm(X, near))],
        [_("with {k} columns of A as C and the best R").format(k=k), three(by_columns)],
    ]
    st.markdown(table([_("error at rank {k}").format(k=k), _("Frobenius norm")], errors))
    words = _("Keep a picture by a few singular values")
    onward(pages, "redundancy", words, {"task": "Compress"})


def source() -> str:
    """The default model; random numbers of its shapes where it is not on this computer."""
    return "default" if cached_path() else "synthetic"


def weights(source: str) -> Weights:
    """The matrix of the later steps, of a model of the default one's shapes."""
    model = cached.model(source)
    name = f"{name_of(LAYER, KIND)}.weight"
    return Weights(model, model.tensors[name], cached.matrix(model.source, name))


@st.fragment
def real(frozen: Weights, pages: Path) -> None:
    """The spectrum of a real weight matrix, cut at k."""
    step(_("6 · The same cut on real weights"), text("thread", "real"))
    if frozen.model.kind == "synthetic":
        st.info(text("thread", "not here"), icon=":material/cloud_off:")
    m, n = frozen.info.shape
    k = rank_slider(_("Rank k"), "kth", min(m, n), 64)
    s = cached.spectrum(frozen.model.source, frozen.info.name)
    peer = frobenius(s) * cached.gaussian((m, n))
    picture, beside = st.columns([3, 1])
    with picture:
        chart(
            spectrum(s, peer, k, break_even_rank(m, n)),
            "thread spectrum",
            _(
                "Singular values of {matrix}, falling from {largest} to {smallest}, "
                "beside those of a random matrix; k = {k}"
            ).format(matrix=frozen.origin, largest=three(s[0]), smallest=three(s[-1]), k=k),
        )
        st.caption(_("{words}.").format(words=frozen.origin))
    with beside:
        st.metric(_("Energy kept"), f"{energy(s, k):.1%}")
        error = truncation_error(s, k) / (frobenius(s) or 1.0)
        st.metric(_("Error ‖W − Wₖ‖ / ‖W‖"), three(error))
        cost = _("k(m + n), of mn = {whole:,}").format(whole=m * n)
        st.metric(cost, f"{parameters(m, n, k):,}")
    onward(pages, "truncation", _("Cut any matrix of the model"), {**frozen.link, "k": str(k)})


@st.fragment
def adapted(frozen: Weights, pages: Path) -> None:
    """W0 beside a thin pair, the pair trained and merged, and what that saves: one r for all."""
    step(_("7 · W₀ and s·B A beside it"), text("thread", "update"))
    first, second = st.columns(2)
    with first:
        r = rank_slider(_("Rank r"), "pair_r", MOST_RANK, 8, doubling=True)
    takes("pair_alpha", *lora.ALPHAS)
    alpha = int(second.slider("α", *lora.ALPHAS, 16, key="pair_alpha", bind="query-params"))
    update(frozen, r, alpha)
    onward(
        pages,
        "lora",
        _("Any matrix, word and pair"),
        {**frozen.link, "r": str(r), "alpha": str(alpha)},
    )
    st.subheader(_("8 · Trained, then merged"), anchor=False)
    merged(frozen, r, alpha)
    link = {"model": frozen.link["model"], "lora_r": str(r)}
    onward(pages, "lab", _("Fine-tune the whole model"), link)
    st.subheader(_("9 · What it saved"), anchor=False)
    saved(r)
    onward(pages, "memory", _("Count any model"), {"count": "Training", "bottleneck": str(r)})


def update(frozen: Weights, r: int, alpha: int) -> None:
    """h = W0 x + s B A x with a random pair: the three vectors, and what each part costs."""
    m, n = frozen.info.shape
    word = "Paris" if cached.tokenizer(frozen.model.source) else None
    x = lora.input_of(frozen.model, frozen.info, word)
    A, B = lora.pair((m, n), r, zero=False)
    found = lora.shown(x.x, frozen.W0, A, B, alpha, r)
    chart(
        vectors(found.frozen, found.added, found.h),
        "thread vectors",
        _(
            "Three columns of {m:,} numbers on one scale: W0 x, the update, and their sum h; "
            "r = {r}, alpha = {alpha}"
        ).format(m=m, r=r, alpha=alpha),
    )
    words = _("{input} W₀: {matrix}. A and B: synthetic, untrained.")
    st.caption(words.format(input=x.words, matrix=frozen.origin))
    st.html(shapes(m, n, r))
    size = float(np.linalg.norm(found.added) / (np.linalg.norm(found.frozen) or 1))
    rows = [
        ["W₀ x", f"{m * n:,}", f"{2 * m * n:,}"],
        ["B (A x)", f"{pair_parameters((m, n), r):,}", f"{2 * pair_parameters((m, n), r):,}"],
    ]
    st.markdown(table(["", _("numbers"), _("FLOPs for one x")], rows))
    length = _("s = α/r = {s}; the update is {size} of W₀ x in length.")
    st.markdown(length.format(s=three(alpha / r), size=three(size)))
    lora.timed(x.x, frozen.W0, A, B, alpha, r)


def task(frozen: Weights, words: Mapping[str, str], seed: int) -> tuple[NDArray, NDArray]:
    """Inputs (count, in) and wanted results (count, out): capitals to countries, or random."""
    tokenizer, source = cached.tokenizer(frozen.model.source), frozen.model.source
    if tokenizer is None:
        shape = 2, len(words), frozen.W0.shape[1]
        X, other = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
        return X, other @ frozen.W0.T
    E = cached.matrix(source, lora.EMBEDDINGS)
    X, other = (E[[tokenizer.encode(f" {w}")[0] for w in part]] for part in (words, words.values()))
    return X, other @ frozen.W0.T


@cached.of_model(shared(16, show_spinner=gettext_noop("Training B and A…")))
def trained(source: str, r: int, alpha: int) -> Trained:
    """The pair that is trained on the task, for all visitors."""
    frozen = weights(source)
    X, Y = task(frozen, CAPITALS, 1)
    return fit_pair(frozen.W0, X, Y, r, alpha, STEPS, RATE)


def merged(frozen: Weights, r: int, alpha: int) -> None:
    """What training reached, and how far the merged matrix is from the pair beside W0."""
    drawn = frozen.model.kind == "synthetic"
    told = text("thread", "trained synthetic" if drawn else "trained")
    st.markdown(explained(told).format(count=len(CAPITALS), steps=STEPS))
    found = trained(frozen.model.source, r, alpha)
    M = merge(frozen.W0, found.A, found.B, alpha, r)
    rows, apart = [], 0.0
    for name, words, seed in (
        (_("{count} pairs trained on"), CAPITALS, 1),
        (_("{count} pairs never seen"), UNSEEN, 2),
    ):
        X, Y = task(frozen, words, seed)
        beside = X @ frozen.W0.T + alpha / r * (X @ found.A.T @ found.B.T)
        before, after = (float(np.linalg.norm(h - Y)) for h in (X @ frozen.W0.T, X @ M.T))
        apart = max(apart, float(np.abs(X @ M.T - beside).max()))
        rows.append([name.format(count=len(words)), "1", three(after / (before or 1))])
    head = [_("distance from what is wanted"), _("before"), _("after")]
    st.markdown(table(head, rows))
    st.markdown(text("thread", "merged"))
    first, second = st.columns(2)
    first.metric(_("Max |merged − unmerged|"), three(apart), help=text("lora", "merged"))
    change = frobenius(M - frozen.W0) / (frobenius(frozen.W0) or 1.0)
    second.metric("‖ΔW‖ / ‖W₀‖, ΔW = s·B A", three(change))


def saved(r: int) -> None:
    """Bytes of training all weights, and of training such pairs, of Llama 2 7B."""
    config = PUBLISHED[LLAMA]
    st.markdown(text("thread", "memory").format(model=LLAMA, tokens=TOKENS))
    everything, pairs = all_parameters(config), lora_parameters(config, r, TARGETS)
    whole, half = Storage(FLOAT32, FLOAT32), Storage(BFLOAT16, BFLOAT16)
    runs = {
        _("all weights, float32"): (
            everything,
            training_memory(config, whole, everything, TOKENS, full=True, compute_bits=32),
        ),
        _("LoRA, r = {r:,}, W₀ in bfloat16").format(r=r): (
            pairs,
            training_memory(config, half, pairs, TOKENS, targets=TARGETS),
        ),
    }
    rows = []
    for name, (count, memory) in runs.items():
        card, cards = fitting(memory.total)
        needed = card if cards == 1 else f"{cards} × {card}"
        rows.append([name, f"{count:,}", amount(memory.total), needed])
    st.markdown(table(["", _("trained numbers"), _("memory"), _("fits on")], rows))
    before, after = (memory for count, memory in runs.values())
    less = _("**{times} times** less memory, and a checkpoint of {small} in place of {large}.")
    times = three(before.total / after.total)
    small, large = amount(4 * pairs), amount(4 * everything)
    st.markdown(less.format(times=times, small=small, large=large))
