"""Every page's view is in its address, and one visit of a page is one entry of the history."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from lowrank.language import gettext as _
from lowrank.ui import sidebar, visitor_language
from lowrank.ui.atlas import measure_said
from lowrank.ui.bound import said
from lowrank.ui.model_picker import model_said
from lowrank.ui.outside import as_text
from lowrank.ui.sidebar import SHARED

SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
# What each page keeps in its address: a parameter belongs to one page, or to the sidebar.
# fmt: off
PARAMETERS = {
    "thread": ("A", "holes", "places", "noise_size", "best", "kth", "pair_r", "pair_alpha"),
    "rank": (
        "view", "m", "how", "form", "style", "ops", "step", "typed", "written", "gives", "b",
        "picture", "shape", "gstep", "t", "right", "tol", "pivoting", "low", "drift", "fstep",
        "p", "pstep", "fgives", "fb", "pm", "sys", "case", "cstep", "q_chapter", "q_kind",
        "q_level", "q", "w_m", "w_n", "w_rank", "w_level", "w_count", "w_seed",
        "w_reduced", "w_solve", "w_mixed", "w_key", "w_about",
    ),
    "redundancy": (
        "task", "data", "hidden", "draw", "whole", "method", "rank", "lambda", "size", "trial",
        "words", "image", "terms",
    ),
    "truncation": ("k", "heatmaps", "row", "col"),
    "surgery": (
        "cut", "where", "only", "span", "way", "by", "keep", "level", "share", "rule", "text",
        "own", "prompt", "length", "warmth", "map", "look", "nkind", "nlayer", "npercent",
    ),
    "atlas": ("kept share", "measure", "beside"),
    "lora": ("x", "word", "r", "alpha", "start"),
    "lab": (
        "show", "set", "lines", "lora_r", "lora_alpha", "modules", "rate", "steps", "seed",
        "base_in", "base_too",
        "lora_dropout", "init_lora_weights", "use_rslora", "use_dora", "loraplus_lr_ratio",
        "lr_scheduler_type", "ask", "scale", "tuned", "module", "run",
    ),
    "memory": (
        "count", "config", "config_json", "linear", "rest", "context", "batch", "kv", "tokens",
        "rows", "bottleneck", "targets", "recompute", "format", "cards", "card", "reserve", "adam",
        "scope", "rounded", "entry_row",
        "entry_col", "step_size",
    ),
    "adapter": (
        "adapter", "change_rank", "kept", "adapter_hub", "other_adapter",
        "other_kept", "other_adapter_hub", "shrink_r", "merge_as", "tuned_model",
        "extract_r",
    ),
    "article": (
        "said", "what", "llama", "base", "bits", "times", "thin", "beside r", "lora config",
    ),
}
# fmt: on
LESSON = "lesson", "present"  # on whatever page a lesson stands
LETTER = "value_"  # and the value of a letter, of which there are as many as a matrix has
# How options are written in the address, where not as they are.
WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "model": model_said,
    "proj": sidebar.label,
    "measure": measure_said,
    "pivoting": partial(said, context="pivoting"),
}


def keep_in_history() -> None:
    """Let links to pages, Back and Forward bring back each page's whole view."""
    pages = {key: page for page, keys in PARAMETERS.items() for key in keys}
    script = SCRIPT.replace("SHARED", json.dumps([*SHARED, visitor_language.KEY]), 1)
    script = script.replace("PAGES", json.dumps(pages), 1)
    translated = json.dumps("translated" in st.session_state)
    script = script.replace("TRANSLATED", translated, 1)
    with st.container(key="visits", height=1, border=False):  # no taller before the style is there
        st.html("<style>:has(> .st-key-visits) { display: none; }</style>")
        # what reads the page aloud, and what hyphenates it, must know
        spoken = f"document.documentElement.lang = '{visitor_language.spoken()}'"
        st.html(f"<script>{spoken}</script>", unsafe_allow_javascript=True)
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


@dataclass(frozen=True)
class Refused:
    """What a link asked for, and what is shown in its place; None where nothing is so called."""

    asked: Sequence[str]
    shown: Any


