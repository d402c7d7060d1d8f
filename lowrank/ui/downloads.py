"""Results to take home: the same numbers as a table and as a record."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from lowrank.files import as_csv


def csv_and_json(rows: Sequence[Mapping[str, Any]], record: Any, name: str) -> None:
    """Two buttons: `name`.csv with the rows, under the first one's keys, and `name`.json.

    What they save is made when they are pressed.
    """
    left, right = st.columns(2)
    left.download_button(
        "CSV", lambda: as_csv(rows), f"{name}.csv", "text/csv", icon=":material/download:",
        on_click="ignore", width="stretch",
    )  # fmt: skip
    right.download_button(
        "JSON", lambda: json.dumps(record), f"{name}.json", "application/json",
        icon=":material/download:", on_click="ignore", width="stretch",
    )  # fmt: skip


def zipped(folder: Path) -> bytes:
    """The files of a folder as a zip."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return held.getvalue()
