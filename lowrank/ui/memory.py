"""The Memory page's choice of configuration, its tables and its sentences."""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from lowrank.errors import InputError
from lowrank.figures import memory as figures
from lowrank.figures.numbers import amount
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import ATTENTION, LINEAR
from lowrank.memory import accounting as count
from lowrank.memory.accounting import Memory, Storage
from lowrank.memory.architectures import Sizes, family_of, sizes_of
from lowrank.readers import Model
from lowrank.readers.hf_config import llama_config_from_json
from lowrank.ui.bound import choice, said
from lowrank.ui.drawing import chart
from lowrank.ui.layout import text

OPEN, MINE = gettext_noop("the open model"), gettext_noop("a config.json of mine")
BITS = {gettext_noop("16 bit"): 16, gettext_noop("8 bit"): 8}  # of a number of the cache
MOST_JSON = 12_000  # characters: an address holds them
TARGETS = {
    "q_proj, v_proj": ("q_proj", "v_proj"),
    gettext_noop("attention"): ATTENTION,
    gettext_noop("all"): LINEAR,
}
# Adapter layers read two vectors as wide as the model in every layer: as much as q and gate do.
ADAPTERS_READ = ("q_proj", "gate_proj")


def configuration(model: Model) -> LlamaConfig:
    """The configuration to count: published, of the open model, or pasted.

    Raises InputError for a text that is no config.json, or of a family that is not counted.
    """
    chosen = st.selectbox(
        _("Sizes of"),
        [*count.PUBLISHED, OPEN, MINE],
        index=list(count.PUBLISHED).index("Llama 2 7B"),
        format_func=said,
        key="config",
        bind="query-params",
        persist_state="session",
        filter_mode=None,
    )
    if chosen == OPEN:
        return of_open(model)
    if chosen != MINE:
        return count.PUBLISHED[chosen]
    pasted = st.text_area(
        "config.json",
        key="config_json",
        height=220,
        max_chars=MOST_JSON,
        placeholder='{"hidden_size": 4096, "intermediate_size": 11008, …}',
        bind="query-params",
        persist_state="session",
    )
    if not (pasted or "").strip():
        st.info(text("memory", "paste"), icon=":material/content_paste:")
        st.stop()
    try:
        given = json.loads(pasted or "")
    except (ValueError, RecursionError) as error:
        raise InputError(
            "The text is not JSON: {error}.",
            error=str(error)[:100],
        ) from error
    return counted(given if isinstance(given, dict) else {})


def of_open(model: Model) -> Sizes:
    """The sizes of the open model. Raises InputError where they are not known, or not counted."""
    if model.given_config is not None:
        return counted(model.given_config)
    if model.config is None:
        raise InputError("The open model is no Llama, so its sizes are not known.")
    known = {"model_type": model.config.model_type}
    if family_of(known).experts:
        raise InputError("The open model has experts, and no config.json that says how many.")
    return sizes_of(model.config, known)


def counted(given: Mapping[str, Any]) -> Sizes:
    """The sizes in a config.json. Raises InputError for those of a family that is not counted."""
    found = llama_config_from_json({**family_of(given).unsaid, **given})
    if found is None:
        raise InputError(
            "This is JSON, but not a Llama's config.json: hidden_size, intermediate_size, "
            "num_hidden_layers, num_attention_heads and vocab_size must be whole numbers."
        )
    return sizes_of(found, given)


def storage() -> Storage:
    """The precision of the layers' matrices and of the rest, from two selections."""
    names = list(count.PRECISIONS)
    first, second = st.columns(2)
    linear = first.selectbox(
        _("Layers' matrices"),
        names,
        index=1,
        format_func=said,
        key="linear",
        bind="query-params",
        persist_state="session",
        filter_mode=None,
    )
    rest = second.selectbox(
        _("Embeddings, head, norms"),
        names[:3],
        index=1,
        format_func=said,
        key="rest",
        help=text("memory", "help rest"),
        bind="query-params",
        persist_state="session",
        filter_mode=None,
    )
    return Storage(count.PRECISIONS[linear], count.PRECISIONS[rest])


