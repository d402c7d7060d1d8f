"""What to learn and how: the training set, LoRA's settings, the base, the prompt to ask."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, ngettext
from lowrank.llama.names import ATTENTION, LINEAR, PEFT_DEFAULT, name_of
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.lab import TrainingSet, built_in, from_jsonl, typed
from lowrank.lora.lab.sets import MOST_LINES, Pairs, written
from lowrank.lora.optimizer import SCHEDULES, Schedule
from lowrank.lora.train_config import TrainConfig
from lowrank.lora.tuning import LIKE_W0
from lowrank.memory.quantization import int8, nf4_double
from lowrank.memory.quantized_model import Quantizer
from lowrank.ui.bound import said
from lowrank.ui.bringing import brought
from lowrank.ui.layout import errors_beside, say, text
from lowrank.ui.outside import as_text

TYPED = gettext_noop("my own")
TARGETS: dict[str, tuple[str, ...] | str] = {
    "q, v": PEFT_DEFAULT,
    "q, k, v, o": ATTENTION,
    gettext_noop("all"): "all-linear",
    "q": ("q_proj",),
    "k": ("k_proj",),
    "v": ("v_proj",),
    "o": ("o_proj",),
}
RATES = [1e-4, 3e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2]
RANKS = [1, 2, 4, 8, 16, 32, 64]
DROPOUTS = [0.0, 0.05, 0.1, 0.2]
INITS: dict[str, bool | str] = {
    "default": True,
    "gaussian": "gaussian",
    "pissa": "pissa",
    "olora": "olora",
    "eva": "eva",
    "loftq": "loftq",
}
STORED = gettext_noop("as stored")
BASES: dict[str, Quantizer | None] = {
    STORED: None,
    gettext_noop("NF4 (QLoRA)"): nf4_double,
    "int8": int8,
}
# What PEFT needs beside the name of a start, so that it begins as here.
CONFIGS = {
    "eva": "eva_config=EvaConfig(rho=1, use_label_mask=False),",
    "loftq": "loftq_config=LoftQConfig(loftq_bits=4, loftq_iter=1),",
}
# A popular article's two configurations, by r; q and v, no bias.
PRESETS = {8: {"lora_alpha": 32, "lora_dropout": 0.1}, 64: {"lora_alpha": 16, "lora_dropout": 0.05}}
RATIOS = [1.0, 2.0, 4.0, 16.0]
MOST_STEPS = 200
HELD_OUT, ENOUGH = 2, 8  # examples held out, of at least so many
WARMUP = 4
# In the address, and still there when the visitor comes back from another page.
KEPT: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}


@dataclass(frozen=True)
class Choice:
    """A run as it was asked for: on a base kept as one of BASES, `beside` also on that as stored.

    Raises InputError for a start of A and B that the base does not allow.
    """

    pairs: Pairs
    config: TrainConfig
    base: str = STORED
    beside: bool = False

    def __post_init__(self) -> None:
        kind = self.method.init_lora_weights
        if kind == "loftq" and self.quantizer is None:
            raise InputError(
                "init_lora_weights is 'loftq', which begins with what quantization loses: choose "
                "a base in fewer bits for it."
            )
        if kind in LIKE_W0 and self.quantizer is not None:
            raise InputError(
                "init_lora_weights is {kind!r}, which takes a part out of W0: choose the base as "
                "stored for it.",
                kind=kind,
            )

    @property
    def quantizer(self) -> Quantizer | None:
        """What makes the base's codes; None for the base as stored."""
        return BASES[self.base]

    @property
    def held_out(self) -> Pairs:
        """The examples whose loss is only watched: the last two of eight or more."""
        return self.pairs[-HELD_OUT:] if len(self.pairs) >= ENOUGH else ()

    @property
    def learnt(self) -> Pairs:
        """The examples that are trained on."""
        return self.pairs[: len(self.pairs) - len(self.held_out)]

    def words(self) -> str:
        """The run in one line.

        >>> Choice((("a", "b"),), TrainConfig(AdapterConfig(), steps=2)).words()
        'LoRA, r = 8, α = 8, on q_proj, v_proj; 2 steps at 0.001, seed 0; 1 example, 0 held out'
        """
        n, config = len(self.learnt), self.config
        steps = ngettext(
            "{n} step at {rate:g}, seed {seed}", "{n} steps at {rate:g}, seed {seed}", config.steps
        )
        examples = ngettext("{n} example, {held} held out", "{n} examples, {held} held out", n)
        method = method_words(self.method)
        if self.quantizer:
            method = _("{method}; base: {base}").format(method=method, base=_(self.base))
        return _("{method}; {steps}; {examples}").format(
            method=method,
            steps=steps.format(n=config.steps, rate=config.learning_rate, seed=config.seed),
            examples=examples.format(n=n, held=len(self.held_out)),
        )

    def kinds(self) -> list[str]:
        """The kinds of projections that are trained."""
        return [kind for kind in LINEAR if self.method.targets(name_of(0, kind))]

    @property
    def method(self) -> AdapterConfig:
        """The LoRA configuration."""
        assert isinstance(self.config.method, AdapterConfig)
        return self.config.method


