"""Entering a small exact matrix: a preset, a grid, or pasted text; the link follows.

One value is the truth: the bound selectbox, a preset's name or the matrix as short text. The grid
and the text area are two views of it that keep what was typed even when it is no matrix. Where a
text may mean two matrices, the page shows one, says so and offers the other.
"""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lowrank.errors import InputError
from lowrank.exact.matrices import Matrix
from lowrank.exact.parsing import MAX_SIDE, compact, matrix_of, parse_cells
from lowrank.exact.reading import Reading, read
from lowrank.exact.tokens import MAX_TEXT
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.ui.bound import named, said
from lowrank.ui.outside import as_text
from lowrank.ui.pasting import listen

PRESETS = {
    gettext_noop("A repeated direction"): "1 2 1; 2 -1 3; 0 5 -1",
    gettext_noop("Full rank"): "2 1 1; 4 3 3; 8 7 9",
    gettext_noop("Tall"): "1 2; 2 1; 3 3; 1 -1; 0 3",
    gettext_noop("Wide"): "1 2 0 3 1; 2 4 1 4 3; 3 6 1 7 5",
    gettext_noop("Zero column first"): "0 2 4; 0 1 3; 0 3 7",
    gettext_noop("Needs a swap"): "0 1 2; 1 0 3; 2 1 8",
    gettext_noop("Only zeros"): "0 0 0; 0 0 0",
    gettext_noop("Hilbert"): "1 1/2 1/3 1/4 1/5; 1/2 1/3 1/4 1/5 1/6; 1/3 1/4 1/5 1/6 1/7;"
    "1/4 1/5 1/6 1/7 1/8; 1/5 1/6 1/7 1/8 1/9",
    gettext_noop("Tenths"): "0.1 0.2 0.3; 0.4 0.5 0.6; 0.7 0.8 0.9",
    gettext_noop("Tiny pivot"): "1e-20 1 1; 1 1 2; 1 2 4",
    gettext_noop("Almost the same"): "1 1; 1 1.000000001",
    gettext_noop("Zero row sums"): "0.8 -0.3 -0.5; -0.5 0.8 -0.3; -0.3 -0.5 0.8",
    gettext_noop("Whole numbers"): "10 3 7; 3 1 4; 13 4 11",
    gettext_noop("Wilkinson growth"): "1 0 0 0 0 0 0 1; -1 1 0 0 0 0 0 1; -1 -1 1 0 0 0 0 1;"
    "-1 -1 -1 1 0 0 0 1;"
    "-1 -1 -1 -1 1 0 0 1; -1 -1 -1 -1 -1 1 0 1; -1 -1 -1 -1 -1 -1 1 1; -1 -1 -1 -1 -1 -1 -1 1",
    gettext_noop("Magic square"): "8 1 6; 3 5 7; 4 9 2",
    gettext_noop("Triangle"): "1 1 0; 0 1 1; 1 0 1",
    gettext_noop("Falls at 2 and 3"): "5 1; 1 5",
}
GRID, TEXT = gettext_noop("Grid"), gettext_noop("Text")
EDITING = "entry_edit"  # the key that says whether the editor is open


def matrix_entry(place: DeltaGenerator) -> Matrix:
    """Draw the entry, its head in a place of one line, and return the matrix as it now stands.

    Raises:
        InputError: what was typed is no matrix; the widgets, already drawn, still hold it.
    """
    state = st.session_state
    with place, st.container(horizontal=True):
        chosen = source()
        if state.get("entry_source") != chosen:
            _load(chosen, PRESETS.get(chosen, chosen))
        unreadable = state["entry_cells"] is None
        if not unreadable:
            editor = st.popover(_("Edit"), icon=":material/edit:", key=EDITING, on_change="rerun")
    if unreadable or editor.open:
        with st.container() if unreadable else editor:
            _editor(unreadable)
    elif state.pop("entry_drawn", False):  # its edits go with it
        state["entry_base"], state["entry_version"] = state["entry_cells"], _next_version()
    if unreadable:
        return matrix_of(read(state["entry_typed"]))
    _meanings()
    return parse_cells(state["entry_cells"])


def source() -> str:
    """The one value that is the truth: a preset's name or a matrix on one line."""
    current = st.session_state.get("m") or st.query_params.get("m")
    chosen = st.selectbox(
        _("Matrix"),
        [*PRESETS, current] if current and not named("m", PRESETS) else list(PRESETS),
        key="m",
        accept_new_options=True,
        bind="query-params",
        persist_state="session",
        on_change=_restart,
        format_func=said,
        label_visibility="collapsed",
    )
    return chosen or ""


