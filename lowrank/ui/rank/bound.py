"""Widgets whose value is in the address, and comes back after a visit to another page."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

BOUND: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}


def choice(label: str, options: Sequence[str], default: str, key: str, **more: Any) -> str:
    """One of a few options, side by side; always one is chosen."""
    return st.segmented_control(
        label, options, default=default, required=True, key=key, **BOUND, **more
    )


def one_of_or_typed(label: str, options: Sequence[str], key: str, **more: Any) -> str:
    """One of a list, or whatever is typed in its place; what the link says is in the list."""
    now = st.session_state.get(key) or st.query_params.get(key)
    listed = [*options, now] if now and now not in options else list(options)
    return st.selectbox(label, listed, key=key, accept_new_options=True, **BOUND, **more) or ""
