"""The Surgery page's maps: which kinds need their rank, and which way of cutting is best."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from lowrank.figures import surgery as figures
from lowrank.figures.numbers import three
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.llama import SMOLLM2_135M
from lowrank.llama.names import LABELS
from lowrank.surgery import Measured, recorded, stored, texts
from lowrank.surgery.recorded import BY_LAYER, COMMAND, FRACTIONS
from lowrank.ui import cached
from lowrank.ui.bound import said
from lowrank.ui.drawing import chart
from lowrank.ui.jobs import Job
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.progress import shown, watched
from lowrank.ui.surgery import cutting
from lowrank.ui.surgery.choice import KINDS, RULES

DRAWN = 0.8  # the share of all parameters at which the ranks of the best way are drawn
TOGETHER, EACH = gettext_noop("all layers together"), gettext_noop("each layer by itself")
SHARES = {0.75: "¾", 0.5: "½", 0.25: "¼", 0.125: "⅛"}  # as short as a phone needs them


def learnt() -> str:
    """What the stored map of the default model teaches, in its own numbers."""
    curves = recorded.together().curves("plain")
    rise = {LABELS[kind]: dict(points)[0.5] for kind, points in curves.items()}
    return text("surgery", "map teaches").format(**{k: f"{v:.2f}" for k, v in rise.items()})


@st.fragment
@errors_shown()
def of_kinds(source: str) -> None:
    """The stored map, or the one measured here; all layers together or each by itself."""
    view = st.segmented_control(
        _("Cut"),
        [TOGETHER, EACH],
        default=TOGETHER,
        required=True,
        key="map",
        format_func=said,
        bind="query-params",
    )
    layers = view != TOGETHER
    config = cached.params(source).config
    count, name = config.num_hidden_layers, "science" if layers else "prose"
    ids = cached.text_ids(source, texts.text(name))[: config.max_position_embeddings]
    with st.container():
        job = cutting.map_job(source, ids, layers)
    if job is not None:
        watched(job, lambda job: _growing(job, layers, count), 1.0)
        if job.records:
            return
    if source != "default":
        readings = 1 + cutting.map_points(layers, count)
        st.info(text("surgery", "no map").format(readings=readings), icon=":material/info:")
        return
    known = recorded.by_layer() if layers else recorded.together()
    _map(known.points, layers, count)
    st.caption(
        text("surgery", "stored").format(
            tokens=known.tokens,
            text=_(texts.TEXTS[known.text]),
            calibration=known.calibration_tokens,
            base=known.base,
            command=COMMAND,
        )
    )


def _growing(job: Job, layers: bool, count: int) -> None:
    points = job.all(Measured)
    shown(job)
    if points:
        _map(points, layers, count)
        measured = _("Measured here, on this server: {count} points, {seconds:.0f} s.")
        st.caption(measured.format(count=len(points), seconds=job.elapsed))


def _map(points: Sequence[Measured], layers: bool, count: int) -> None:
    columns: Sequence[Any] = recorded.some_layers(count) if layers else FRACTIONS
    rises = {}
    for way, title in (("plain", _("plain")), ("aware", _("activation-aware"))):
        rise = np.full((len(KINDS), len(columns)), np.nan)
        for p in points:
            at = p.layer if layers else p.fraction
            if p.way == way and at in columns and (p.layer is not None) == layers:
                rise[KINDS.index(p.kind), columns.index(at)] = p.rise
        rises[title] = rise
    names = [str(c) for c in columns] if layers else [SHARES.get(c, three(c)) for c in columns]
    up_to = _("{way} up to {rise:.2f}")
    risen = (up_to.format(way=t, rise=np.nanmax(z, initial=0.0)) for t, z in rises.items())
    chart(
        figures.sensitivity_map(
            [LABELS[kind] for kind in KINDS],
            names,
            rises,
            _("layer") if layers else _("rank kept"),
            words=not layers,
        ),
        key=f"map {layers} {len(points)}",
        alt=_("Rise of nll for each projection: {ways}").format(
            ways=joined(risen, _("{first}; {last}"))
        ),
    )
    if layers:
        alone = _("One layer is cut at a time, to {share:g} of its rank.")
        st.caption(alone.format(share=BY_LAYER))


# What the ways are called in the table of all of them.
WAYS = {
    "plain": gettext_noop("plain"),
    "rows": gettext_noop("rows weighted by gradients (FWSVD)"),
    "aware": gettext_noop("activation-aware"),
    "fisher": gettext_noop("gradient-weighted"),
}


def methods() -> None:
    """The stored comparison of all ways at the same sizes, and where the best leaves its ranks."""
    known = recorded.methods()
    shares = sorted({cut.share for cut in known.cuts}, reverse=True)
    st.markdown(
        text("surgery", "methods").format(
            tokens=known.tokens,
            calibration=known.calibration_tokens,
            base=known.base,
            command=known.command,
        )
    )
    rules = {rule: label for label, rule in RULES.items()}
    columns = {_("way"): list[str](), _("ranks"): list[str]()}
    columns |= {f"{share:.0%}": [] for share in shares}
    for way, rule in dict.fromkeys((cut.way, cut.rule) for cut in known.cuts):
        nll = {cut.share: cut.nll for cut in known.cuts if (cut.way, cut.rule) == (way, rule)}
        cells = [_(WAYS[way]), _(rules[rule]), *(f"{nll[share]:.2f}" for share in shares)]
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell)
    st.dataframe(columns, hide_index=True)
    best = known.best(DRAWN)
    sizes = [SMOLLM2_135M.projection_shape(kind) for kind in KINDS]
    ranks = np.reshape(best.ranks, (-1, len(KINDS)))  # layer after layer
    kept = np.array(
        [
            [stored(shape, int(k)) / (shape[0] * shape[1]) for k in row]
            for shape, row in zip(sizes, ranks.T, strict=True)
        ]
    )
    labels = [LABELS[kind] for kind in KINDS]
    means = dict(zip(labels, kept.mean(axis=1), strict=True))
    listed = joined((f"{kind} {share:.0%}" for kind, share in means.items()), _("{first}, {last}"))
    chart(
        figures.kept_map(labels, kept),
        key="methods",
        alt=_("What each kind of matrix keeps of its parameters: {kinds}").format(kinds=listed),
    )
    aware = next(
        cut.nll
        for cut in known.cuts
        if (cut.way, cut.rule, cut.share) == ("aware", "uniform", DRAWN)
    )
    st.markdown(
        text("surgery", "methods teach").format(
            gain=f"{aware - best.nll:.2f}",
            whole=int((kept == 1).sum()),
            count=kept.size,
            kinds=listed,
        )
    )