def method_words(method: AdapterConfig) -> str:
    """A LoRA configuration in a few words.

    >>> method_words(AdapterConfig(r=4, lora_alpha=8, target_modules="all-linear", use_dora=True))
    'DoRA, r = 4, α = 8, on all-linear'
    """
    kind = "DoRA" if method.use_dora else "rsLoRA" if method.use_rslora else "LoRA"
    names = method.target_modules
    where = names if isinstance(names, str) else ", ".join(names)
    return _("{kind}, r = {r}, α = {alpha:g}, on {where}").format(
        kind=kind, r=method.r, alpha=method.lora_alpha, where=where
    )


def asked() -> tuple[Choice | None, TrainingSet | None]:
    """What is asked for, None where that is no run and the page says why; and the set it is of."""
    known, pairs, choice = _training_set(), None, None
    with errors_beside():
        pairs = known.examples if known else _typed()
    with errors_beside():
        choice = _settings(known or built_in()["pirate"])
    return (replace(choice, pairs=pairs) if pairs and choice else None), known


def _training_set() -> TrainingSet | None:
    """The chosen set, shown; None where the examples are the visitor's own."""
    sets = built_in()
    chosen = st.segmented_control(
        _("Training set"),
        [*sets, TYPED],
        default="pirate",
        required=True,
        format_func=said,
        key="set",
        on_change=take_defaults,
        **KEPT,
    )
    if chosen == TYPED:
        return None
    known = sets[chosen]
    st.caption(
        _("{about} {count} examples, written for this page.").format(
            about=_(known.about), count=len(known.examples)
        )
    )
    with st.expander(_("The examples")):
        st.code(written(known.examples), language=None, wrap_lines=True)
    return known


def _typed() -> Pairs:
    refused = brought(
        _("Or a file of your own, JSONL"),
        "own examples",
        lambda files: [(name[:80], from_jsonl(data)) for name, data in files.items()],
        type=["jsonl"],
        max_upload_size=1,
        help=text("lab", "help jsonl"),
    )
    if refused:
        say(refused)
        return ()
    state = st.session_state
    for name, pairs in state["own examples"] if state.get("own examples listed") else ():
        st.caption(
            _("{count} examples of {name}. A link or reload does not keep them.").format(
                count=len(pairs), name=as_text(name)
            )
        )
        return pairs
    lines = st.text_area(
        _("Examples, one a line: prompt => answer ({most} at most)").format(most=MOST_LINES),
        text("lab", "example lines"),
        key="lines",
        height=160,
        max_chars=5000,
        **KEPT,
    )
    return typed(lines or "")


def take_defaults() -> None:
    """With another set come its own prompt, learning rate and steps."""
    known = built_in().get(st.session_state["set"]) or built_in()["pirate"]
    st.session_state["ask"] = known.prompt
    st.session_state["rate"] = known.learning_rate
    st.session_state["steps"] = known.steps


def take_preset(r: int) -> None:
    """The article's configuration of that r, whatever was chosen before."""
    plain = {"modules": "q, v", "init_lora_weights": "default"}
    off = {"use_rslora": False, "use_dora": False}
    st.session_state.update(plain | off | PRESETS[r] | {"lora_r": r})


