"""What the Surgery page shows of a cut: numbers, the next token, two answers, maps, evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.figures import surgery as figures
from lowrank.figures.numbers import amount, three
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.llama import SMOLLM2_135M
from lowrank.llama.model import projections
from lowrank.llama.names import LABELS
from lowrank.llama.tokenizer import Tokenizer
from lowrank.spectra.svd import break_even_rank
from lowrank.surgery import (
    FactorStore,
    Measured,
    Plan,
    Written,
    by_fraction,
    chosen,
    recorded,
    stored,
    texts,
)
from lowrank.surgery.recorded import BY_LAYER, COMMAND, FRACTIONS
from lowrank.surgery.report import losses
from lowrank.surgery.saving import DTYPES, Form, both_sizes
from lowrank.ui import cached
from lowrank.ui.answering import Said, side_by_side
from lowrank.ui.bound import OF_LAYER, offer, said
from lowrank.ui.drawing import chart
from lowrank.ui.jobs import Job
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.outside import as_text
from lowrank.ui.progress import latest, outcome, progress, shown, watched
from lowrank.ui.surgery import cutting
from lowrank.ui.surgery.cut import KINDS, RULES, Choice, choose

LONGEST = 1000  # tokens of a visitor's own text
PROMPT = 300  # tokens of a prompt
OWN = gettext_noop("my own")
DENSE = gettext_noop("whole matrices")
FORMS: dict[str, Form] = {DENSE: "dense", gettext_noop("thin pairs"): "thin"}
DRAWN = 0.8  # the share of all parameters at which the ranks of the best way are drawn
LARGEST = 400_000_000  # bytes of a model that is packed here
TOGETHER, EACH = gettext_noop("all layers together"), gettext_noop("each layer by itself")
SHOWN = 8  # next tokens of each model
SHARES = {0.75: "¾", 0.5: "½", 0.25: "¼", 0.125: "⅛"}  # as short as a phone needs them


def operation(source: str) -> Choice | None:
    """What is cut and what comes of it; None where nothing is chosen to be cut.

    It is drawn alone, unless other matrices are cut than those that the page looks at below.
    """
    st.session_state.pop("evidence of", None)
    choice = _operation(source)
    st.session_state["evidence of"] = choice and (choice.kinds, choice.layers)
    return choice


@st.fragment
@errors_shown()  # inside the fragment, which also runs alone
def _operation(source: str) -> Choice | None:
    store = cached.factors(source)
    first = st.container()
    later = st.expander(_("Layers, way, how ranks are set, the text to read"))
    with first:
        choice = choose(len(store.params.layers), later)
        st.session_state.setdefault("now cut", {})["choice"] = choice
    with later:
        ids = reading_text(source)
    # Each part has a place of its own: what comes and goes in one never moves another.
    head, busy, middle, answered = (st.container() for _ in range(4))
    cut, job, ready = None, None, False
    with busy:
        if choice:
            job = cutting.factors_job(source, choice.way, choice.names(store))
            ready = job is None or job.state == "done"
        if choice and ready and ids:
            cut, job = cutting.cut_now(source, choice, ids)
            if job and not cut:
                watched(job)
        elif not ids:
            st.info(text("surgery", "empty"), icon=":material/info:")
    if choice:
        with head:
            numbers(cut, "—" if job and job.over else "…")
        left, right = middle.columns(2, gap="medium")
        with left:
            st.markdown(_("**What comes next**, after the text"))
            if cut:
                next_token(cached.words(source), cut)
        with right:
            st.markdown(_("**What is stored**, with break-even"))
            stored_chart(store, choice, cut.plan if cut else None)
        with answered:
            with st.expander(_("Save this model"), key="save", on_change="rerun") as opened:
                if opened.open:
                    save(source, choice, cut.plan if cut else None)
            st.subheader(_("Two answers"), anchor=False)
            two_answers(source, choice, ready)
    of = choice and (choice.kinds, choice.layers)
    if st.session_state.get("evidence of", of) != of:
        st.rerun()
    return choice


def reading_text(source: str) -> tuple[int, ...]:
    """The ids of the text both models read: a built-in one, or the visitor's own."""
    labels = {label: name for name, label in texts.TEXTS.items()}
    left, right = st.columns([1, 3])
    which = left.selectbox(
        _("Text to read"),
        [*labels, OWN],
        key="text",
        format_func=said,
        bind="query-params",
        filter_mode=None,
    )
    if which != OWN:
        given, name = texts.text(labels[which]), _("The text")
        right.html(
            f'<div tabindex="0" role="region" aria-label="{escape(name)}" '
            'style="height: 110px; overflow-y: auto; white-space: pre-wrap">'
            f"{escape(given)}</div>"
        )
    else:
        given = right.text_area(
            _("Your text"),
            key="own",
            height=110,
            max_chars=4000,
            placeholder=_("A few sentences, in any language"),
            bind="query-params",
        )
    ids = cached.text_ids(source, given or "")
    longest = min(LONGEST, cached.params(source).config.max_position_embeddings)
    if len(ids) > longest:
        left.caption(
            _("The first {longest:,} of {count:,} tokens are read.").format(
                longest=longest, count=len(ids)
            )
        )
    return ids[:longest]


