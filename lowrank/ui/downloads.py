"""Results to take home: the same numbers as a table and as a record."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lowrank.files import as_cell


def csv_and_json(rows: Sequence[Mapping[str, Any]], record: Any, name: str) -> None:
    """Two buttons: `name`.csv with the rows, under the first one's keys, and `name`.json."""
    held = io.StringIO()
    writer = csv.DictWriter(held, rows[0] if rows else ["table"])
    writer.writeheader()
    writer.writerows({key: as_cell(cell) for key, cell in row.items()} for row in rows)
    left, right = st.columns(2)
    left.download_button(
        "CSV", held.getvalue(), f"{name}.csv", "text/csv", icon=":material/download:",
        on_click="ignore", width="stretch",
    )  # fmt: skip
    right.download_button(
        "JSON", json.dumps(record), f"{name}.json", "application/json",
        icon=":material/download:", on_click="ignore", width="stretch",
    )  # fmt: skip
