"""Whatever may take longer than a third of a second says at once that it works."""

import ast
import threading
from contextlib import nullcontext
from pathlib import Path

import streamlit as st

from lowrank.ui import cached, progress
from lowrank.ui.jobs import Jobs

# What needs no words: it is quick for everything a page asks it for, or its caller says so.
QUICK = {"preview", "residual", "untrained_adapter", "_survey", "drawn_svd", "text_ids"}
QUICK |= {"asked_ranks"}
SAID_BY_CALLERS = {"_growing", "phase_cell", "whole_reading", "_factors"}


def test_every_result_that_is_made_once_has_words_for_while_it_is_made():
    silent = set()
    for node in ast.parse(Path(cached.__file__).read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        made = [ast.unparse(each) for each in node.decorator_list]
        if any("shared(" in each or "st.cache" in each for each in made) and not any(
            "gettext_noop('" in each for each in made
        ):
            silent.add(node.name)
    assert silent == QUICK | SAID_BY_CALLERS


def test_a_page_that_waits_a_moment_for_work_says_so(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(st, "spinner", lambda words: said.append(words) or nullcontext())
    gate = threading.Event()

    def work():
        gate.wait(10)
        yield 1

    job = Jobs().start("a", work)
    assert progress.soon(job, 0.0) is job
    assert len(said) == 1
    gate.set()
    assert job.wait(10)
    progress.soon(job, 10.0)
    progress.soon(None, 10.0)
    assert len(said) == 1