def stored_chart(store: FactorStore, choice: Choice, plan: Plan | None) -> None:
    """Parameters of the chosen matrices against their rank, break-even marked."""
    held = projections(store.params)
    names = choice.names(store)
    if plan is None and choice.how != "rank":  # the ranks are not known yet
        st.container(height=230, border=False)
        return
    if plan is None:
        plan = by_fraction(store.params, names, choice.percent / 100)
    shapes = {name: held[name].shape for name in names}
    even: dict[float, list[str]] = {}
    for kind in choice.kinds:
        m, n = next(shapes[name] for name in names if name.endswith(kind))
        even.setdefault(break_even_rank(m, n) / min(m, n), []).append(LABELS[kind])
    whole = sum(m * n for m, n in shapes.values())
    kept_share = sum(stored(shapes[name], plan[name]) for name in names) / whole
    rank_share = float(np.mean([plan[name] / min(shapes[name]) for name in names]))
    listed, mark = _("{first}, {last}"), _("{share:.0%} for {kinds}")
    marked = joined(
        (mark.format(share=share, kinds=" ".join(kinds)) for share, kinds in even.items()), listed
    )
    chart(
        figures.stored_share(
            [(joined(kinds, listed), share) for share, kinds in even.items()],
            (rank_share, kept_share),
        ),
        key="stored",
        alt=_(
            "At {rank:.0%} of full rank these matrices hold {kept:.0%} of their parameters; "
            "break-even is at {marked}"
        ).format(rank=rank_share, kept=kept_share, marked=marked),
    )
    untouched = all(plan[name] == min(shapes[name]) for name in names)
    above = "untouched" if untouched else "above" if kept_share >= 1 else ""
    words = text("surgery", above) if above else ""
    stores = _("Break-even: {marked}. This cut stores {kept:.0%}.")
    st.caption(f"{stores.format(marked=marked, kept=kept_share)} {words}")


# What is measured of a cut, and the section of the page's prose that explains it.
NUMBERS = {
    gettext_noop("nll a token"): "help nll",
    gettext_noop("Perplexity"): "help perplexity",
    gettext_noop("Parameters"): "help parameters",
    gettext_noop("Bytes"): "help bytes",
    gettext_noop("Operations a token"): "help operations a token",
}
Number = tuple[str, str, Literal["inverse", "off"]]  # now, beside before, whether more is worse


def numbers(cut: cutting.Cut | None, unknown: str = "…") -> None:
    """Loss, parameters, bytes and operations, before and after; `unknown` while there are none."""
    found: list[Number] = _measured(cut) if cut else [(unknown, " ", "off")] * len(NUMBERS)
    for place, name, number in zip(st.columns(len(NUMBERS)), NUMBERS, found, strict=True):
        place.metric(
            _(name),
            *number,
            delta_arrow="off" if number[2] == "off" else "auto",
            help=text("surgery", NUMBERS[name]) if cut else None,
        )


