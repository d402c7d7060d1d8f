"""What to learn and how: the training set, LoRA's settings, the prompt to ask."""

from dataclasses import dataclass

import streamlit as st

from lowrank.lab import TrainingSet, built_in, typed
from lowrank.lab.sets import MOST_LINES, Pairs, written
from lowrank.lora_config import AdapterConfig
from lowrank.train import TrainConfig
from lowrank.ui.layout import text

TYPED = "my own"
TARGETS: dict[str, tuple[str, ...] | str] = {
    "q, v": ("q_proj", "v_proj"),
    "q, k, v, o": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "all": "all-linear",
    "q": ("q_proj",),
    "v": ("v_proj",),
}
RATES = [1e-4, 3e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2]
RANKS = [1, 2, 4, 8, 16, 32, 64]
MOST_STEPS = 200
WARMUP = 4


@dataclass(frozen=True)
class Choice:
    """A run as it was asked for."""

    pairs: Pairs
    config: TrainConfig

    @property
    def method(self) -> AdapterConfig:
        """The LoRA configuration."""
        assert isinstance(self.config.method, AdapterConfig)
        return self.config.method


def training_set() -> tuple[Pairs, TrainingSet | None]:
    """The chosen examples, shown; typed ones are asked for.

    Raises InputError for a line that is no example.
    """
    sets = built_in()
    chosen = st.segmented_control(
        "Training set",
        [*sets, TYPED],
        default="pirate",
        required=True,
        key="set",
        bind="query-params",
        persist_state="session",
        on_change=take_defaults,
    )
    if chosen != TYPED:
        known = sets[chosen]
        st.caption(f"{known.about} {len(known.examples)} examples, written for this page.")
        with st.expander("The examples"):
            st.code(written(known.examples), language=None, wrap_lines=True)
        return known.examples, known
    lines = st.text_area(
        f"Examples, one a line: prompt => answer ({MOST_LINES} at most)",
        text("lab", "example lines"),
        key="lines",
        height=160,
        max_chars=5000,
        bind="query-params",
        persist_state="session",
    )
    return typed(lines or ""), None


def take_defaults() -> None:
    """With another built-in set come its own prompt, learning rate and steps."""
    known = built_in().get(st.session_state["set"])
    if known:
        st.session_state["ask"] = known.prompt
        st.session_state["rate"] = known.learning_rate
        st.session_state["steps"] = known.steps


def settings(known: TrainingSet | None) -> TrainConfig:
    """LoRA's and the training's settings, kept in the address."""
    default = known or built_in()["pirate"]
    first, second, third = st.columns(3)
    r = first.select_slider("r", RANKS, 8, key="r", bind="query-params", persist_state="session")
    alpha = second.number_input(
        "lora_alpha", 1, 256, 16, key="alpha", bind="query-params", persist_state="session"
    )
    targets = third.selectbox(
        "target_modules",
        list(TARGETS),
        key="modules",
        bind="query-params",
        persist_state="session",
        filter_mode=None,
    )
    rate = first.select_slider(
        "Learning rate",
        RATES,
        default.learning_rate,
        key="rate",
        bind="query-params",
        persist_state="session",
        help=text("lab", "help rate"),
    )
    steps = second.number_input(
        "Steps",
        1,
        MOST_STEPS,
        default.steps,
        key="steps",
        bind="query-params",
        persist_state="session",
    )
    seed = third.number_input(
        "Seed", 0, 9999, 0, key="seed", bind="query-params", persist_state="session"
    )
    method = AdapterConfig(r=int(r), lora_alpha=int(alpha), target_modules=TARGETS[targets])
    return TrainConfig(
        method,
        steps=int(steps),
        learning_rate=float(rate),
        warmup_steps=min(WARMUP, int(steps) - 1),
        seed=int(seed),
    )


def prompt(known: TrainingSet | None) -> str:
    """The student's own question, the same for before and after."""
    asked = st.text_input(
        "Ask both",
        (known or built_in()["pirate"]).prompt,
        key="ask",
        max_chars=300,
        bind="query-params",
        persist_state="session",
        help=text("lab", "help ask"),
    )
    return (asked or "").strip()
