"""Widgets whose value is in the address; with BOUND it comes back after a visit to another page."""

from collections.abc import Iterable, Sequence
from typing import Any

import streamlit as st

from lowrank.language import again, gettext_noop, pgettext, source_of
from lowrank.language import gettext as _

# Options that are made of a name and a number.
EVERY_KIND, OF_LAYER = MADE = gettext_noop("every {kind}"), gettext_noop("{kind} of layer {layer}")
BOUND: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}


def choice(
    label: str, options: Sequence[Any], default: Any, key: str, context: str = "", **more: Any
) -> Any:
    """One of a few options, side by side; always one is chosen.

    Options are what the code calls them, in English; the visitor reads them translated, in a
    `context` where the words mean something of their own.
    """
    if "format_func" not in more:
        labels = {option: said(option, context) for option in options}  # asked for several times
        more["format_func"] = lambda option: labels.get(option) or said(option, context)
        named_in_link(key, options, context)
    return st.segmented_control(
        label, options, default=default, required=True, key=key, bind="query-params", **more
    )


def said(option: Any, context: str = "") -> str:
    """An option as the visitor reads it, and as it is in the address."""
    words = str(option)
    translated = pgettext(context, words) if context else _(words)
    return again(words, MADE) if translated == words else translated


def named(key: str, options: Iterable[str]) -> str | None:
    """Which option the session or the address names before its widget is drawn, if any.

    The address may have been made in another language.
    """
    now = str(st.session_state.get(key) or st.query_params.get(key))
    return next((option for option in options if option in source_of(now)), None)


def named_in_link(key: str, options: Iterable[str], context: str = "") -> None:
    """Let a link name an option in any language, also where one word is two in another."""
    found = None if key in st.session_state else named(key, options)
    if found and st.query_params.get(key) != said(found, context):
        st.query_params[key] = said(found, context)
        st.rerun()  # a widget takes what the address says at the beginning of a run


def rank_slider(label: str, key: str, limit: int, default: int, doubling: bool = False) -> int:
    """A rank, 1 to limit; `doubling`: the powers of two, and one that a link names."""
    takes(key, 1, limit)
    if limit == 1:  # a slider needs two ends
        only = _("**{label} = 1**, the only rank a single row or column has.")
        st.markdown(only.format(label=label))
        return 1
    ranks: Sequence[int] = range(1, limit + 1)
    if doubling:
        asked = str(st.session_state.get(key) or st.query_params.get(key))
        named = {min(int(asked[:9]), limit)} if asked.isascii() and asked.isdigit() else set()
        ranks = [r for r in ranks if r & (r - 1) == 0 or r in named]
    return fitted(label, key, ranks, min(default, limit))


def fitted(label: str, key: str, numbers: Sequence[int], default: int, **more: Any) -> int:
    """One of rising numbers, of which there are other ones for another matrix or model.

    One that is too large now waits until there are as many, unless another is chosen. A default,
    which is not in the address, is that of the moment.
    """
    state = st.session_state
    shown, wished = state.get(f"{key} wished", (None, None))
    now = state.get(key)
    if now is not None:
        wished = wished if now == shown else now
        now = default if wished is None else min(wished, numbers[-1])
        if state[key] != now:
            state[key] = now
    # Not st.slider: with another maximum it would be another widget and forget its place.
    found = int(st.select_slider(label, numbers, default, key=key, bind="query-params", **more))
    wished = wished if found == now else found
    state[f"{key} wished"] = found, None if wished == default else wished
    return found


def offer(key: str, options: Sequence[Any]) -> None:
    """The first of what is offered takes the place of a choice that is not offered any more."""
    state = st.session_state
    if key in state and state[key] not in options:
        state[key] = options[0]


def takes(key: str, least: int, most: int) -> None:
    """Tell which numbers a widget takes, for the sentence about a link that asks for another."""
    st.session_state.setdefault("limits", {})[key] = least, most