def totals(config: LlamaConfig, stored: Storage) -> None:
    """What all of it comes to, and what of it the layers' matrices are."""
    linear = [p for p in count.parts(config) if p.kind in ("attention", "mlp")]
    layers = sum(stored.of(part).nbytes(part) for part in linear)
    whole = count.weight_bytes(config, stored)
    first, second, third = st.columns(3)
    first.metric(_("All weights"), amount(whole))
    second.metric(_("Of which in the layers' matrices"), f"{layers / whole:.1%}")
    third.metric(_("Parameters"), f"{count.parameters(config):,}")


def table(config: LlamaConfig, stored: Storage) -> str:
    """Every kind of tensor with shape, parameters and bytes, as a Markdown table."""
    head = [_("tensor"), _("shape"), _("parameters"), _("copies"), _("in all"), _("bytes")]
    lines = [f"| {' | '.join(head)} |", "|:--|--:|--:|--:|--:|--:|"]
    for part in count.parts(config):
        shape = "\u00a0×\u00a0".join(f"{size:,}" for size in part.shape)
        size = amount(stored.of(part).nbytes(part))
        lines.append(
            f"| {part.title} | {shape} | {part.each:,} | {part.copies} | {part.total:,} | {size} |"
        )
    total = count.weight_bytes(config, stored)
    everything = _("**all**")
    lines.append(f"| {everything} | | | | **{count.parameters(config):,}** | **{amount(total)}** |")
    if count.active_parameters(config) != count.parameters(config):
        used = _("**all that a token uses**")
        lines.append(f"| {used} | | | | **{count.active_parameters(config):,}** | |")
    return "\n".join(lines)


