"""Widgets whose value is in the address; with BOUND it comes back after a visit to another page."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

BOUND: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}


def choice(label: str, options: Sequence[Any], default: Any, key: str, **more: Any) -> Any:
    """One of a few options, side by side; always one is chosen."""
    return st.segmented_control(
        label, options, default=default, required=True, key=key, bind="query-params", **more
    )


def rank_slider(label: str, key: str, limit: int, default: int) -> int:
    """A rank, 1 to limit; what the address asks in vain is said."""
    asked_in_vain(key, 1, limit)
    state = st.session_state
    if key in state:  # kept from a larger matrix
        state[key] = min(state[key], limit)
    # Not st.slider: with another maximum it would be another widget and forget its place.
    ranks = range(1, limit + 1)
    return int(st.select_slider(label, ranks, min(default, limit), key=key, bind="query-params"))


def asked_in_vain(key: str, least: int, most: int) -> None:
    """Say so if the address asks for a number that the slider of that key does not have."""
    asked = st.query_params.get(key)
    if asked is None or (asked.isascii() and asked.isdigit() and least <= int(asked[:9]) <= most):
        return
    limit = f"min(m, n) = {most:,}" if key == "r" else f"{most:,}"
    st.info(
        f"The link asks for {key} = {asked[:40]}; this page takes a whole number from {least} to "
        f"{limit}, and keeps to that.",
        icon=":material/info:",
    )