def _measured(cut: cutting.Cut) -> list[Number]:
    before, after = cut.readings
    first, second = cut.costs
    read: list[Number] = [("—", _("a single token guesses nothing"), "off")] * 2
    if len(before.losses):
        rise, was = after.nll - before.nll, three(np.exp(before.nll))
        # translators: {rise:+.3f} stands first, since the sign there gives it its colour
        risen = _("{rise:+.3f} from {before:.3f}").format(rise=rise, before=before.nll)
        times = _("×{times} of {before}").format(times=three(np.exp(rise)), before=was)
        read = [
            (f"{after.nll:.3f}", risen, "inverse"),
            (three(np.exp(after.nll)), times, "off"),
        ]
    return [
        *read,
        (f"{second.parameters / 1e6:,.2f} M", *beside(second.parameters, first.parameters)),
        (amount(second.nbytes), *beside(second.nbytes, first.nbytes)),
        (f"{second.flops / 1e6:,.0f} M", *beside(second.flops, first.flops)),
    ]


def beside(now: float, before: float) -> tuple[str, Literal["inverse", "off"]]:
    """A change in percent and how it is coloured: not at all where nothing changes.

    >>> beside(90, 100), beside(100, 100)
    (('-10.00%', 'inverse'), ('unchanged', 'off'))
    """
    change = f"{now / before - 1:+.2%}"
    same = change.strip("+-") == "0.00%"
    return (_("unchanged"), "off") if same else (change, "inverse")


def learnt() -> str:
    """What the stored map of the default model teaches, in its own numbers."""
    curves = recorded.together().curves("plain")
    rise = {LABELS[kind]: dict(points)[0.5] for kind, points in curves.items()}
    return text("surgery", "map teaches").format(**{k: f"{v:.2f}" for k, v in rise.items()})


def next_token(tokenizer: Tokenizer, cut: cutting.Cut) -> None:
    """The likeliest next tokens of both models after the text."""
    before, after = (reading.next for reading in cut.readings)
    top = [int(i) for p in (before, after) for i in likeliest(p)]
    ids = sorted(dict.fromkeys(top), key=lambda i: -max(before[i], after[i]))[: SHOWN + 2]
    words = [_visible(tokenizer.piece(i)) for i in ids]
    chart(
        figures.next_tokens(words, before[ids], after[ids]),
        key="next",
        alt=_(
            "Next token: before {first} with {before:.2f}, after {second} with {after:.2f}"
        ).format(
            first=words[ids.index(int(before.argmax()))],
            before=before.max(),
            second=words[ids.index(int(after.argmax()))],
            after=after.max(),
        ),
    )


def likeliest(p: NDArray[np.float64]) -> NDArray[np.intp]:
    """The tokens of the SHOWN largest probabilities, the largest first; the others are not sorted.

    >>> likeliest(np.arange(20.0)).tolist()
    [19, 18, 17, 16, 15, 14, 13, 12]
    """
    found = np.argpartition(-p, SHOWN)[:SHOWN]
    return found[np.lexsort((found, -p[found]))]


def _visible(piece: str) -> str:
    """A token with its spaces and line ends to be seen.

    >>> _visible(" a"), _visible(chr(10))
    ('␣a', '↵')
    """
    seen = piece.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥").replace("<", "&lt;")
    return seen if seen.isprintable() else repr(seen)[1:-1]


@dataclass(frozen=True)
class Asked:
    """A prompt as it was asked of both models."""

    choice: Choice
    prompt: str
    length: int


@st.fragment
@errors_shown()
def two_answers(source: str, choice: Choice, ready: bool) -> None:
    """A prompt, and both models' answers side by side, token by token, once factors are ready."""
    given = st.text_area(
        _("Prompt"),
        "What is the capital of France?",
        key="prompt",
        height=80,
        max_chars=1500,
        bind="query-params",
    )
    first, second, third = st.columns(3, vertical_alignment="bottom")
    length = int(first.slider(_("At most, tokens"), 8, 200, 48, key="length", bind="query-params"))
    warmth = second.slider(_("Temperature"), 0.0, 1.5, 0.0, 0.1, key="warmth", bind="query-params")
    now = Asked(choice, (given or "").strip(), length)
    state, below = st.session_state, st.container()
    if third.button(
        _("Ask both"),
        key="ask both",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not ready,
    ):
        state.pop("asked", None)
        if not now.prompt:
            below.info(_("Write a prompt first."), icon=":material/info:")
        else:
            ids = cached.chat_ids(source, now.prompt)[:PROMPT]
            cutting.ask_both(source, choice, tuple(ids), length, float(warmth))
            state["asked"] = now
    asked: Asked | None = state.get("asked")
    job = latest("answer") if asked else None
    with st.container():
        if asked and job:
            watched(job, lambda job: _draw_answers(job, source, asked, now))
        else:
            side_by_side(_titles(choice), cached.words(source), None)


