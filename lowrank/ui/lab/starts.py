"""The starts of A and B beside the plain one: the stored record, its picture and its verdict."""

import numpy as np
import streamlit as st

from lowrank.figures import lab as figures
from lowrank.figures.style import AXES, COLOURS
from lowrank.language import gettext as _
from lowrank.language import joined
from lowrank.lora.lab import starts
from lowrank.lora.lab.records import stored
from lowrank.lora.lab.starts import Compared
from lowrank.ui.downloads import csv_and_json
from lowrank.ui.drawing import chart, table
from lowrank.ui.layout import text

DRAWN = (COLOURS["update"], *AXES, COLOURS["W0"], COLOURS["result"])


def shown() -> None:
    """One curve for each start, how each fares beside the plain one, and all of it to take home."""
    told = stored("starts")
    named = _("{start}, base {base}")
    lines = {
        named.format(start=_(start), base=_(base)): losses
        for base in starts.STARTS
        for start, losses in starts.curves(told, base).items()
    }
    st.markdown(starts.verdict(told))
    ends = (f"{name} {np.mean(losses[-8:]):.2f}" for name, losses in lines.items())
    alt = _("Mean loss of the last eight steps: {losses}").format(
        losses=joined(ends, _("{first}, {last}"))
    )
    colours = dict(zip(lines, DRAWN, strict=True))
    chart(figures.losses(lines, told["steps"], colours), key="starts", alt=alt)
    both = (starts.compared(told, measure) for measure in (starts.training, starts.held_out))
    rows = [
        [_(fast.start), _(fast.base), *_beside(fast), *_beside(worth)]
        for fast, worth in zip(*both, strict=True)
    ]
    head = [_("start"), _("base"), _("training loss"), _("less the plain start's, by seed")]
    head += [_("held-out loss"), _("less the plain start's, by seed")]
    st.markdown(table(head, rows))
    st.caption(
        text("lab", "starts caption").format(
            model=told["model"], date=told["date"], command=told["command"]
        )
    )
    csv_and_json(starts.rows(told), told, "starts")


def _beside(found: Compared) -> list[str]:
    """A start's loss, and by how much it is above the plain one's with each seed."""
    apart = ", ".join(f"{difference:+.2f}" for difference in found.differences)
    return [f"{found.loss:.2f}", apart]