def _settings(default: TrainingSet) -> Choice:
    """LoRA's and the training's settings and the base, without examples.

    Raises InputError where they do not go together.
    """
    with st.container(horizontal=True, gap="small"):
        for each in PRESETS:
            label, icon = _("Article, r = {r}").format(r=each), ":material/article:"
            st.button(
                label, type="tertiary", icon=icon, key=f"preset {each}",
                on_click=take_preset, args=(each,), help=text("lab", "help preset"),
            )  # fmt: skip
    first, second = st.columns(2)
    r = first.select_slider("r", RANKS, 8, key="lora_r", **KEPT)
    targets = second.selectbox(
        "target_modules",
        list(TARGETS),
        format_func=said,
        key="modules",
        filter_mode=None,
        **KEPT,
    )
    rate = first.select_slider(
        _("Learning rate"), RATES, default.learning_rate, key="rate", help=text("lab", "help rate"),
        **KEPT,
    )  # fmt: skip
    alpha = second.number_input("lora_alpha", 1, 256, 16, key="lora_alpha", **KEPT)
    steps = first.number_input(_("Steps"), 1, MOST_STEPS, default.steps, key="steps", **KEPT)
    base = second.selectbox(
        _("Base"), list(BASES), format_func=said, key="base_in", filter_mode=None,
        help=text("lab", "help base"), **KEPT,
    )  # fmt: skip
    plain = AdapterConfig(
        r=int(r), lora_alpha=int(alpha), target_modules=TARGETS[targets], task_type="CAUSAL_LM"
    )
    with st.expander(_("More of LoraConfig")):
        method, ratio, schedule = _refined(plain)
        left, right = st.columns(2, vertical_alignment="bottom")
        seed = left.number_input(_("Seed"), 0, 9999, 0, key="seed", **KEPT)
        too = _("The same run on the base as stored, too")
        beside = base != STORED and right.toggle(too, key="base_too", **KEPT)
    config = TrainConfig(
        method,
        steps=int(steps),
        learning_rate=float(rate),
        lr_scheduler_type=schedule,
        warmup_steps=min(WARMUP, int(steps) - 1),
        loraplus_lr_ratio=ratio,
        seed=int(seed),
    )
    return Choice((), config, base, beside and base != STORED)


def _refined(plain: AdapterConfig) -> tuple[AdapterConfig, float, Schedule]:
    """The rest of PEFT's settings for a Llama, as PEFT writes them; LoRA+'s ratio, the schedule."""
    left, right = st.columns(2)

    def chosen(place: DeltaGenerator, name: str, options: Iterable[Any]) -> Any:
        return place.selectbox(name, list(options), key=name, filter_mode=None, **KEPT)

    method = replace(
        plain,
        lora_dropout=chosen(left, "lora_dropout", DROPOUTS),
        init_lora_weights=INITS[chosen(right, "init_lora_weights", INITS)],
        use_rslora=chosen(left, "use_rslora", [False, True]),
        use_dora=chosen(right, "use_dora", [False, True]),
    )
    ratio = chosen(left, "loraplus_lr_ratio", RATIOS)
    schedule = chosen(right, "lr_scheduler_type", SCHEDULES)
    st.code(as_peft(method), language="python", wrap_lines=True)
    st.caption(text("lab", "more"))
    return method, ratio, schedule


def as_peft(method: AdapterConfig) -> str:
    """The call of PEFT that stands for these settings: what is not its default, and the usual.

    >>> print(as_peft(AdapterConfig(lora_alpha=32, use_dora=True, task_type="CAUSAL_LM")))
    LoraConfig(
        r=8, lora_alpha=32, lora_dropout=0.0, bias="none",
        target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM",
        use_dora=True,
    )
    """
    usual = AdapterConfig()
    more = [
        f"{name}={value if isinstance(value := getattr(method, name), bool) else json.dumps(value)}"
        for name in ("init_lora_weights", "use_rslora", "use_dora")
        if getattr(method, name) != getattr(usual, name)
    ]
    needed = CONFIGS.get(str(method.init_lora_weights))
    names = method.target_modules
    targets = json.dumps(names if isinstance(names, str) else list(names))
    lines = [
        f"r={method.r}, lora_alpha={method.lora_alpha:g}, lora_dropout={method.lora_dropout}, "
        f'bias="{method.bias}",',
        f'target_modules={targets}, task_type="{method.task_type}",',
        *([", ".join(more) + ","] if more else []),
        *([needed] if needed else []),
    ]
    return "LoraConfig(\n" + "".join(f"    {line}\n" for line in lines) + ")"


def base_now() -> str:
    """The base of BASES that is chosen at the moment: both models answer on it."""
    now = st.session_state.get("base_in")
    return now if now in BASES else STORED


def prompt(known: TrainingSet | None) -> str:
    """The student's own question, the same for before and after."""
    asked = st.text_input(
        _("Ask both"),
        (known or built_in()["pirate"]).prompt,
        key="ask",
        max_chars=300,
        help=text("lab", "help ask"),
        **KEPT,
    )
    return (asked or "").strip()
