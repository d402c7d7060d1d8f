"""A block pasted into a grid that it does not fit: told to Python, so that the grid can grow.

The data editor drops the columns for which it has no room. What fits, it pastes itself.
"""

from collections.abc import Callable

import streamlit as st

_LISTEN = """
export default function ({ data, setTriggerValue }) {
  const paste = (event) => {
    const grid = document.activeElement?.closest('[data-testid="stDataFrame"]');
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!grid || !text.trim()) return;
    const at = grid.querySelector('[role="gridcell"][aria-selected="true"]');
    const column = Math.max((Number(at?.getAttribute("aria-colindex")) || 1) - 1, 0);
    const row = Math.max((Number(at?.closest("tr")?.getAttribute("aria-rowindex")) || 2) - 2, 0);
    const lines = text.trimEnd().split(/\\r?\\n/);
    const wide = Math.max(...lines.map((line) => line.split("\\t").length));
    const oneCell = lines.length === 1 && wide === 1 && !/[\\\\\\[{;&,]/.test(text);
    const fits = row + lines.length <= data.rows && column + wide <= data.columns;
    if (oneCell || (fits && text.includes("\\t"))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    setTriggerValue("pasted", { text, row, column });
  };
  window.addEventListener("paste", paste, true);
  return () => window.removeEventListener("paste", paste, true);
}
"""
_component = st.components.v2.component("lowrank_pasting", js=_LISTEN)


def listen(key: str, rows: int, columns: int, on_paste: Callable[[], None]) -> None:
    """Call `on_paste` when a block is pasted that a grid of this size has no room for.

    st.session_state[key].pasted then holds its text and the row and column it was pasted at.
    """
    size = {"rows": rows, "columns": columns}
    _component(key=key, data=size, on_pasted_change=on_paste, height=1)
