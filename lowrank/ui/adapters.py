"""The Adapter page's choice of adapter, its numbers and its table."""

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st

from lowrank.errors import InputError
from lowrank.figures.atlas import layer_map
from lowrank.figures.numbers import three
from lowrank.files import as_cell
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.lora.adapters import Adapter, Effect, Fit
from lowrank.lora.adapters.fitting import kind_of, layers_of
from lowrank.lora.adapters.opening import kept, zipped
from lowrank.readers import Model, Remote, uploads
from lowrank.readers.offered_models import offered_adapters
from lowrank.ui import cached
from lowrank.ui.apart import apart
from lowrank.ui.atlas import NOTHING
from lowrank.ui.bound import said
from lowrank.ui.bringing import brought
from lowrank.ui.drawing import chart
from lowrank.ui.layout import say, text
from lowrank.ui.outside import as_text
from lowrank.ui.progress import visitor

# The words in the list are the words in the link.
SYNTHETIC, HUB = gettext_noop("synthetic"), gettext_noop("Hugging Face hub")
MINE = gettext_noop("files of mine")
OURS = NOTHING, SYNTHETIC, HUB, MINE
UPLOAD_MB = 200
AT_ONCE = 2 * 10**9  # bytes of W0s that are read for their norms
MOST_WORK = 10**11  # multiplications for the numbers of all updates: some seconds, and once
RANKS = [1, 2, 4, 8, 16, 32, 64]


class Chosen(NamedTuple):
    """An adapter; its folder, or the rank it is made up at (see `adapter_at`); what names it."""

    adapter: Adapter
    where: str | int
    key: str

    @property
    def name(self) -> str:
        return SYNTHETIC if isinstance(self.where, int) else Path(self.where).name


def adapter_picker(model: Model) -> Chosen:
    """The adapter that the page is about; asked for until there is one.

    Raises our own errors for files that are no adapter.
    """
    found = picked(model, _("Adapter"), SYNTHETIC, "")
    if found is None:
        st.stop()
    return found


def other_picker(model: Model) -> Chosen | None:
    """Another adapter, to be seen beside it. Raises as `adapter_picker` does."""
    return picked(model, _("Beside it"), NOTHING, "other_")


def picked(model: Model, label: str, first_of_all: str, own: str) -> Chosen | None:
    """The choice of an adapter, whose widgets' keys begin with `own`; None until it is made."""
    found = offered_adapters()
    first, second = st.columns(2, gap="large")
    chosen = first.selectbox(
        label,
        [first_of_all, *(name for name in found if name not in OURS), HUB, MINE],
        format_func=said,
        key=f"{own}adapter",
        help=text("adapter", "help"),
        bind="query-params",
        filter_mode=None,
    )
    if chosen == NOTHING:
        return None
    if chosen == SYNTHETIC:
        with second:
            r = int(st.select_slider(_("Rank r"), RANKS, 8, key="change_rank", bind="query-params"))
        adapter = cached.untrained_adapter(model.source, r)
        return Chosen(adapter, r, f"synthetic {cached.version(model.source)} {r}")
    if chosen == HUB:
        name = named(second, f"{own}adapter_hub")
        path = cached.adapter_of_hub(name) if name else None
    elif chosen in found:
        path = str(found[chosen])
    else:
        name = uploaded(second, f"{own}kept")
        path = str(uploads.find_adapter(name)) if name else None
    if path is None:
        return None
    adapter = cached.adapter(path)
    check_work(adapter)
    return Chosen(adapter, path, f"{path} {cached.adapter_version(path)}")


def adapter_at(where: str | int, source: str) -> Adapter:
    """The adapter in a folder, or the synthetic one of that rank for a model."""
    if isinstance(where, int):
        return cached.untrained_adapter(source, where)
    return cached.adapter(where)


def named(place: "st.delta_generator.DeltaGenerator", key: str) -> str:
    """The hub id of the adapter that the visitor names; asked for as long as there is none."""
    given = place.text_input(
        _("Adapter id"),
        key=key,
        placeholder=_("owner/name"),
        help=text("adapter", "help hub"),
        max_chars=300,
        bind="query-params",
    )
    name = (given or "").strip()
    if not name:
        st.info(text("adapter", "hub"), icon=":material/cloud_download:")
    return name


def work(shape: tuple[int, int], r: int) -> int:
    """About how many multiplications the singular values of B A, (out, in), take at rank r.

    >>> work((576, 576), 8) < 10**6 < work((576, 576), 576)
    True
    """
    (m, n), least = shape, min(shape)
    if r <= least:  # two thin factorisations and one of (r, r)
        return 4 * (m + n) * r**2 + 10 * r**3
    return 2 * m * n * r + 10 * m * n * least


