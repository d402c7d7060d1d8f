"""What of a call a cache is looked up by."""

import threading

import streamlit as st

from lowrank.ui import cached


def test_what_is_named_with_an_underscore_is_no_key_of_a_models_cache():
    """A key names it already; hashing an adapter's numbers would cost every move of a page."""
    made = []

    @cached.of_model(st.cache_data(max_entries=8, show_spinner=False))
    def found(source: str, _held: object, key: str) -> str:
        made.append(key)
        return f"{source} {key}"

    locks = threading.Lock(), threading.Lock()  # which Streamlit cannot hash
    assert [found("synthetic", lock, "a") for lock in locks] == ["synthetic a"] * 2
    assert found("synthetic", locks[0], "b") == "synthetic b"
    assert made == ["a", "b"]
