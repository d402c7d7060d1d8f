"""LoRA beside a whole matrix and adapter layers: stored, and made here with the chosen examples."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from lowrank.figures import lab as figures
from lowrank.figures.numbers import amount
from lowrank.figures.style import COLOURS
from lowrank.language import gettext as _
from lowrank.language import joined
from lowrank.lora.lab import alternatives
from lowrank.lora.lab.alternatives import Outcome
from lowrank.lora.lab.records import stored
from lowrank.readers import Model
from lowrank.ui import cached
from lowrank.ui.downloads import csv_and_json
from lowrank.ui.drawing import chart, table
from lowrank.ui.jobs import Doing
from lowrank.ui.lab import runs
from lowrank.ui.lab.settings import Choice
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text
from lowrank.ui.progress import begin, latest, watched

LINES = {
    alternatives.LORA: COLOURS["update"],
    alternatives.WHOLE: COLOURS["W0"],
    alternatives.LAYERS: COLOURS["result"],
}


def beside(model: Model, choice: Choice | None) -> None:
    """The comparison made here if there is one, else the stored one."""
    if (
        st.button(
            _("Train all three here"),
            icon=":material/model_training:",
            key="train three",
            disabled=choice is None,
        )
        and choice
    ):
        begin("three", partial(_training, model.source, choice), runs.PATIENCE)
    job = latest("three")
    watched(job, every=1.0)
    made = [each.to_json() for each in job.all(Outcome)] if job else []
    asked = job.newest(Choice) if job else None
    if asked and made:
        st.caption(
            _("Made here: {title}, {steps} steps at most.").format(
                title=as_text(model.title), steps=asked.config.steps
            )
        )
        shown(made, made)
    else:
        told = stored("alternatives")
        st.caption(
            _("Stored results: {model}, the pirate set, made on {date} with `{command}`.").format(
                model=told["model"], date=told["date"], command=told["command"]
            )
        )
        shown(told["outcomes"], told)


def _training(source: str, choice: Choice) -> Iterator[Choice | Doing | Outcome]:
    """The three runs."""
    yield choice
    examples = runs.examples(source, choice)
    yield from alternatives.work(cached.params(source), examples, choice.config)


def shown(made: Sequence[Mapping[str, Any]], record: Any) -> None:
    """One curve for each way, one row, and all of it to take home."""
    losses = {_(str(each["label"])): each["losses"] for each in made}
    steps = max(len(values) for values in losses.values())
    colours = {_(label): colour for label, colour in LINES.items()}
    fall = _("{way} {first:.2f} to {last:.2f}")
    falls = (fall.format(way=n, first=v[0], last=v[-1]) for n, v in losses.items())
    alt = _("Loss by step: {losses}").format(losses=joined(falls, _("{first}, {last}")))
    chart(figures.losses(losses, steps, colours), key="three curves", alt=alt)
    head = ["", _("trained"), _("last loss"), _("seconds a step"), _("gradients and moments")]
    head += [_("a token takes"), _("merged")]
    st.markdown(table(head, [_row(each) for each in made]))
    st.caption(text("lab", "three").format(turns=alternatives.TURNS))
    csv_and_json(alternatives.rows(made), record, "alternatives")


def _row(each: Mapping[str, Any]) -> list[str]:
    merged = each["latency_merged"]
    return [
        _(each["label"]),
        f"{each['trained']:,}",
        f"{np.mean(each['losses'][-8:]):.3f}",
        f"{each['seconds']:.2f}",
        amount(each["state_bytes"]),
        with_quarters(each["latency"]),
        _("cannot be") if merged is None else with_quarters(merged),
    ]


def with_quarters(quartiles: Sequence[float]) -> str:
    """The median, and in brackets the quarters: one number alone would look like a fact.

    >>> with_quarters([0.98, 1.02, 1.07])
    '1.02× (0.98 to 1.07)'
    """
    low, middle, high = quartiles
    return _("{middle:.2f}× ({low:.2f} to {high:.2f})").format(middle=middle, low=low, high=high)