def _editor(unreadable: bool) -> None:
    """The grid, or the text that the matrix was read from."""
    state = st.session_state
    state["entry_drawn"] = True
    state["entry_mode"] = TEXT if unreadable else state.get("entry_mode", GRID)
    mode = st.segmented_control(
        _("Edit it as"), [GRID, TEXT], required=True, key="entry_mode", format_func=said
    )
    if mode == GRID:
        _grid()
        return
    state["entry_text"] = state["entry_typed"]
    st.text_area(
        _("Paste or type a matrix"),
        key="entry_text",
        height=180,
        max_chars=2 * MAX_TEXT,  # the reader says what it accepts
        on_change=_text_changed,
        help=_(
            "Plain rows, a spreadsheet, CSV, LaTeX, or what numpy, MATLAB, R, Sage and others "
            "print; 3/2, 0.1 and 2e-3 are read exactly. On one line: 1 2; 3 4, or 1 2 | 3; 4 5 | "
            "6, or x + 2y = 3; 2x - y = 1"
        ),
    )


def _meanings() -> None:
    """What was read in a way worth saying, and what else the text may mean, a click away."""
    state = st.session_state
    readings = _readings(state["entry_typed"])
    chosen = state.get("entry_meant", 0)
    if not readings or chosen >= len(readings):
        return
    if readings[chosen].notes:
        st.caption(as_text(" ".join(readings[chosen].notes)))
    others = [k for k in range(len(readings)) if k != chosen]
    if readings[0].asks and not chosen:
        st.info(as_text(readings[0].asks), icon=":material/help:")
    for k in others:
        st.button(
            _("Read it as {matrix}").format(matrix=_short(readings[k])),
            key=f"entry_meant_{k}",
            on_click=_mean,
            args=(k,),
        )


def _readings(text: str) -> Sequence[Reading]:
    """Every matrix that a text may mean; none where it is no matrix."""
    try:
        first = read(text)
    except InputError:
        return ()
    return (first, *first.others) if first.rows else ()


def _short(reading: Reading) -> str:
    """A matrix on one line, its entries in code so that nothing in them is set otherwise."""
    m, n = len(reading.rows), len(reading.rows[0])
    line = "; ".join("  ".join(row) for row in reading.cells).replace("`", "'")
    return f"`{line if len(line) <= 40 else line[:36] + '…'}` ({m} × {n})"


def _mean(k: int) -> None:
    """Another reading of the same text; the text stays as it was typed."""
    state = st.session_state
    reading = _readings(state["entry_typed"])[k]
    _keep(reading.cells, state["entry_typed"], k, reading.bar, reading.names)
    _publish(reading.cells)


def _restart() -> None:
    """Another matrix: the moves that the link keeps were made on the one before."""
    st.session_state.update(step=0, ops="", typed="", written="")


def _load(source: str, text: str) -> None:
    """Show another matrix in the grid and the text area; unreadable text has no grid.

    What is asked about, or read in a way worth saying, stays as it was written.
    """
    cells, bar, names = _grid_of(text)
    doubtful = any(first.asks or first.notes for first in _readings(text)[:1])
    plain = cells and not names and not doubtful
    _keep(cells, _lines(cells, bar) if cells and plain else text, 0, bar, names)
    st.session_state["entry_source"] = source


def _lines(cells: Sequence[Sequence[str]], bar: int | None) -> str:
    """Cells as text, parted by tabs where a cell holds white space or a comma of its own."""
    between = "\t" if any(c in cell for row in cells for cell in row for c in " ,;") else "  "
    rows = [[cell or '""' for cell in row] for row in cells]
    if bar:
        rows = [[*row[:bar], "|", *row[bar:]] for row in rows]
    return "\n".join(between.join(row) for row in rows)


def _grid_of(text: str) -> tuple[list[list[str]] | None, int | None, tuple[str, ...]]:
    """The cells of a text if they form a grid small enough to draw, numbers or not; its bar and
    the names of its unknowns."""
    first = next(iter(_readings(text)), Reading())
    cells = first.cells
    fits = 0 < len(cells) <= MAX_SIDE and 0 < len(cells[0]) <= MAX_SIDE
    even = fits and len({len(row) for row in cells}) == 1
    return (cells, first.bar, first.names) if even else (None, None, ())


def _keep(
    cells: list[list[str]] | None,
    typed: str,
    meant: int = 0,
    bar: int | None = None,
    names: tuple[str, ...] = (),
) -> None:
    """New contents for both views; a new grid, since its edits belong to the old contents."""
    state = st.session_state
    state["entry_cells"], state["entry_base"], state["entry_typed"] = cells, cells, typed
    state["entry_version"], state["entry_meant"] = _next_version(), meant
    state["entry_augmented"] = bar, names


def _next_version() -> int:
    return st.session_state.get("entry_version", 0) + 1


def augmented() -> tuple[int | None, tuple[str, ...]]:
    """How many columns of the matrix stand left of its bar, and what the unknowns are called."""
    return st.session_state.get("entry_augmented", (None, ()))


