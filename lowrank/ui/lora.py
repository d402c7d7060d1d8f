"""What the LoRA page asks and says: the input x, the pair A and B, numbers and code."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.figures.numbers import three
from lowrank.language import gettext as _
from lowrank.llama.mlp import middle
from lowrank.lora.equations import forward, init, merge, update
from lowrank.lora.lab.timing import in_turns
from lowrank.readers import Model, TensorInfo
from lowrank.spectra.svd import break_even_rank, parameters
from lowrank.ui import cached
from lowrank.ui.bound import takes
from lowrank.ui.drawing import table
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text
from lowrank.ui.results import shared

Floats = NDArray[np.floating]

LONGEST = 100  # characters of a word; a longer text is not one
ALPHAS = (1, 128)
EMBEDDINGS = "model.embed_tokens.weight"
TURNS = 51  # measurements of each way to compute h
PAIRS = 5e7  # bytes of pairs kept
BLOCK = 4096  # rows merged at a time, so that the embeddings need no second copy


@dataclass(frozen=True)
class Input:
    """x (in,), what it is in words, and the Python lines that make it from `model`."""

    x: Floats
    words: str
    code: str


@dataclass(frozen=True)
class Shown:
    """Everything the page draws: h = frozen + added, and how far the merged matrix is from it."""

    frozen: Floats
    added: Floats
    h: Floats
    difference: float

    def rows(self) -> list[dict[str, float]]:
        """An entry of each of the three a row."""
        columns = {"W0 x": self.frozen, "update": self.added, "h": self.h}
        entries = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [dict(zip(columns, entry, strict=True)) for entry in entries]


def alpha_slider() -> int:
    """alpha, kept in the address."""
    takes("alpha", *ALPHAS)
    return int(st.slider("α", *ALPHAS, 16, key="alpha", bind="query-params"))


def input_of(model: Model, info: TensorInfo, word: str | None, seed: int = 2) -> Input:
    """The x that goes into a matrix: from a typed word, or random if there is none.

    Raises InputError if the word is empty or too long, or this matrix takes no token.
    """
    n = info.shape[1]
    if word is None:
        x = np.random.default_rng(seed).standard_normal(n, dtype=np.float32)
        code = f"x = np.random.default_rng({seed}).standard_normal({n}, dtype=np.float32)"
        words = _("x is random: {n:,} standard normal numbers, synthetic.").format(n=n)
        return Input(x, words, code)
    token, told = token_of(model, word)
    E = cached.matrix(model.source, EMBEDDINGS)
    code = f'e = model.read("{EMBEDDINGS}")[{token}]'
    if info.projection == "down_proj":
        gate, up = (info.name.replace("down_proj", f"{part}_proj") for part in ("gate", "up"))
        read = cached.matrix
        x = middle(E[token], read(model.source, gate), read(model.source, up))
        code += f"\nx = middle(e, model.read({gate!r}), model.read({up!r}))"
        return Input(x, _told(told, "input down_proj"), code)
    if n != E.shape[1]:
        raise InputError(
            "{name} takes {n:,} numbers and an embedding has {shape:,}: choose the random x.",
            name=info.name,
            n=n,
            shape=E.shape[1],
        )
    section = f"input {info.projection}" if info.projection in ("o_proj", "embed_tokens") else ""
    return Input(E[token], _told(told, section or "input attention"), f"{code}\nx = e")


def _told(token: str, section: str) -> str:
    """Which token it is, and what becomes of it before it is x."""
    return _("{first} {last}").format(first=token, last=text("lora", section))


def token_of(model: Model, word: str) -> tuple[int, str]:
    """The id of a word's first token, as it stands inside a sentence, and a sentence about it."""
    word = word.strip()
    if not word:
        raise InputError("The word is empty: type at least one letter, or choose the random x.")
    if len(word) > LONGEST:
        raise InputError(
            "The text has {word:,} characters; a word of at most {most} is accepted.",
            word=len(word),
            most=LONGEST,
        )
    tokenizer = cached.tokenizer(model.source)
    if tokenizer is None:
        raise InputError(
            "{title} has no vocabulary: choose the random x.",
            title=model.title,
        )
    ids = tokenizer.encode(" " + word)
    if not ids:
        raise InputError(
            "{word!r} has no token in this vocabulary: type another word.",
            word=word,
        )
    piece = tokenizer.piece(ids[0])
    name = _("part of a character") if "\ufffd" in piece else f"`{piece.replace('`', 'ˋ')}`"
    if len(ids) == 1:
        return ids[0], _("x comes from token {token:,}, {name}.").format(token=ids[0], name=name)
    several = _("“{word}” is {count} tokens; x comes from the first, {token:,}, {name}.")
    return ids[0], several.format(word=as_text(word), count=len(ids), token=ids[0], name=name)


@shared(64, PAIRS)
def pair(shape: tuple[int, int], r: int, zero: bool) -> tuple[Floats, Floats]:
    """A (r, in) as PEFT draws it, and B (out, r): zero, or random as an untrained example.

    A larger r keeps the rows of A and the columns of B that a smaller one had.
    """
    m, n = shape
    A, B = init(m, n, r, np.random.default_rng(0))
    if not zero:
        B = np.random.default_rng(1).standard_normal((r, m), dtype=np.float32).T
        B = B / 2  # large enough to be seen beside W0 x
    return A, B


