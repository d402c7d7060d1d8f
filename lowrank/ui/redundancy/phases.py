"""When it works: rank against fraction observed, tried out while one watches."""

import time
from dataclasses import asdict

import numpy as np
import streamlit as st

from lowrank.figures.completion import phase_picture
from lowrank.language import gettext as _
from lowrank.spectra.phase_transition import PhaseCell
from lowrank.spectra.recovery import needed_fraction
from lowrank.ui import cached, taking
from lowrank.ui.bound import choice
from lowrank.ui.drawing import chart
from lowrank.ui.layout import text

SIZES = (30, 40, 60)
FRACTIONS = [round(x, 2) for x in np.arange(0.05, 1.0, 0.05)]
EVERY = 0.4  # seconds between two drawings


def works() -> None:
    """The phase picture of one size, filling up until it is whole or stopped.

    No fragment: a press in one waits for the run to end, and Stop would come too late.
    """
    state = st.session_state
    first, second, third = st.columns([2, 1, 2], vertical_alignment="bottom")
    with first:
        label = _("Size n × n")
        size = choice(label, SIZES, SIZES[0], "size", help=text("redundancy", "help size"))
    draw = int(second.number_input(_("Draw"), 1, 99, 1, key="trial", bind="query-params"))
    which = (size, draw)
    button = third.empty()
    ranks = list(range(1, size // 2 + 1, max(1, size // 30)))
    told, bar, place = st.empty(), st.empty(), st.empty()
    st.markdown(text("redundancy", "phase"))
    cells: list[PhaseCell] = list(state.get("phase_cells", {}).get(which, []))
    grid = [(r, f) for r in ranks for f in FRACTIONS]
    # Every seventh first, so that the shape shows early and the rest fills it in.
    order = [cell for start in range(7) for cell in grid[start::7]]
    already = len(cells)
    stopped = state.get("phase_stopped") == which and already < len(order)
    if stopped:
        button.button(_("Go on"), key="phase_go", on_click=go_on)
    elif already < len(order):
        button.button(_("Stop"), key="phase_stop", on_click=stop, args=(which,))
    told.markdown(summary(cells, size, len(order)))
    drawn = begun = time.monotonic()
    if not stopped:
        for r, f in order[already:]:
            cells.append(cached.phase_cell(size, r, f, draw))
            state["phase_cells"] = {which: cells}
            now = time.monotonic()
            if now - drawn > EVERY:
                left = (now - begun) / (len(cells) - already) * (len(order) - len(cells))
                told_so_far = _("{done} of {total} trials, about {left:.0f} s left")
                bar.progress(
                    len(cells) / len(order),
                    text=told_so_far.format(done=len(cells), total=len(order), left=left),
                )
                draw_phase(place, cells, size, ranks, len(cells))
                told.markdown(summary(cells, size, len(order)))
                drawn = time.monotonic()
        bar.empty()
        button.empty()
    draw_phase(place, cells, size, ranks, -1)
    told.markdown(summary(cells, size, len(order)))
    taking.take_home(
        taking.table(_("Every trial"), "trials", lambda: [asdict(cell) for cell in cells])
    )


def draw_phase(
    place: st.delta_generator.DeltaGenerator,
    cells: list[PhaseCell],
    size: int,
    ranks: list[int],
    moment: int,
) -> None:
    """The picture so far; each moment of it is a chart of its own to Streamlit."""
    good = sum(cell.success for cell in cells)
    with place:
        chart(
            phase_picture(cells, size, ranks, FRACTIONS),
            f"phase {moment}",
            _(
                "Rank against fraction observed for {n} × {n}: {good} of {total} trials "
                "recovered, beside the line of degrees of freedom"
            ).format(n=size, good=good, total=len(cells)),
        )


def summary(cells: list[PhaseCell], size: int, whole: int) -> str:
    """What was measured, in numbers."""
    above = [c for c in cells if c.fraction >= needed_fraction(size, size, c.rank)]
    below = [c for c in cells if c.fraction < needed_fraction(size, size, c.rank)]
    return text("redundancy", "phase result").format(
        done=len(cells),
        whole=whole,
        good_above=sum(c.success for c in above),
        above=len(above),
        good_below=sum(c.success for c in below),
        below=len(below),
    )


def stop(which: tuple[int, int]) -> None:
    """Measure no further."""
    st.session_state["phase_stopped"] = which


def go_on() -> None:
    """Measure what is left."""
    st.session_state.pop("phase_stopped", None)
