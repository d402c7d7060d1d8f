"""The places of a derivation, as the frames that the stepper walks: watched, or done by hand."""

from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile

import streamlit as st

from lowrank.exact.derivation import Derivation
from lowrank.exact.elimination import pivots_in_place
from lowrank.figures.exact import matrix_html, paragraphs_html, step_html
from lowrank.language import current, ngettext
from lowrank.language import gettext as _
from lowrank.ui.layout import text
from lowrank.ui.rank.sentences import conclusion, determinant_so_far, read_off
from lowrank.ui.stepper import Frame


def places(d: Derivation, say: Callable[[Derivation], str]) -> list[Frame]:
    """Every place of d, with what is said of it there; what the session has drawn is not again."""
    state, of = st.session_state, (current(), replace(d, ops=(), position=0))
    known, ops, drawn = state.get("places drawn", (None, (), ()))
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(ops, d.ops, strict=False))
    there = drawn[: 1 + sum(1 for _pair in alike)] if known == of else ()
    new = range(len(there), len(d.ops) + 1)
    drawn = (*there, *((_matrix(d.at(k)), _below(d.at(k))) for k in new))
    state["places drawn"] = of, d.ops, drawn
    return [Frame(say(d.at(k)), *each) for k, each in enumerate(drawn)]


def _below(d: Derivation) -> str:
    """What the matrix at the position of d says of the one at the start, as far as it does."""
    if not d.finished:
        said = [text("rank", "conclusion waits barred" if d.bar else "conclusion waits")]
    else:
        said = read_off(d) if d.bar else conclusion(d.start)
    return paragraphs_html([*said, determinant_so_far(d)])


def _matrix(d: Derivation) -> str:
    """The matrix at the position of d, what just changed in it and the pivots in place."""
    step = d.last
    title = _("The matrix after step {at}") if step else _("The matrix")
    return matrix_html(
        d.matrix,
        title=title.format(at=d.position),
        pivots=_pivots(d),
        current=step.pivot if step else None,
        changed=step.op.changed if step else (),
        bar=d.bar,
    )


def _pivots(d: Derivation) -> set[tuple[int, int]]:
    """Those that elimination has finished with, and the one that the last step serves."""
    current = d.last.pivot if d.last else None
    return pivots_in_place(d.matrix, d.bar) | ({current} if current else set())


def watched(d: Derivation) -> str:
    """What is said to those who watch: the step, its operation and why."""
    step, total, known = d.last, len(d.ops), len(_pivots(d))
    if step is None:
        to_go = ngettext("{total} step to go", "{total} steps to go", total)
        pivots = ngettext("{known} pivot", "{known} pivots", known)
        why = text("rank", "start" if total else "finished already").replace("**", "")
        return step_html((to_go if total else pivots).format(total=total, known=known), "A", why)
    count = ngettext(
        "Step {at} of {total} · {known} pivot so far",
        "Step {at} of {total} · {known} pivots so far",
        known,
    )
    said = count.format(at=d.position, total=total, known=known)
    return step_html(said, step.op.notation(), step.why)
