"""What is cut on the Surgery page, and what comes of it: numbers, next token, answers, a file."""

from html import escape
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.figures import surgery as figures
from lowrank.figures.numbers import amount, three
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.llama.model import projections
from lowrank.llama.names import LABELS
from lowrank.llama.tokenizer import Tokenizer
from lowrank.spectra.svd import break_even_rank
from lowrank.surgery import FactorStore, Plan, by_fraction, stored, texts
from lowrank.ui import cached
from lowrank.ui.bound import said
from lowrank.ui.drawing import chart
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.surgery import cutting
from lowrank.ui.surgery.answers import two_answers
from lowrank.ui.surgery.choice import Choice, choose
from lowrank.ui.surgery.export import save

LONGEST = 1000  # tokens of a visitor's own text
OWN = gettext_noop("my own")
SHOWN = 8  # next tokens of each model


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
