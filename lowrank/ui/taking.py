"""What a page gives to take home: tables, a matrix, its code as a notebook; made when asked for."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.figures.numbers import amount
from lowrank.files import as_csv
from lowrank.language import gettext as _
from lowrank.readers import TensorInfo
from lowrank.readers.safetensors_writer import write

LARGEST = 64_000_000  # bytes of a file that is made here: it waits in the server's memory


class File(NamedTuple):
    """A file's label and name, and what makes its content."""

    label: str
    name: str
    made: Callable[[], str | bytes]


@st.fragment
def take_home(*files: File) -> None:
    """An expander with a button for each file; a file is made when its button is pressed."""
    with st.expander(_("Take it home"), key="files", on_change="rerun") as shown:
        if not shown.open:
            return
        with st.container(horizontal=True):
            for file in files:
                button(file)


def button(file: File) -> None:
    """A button whose press makes a file and saves it."""
    st.download_button(
        file.label,
        file.made,
        file.name,
        "text/csv" if file.name.endswith(".csv") else "application/octet-stream",
        key=f"take {file.name}",
        icon=":material/download:",
        on_click="ignore",
    )


def table(label: str, name: str, rows: Callable[[], Sequence[Mapping[str, Any]]]) -> File:
    """A table as CSV."""
    return File(_("{what}, CSV").format(what=label), f"{name}.csv", lambda: as_csv(rows()))


def matrix(label: str, name: str, A: NDArray[np.floating]) -> File:
    """A matrix that is at hand, as numpy keeps it."""
    return File(f"{label}, .npy", f"{name}.npy", lambda: as_npy(A))


def matrix_files(info: TensorInfo, read: Callable[[], NDArray[np.float32]]) -> list[File]:
    """A matrix as float32, as numpy and as safetensors keep it; none if it is too large."""
    size = 4 * info.shape[0] * info.shape[1]
    if size > LARGEST:
        return []
    stem = info.name.removesuffix(".weight")
    label = _("Matrix, {kind} ({size})")
    return [
        File(label.format(kind=".npy", size=amount(size)), f"{stem}.npy", lambda: as_npy(read())),
        File(
            label.format(kind="safetensors", size=amount(size)),
            f"{stem}.safetensors",
            lambda: as_safetensors(info.name, read()),
        ),
    ]


def as_npy(W: NDArray[np.floating]) -> bytes:
    """A matrix as `np.load` reads it.

    >>> np.load(io.BytesIO(as_npy(np.eye(2, dtype=np.float32)))).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    held = io.BytesIO()
    np.save(held, W, allow_pickle=False)
    return held.getvalue()


def as_safetensors(name: str, W: NDArray[np.float32]) -> bytes:
    """A matrix under its name, as the safetensors library reads it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "matrix.safetensors"
        write(path, {name: ("F32", W.shape)}, lambda _name: W)
        return path.read_bytes()


def notebook(code: str) -> str:
    """A Jupyter notebook with that code in a cell (nbformat 4.4)."""
    told = _("Needs Python 3.11 or later and `pip install 'lowrank-explorer[app]'`.")
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": [told]},
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": code.splitlines(keepends=True),
        },
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 4})


def runnable(code: str) -> None:
    """Code that runs as it stands, with a button that saves it as a notebook."""
    st.code(code)
    visited = st.session_state.get("visited") or ["lowrank"]
    button(File(_("As a notebook"), f"{visited[-1]}.ipynb", lambda: notebook(code)))