def popular() -> str:
    """The popular estimate of Llama 2 7B beside the true count, computed here."""
    config = count.PUBLISHED["Llama 2 7B"]
    guess = 7 * 4096 * 4096 * 4
    layer = sum(4 * p.each for p in count.parts(config) if p.name in LINEAR)
    whole = count.weight_bytes(config, Storage(count.FLOAT32, count.FLOAT32))
    everything = _("with embeddings, head and norms: all {count:,} parameters").format(
        count=count.parameters(config)
    )
    true = _("a layer as it is: q, k, v, o 4096 × 4096; gate, up 11008 × 4096; down 4096 × 11008")
    rows = [
        (_("seven 4096 × 4096 matrices, float32, a layer"), guess),
        (_("32 such layers"), 32 * guess),
        (true, layer),
        (_("32 such layers"), 32 * layer),
        (everything, whole),
        (_("the same in float16"), whole // 2),
    ]
    lines = ["| | GB | GiB |", "|:--|--:|--:|"]
    lines += [f"| {name} | {size / 1e9:,.2f} | {size / 2**30:,.3f} |" for name, size in rows]
    return "\n".join(lines)


def inference(config: LlamaConfig) -> None:
    """Weights and cache in each precision, and what they fit on."""
    first, second, third = st.columns(3)
    context = int(
        first.select_slider(
            _("Context, tokens"),
            [2**i for i in range(7, 18)],
            4096,
            key="context",
            bind="query-params",
        )
    )
    batch = int(
        second.select_slider(
            _("Sequences at once"), [1, 2, 4, 8, 16, 32, 64], 1, key="batch", bind="query-params"
        )
    )
    with third:
        cache = choice(_("Cache"), list(BITS), "16 bit", "kv")
    runs = {}
    for precision in count.PRECISIONS.values():
        rest = precision if precision.bits >= 16 else count.FLOAT16
        stored = Storage(precision, rest)
        runs[_(precision.name)] = count.inference_memory(
            config, stored, context, batch, BITS[cache]
        )
    shown(runs, "inference")


def training(config: LlamaConfig) -> None:
    """Full fine-tuning, LoRA, QLoRA and adapters side by side."""
    first, second, third, fourth = st.columns(4)
    tokens = int(
        first.select_slider(
            _("Tokens"), [2**i for i in range(6, 14)], 512, key="tokens", bind="query-params"
        )
    )
    batch = int(
        second.select_slider(
            _("Sequences"), [1, 2, 4, 8, 16, 32], 1, key="rows", bind="query-params"
        )
    )
    r = int(
        third.select_slider(
            _("r, and bottleneck"),
            [1, 2, 4, 8, 16, 32, 64, 128],
            8,
            key="bottleneck",
            bind="query-params",
        )
    )
    targets = fourth.selectbox(
        "target_modules",
        list(TARGETS),
        format_func=said,
        key="targets",
        bind="query-params",
        filter_mode=None,
    )
    recompute = st.toggle(
        _("Recompute activations"),
        key="recompute",
        help=text("memory", "help recompute"),
        bind="query-params",
    )
    lora = count.lora_parameters(config, r, TARGETS[targets])
    bottleneck = count.adapter_parameters(config, r)
    everything = count.parameters(config)
    single, half = Storage(count.FLOAT32, count.FLOAT32), Storage()
    four = Storage(count.NF4_DOUBLE, count.BFLOAT16)
    common: dict[str, Any] = {"tokens": tokens, "batch": batch, "recompute": recompute}
    beside = common | {"targets": TARGETS[targets]}
    runs = {
        _("full, float32"): count.training_memory(
            config, single, everything, full=True, compute_bits=32, **common
        ),
        _("full, mixed precision"): count.training_memory(
            config, half, everything, full=True, **common
        ),
        _("LoRA, float32"): count.training_memory(config, single, lora, compute_bits=32, **beside),
        _("LoRA, bfloat16"): count.training_memory(config, half, lora, **beside),
        _("QLoRA, NF4"): count.training_memory(config, four, lora, **beside),
        _("adapter layers, bfloat16"): count.training_memory(
            config, half, bottleneck, targets=ADAPTERS_READ, **common
        ),
    }
    st.markdown(
        _(
            "Trained: full {everything:,}; LoRA {lora:,} ({share:.4%} of the model); adapter "
            "layers {layers:,}. A checkpoint of the LoRA alone: {alone} in float32, beside {whole} "
            "of the model in 16 bit."
        ).format(
            everything=everything,
            lora=lora,
            share=lora / everything,
            layers=bottleneck,
            alone=amount(4 * lora),
            whole=amount(2 * everything),
        )
    )
    shown(runs, "training")


def shown(runs: Mapping[str, Memory], key: str) -> None:
    """The bars, and what each run fits on."""
    each = (f"{name} {run.total / 1e9:,.1f}" for name, run in runs.items())
    alt = _("Gigabytes: {totals}.").format(totals=joined(each, _("{first}, {last}")))
    chart(figures.bars(runs, count.CARDS), key=key, alt=alt)
    fits, usable = _("fits on"), _("of which usable, GB")
    lines = [f"| | GB | {fits} | {usable} |", "|:--|--:|:--|--:|"]
    for name, run in runs.items():
        card, cards = count.fitting(run.total)
        needed = card if cards == 1 else f"{cards} × {card}"
        room = cards * (count.CARDS[card] - count.RESERVE)
        lines.append(f"| {name} | {run.total / 1e9:,.2f} | {needed} | {room / 1e9:,.2f} |")
    st.markdown("\n".join(lines))
    st.caption(text("memory", "fits").format(reserve=amount(count.RESERVE)))


def layer_picture(config: LlamaConfig) -> None:
    """The matrices of one layer, areas to scale."""
    linear = [p for p in count.parts(config) if p.name.removeprefix("expert ") in LINEAR]
    st.html(figures.layer(linear))
    attention = sum(p.each for p in linear if p.kind == "attention")
    mlp = sum(p.each for p in linear if p.kind == "mlp")
    st.caption(
        _(
            "One of {layers} layers, to scale: attention {attention:,} parameters, MLP {mlp:,} "
            "({share:.0%} of the layer)."
        ).format(
            layers=config.num_hidden_layers,
            attention=attention,
            mlp=mlp,
            share=mlp / (attention + mlp),
        )
    )
    if isinstance(config, Sizes) and config.sparse_layers:
        st.caption(
            _(
                "The MLP is one of {experts} experts in each of {layers} layers; a token uses "
                "{used} of them."
            ).format(experts=config.experts, layers=config.sparse_layers, used=config.used)
        )
