"""What a visitor cuts: projections, layers, the way, and the ranks; all of it in the address."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.llama.names import LABELS, LINEAR
from lowrank.surgery import FactorStore, Plan, allocate, by_energy, by_fraction, chosen
from lowrank.surgery.recorded import together
from lowrank.ui.bound import offer, said
from lowrank.ui.layout import text

KINDS = LINEAR
SHORT = {LABELS[kind]: kind for kind in KINDS}
# Labels are what the link says, so they are short and do not change; looked up where shown.
ALL, RANGE, ONE = gettext_noop("all"), gettext_noop("a range"), gettext_noop("one")
WAYS = {
    gettext_noop("plain"): "plain",
    gettext_noop("activation-aware"): gettext_noop("aware"),
    gettext_noop("gradient-weighted"): "fisher",
}
HOW = gettext_noop("rank"), gettext_noop("energy"), gettext_noop("budget")
BY_LOSS = gettext_noop("by predicted loss")
RULES = {
    gettext_noop("uniform"): "uniform",
    gettext_noop("by energy"): "energy",
    gettext_noop("by measured sensitivity"): gettext_noop("sensitivity"),
    BY_LOSS: gettext_noop("loss"),
}


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
        # Of cuts weighted by gradients too there is no map; they are nearest to those by outputs.
        way = "plain" if self.way == "plain" else "aware"
        curves = together().curves(way) if rule == "sensitivity" else None
        return allocate(store.params, names, share, rule, source, curves)  # type: ignore[arg-type]

    def words(self) -> str:
        """The cut in a few words.

        >>> Choice(("q_proj",), (3,), "plain", "rank", 50, "uniform").words()
        'q of layer 3, plain, rank 50 %'
        """
        first, last = self.layers[0], self.layers[-1]
        ranks = {
            "rank": _("rank {percent} %"),
            "energy": _("energy {percent} %"),
            "budget": _("budget {rule} {percent} %"),
        }[self.how]
        return (
            _("{kinds} of layer {first}, {way}, {ranks}")
            if first == last
            else _("{kinds} of layers {first} to {last}, {way}, {ranks}")
        ).format(
            kinds=joined((LABELS[kind] for kind in self.kinds), _("{first}, {last}")),
            first=first,
            last=last,
            way=_(next(label for label, way in WAYS.items() if way == self.way)),
            ranks=ranks.format(rule=_(self.rule), percent=self.percent),
        )


def choose(count: int, more: DeltaGenerator) -> Choice | None:
    """The controls, those for later in `more`; None, with a word, while no projection is chosen."""
    first, amount = st.columns([3, 2], gap="medium")
    short = first.pills(
        _("Projections to cut"),
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
                _("Way"),
                list(WAYS),
                default="plain",
                required=True,
                key="way",
                format_func=said,
                help=text("surgery", "help way"),
                bind="query-params",
            )
            how, percent, rule = _ranks(amount, WAYS[str(way)])
    if not short:
        first.info(text("surgery", "nothing"), icon=":material/info:")
        return None
    kinds = tuple(kind for label, kind in SHORT.items() if label in short)
    return Choice(kinds, layers, WAYS[str(way)], how, percent, rule)


def _layers(count: int) -> tuple[int, ...]:
    where = st.segmented_control(
        _("Layers"),
        [ALL, RANGE, ONE],
        default=ALL,
        required=True,
        key="where",
        format_func=said,
        bind="query-params",
    )
    last = max(count - 1, 1)  # a slider needs two ends
    if where == ONE:
        layer = st.slider(_("Layer"), 0, last, key="only", bind="query-params")
        return (min(int(layer), count - 1),)
    if where == RANGE:
        low, high = st.slider(
            _("From and to layer"), 0, last, (0, last), key="span", bind="query-params"
        )
        return tuple(range(low, min(high, count - 1) + 1))
    return tuple(range(count))


def _ranks(place: DeltaGenerator, way: str) -> tuple[str, int, str]:
    """How ranks are set, asked here, and how high, asked in that place.

    Only what is cut by gradients predicts a loss to share ranks out by.
    """
    how = st.segmented_control(
        _("Ranks by"),
        HOW,
        default="rank",
        required=True,
        key="by",
        format_func=said,
        help=text("surgery", "help how"),
        bind="query-params",
    )
    if how == "energy":
        level = place.slider(_("Energy kept, %"), 50, 100, 90, key="level", bind="query-params")
        return "energy", int(level), "uniform"
    if how == "budget":
        share = place.slider(
            _("Parameters kept, % of these matrices"), 5, 100, 50, key="share", bind="query-params"
        )
        rules = [rule for rule in RULES if way == "fisher" or rule != BY_LOSS]
        offer("rule", rules)
        rule = st.selectbox(
            _("Rule"),
            rules,
            key="rule",
            format_func=said,
            bind="query-params",
            filter_mode=None,
        )
        return "budget", int(share), RULES[rule]
    k = place.slider(_("Rank kept, % of full rank"), 1, 100, 25, key="keep", bind="query-params")
    return "rank", int(k), "uniform"