def shown(x: Floats, W0: Floats, A: Floats, B: Floats, alpha: float, r: int) -> Shown:
    """W0 x, the update, h, and max |merged x - h|."""
    h = forward(x, W0, A, B, alpha, r)
    blocks = [np.s_[i : i + BLOCK] for i in range(0, len(W0), BLOCK)]
    merged = np.concatenate([merge(W0[b], A, B[b], alpha, r) @ x for b in blocks])
    return Shown(W0 @ x, update(x, A, B, alpha, r), h, float(np.abs(merged - h).max()))


def numbers(found: Shown, shape: tuple[int, int], r: int, alpha: float) -> None:
    """The numbers that change, beside the picture."""
    m, n = shape
    trained, frozen = parameters(m, n, r), m * n
    size = float(np.linalg.norm(found.added)) / (float(np.linalg.norm(found.frozen)) or 1.0)
    st.metric(_("Update, beside ‖W₀x‖"), three(size), help=text("lora", "help update"))
    st.metric(
        _("Scale s = α/r"),
        three(alpha / r),
        _("rsLoRA's α/√r: {scale}").format(scale=three(alpha / r**0.5)),
        delta_color="off",
        delta_arrow="off",
        help=text("lora", "help scale"),
    )
    st.metric(_("Max |merged − unmerged|"), three(found.difference), help=text("lora", "merged"))
    st.metric(_("Trained, r(m + n)"), f"{trained:,}", help=text("lora", "help trained"))
    st.metric(_("Frozen, mn"), f"{frozen:,}")
    st.metric(
        _("Trained beside frozen"),
        f"{three(trained / frozen)} ×" if trained >= frozen else f"{trained / frozen:.2%}",
    )
    if r >= break_even_rank(m, n):
        st.warning(
            _(
                "r = {r:,} is not below mn/(m + n) = {even:,.1f}: this pair is no smaller than its "
                "matrix."
            ).format(r=r, even=break_even_rank(m, n)),
            icon=":material/warning:",
        )


def timed(x: Floats, W0: Floats, A: Floats, B: Floats, alpha: int, r: int) -> None:
    """How long h takes plain, merged and beside, measured on this machine when asked for."""
    asked = _("Measure the time of h here")
    if not st.button(asked, key="measure time", icon=":material/timer:"):
        return
    with st.spinner(_("Measuring…")):
        merged = merge(W0, A, B, alpha, r)
        found = in_turns(
            {
                _("W₀x, without LoRA"): lambda: W0 @ x,
                _("merged, (W₀ + s·BA)x"): lambda: merged @ x,
                _("beside, W₀x + s·B(Ax)"): lambda: W0 @ x + alpha / r * (B @ (A @ x)),
            },
            TURNS,
        )
    quarters = {name: np.percentile(each, [25, 50, 75]) for name, each in found.items()}
    rows = [[name, *(f"{1e6 * q:,.1f}" for q in each)] for name, each in quarters.items()]
    head = [_("h, µs"), _("lower quarter"), _("median"), _("upper quarter")]
    st.markdown(table(head, rows))
    st.caption(text("lora", "times").format(turns=TURNS))


def formula(shape: tuple[int, int], r: int, alpha: float) -> str:
    """Equation 3 of the paper in LaTeX, with the shapes and numbers of the moment below."""
    m, n = shape
    return (
        rf"\underset{{{m}}}{{h}} = \underset{{{m} \times {n}}}{{W_0}}\,\underset{{{n}}}{{x}} + "
        rf"\underset{{{alpha}/{r}}}{{\tfrac{{\alpha}}{{r}}}}\;\underset{{{m} \times {r}}}{{B}}"
        rf"\,(\underset{{{r} \times {n}}}{{A}}\,\underset{{{n}}}{{x}})"
    )


def nameable(source: str) -> str:
    """What a visitor would open: a file by its name alone, since the server's folders are its own.

    >>> nameable("/srv/models/tiny.gguf"), nameable("hf://acme/tiny@main"), nameable("default")
    ('tiny.gguf', 'hf://acme/tiny@main', 'default')
    """
    return source if source.startswith("hf://") else Path(source).name


def program(model: Model, info: TensorInfo, given: Input, r: int, alpha: int, zero: bool) -> str:
    """Python that computes exactly what is on the page, from the model's file on."""
    m, n = info.shape
    B = f"np.zeros(({m}, {r}), np.float32)"
    if not zero:
        B = f"np.random.default_rng(1).standard_normal(({r}, {m}), dtype=np.float32).T\n"
        B += "B = B / 2  # an untrained example"
    needs_middle = "from lowrank.llama.mlp import middle\n" if "middle(" in given.code else ""
    return f"""import numpy as np

{needs_middle}from lowrank.readers import open_model

model = open_model({nameable(model.source)!r})
W0 = model.read({info.name!r})  # ({m}, {n})
{given.code}

r, alpha = {r}, {alpha}
A = (2 * np.random.default_rng(0).random(({r}, {n})) - 1) / np.sqrt({n})
A = A.astype(np.float32)
B = {B}

h = W0 @ x + alpha / r * (B @ (A @ x))
merged = W0 + alpha / r * (B @ A)
print(h[:4], np.abs(merged @ x - h).max())
"""