def _titles(choice: Choice) -> dict[str, str]:
    after = _("After: {cut}").format(cut=choice.words())
    return {"before": _("Before: the whole model"), "after": after}


def _draw_answers(job: Job, source: str, asked: Asked, now: Asked) -> None:
    side_by_side(_titles(asked.choice), cached.words(source), job)
    count = len(job.all(Said))
    words = _("Answering: {count} tokens").format(count=count)
    progress(job, count / (2 * asked.length), words)
    outcome(job)
    if job.over and (asked.choice, asked.prompt) != (now.choice, now.prompt):
        st.caption(
            _("These answered “{prompt}”, cut as said above them. Ask again for more.").format(
                prompt=as_text(asked.prompt[:80])
            )
        )


@st.fragment
@errors_shown()
def save(source: str, choice: Choice, plan: Plan | None) -> None:
    """The whole model with its cut, to take home: as a checkpoint or as thin pairs."""
    first, second = st.columns(2)
    # Not in the address: what is closed there is closed for who follows a link.
    chosen_form = first.segmented_control(
        _("As"), list(FORMS), default=DENSE, required=True, key="saved form", format_func=said
    )
    form = FORMS[str(chosen_form)]
    dtype = second.segmented_control(
        _("Numbers as"), DTYPES, default="F16", required=True, key="saved type"
    )
    if plan is None:  # the ranks are not known yet
        return
    params = cached.params(source)
    sizes = both_sizes(cached.model(source), params, plan, dtype)
    st.markdown(
        text("surgery", "save").format(
            dense=amount(sizes["dense"]), thin=amount(sizes["thin"]), most=amount(LARGEST)
        )
    )
    too_large = sizes[form] > LARGEST
    if too_large:
        st.info(text("surgery", "too large to save"), icon=":material/info:")
    asked = (choice, form, dtype)
    if st.button(
        _("Save this model"),
        key="save it",
        type="primary",
        icon=":material/save:",
        disabled=too_large,
    ):
        cutting.save_cut_model(source, choice, Written(form, dtype))
        st.session_state["saving"] = asked
    job = latest("save") if st.session_state.get("saving") == asked else None
    watched(job, _saved)


def _saved(job: Job) -> None:
    shown(job)
    found = job.last
    if not isinstance(found, cutting.Saved):
        return
    if not found.zipped.exists():
        st.info(text("surgery", "save gone"), icon=":material/info:")
        return
    st.markdown(as_text(losses(found.report)))
    st.download_button(
        _("Download the model ({size})").format(size=amount(found.zipped.stat().st_size)),
        found.zipped.read_bytes,  # when it is asked for, not before
        "truncated.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
    )


@st.fragment
@errors_shown()
def sensitivity(source: str) -> None:
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


