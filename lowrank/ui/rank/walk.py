"""Back, Next and a slider over any number of steps, kept in the link under a key of its own."""

import streamlit as st


def walk(total: int, key: str, label: str = "Step") -> int:
    """Draw the controls and return the step chosen, from 0 to total."""
    state = st.session_state
    if key in state:
        state[key] = min(int(state[key] or 0), total)
    # Not st.slider: with another maximum it would be another widget and forget its place.
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, icon, by in (
            ("Back", ":material/arrow_back:", -1),
            ("Next", ":material/arrow_forward:", 1),
        ):
            st.button(
                name,
                key=f"{key}_{name.lower()}",
                icon=icon,
                shortcut="Left" if by < 0 else "Right",
                on_click=go_to,
                args=(key, by, total),
                type="primary" if by > 0 else "secondary",
            )
        return int(
            st.select_slider(
                label,
                range(total + 1),
                key=key,
                bind="query-params",
                persist_state="session",
                disabled=not total,
            )
        )


def go_to(key: str, by: int, total: int) -> None:
    """Move the slider by so many steps."""
    st.session_state[key] = min(max(int(st.session_state.get(key) or 0) + by, 0), total)
