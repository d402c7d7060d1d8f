"""The Memory page's choice of configuration, its tables and its sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from lowrank.figures import memory as figures
from lowrank.figures.numbers import amount
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import ATTENTION, LINEAR, PEFT_DEFAULT
from lowrank.memory import accounting as count
from lowrank.memory import sizes
from lowrank.memory.accounting import Memory, Storage
from lowrank.memory.architectures import Sizes
from lowrank.memory.fits import (
    METHODS,
    InferenceFit,
    Step,
    TrainingFit,
    inference_fits,
    room_of,
    training_fits,
)
from lowrank.memory.published import PUBLISHED
from lowrank.memory.storages import STORAGES
from lowrank.readers import Model
from lowrank.ui.bound import choice, said
from lowrank.ui.drawing import chart
from lowrank.ui.drawing import table as in_columns
from lowrank.ui.layout import text
from lowrank.ui.taking import table as to_take
from lowrank.ui.taking import take_home

OPEN, MINE = gettext_noop("the open model"), gettext_noop("a config.json of mine")
BITS = {gettext_noop("16 bit"): 16, gettext_noop("8 bit"): 8}  # of a number of the cache
MOST_JSON = 12_000  # characters: an address holds them
TARGETS = {
    "q_proj, v_proj": PEFT_DEFAULT,
    gettext_noop("attention"): ATTENTION,
    gettext_noop("all"): LINEAR,
}
THIS_CARD = list(count.CARDS)[2]
ADAM = {  # its precision, and whether its moments are paged
    gettext_noop("32 bit"): (count.FLOAT32, False),
    gettext_noop("8 bit"): (count.ADAM_8BIT, False),
    gettext_noop("32 bit, paged"): (count.FLOAT32, True),
    gettext_noop("8 bit, paged"): (count.ADAM_8BIT, True),
}


def configuration(model: Model) -> LlamaConfig:
    """The configuration to count: published, of the open model, or pasted.

    Raises InputError for a text that is no config.json, or of a family that is not counted.
    """
    options = [MINE, OPEN, *PUBLISHED]
    chosen = st.selectbox(
        _("Sizes of"),
        options,
        index=options.index("Llama 2 7B"),
        format_func=said,
        key="config",
        bind="query-params",
        persist_state="session",
        filter_mode=None,
    )
    if chosen == OPEN:
        return sizes.of_model(model)
    if chosen != MINE:
        return PUBLISHED[chosen]
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
    return sizes.pasted(pasted or "")


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
    config = PUBLISHED["Llama 2 7B"]
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


def held_as() -> dict[str, Storage]:
    """The storages of the kind of file that is chosen."""
    with_blocks = choice(_("Weights as"), ["PyTorch", "GGUF"], "PyTorch", "format") == "GGUF"
    return {
        name: storage
        for name, storage in STORAGES.items()
        if name.startswith("GGUF") == with_blocks
    }


def generation() -> tuple[int, int, int, int, dict[str, Storage]]:
    """Tokens in the cache, sequences at once, bits of a number of the cache, cards, storages."""
    first, second, third, fourth = st.columns([4, 4, 4, 3], vertical_alignment="bottom")
    tokens = [2**i for i in range(7, 18)]
    context = first.select_slider(
        _("Context, tokens"), tokens, 4096, key="context", bind="query-params"
    )
    batch = second.select_slider(
        _("Sequences at once"), [1, 2, 4, 8, 16, 32, 64], 1, key="batch", bind="query-params"
    )
    with third:
        kept = held_as()
    with fourth.popover(_("More"), icon=":material/tune:", width="stretch"):
        cards = st.select_slider(
            _("Cards that share it"),
            [1, 2, 4, 8],
            1,
            key="cards",
            bind="query-params",
            help=text("memory", "help cards"),
        )
        cache = choice(_("Cache"), list(BITS), "16 bit", "kv")
    return int(context), int(batch), BITS[cache], int(cards), kept


def inference(config: LlamaConfig) -> None:
    """Weights and cache in each precision, and what they fit on."""
    context, batch, bits, cards, kept = generation()
    runs = {
        _(name): count.inference_memory(config, storage, context, batch, bits, cards)
        for name, storage in kept.items()
    }
    shown(runs, "inference", cards)


def training_step() -> Step:
    """What a training step is asked for."""
    first, second, third, fourth, fifth = st.columns([3, 3, 4, 4, 4], vertical_alignment="bottom")
    tokens = first.select_slider(
        _("Tokens"), [2**i for i in range(6, 14)], 512, key="tokens", bind="query-params"
    )
    batch = second.select_slider(
        _("Sequences"), [1, 2, 4, 8, 16, 32], 1, key="rows", bind="query-params"
    )
    r = third.select_slider(
        _("r, and bottleneck"),
        [1, 2, 4, 8, 16, 32, 64, 128],
        8,
        key="bottleneck",
        bind="query-params",
    )
    targets = fourth.selectbox(
        "target_modules",
        list(TARGETS),
        format_func=said,
        key="targets",
        bind="query-params",
        filter_mode=None,
    )
    with fifth.popover(_("More"), icon=":material/tune:", width="stretch"):
        adam = choice(
            _("Adam's moments"), list(ADAM), "32 bit", "adam", help=text("memory", "help adam")
        )
        recompute = st.toggle(
            _("Recompute activations"),
            key="recompute",
            help=text("memory", "help recompute"),
            bind="query-params",
        )
    return Step(int(tokens), int(batch), int(r), TARGETS[targets], recompute, *ADAM[adam])


def training(config: LlamaConfig) -> None:
    """Full fine-tuning, LoRA, QLoRA and adapters side by side."""
    step = training_step()
    lora = count.lora_parameters(config, step.r, step.targets)
    everything = count.parameters(config)
    runs = {_(method): step.memory(config, method) for method in METHODS}
    shown(runs, "training")
    st.markdown(
        _(
            "Trained: full {everything:,}; LoRA {lora:,} ({share:.4%} of the model); adapter "
            "layers {layers:,}. A checkpoint of the LoRA alone: {alone} in float32, beside {whole} "
            "of the model in 16 bit."
        ).format(
            everything=everything,
            lora=lora,
            share=lora / everything,
            layers=count.adapter_parameters(config, step.r),
            alone=amount(4 * lora),
            whole=amount(2 * everything),
        )
    )
    if step.paged:
        each = (f"{name} {amount(run.paged)}" for name, run in runs.items())
        told = _("Not counted, since they may leave the card, are Adam's moments: {each}.")
        st.caption(told.format(each=joined(each, _("{first}, {last}"))))


def card_and_reserve() -> tuple[str, int]:
    """A card's name, and the bytes that it has beside what driver and framework take."""
    first, second = st.columns(2)
    card = first.selectbox(
        _("Card"),
        list(count.CARDS),
        index=list(count.CARDS).index(THIS_CARD),
        key="card",
        bind="query-params",
        filter_mode=None,
    )
    reserve = second.select_slider(
        _("Left to driver and framework, GB"),
        [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0],
        1.0,
        key="reserve",
        bind="query-params",
    )
    return card, room_of(count.CARDS[card] / 2**30, float(reserve))


