"""Entering a small exact matrix: a preset, a grid, or pasted text; the link follows.

One value is the truth: the bound selectbox, a preset's name or the matrix as short text. The grid
and the text area are two views of it that keep what was typed even when it is no matrix.
"""

from collections.abc import Mapping

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.matrices import Matrix
from lowrank.exact.parsing import MAX_SIDE, compact, parse_cells, parse_matrix, split_cells

PRESETS = {
    "A repeated direction": "1 2 1; 2 -1 3; 0 5 -1",
    "Full rank": "2 1 1; 4 3 3; 8 7 9",
    "Tall": "1 2; 2 1; 3 3; 1 -1; 0 3",
    "Wide": "1 2 0 3 1; 2 4 1 4 3; 3 6 1 7 5",
    "Zero column first": "0 2 4; 0 1 3; 0 3 7",
    "Needs a swap": "0 1 2; 1 0 3; 2 1 8",
    "Only zeros": "0 0 0; 0 0 0",
    "Hilbert": "1 1/2 1/3 1/4 1/5; 1/2 1/3 1/4 1/5 1/6; 1/3 1/4 1/5 1/6 1/7;"
    "1/4 1/5 1/6 1/7 1/8; 1/5 1/6 1/7 1/8 1/9",
    "Tenths": "0.1 0.2 0.3; 0.4 0.5 0.6; 0.7 0.8 0.9",
    "Tiny pivot": "1e-20 1 1; 1 1 2; 1 2 4",
    "Almost the same": "1 1; 1 1.000000001",
    "Zero row sums": "0.8 -0.3 -0.5; -0.5 0.8 -0.3; -0.3 -0.5 0.8",
    "Whole numbers": "10 3 7; 3 1 4; 13 4 11",
    "Wilkinson growth": "1 0 0 0 0 0 0 1; -1 1 0 0 0 0 0 1; -1 -1 1 0 0 0 0 1; -1 -1 -1 1 0 0 0 1;"
    "-1 -1 -1 -1 1 0 0 1; -1 -1 -1 -1 -1 1 0 1; -1 -1 -1 -1 -1 -1 1 1; -1 -1 -1 -1 -1 -1 -1 1",
    "Magic square": "8 1 6; 3 5 7; 4 9 2",
    "Triangle": "1 1 0; 0 1 1; 1 0 1",
    "Falls at 2 and 3": "5 1; 1 5",
}
GRID, TEXT = "Grid", "Text"


def matrix_entry(presets: Mapping[str, str] = PRESETS) -> Matrix:
    """Draw the entry and return the matrix as it now stands.

    Raises:
        InputError: what was typed is no matrix; the widgets, already drawn, still hold it.
    """
    state = st.session_state
    current = state.get("m") or st.query_params.get("m")
    chosen = st.selectbox(
        "Matrix",
        [*presets, current] if current and current not in presets else list(presets),
        key="m",
        accept_new_options=True,
        bind="query-params",
        persist_state="session",
        on_change=_restart,
        help="Choose one, or type your own on one line: 1 2; 3 4",
    )
    if state.get("entry_source") != chosen:
        _load(chosen or "", presets.get(chosen, chosen) or "")
    unreadable = state["entry_cells"] is None
    state["entry_mode"] = TEXT if unreadable else state.get("entry_mode", GRID)
    mode = st.segmented_control("Edit it as", [GRID, TEXT], required=True, key="entry_mode")
    if mode == TEXT:
        state["entry_text"] = state["entry_typed"]
        st.text_area(
            "Paste or type a matrix",
            key="entry_text",
            height=180,
            on_change=_text_changed,
            help="Plain rows, CSV, LaTeX, numpy or MATLAB; 3/2, 0.1 and 2e-3 are read exactly.",
        )
        return parse_matrix(state["entry_typed"])
    _grid()
    return parse_cells(state["entry_cells"])


def _restart() -> None:
    """Another matrix: the moves that the link keeps were made on the one before."""
    st.session_state.update(step=0, ops="", typed="", written="")


def _load(source: str, text: str) -> None:
    """Show another matrix in the grid and the text area; unreadable text has no grid."""
    state = st.session_state
    cells = _grid_of(text)
    lines = "\n".join("  ".join(row) for row in cells) if cells else text
    _keep(cells, lines)
    state["entry_source"] = source


def _grid_of(text: str) -> list[list[str]] | None:
    """The cells of a text if they form a grid small enough to draw, numbers or not."""
    try:
        cells = split_cells(text)
    except InputError:
        return None
    fits = 0 < len(cells) <= MAX_SIDE and 0 < len(cells[0]) <= MAX_SIDE
    return cells if fits and len({len(row) for row in cells}) == 1 else None


def _keep(cells: list[list[str]] | None, typed: str) -> None:
    """New contents for both views; a new grid, since its edits belong to the old contents."""
    state = st.session_state
    state["entry_cells"], state["entry_base"], state["entry_typed"] = cells, cells, typed
    state["entry_version"] = state.get("entry_version", 0) + 1


def _publish(cells: list[list[str]]) -> None:
    """Put a matrix that reads well in the link; one that does not leaves the link as it was."""
    try:
        parse_cells(cells)
    except InputError:
        return
    state = st.session_state
    if state.get("m") != compact(cells):
        state["m"] = state["entry_source"] = compact(cells)
        _restart()


def _text_changed() -> None:
    state = st.session_state
    typed = state["entry_text"]
    cells = _grid_of(typed)
    _keep(cells, typed)
    if cells:
        _publish(cells)


def _grid_changed() -> None:
    state = st.session_state
    cells = [list(row) for row in state["entry_base"]]
    for row, edits in state[_grid_key()]["edited_rows"].items():
        for column, value in edits.items():
            cells[int(row)][int(column) - 1] = str(value or "").strip()
    state["entry_cells"] = cells
    state["entry_typed"] = "\n".join("  ".join(cell or '""' for cell in row) for row in cells)
    _publish(cells)


def _resized() -> None:
    state = st.session_state
    m, n, cells = state["entry_rows"], state["entry_columns"], state["entry_cells"]
    grown = [[*row[:n], *["0"] * (n - len(row))] for row in cells[:m]]
    grown += [["0"] * n for _ in range(m - len(cells))]
    _keep(grown, "\n".join("  ".join(cell or '""' for cell in row) for row in grown))
    _publish(grown)


def _grid_key() -> str:
    return f"entry_grid_{st.session_state['entry_version']}"


def _grid() -> None:
    state = st.session_state
    base = state["entry_base"]
    state["entry_rows"], state["entry_columns"] = len(base), len(base[0])
    with st.container(horizontal=True):
        for label, key in (("Rows", "entry_rows"), ("Columns", "entry_columns")):
            st.number_input(label, 1, MAX_SIDE, key=key, on_change=_resized)
    st.data_editor(
        {str(j + 1): [row[j] for row in base] for j in range(len(base[0]))},
        key=_grid_key(),
        hide_index=True,
        on_change=_grid_changed,
        column_config={str(j + 1): st.column_config.TextColumn() for j in range(len(base[0]))},
        alt="The entries of the matrix; whole numbers, fractions like 3/2 and decimals.",
    )