def check_work(adapter: Adapter) -> None:
    """Raises InputError for an adapter whose numbers would hold up everyone."""
    found = sum(work((len(p.B), p.A.shape[1]), p.r) for p in adapter.pairs.values())
    if found > MOST_WORK:
        raise InputError(
            "The singular values of this adapter's {count:,} updates take about "
            "{found:,.0f} billion multiplications. Up to {most:,.0f} billion are made here: one "
            "of lower rank, or of fewer matrices, is shown.",
            count=len(adapter.pairs),
            found=found / 1e9,
            most=MOST_WORK / 1e9,
        )


def uploaded(place: "st.delta_generator.DeltaGenerator", key: str) -> str:
    """The name of the adapter the visitor brought, now or before; asked for as long as there is
    none.
    """
    with place:
        bring(key)
    name = place.text_input(
        _("Kept as"), key=key, placeholder=_("no files yet"), max_chars=100, bind="query-params"
    )
    if not name:
        st.info(text("adapter", "upload"), icon=":material/upload_file:")
    return name or ""


def bring(kept: str) -> None:
    """A place for an adapter's files, or their zip; their name from now on is the widget `kept`'s.

    Files that are no adapter are refused in a sentence.
    """
    refused = brought(
        _("adapter_config.json and adapter_model.safetensors, together, or their zip"),
        kept,
        kept_for_visitor,
        type=["json", "safetensors", "zip"],
        accept_multiple_files=True,
        max_upload_size=UPLOAD_MB,
    )
    if refused:
        say(refused)


def kept_for_visitor(files: Mapping[str, bytes]) -> str:
    """Keep an adapter's files within the visitor's own share; their name."""
    keep = partial(kept, files)
    name = apart(keep) if zipped(files) else keep()
    uploads.SHARES.add(visitor(), uploads.find_adapter(name))
    return name


def summary(model: Model, adapter: Adapter, name: str) -> str:
    """What the adapter is, in one line: its origin, its base, its settings, its size."""
    config, pairs = adapter.config, adapter.pairs
    if name == SYNTHETIC:
        origin = _("synthetic: A and B are random, nobody trained them")
    elif config.base_model_name_or_path:
        origin = _("read from its files, which name {base} as their base").format(
            base=config.base_model_name_or_path
        )
    else:
        origin = _("read from its files, which name no base model")
    alphas = [config.alpha(module) for module in pairs]
    there, own = layers_of(model_modules(model)), layers_of(pairs)
    kind, r = adapter.kind, span([pair.r for pair in pairs.values()])
    parts = [
        _("{kind}, r = {r}, α = {alpha}").format(kind=kind, r=r, alpha=span(alphas)),
        _("{count:,} matrices changed").format(count=len(pairs)),
    ]
    if own:
        parts.append(_("in {own} of {layers} layers").format(own=len(own), layers=len(there)))
    parts.append(_("{count:,} numbers in A and B").format(count=adapter.parameters))
    if adapter.replaced:
        replaced = _("{count:,} whole tensors replaced")
        parts.append(replaced.format(count=len(adapter.replaced)))
    if adapter.unused:
        unused = _("{count:,} entries that PEFT ignores")
        parts.append(unused.format(count=len(adapter.unused)))
    return " · ".join([*parts, origin])


def model_modules(model: Model) -> list[str]:
    """The modules of a model that have a weight."""
    return [name.removesuffix(".weight") for name in model.tensors if name.endswith(".weight")]


def span(values: Sequence[float]) -> str:
    """One number if all are the same, else the least and the most.

    >>> span([8, 8]), span([2, 8, 4])
    ('8', '2 to 8, by matrix')
    """
    low, high = min(values), max(values)
    if low == high:
        return f"{low:g}"
    return _("{low:g} to {high:g}, by matrix").format(low=low, high=high)


def left_alone(found: Fit) -> None:
    """A word about modules that the configuration targets and the files do not hold."""
    if found.left:
        some = joined(found.left[:3], _("{first}, {last}"))
        if len(found.left) > 3:
            some = _("{some} and others").format(some=some)
        told = _(
            "The configuration also targets {count:,} matrices for which the files hold no A and B "
            "({some}). They stay as they are."
        )
        st.warning(
            told.format(count=len(found.left), some=as_text(some)),
            icon=":material/warning:",
        )