@st.fragment
@errors_shown()
def evidence(source: str, choice: Choice) -> None:
    """One of the cut matrices and how the calibration text uses it."""
    names = choice.names(cached.factors(source))
    short = {
        OF_LAYER.format(kind=LABELS[n.rpartition(".")[2]], layer=n.split(".")[2]): n for n in names
    }
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    offer("look", list(short))
    which = left.selectbox(
        _("Matrix, of those cut"),
        list(short),
        key="look",
        format_func=said,
        bind="query-params",
    )
    name = short.get(str(which), names[0])
    with right:
        job = cutting.evidence_job(source, name)
        if job is None:
            st.caption(text("surgery", "look"))
            return
    found = job.last
    if not isinstance(found, cutting.Evidence):
        watched(job)
        return
    use = found.usage
    k = max(1, len(use.s) // 4)
    plain, aware = float(use.outputs[:k].sum()), float(found.aware[k - 1])
    chart(
        figures.evidence(use.s, use.spectrum, use.inputs, use.outputs, found.aware),
        key="evidence",
        alt=_(
            "Spectra of {name} and of its inputs; at a quarter of the rank plain truncation keeps "
            "{plain:.1%} of the output's mean square, activation-aware {aware:.1%}."
        ).format(name=name, plain=plain, aware=aware),
    )
    st.markdown(
        text("surgery", "evidence").format(
            name=said(which),
            k=k,
            energy=f"{(use.s[:k] ** 2).sum() / (use.s**2).sum():.1%}",
            plain=f"{1 - plain:.2%}",
            aware=f"{1 - aware:.2%}",
            ten=f"{(use.spectrum[:10] ** 2).sum():.0%}",
            n=len(use.spectrum),
        )
    )


@st.fragment
@errors_shown()
def noise(source: str) -> None:
    """Single late matrices cut to few directions: right answers before and after."""
    if source == "default":
        _stored_noise()
    params = cached.params(source)
    first, second, third, last = st.columns(4, vertical_alignment="bottom")
    short = {LABELS[kind]: kind for kind in KINDS}
    kind = first.selectbox(_("Matrix"), list(short), 4, key="nkind", bind="query-params")
    deepest = len(params.layers) - 1
    layer = second.number_input(
        _("Of layer"), 0, deepest, deepest, key="nlayer", bind="query-params"
    )
    percent = third.number_input(_("Rank kept, %"), 1, 100, 10, key="npercent", bind="query-params")
    (name,) = chosen(params, [short[str(kind)]], [int(layer)])
    asked = (name, int(percent))
    if last.button(_("Ask the questions"), key="noise ask", icon=":material/quiz:"):
        st.session_state["noise asked"] = asked
    if st.session_state.get("noise asked") != asked:
        return
    watched(cutting.noise_job(source, *asked), _noise_found)


def _stored_noise() -> None:
    known = recorded.noise()
    kinds = list(dict.fromkeys((d.kind, d.fraction) for d in known.cuts))
    layers = sorted({d.layer for d in known.cuts})
    change, logp = np.zeros((2, len(kinds), len(layers)))
    for d in known.cuts:
        at = kinds.index((d.kind, d.fraction)), layers.index(d.layer)
        change[at], logp[at] = d.right - known.right, d.logp - known.logp
    row = _("{kind} at {share:g}")
    chart(
        figures.noise_map(
            [row.format(kind=LABELS[k], share=f) for k, f in kinds], layers, change, logp
        ),
        key="noise",
        alt=_("Change of right answers, of {count}, from {least:+.0f} to {most:+.0f}.").format(
            count=known.questions, least=change.min(), most=change.max()
        ),
    )
    best = max(known.cuts, key=lambda d: (d.right, d.logp))
    st.markdown(
        text("surgery", "noise said").format(
            base=known.right,
            count=known.questions,
            logp=three(known.logp),
            better=int((change > 0).sum()),
            same=int((change == 0).sum()),
            worse=int((change < 0).sum()),
            total=change.size,
            best=_("{kind} of layer {layer} at {share:g}").format(
                kind=LABELS[best.kind], layer=best.layer, share=best.fraction
            ),
            best_right=best.right,
            best_logp=three(best.logp),
        )
    )


def _noise_found(job: Job) -> None:
    shown(job)
    if not isinstance(job.last, tuple):
        return
    before, after = job.last
    left, right = st.columns([1, 1, 2])[:2]
    left.metric(_("Right answers"), f"{after.right}", f"{after.right - before.right:+d}")
    right.metric(_("Mean ln p"), f"{after.logp:.3f}", f"{after.logp - before.logp:+.3f}")
    right_now, wrong_now = (
        _("{question} **{word}**: now right"),
        _("{question} **{word}**: now wrong"),
    )
    lines = [
        f"- {(right_now if b[1] else wrong_now).format(question=q, word=word)}"
        for (q, word), a, b in zip(texts.questions(), before.each, after.each, strict=True)
        if a[1] != b[1]
    ]
    st.markdown("\n".join(lines) or _("No answer changed from right to wrong or back."))
