"""The Adapter page's choice of adapter, its numbers and its table."""

from collections.abc import Sequence

import streamlit as st

from lowrank.figures.numbers import three
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.adapters import Adapter, Effect
from lowrank.readers import Model, uploads
from lowrank.readers.offered_models import offered_adapters
from lowrank.ui import cached
from lowrank.ui.layout import text

# The words in the list are the words in the link.
SYNTHETIC, MINE = "synthetic", "files of mine"
UPLOAD_MB = 200
RANKS = [1, 2, 4, 8, 16, 32, 64]


def adapter_picker(model: Model) -> tuple[Adapter, str]:
    """The chosen adapter and a key that names it; asked for in the page until there is one.

    Raises our own errors for files that are no adapter.
    """
    found = offered_adapters()
    first, second = st.columns(2, gap="large")
    chosen = first.selectbox(
        "Adapter",
        [SYNTHETIC, *(name for name in found if name not in (SYNTHETIC, MINE)), MINE],
        key="adapter",
        help=text("adapter", "help"),
        bind="query-params",
        filter_mode=None,
    )
    if chosen == SYNTHETIC:
        with second:
            r = int(st.select_slider("Rank r", RANKS, 8, key="rank", bind="query-params"))
        return cached.untrained_adapter(
            model.source, r
        ), f"synthetic {cached.version(model.source)} {r}"
    path = found.get(chosen) or uploads.find_adapter(uploaded(second))
    return cached.adapter(str(path)), f"{path} {cached.adapter_version(str(path))}"


def uploaded(place: "st.delta_generator.DeltaGenerator") -> str:
    """The name of the adapter the visitor brought, now or before; asked for until there is one."""
    state = st.session_state
    given = place.file_uploader(
        "adapter_config.json and adapter_model.safetensors, together",
        type=["json", "safetensors"],
        accept_multiple_files=True,
        key="uploading adapter",
        max_upload_size=UPLOAD_MB,
    )
    ids = [file.file_id for file in given or []]
    if ids and state.get("uploaded adapter") != ids:
        state["uploaded adapter"] = ids
        state["kept"] = uploads.keep_adapter({file.name: file.getbuffer() for file in given})
    name = place.text_input(
        "Kept as", key="kept", placeholder="no files yet", max_chars=100, bind="query-params"
    )
    if not name:
        st.info(text("adapter", "upload"), icon=":material/upload_file:")
        st.stop()
    return name


def summary(config: AdapterConfig, adapter: Adapter, name: str) -> str:
    """What the adapter is, in one line: honest about its origin, its settings and its size."""
    origin = (
        "synthetic: A and B are random, nobody trained them"
        if name == SYNTHETIC
        else "read from its files"
    )
    said = [
        f"{adapter.kind}, r = {config.r}, α = {config.lora_alpha:g}",
        f"{len(adapter.pairs):,} matrices changed",
        f"{adapter.parameters:,} numbers in A and B",
        *([f"{len(adapter.replaced):,} whole tensors replaced"] if adapter.replaced else []),
        *([f"{len(adapter.unused):,} entries that PEFT ignores"] if adapter.unused else []),
        origin,
    ]
    return " · ".join(said)


def without_pair(adapter: Adapter, name: str) -> str:
    """What becomes of a tensor beside which the adapter has no A and B."""
    names = sorted({module.rpartition(".")[2] for module in adapter.pairs}) or ["no matrix"]
    others = f"A and B stand beside {', '.join(names)}: choose one of those in the sidebar."
    if name in adapter.replaced:
        return f"The adapter replaces {name} as a whole. {others}"
    bias = f"{name.removesuffix('.weight')}.bias"
    left = (
        f"{name} as it is, and replaces {bias}" if bias in adapter.replaced else f"{name} as it is"
    )
    return f"The adapter leaves {left}. {others}"


def numbers(found: Effect) -> None:
    """The numbers of one module's update, beside its picture."""
    st.metric("Scale s", three(found.scale), help=text("adapter", "help scale"))
    st.metric("‖s·BA‖", three(found.norm))
    if found.relative is not None:
        st.metric("Beside ‖W₀‖", f"{found.relative:.2%}")
    st.metric(
        "Effective rank of BA",
        f"{found.effective_rank:.1f} of {found.r}",
        help=text("adapter", "help effective"),
    )
    for side, got, chance in (
        ("inputs", found.overlap_in, found.chance_in),
        ("outputs", found.overlap_out, found.chance_out),
    ):
        if got is not None:
            st.metric(
                f"Overlap with W₀, {side}",
                f"{got:.3f}",
                f"{chance:.3f} by chance",
                delta_color="off",
                delta_arrow="off",
                help=text("adapter", "help overlap"),
            )


def table(effects: Sequence[Effect]) -> None:
    """Every module's rank, scale, norm, largest value and effective rank."""
    effects = sorted(effects, key=lambda each: in_order(each.module))
    rows = {
        "module": [each.module.removeprefix("model.") for each in effects],
        "r": [each.r for each in effects],
        "scale": [each.scale for each in effects],
        "‖s·BA‖": [each.norm for each in effects],
        "largest singular value": [float(each.s[0]) for each in effects],
        "effective rank": [each.effective_rank for each in effects],
    }
    three = st.column_config.NumberColumn(format="%.3g")
    columns = dict.fromkeys(("scale", "‖s·BA‖", "largest singular value", "effective rank"), three)
    st.dataframe(
        rows, column_config=columns, hide_index=True, height=min(360, 36 * (len(effects) + 1))
    )


def in_order(module: str) -> list[tuple[int, str]]:
    """A sort key that puts layer 2 before layer 10.

    >>> sorted(["layers.10.q", "layers.2.v", "layers.2.q"], key=in_order)
    ['layers.2.q', 'layers.2.v', 'layers.10.q']
    """
    return [(int(part) if part.isdecimal() else 0, part) for part in module.split(".")]