def without_pair(adapter: Adapter, name: str) -> str:
    """What becomes of a tensor beside which the adapter has no A and B."""
    names = sorted({module.rpartition(".")[2] for module in adapter.pairs}) or [_("no matrix")]
    bias = f"{name.removesuffix('.weight')}.bias"
    if name in adapter.replaced:
        told = _(
            "The adapter replaces {name} as a whole. A and B stand beside {names}: choose one of "
            "those in the sidebar."
        )
    elif bias in adapter.replaced:
        told = _(
            "The adapter leaves {name} as it is, and replaces {bias}. A and B stand beside "
            "{names}: choose one of those in the sidebar."
        )
    else:
        told = _(
            "The adapter leaves {name} as it is. A and B stand beside {names}: choose one of "
            "those in the sidebar."
        )
    return told.format(name=name, bias=bias, names=joined(names, _("{first}, {last}")))


def numbers(found: Effect, dora: bool) -> None:
    """The numbers of one module's update, beside its picture."""
    if found.relative is not None:
        st.metric(
            _("Change beside ‖W₀‖"),
            f"{found.relative:.2%}",
            help=text("adapter", "help dora" if dora else "help change"),
        )
    st.metric(_("Scale s"), three(found.scale), help=text("adapter", "help scale"))
    st.metric("‖s·BA‖", three(found.norm))
    st.metric(
        _("Effective rank of BA"),
        _("{rank:.1f} of {most}").format(rank=found.effective_rank, most=found.r),
        help=text("adapter", "help effective"),
    )
    for label, got, chance in (
        (_("Overlap with W₀, inputs"), found.overlap_in, found.chance_in),
        (_("Overlap with W₀, outputs"), found.overlap_out, found.chance_out),
    ):
        if got is not None:
            st.metric(
                label,
                f"{got:.3f}",
                _("{share:.3f} by chance").format(share=chance),
                delta_color="off",
                delta_arrow="off",
                help=text("adapter", "help overlap"),
            )


def readable(model: Model, adapter: Adapter) -> bool:
    """Whether every W0 is read for its norm: not those of a large model, nor of one elsewhere."""
    size = sum(
        model.tensors[n].nbytes for m in adapter.pairs if (n := f"{m}.weight") in model.tensors
    )
    return size <= AT_ONCE and not isinstance(model, Remote)


def change_map(shares: Mapping[str, float], layers: int) -> None:
    """The change of every matrix of a layer as a share of W0, by layer and kind."""
    there = {module: next(iter(layers_of([module])), None) for module in shares}
    modules = [module for module, layer in there.items() if layer is not None]
    if not modules:
        return
    values = np.array([shares[module] for module in modules])
    share = _("{module}<br>{share:.3%} of W₀")
    alt = _(
        "The change of {count} matrices by layer and kind, from {least:.2%} to {most:.2%} of the "
        "norm of W0."
    )
    chart(
        layer_map(
            [there[module] or 0 for module in modules],
            [kind_of(module) for module in modules],
            100 * values,
            [share.format(module=escape(module), share=shares[module]) for module in modules],
            _("change, % of ‖W₀‖"),
            (0.0, 100 * float(values.max())),
            count=layers,
        ),
        key="change map",
        alt=alt.format(count=len(modules), least=values.min(), most=values.max()),
    )


def table(effects: Sequence[Effect], shares: Mapping[str, float] | None) -> None:
    """Every module's numbers, those of which most changed first."""
    ordered = sorted(effects, key=lambda each: in_order(each.module))
    if shares:
        ordered.sort(key=lambda each: -shares[each.module])
    module, change = _("module"), _("change, % of ‖W₀‖")
    rows = {
        module: [as_cell(each.module.removeprefix("model.")) for each in ordered],
        **({change: [100 * shares[e.module] for e in ordered]} if shares else {}),
        "r": [each.r for each in ordered],
        _("scale"): [each.scale for each in ordered],
        "‖s·BA‖": [each.norm for each in ordered],
        _("largest singular value"): [float(each.s[0]) for each in ordered],
        _("effective rank"): [each.effective_rank for each in ordered],
    }
    number = st.column_config.NumberColumn(format="%.3g")
    columns = dict.fromkeys(set(rows) - {module, "r"}, number)
    st.dataframe(
        rows, column_config=columns, hide_index=True, height=min(360, 36 * (len(ordered) + 1))
    )


def in_order(module: str) -> list[tuple[int, str]]:
    """A sort key that puts layer 2 before layer 10.

    >>> sorted(["layers.10.q", "layers.2.v", "layers.2.q"], key=in_order)
    ['layers.2.q', 'layers.2.v', 'layers.10.q']
    """
    return [(int(part) if part.isdecimal() else 0, part) for part in module.split(".")]
