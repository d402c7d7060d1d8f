"""What a visitor cuts: projections, layers, the way, and the ranks; all of it in the address."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lowrank.llama.names import LABELS, LINEAR
from lowrank.surgery import FactorStore, Plan, allocate, by_energy, by_fraction, chosen
from lowrank.surgery.recorded import together
from lowrank.ui.layout import text

KINDS = LINEAR
SHORT = {LABELS[kind]: kind for kind in KINDS}
# Labels are what the link says, so they are short and do not change.
ALL, RANGE, ONE = "all", "a range", "one"
WAYS = {"plain": "plain", "activation-aware": "aware"}
RULES = {"uniform": "uniform", "by energy": "energy", "by measured sensitivity": "sensitivity"}


@dataclass(frozen=True)
class Choice:
    """One cut: kinds of projections, layers, way, and how ranks are set (percent of what)."""

    kinds: tuple[str, ...]
    layers: tuple[int, ...]
    way: str
    how: str
    percent: int
    rule: str

    def names(self, store: FactorStore) -> tuple[str, ...]:
        """The projections that are cut."""
        return chosen(store.params, self.kinds, self.layers)

    def plan(self, store: FactorStore) -> Plan:
        """The rank of each. By energy or by a budget that follows it, the factors are needed."""
        names, share = self.names(store), self.percent / 100
        if self.how == "rank":
            return by_fraction(store.params, names, share)
        source = store.source(self.way)
        if self.how == "energy":
            return by_energy(names, source, share)
        rule = self.rule
        curves = together().curves(self.way) if rule == "sensitivity" else None
        return allocate(store.params, names, share, rule, source, curves)  # type: ignore[arg-type]

    def words(self) -> str:
        """The cut in a few words.

        >>> Choice(("q_proj",), (3,), "plain", "rank", 50, "uniform").words()
        'q of layer 3, plain, rank 50 %'
        """
        kinds = ", ".join(LABELS[kind] for kind in self.kinds)
        first, last = self.layers[0], self.layers[-1]
        where = f"layer {first}" if first == last else f"layers {first} to {last}"
        way = "activation-aware" if self.way == "aware" else "plain"
        rule = f" {self.rule}" if self.how == "budget" else ""
        return f"{kinds} of {where}, {way}, {self.how}{rule} {self.percent} %"


def choose(count: int, more: DeltaGenerator) -> Choice | None:
    """The controls, those for later in `more`; None, with a word, while no projection is chosen."""
    first, amount = st.columns(2, gap="medium")
    short = first.pills(
        "Projections to cut",
        list(SHORT),
        selection_mode="multi",
        default=["q"],
        key="cut",
        help=text("surgery", "help cut"),
        bind="query-params",
    )
    with more:
        left, right = st.columns(2, gap="medium")
        with left:
            layers = _layers(count)
        with right:
            way = st.segmented_control(
                "Way",
                list(WAYS),
                default="plain",
                required=True,
                key="way",
                help=text("surgery", "help way"),
                bind="query-params",
            )
            how, percent, rule = _ranks(amount)
    if not short:
        first.info(text("surgery", "nothing"), icon=":material/info:")
        return None
    kinds = tuple(kind for label, kind in SHORT.items() if label in short)
    return Choice(kinds, layers, WAYS[str(way)], how, percent, rule)


def _layers(count: int) -> tuple[int, ...]:
    where = st.segmented_control(
        "Layers",
        [ALL, RANGE, ONE],
        default=ALL,
        required=True,
        key="where",
        bind="query-params",
    )
    last = max(count - 1, 1)  # a slider needs two ends
    if where == ONE:
        return (min(int(st.slider("Layer", 0, last, key="only", bind="query-params")), count - 1),)
    if where == RANGE:
        low, high = st.slider(
            "From and to layer", 0, last, (0, last), key="span", bind="query-params"
        )
        return tuple(range(low, min(high, count - 1) + 1))
    return tuple(range(count))


def _ranks(place: DeltaGenerator) -> tuple[str, int, str]:
    """How ranks are set, asked here, and how high, asked in that place."""
    how = st.segmented_control(
        "Ranks by",
        ["rank", "energy", "budget"],
        default="rank",
        required=True,
        key="by",
        help=text("surgery", "help how"),
        bind="query-params",
    )
    if how == "energy":
        level = place.slider("Energy kept, %", 50, 100, 90, key="level", bind="query-params")
        return "energy", int(level), "uniform"
    if how == "budget":
        share = place.slider(
            "Parameters kept, % of these matrices", 5, 100, 50, key="share", bind="query-params"
        )
        rule = st.selectbox("Rule", list(RULES), key="rule", bind="query-params", filter_mode=None)
        return "budget", int(share), RULES[rule]
    k = place.slider("Rank kept, % of full rank", 1, 100, 25, key="keep", bind="query-params")
    return "rank", int(k), "uniform"