@contextmanager
def visit(page: str) -> Iterator[None]:
    """Draw a page inside, app.py's part; what its link asks for in vain is then said above it.

    A parameter is waited for until its widget is drawn. The sentence goes with the next choice.
    """
    keep_in_history()
    remember(page)
    place, state, link = st.empty(), st.session_state, st.query_params
    of, before, waiting, refused = state.get("link asked", ("", {}, {}, {}))
    if of != page:
        before, waiting, refused = {}, {}, {}
    now = {key: link.get_all(key) for key in link}
    waiting = {key: asked for key, asked in waiting.items() if now.get(key, asked) == asked}
    waiting |= {k: v for k, v in now.items() if v != before.get(k) and not _as_asked(k, v)}
    state["link asked"] = page, now, waiting, refused
    changed = False
    for key in (key for key, asked in now.items() if _endless(key, asked)):
        with suppress(StreamlitAPIException):  # a widget that is drawn says it anew by itself
            link[key], changed = "nan", True  # which Streamlit refuses; at the endless it fails
            state.setdefault("endless", {})[key] = now[key]
    if changed:
        st.rerun()  # widgets take what the address says at the beginning of a run
    try:
        yield
    finally:  # also where the page stops at an error
        for key, asked in list(waiting.items()):
            if key in state:
                del waiting[key]
                if link.get_all(key) != asked and not _as_asked(key, asked):
                    meant = state.get("endless", {}).get(key, asked)
                    refused[key] = Refused(meant if asked == ["nan"] else asked, state[key])
            elif not known(page, key):
                refused[key] = Refused(asked, None)
        for key in [k for k, each in refused.items() if state.get(k) != each.shown]:
            del refused[key]
        if refused:
            place.info(in_vain(refused, state.get("limits", {})), icon=":material/info:")


def remember(page: str) -> None:
    """Keep, for this session, which pages were visited, the last one last; Start is none."""
    visited = st.session_state.setdefault("visited", [])
    if page and (not visited or visited[-1] != page):
        visited[:] = [*(each for each in visited if each != page), page]


def known(page: str, key: str) -> bool:
    """Whether a page or the sidebar has a parameter of that name."""
    own = *PARAMETERS.get(page, ()), *SHARED, *LESSON, visitor_language.KEY
    return key in own or key.startswith(LETTER)


def _as_asked(key: str, asked: Sequence[str]) -> bool:
    """Whether the session has chosen what the address says."""
    if key not in st.session_state:
        return False
    held = st.session_state[key]
    values = list(held) if isinstance(held, list | tuple) else [held]
    written = WRITTEN.get(key, said)
    return len(values) == len(asked) and all(
        text in (str(value), written(value)) or _number(text) == _number(str(value)) is not None
        for text, value in zip(asked, values, strict=True)
    )


def _endless(key: str, asked: Sequence[str]) -> bool:
    """Whether a number is asked for that is none: 1e999."""
    typed = key in visitor_language.TYPED or key.startswith(LETTER)
    return not typed and any(_number(each) in (inf, -inf) for each in asked)


def _number(text: str) -> float | None:
    """A number, or true or false, as it is meant; None for other text."""
    try:
        return float({"true": "1", "false": "0"}.get(text.lower(), text))
    except ValueError:
        return None


def in_vain(refused: Mapping[str, Refused], limits: Mapping[str, tuple[int, int]]) -> str:
    """A line for each parameter that a link names and the page has not, or not so.

    >>> refused = {"k": Refused(["999"], 72), "matrix": Refused(["zz"], None)}
    >>> print(in_vain(refused, {"k": (1, 576)}))
    The link asks for k = `999`; this page takes a whole number from 1 to 576. Shown is k = `72`.
    <BLANKLINE>
    The link asks for matrix = `zz`; nothing on this page is called so.
    """
    lines = []
    for key, each in refused.items():
        least, most = limits.get(key, (0, 0))
        if each.shown is None:
            told = _("The link asks for {key} = `{asked}`; nothing on this page is called so.")
        elif most:
            told = _(
                "The link asks for {key} = `{asked}`; this page takes a whole number from "
                "{least:,} to {most:,}. Shown is {key} = `{shown}`."
            )
        else:
            told = _(
                "The link asks for {key} = `{asked}`; this page has no such choice. "
                "Shown is {key} = `{shown}`."
            )
        shown = "" if each.shown is None else WRITTEN.get(key, said)(each.shown)
        asked = _plain(", ".join(each.asked))
        lines.append(
            told.format(
                key=as_text(key[:40]), asked=asked, least=least, most=most, shown=_plain(shown)
            )
        )
    return "\n\n".join(lines)


def _plain(text: str) -> str:
    """The beginning of a text that a link brings, on one line, to be quoted in code."""
    return " ".join(text.replace("`", "'").split())[:40]