def generating_on(config: LlamaConfig, card: str, room: int) -> Sequence[InferenceFit]:
    """The longest context and most sequences that a card holds, as a picture and a table."""
    context, batch, bits, cards, kept = generation()
    tokens = [2**i for i in range(10, config.longest.bit_length())] or [config.longest]
    needs = {
        _(name): [
            count.inference_memory(config, storage, n, batch, bits, cards).total for n in tokens
        ]
        for name, storage in kept.items()
    }
    found = [
        each
        for each in inference_fits(config, room, context, batch, bits, cards)
        if each.storage in kept
    ]
    each = (f"{_(f.storage)} {f.context:,}" for f in found)
    alt = _("Longest context: {each}.").format(each=joined(each, _("{first}, {last}")))
    chart(figures.over_context(tokens, needs, room, card), key="over context", alt=alt)
    longest = _("longest context, {batch} at once").format(batch=batch)
    most = _("most at once, {context:,} tokens").format(context=context)
    rows = [
        [_(f.storage), f"{f.weights / 1e9:,.2f}", within(f.context, config), f"{f.batch:,}"]
        for f in found
    ]
    st.markdown(in_columns([_("weights"), _("GB a card"), longest, most], rows))
    return found


def within(context: int, config: LlamaConfig) -> str:
    """A context, and whether it is as long as the model allows."""
    return (
        _("{context:,}, all").format(context=context)
        if context == config.longest
        else f"{context:,}"
    )


def training_on(config: LlamaConfig, room: int) -> Sequence[TrainingFit]:
    """The longest and most sequences and the highest rank that a card trains, as a table."""
    found = training_fits(config, room, training_step())
    head = [_("one step"), "GB", _("longest sequence"), _("most at once"), _("highest r")]
    rows = [
        [
            _(f.method),
            f"{f.held / 1e9:,.2f}",
            within(f.tokens, config),
            f"{f.batch:,}",
            "" if f.r is None else f"{f.r:,}",
        ]
        for f in found
    ]
    st.markdown(in_columns(head, rows))
    return found


def shown(runs: Mapping[str, Memory], key: str, share: int = 1) -> None:
    """The bars, and what each run fits on, of which `share` cards have as much each."""
    each = (f"{name} {run.total / 1e9:,.1f}" for name, run in runs.items())
    alt = _("Gigabytes: {totals}.").format(totals=joined(each, _("{first}, {last}")))
    chart(figures.bars(runs, count.CARDS), key=key, alt=alt)
    fits, usable = _("fits on"), _("of which usable, GB")
    gigabytes = _("GB a card") if share > 1 else "GB"
    lines = [f"| | {gigabytes} | {fits} | {usable} |", "|:--|--:|:--|--:|"]
    for name, run in runs.items():
        card, cards = count.fitting(run.total)
        cards *= share
        needed = card if cards == 1 else f"{cards} × {card}"
        room = cards * (count.CARDS[card] - count.RESERVE)
        lines.append(f"| {name} | {run.total / 1e9:,.2f} | {needed} | {room / 1e9:,.2f} |")
    st.markdown("\n".join(lines))
    st.caption(text("memory", "fits").format(reserve=amount(count.RESERVE)))
    rows = [{"run": name, **asdict(run)} for name, run in runs.items()]
    take_home(to_take(_("This table"), key, lambda: rows))


def tensor_rows(config: LlamaConfig, stored: Storage) -> list[dict[str, Any]]:
    """Every kind of tensor with its numbers in full."""
    return [
        {
            "tensor": part.name,
            "shape": " × ".join(map(str, part.shape)),
            "copies": part.copies,
            "parameters": part.total,
            "bytes": stored.of(part).nbytes(part),
        }
        for part in count.parts(config)
    ]


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
