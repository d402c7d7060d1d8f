"""Why activation-aware cuts win, and whether less rank removes noise: the Surgery page."""

import numpy as np
import streamlit as st

from lowrank.figures import surgery as figures
from lowrank.figures.numbers import three
from lowrank.language import gettext as _
from lowrank.llama.names import LABELS
from lowrank.surgery import chosen, recorded, texts
from lowrank.ui import cached
from lowrank.ui.bound import OF_LAYER, offer, said
from lowrank.ui.drawing import chart
from lowrank.ui.jobs import Job
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.progress import shown, watched
from lowrank.ui.surgery import cutting
from lowrank.ui.surgery.choice import KINDS, Choice


@st.fragment
@errors_shown()
def why_aware(source: str, choice: Choice) -> None:
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
    watched(job)
    found = job.last
    if not isinstance(found, cutting.Evidence):
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
