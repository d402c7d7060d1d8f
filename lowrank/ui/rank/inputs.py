"""Widgets whose value is in the address and comes back after a visit to another page."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeVar

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.matrices import Row
from lowrank.exact.parsing import parse_matrix
from lowrank.ui import bound
from lowrank.ui.bound import BOUND as BOUND

Option = TypeVar("Option", bound=str)


def choice(label: str, options: Sequence[Option], default: Option, key: str, **more: Any) -> Option:
    """One of a few options, side by side; always one is chosen."""
    return bound.choice(label, options, default, key, persist_state="session", **more)


def one_of_or_typed(label: str, options: Sequence[str], key: str, **more: Any) -> str:
    """One of a list, or whatever is typed in its place; what the link says is in the list."""
    now = st.session_state.get(key) or st.query_params.get(key)
    listed = [*options, now] if now and not bound.named(key, options) else list(options)
    found = st.selectbox(
        label, listed, key=key, accept_new_options=True, format_func=bound.said, **BOUND, **more
    )
    return found or ""


def right_side(typed: str, m: int) -> Row:
    """b as typed: m numbers, or a single 0 for all of them.

    >>> [str(x) for x in right_side("1, 1/2", 2)]
    ['1', '1/2']

    Raises:
        InputError: not m numbers in a row or in a column.
    """
    M = parse_matrix(typed)
    if len(M) > 1 and len(M[0]) > 1:
        raise InputError(
            "b is one column, but {rows} rows of {columns} entries were typed.",
            rows=len(M),
            columns=len(M[0]),
        )
    entries = tuple(x for row in M for x in row)
    if entries == (0,):
        return (Fraction(0),) * m
    if len(entries) != m:
        raise InputError(
            "b has {count} of the {m} entries it needs, one for each row.",
            count=len(entries),
            m=m,
        )
    return entries
