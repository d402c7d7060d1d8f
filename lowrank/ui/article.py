"""The parts of the page that checks a popular article: its claims, its functions, one's own."""

from dataclasses import dataclass
from fractions import Fraction
from statistics import median

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.exact import rank
from lowrank.figures.numbers import amount, three
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import LINEAR
from lowrank.lora.config_text import parse_config
from lowrank.lora.equations import forward, lora_forward_matmul, regular_forward_matmul
from lowrank.lora.lab.timing import in_turns
from lowrank.lora.parameter_count import report
from lowrank.memory.accounting import BLOOM_176B, pair_parameters, parameters
from lowrank.memory.claims import Judged, article, layer_numbers, recounted
from lowrank.memory.published import PUBLISHED
from lowrank.ui import cached, lora
from lowrank.ui.bound import BOUND, said
from lowrank.ui.drawing import table
from lowrank.ui.layout import text

SIGNS = {"right": "✓", "other unit": "≈", "wrong": "✗"}
LLAMA2 = {name: config for name, config in PUBLISHED.items() if name.startswith("Llama 2")}
SOURCE, MATRIX = "synthetic-7b", "model.layers.0.self_attn.q_proj.weight"
TALL, LOW = [[1, 0], [0, 1], [1, 1]], [[1, 0], [0, 1], [0, 2]]
TURNS = 15
BYTES = {
    "float32": 4.0,
    "float16, bfloat16": 2.0,
    gettext_noop("8 bits"): 1.0,
    gettext_noop("4 bits"): 0.5,
}
A_LAYER, ALL_LAYERS = gettext_noop("a layer's seven matrices"), gettext_noop("all layers")
CALL = """LoraConfig(
    r=8, lora_alpha=32, lora_dropout=0.1, bias="none",
    target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM",
)"""


@dataclass(frozen=True)
class Row:
    """What the table says of one claim."""

    stated: str
    verdict: Judged

    @property
    def sign(self) -> str:
        return SIGNS[self.verdict.kind]


def claims() -> str:
    """The article's claims as a table, every number of it computed."""
    config = PUBLISHED["Llama 2 7B"]
    side, wide, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    others = 4 * (parameters(config) - layers * layer_numbers(config))
    rows = {c.name.replace(" ", "_"): Row(c.stated, c.verdict) for c in article()}
    return text("article", "claims").format(
        **rows,
        side=side,
        wide=wide,
        count=layers,
        squares=amount(layers * 7 * 4 * side * side),
        others=amount(others),
        bloom_parameters=f"{BLOOM_176B:,}",
        tall=TALL,
        tall_rank=rank(TALL),
        low=LOW,
        low_rank=rank(LOW),
    )


def rows() -> list[dict[str, str]]:
    """The same, a claim a row."""
    return [
        {"claim": c.name, "stated": c.stated, "verdict": c.verdict.kind, "said": str(c.verdict)}
        for c in article()
    ]


@dataclass(frozen=True)
class Ran:
    """Seconds of both functions, medians, and how far LoRA's is from the paper's way of writing."""

    regular: float
    lora: float
    apart: float


def run(x: NDArray[np.floating], W0: NDArray[np.floating], r: int, alpha: float) -> Ran:
    """Both functions on W = W0ᵀ (in, out), x (in,) and a random pair, timed in turns."""
    A, B = lora.pair(W0.shape, r, zero=False)
    W, W_A, W_B = W0.T, A.T, B.T
    both = {
        "regular": lambda: regular_forward_matmul(x, W),
        "lora": lambda: lora_forward_matmul(x, W, W_A, W_B, alpha),
    }
    times, h, paper = in_turns(both, TURNS), both["lora"](), forward(x, W0, A, B, alpha * r, r)
    apart = float(np.linalg.norm(h - paper) / np.linalg.norm(paper))
    return Ran(median(times["regular"]), median(times["lora"]), apart)


@st.fragment
def functions() -> None:
    """The article's two functions on a matrix of Llama 2 7B's shape, when asked for."""
    m, n = cached.model(SOURCE).tensors[MATRIX].shape
    st.markdown(text("article", "functions").format(m=f"{m:,}", n=f"{n:,}"))
    first, second, third = st.columns([1, 1, 2], vertical_alignment="bottom")
    r = int(first.selectbox(_("Rank r"), [8, 16, 64, 256], key="thin", **BOUND))
    alpha = float(
        second.selectbox(_("alpha, the whole scale"), [0.25, 1.0, 4.0], 1, key="times", **BOUND)
    )
    if not third.button(_("Run both"), key="run both", icon=":material/play_arrow:"):
        return
    with st.spinner(_("Running…")):
        W0 = cached.matrix(SOURCE, MATRIX)
        x = np.random.default_rng(0).standard_normal(n, dtype=np.float32)
        found = run(x, W0, r, alpha)
    rows = [
        ["`regular_forward_matmul`", f"{m * n:,}", three(1e3 * found.regular)],
        [
            "`lora_forward_matmul`",
            f"{m * n + pair_parameters((m, n), r):,}",
            three(1e3 * found.lora),
        ],
    ]
    st.markdown(table(["", _("numbers read"), "ms"], rows))
    numbers = {"turns": TURNS, "n": f"{n:,}", "paper": alpha * r, "apart": three(found.apart)}
    share = f"{100 * pair_parameters((m, n), r) / (m * n):.3g} %"
    st.caption(text("article", "ran").format(**numbers, share=share))


def shapes_of(config: LlamaConfig, what: str) -> list[tuple[int, int]]:
    """The shapes (out, in) that a claim speaks of."""
    if what in LINEAR:
        return [config.projection_shape(what)]
    layer = [config.projection_shape(name) for name in LINEAR]
    return layer * (config.num_hidden_layers if what == ALL_LAYERS else 1)


def own() -> str:
    """A claim of the visitor's own, judged in one sentence. Raises InputError for what is none."""
    first, second, third = st.columns(3)
    name = first.selectbox(_("Model"), LLAMA2, key="llama", **BOUND)
    options = [*LINEAR, A_LAYER, ALL_LAYERS]
    what = second.selectbox(_("What"), options, format_func=said, key="what", **BOUND)
    precision = third.selectbox(_("Precision"), BYTES, format_func=said, key="bits", **BOUND)
    stated = first.text_input(_("What is said"), "64 MB", key="said", max_chars=60, **BOUND)
    r = second.number_input(
        _("LoRA's rank r, if the claim is of LoRA"), 1, None, None, key="beside r", **BOUND
    )
    shapes = shapes_of(LLAMA2[name], what)
    found = recounted(stated, shapes, Fraction(BYTES[precision]), None if r is None else int(r))
    return _("{sign} **{stated}** is {verdict}.").format(
        sign=SIGNS[found.kind], stated=stated, verdict=found
    )


def config(pasted: str, name: str) -> str:
    """What a pasted LoraConfig trains of a model, as a table. Raises our own errors."""
    asked = parse_config(pasted)
    found = report(LLAMA2[name], asked)
    module = "model.layers.0.self_attn.q_proj"
    rows = [
        [_("what PEFT prints"), str(found).replace("||", "·")],
        [_("A and B in float32"), amount(4 * found.trainable)],
        [_("with their gradients and Adam's moments"), amount(16 * found.trainable)],
        [_("what B A is multiplied by"), three(asked.scale(module))],
    ]
    return table(["", name], rows, left=2)
