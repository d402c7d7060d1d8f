"""What the browser's tab keeps over a reload, and no link carries to anyone else."""

import streamlit as st

_KEEP = """
export default function ({ data, setStateValue }) {
  const kept = sessionStorage.getItem(data.name);
  if (data.value) sessionStorage.setItem(data.name, data.value);
  else if (kept) setStateValue("kept", kept);
}
"""
_component = st.components.v2.component("lowrank_tab", js=_KEEP)


def kept(name: str, value: str) -> str:
    """A value, which the tab keeps from now on; without one, what it kept before, or ""."""
    data = {"name": f"kept {name}", "value": value}
    found = _component(key=f"tab_{name}", data=data, on_kept_change=lambda: None, height=1)
    return value or str(found.kept or "")