def _fitting(n: int) -> tuple[int | None, tuple[str, ...]]:
    """The bar and the names as they are in a grid of n columns now."""
    bar, names = augmented()
    bar = bar if bar and bar < n else None
    return bar, names if bar == len(names) == n - 1 else ()


def _publish(cells: list[list[str]]) -> None:
    """Put a matrix that reads well in the link; one that does not leaves the link as it was."""
    try:
        parse_cells(cells)
    except InputError:
        return
    state = st.session_state
    line = compact(cells, *augmented())
    if state.get("m") != line:
        state["m"] = state["entry_source"] = line
        _restart()


def _text_changed() -> None:
    state = st.session_state
    typed = state["entry_text"]
    cells, bar, names = _grid_of(typed)
    _keep(cells, typed, 0, bar, names)
    if cells:
        _publish(cells)


def _grid_changed() -> None:
    state = st.session_state
    cells = [list(row) for row in state["entry_base"]]
    for row, edits in state[_grid_key()]["edited_rows"].items():
        for column, value in edits.items():
            cells[int(row)][int(column) - 1] = str(value or "").strip()
    typed = _lines(cells, augmented()[0])
    state["entry_cells"], state["entry_typed"], state["entry_meant"] = cells, typed, 0
    _publish(cells)


def _pasted() -> None:
    """A block for which the grid had no room: the grid grows; a text of its own kind is read."""
    state = st.session_state
    block = state["entry_pasted"].pasted
    text, top, left = str(block["text"]), int(block["row"]), int(block["column"])
    cells, bar, _ = _grid_of(text)
    if cells is None or bar or not (top or left):
        base = state["entry_cells"]
        if cells is None or bar or (len(cells) >= len(base) and len(cells[0]) >= len(base[0])):
            state["entry_text"] = text
            return _text_changed()
    m = max(len(state["entry_cells"]), top + len(cells))
    n = max(len(state["entry_cells"][0]), left + len(cells[0]))
    if max(m, n) > MAX_SIDE:
        state["entry_text"] = text
        return _text_changed()
    grown = _resized_to(m, n)
    for i, row in enumerate(cells, top):
        grown[i][left : left + len(row)] = row
    return _show(grown, *_fitting(n))


def _resized_to(m: int, n: int) -> list[list[str]]:
    """The grid cut or filled up with zeros."""
    cells = st.session_state["entry_cells"]
    grown = [[*row[:n], *["0"] * (n - len(row))] for row in cells[:m]]
    return grown + [["0"] * n for _ in range(m - len(cells))]


def _resized() -> None:
    grown = _resized_to(st.session_state["entry_rows"], st.session_state["entry_columns"])
    _show(grown, *_fitting(len(grown[0])))


def _show(cells: list[list[str]], bar: int | None, names: tuple[str, ...] = ()) -> None:
    _keep(cells, _lines(cells, bar), 0, bar, names)
    _publish(cells)


def _barred() -> None:
    """The bar is put before another column, or taken away."""
    _show(st.session_state["entry_cells"], st.session_state["entry_bar"] or None)


def _beside_identity() -> None:
    """[A | I], to be reduced to [I | A^-1]."""
    A = st.session_state["entry_cells"]
    n = len(A)
    _show([[*row, *(str(int(i == j)) for j in range(n))] for i, row in enumerate(A)], n)


def _grid_key() -> str:
    return f"entry_grid_{st.session_state['entry_version']}"


def _grid() -> None:
    state = st.session_state
    base = state["entry_base"]
    state["entry_rows"], state["entry_columns"] = len(base), len(base[0])
    with st.container(horizontal=True):
        for label, key in ((_("Rows"), "entry_rows"), (_("Columns"), "entry_columns")):
            st.number_input(label, 1, MAX_SIDE, key=key, on_change=_resized)
    state["entry_bar"] = augmented()[0] or 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            _("Bar after column"),
            0,
            max(len(base[0]) - 1, 0),
            key="entry_bar",
            on_change=_barred,
            help=_("As in [A | b]: pivots are sought left of the bar. 0 is no bar."),
        )
        if len(base) == len(base[0]) <= MAX_SIDE // 2:
            st.button(
                "[A | I]",
                key="entry_identity",
                on_click=_beside_identity,
                help=_("Put the identity matrix beside A: reduced, A⁻¹ stands in its place."),
            )
    # the grid's tools lie over this
    st.caption(_("Whole numbers, fractions like 3/2, decimals"))
    listen("entry_pasted", len(base), len(base[0]), _pasted)
    st.data_editor(
        {str(j + 1): [row[j] for row in base] for j in range(len(base[0]))},
        key=_grid_key(),
        hide_index=True,
        on_change=_grid_changed,
        column_config={str(j + 1): st.column_config.TextColumn() for j in range(len(base[0]))},
        alt=_("The entries of the matrix; whole numbers, fractions like 3/2 and decimals."),
    )
