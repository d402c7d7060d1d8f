"""The rank and low-rank explorer: `streamlit run app.py`."""

import streamlit as st

st.set_page_config(page_title="lowrank", page_icon=":material/grid_on:", layout="wide")
st.session_state["through_app"] = True

st.navigation(
    [
        st.Page("pages/start.py", title="Start", icon=":material/home:", default=True),
        st.Page("pages/rank.py", title="Rank", icon=":material/stairs:"),
        st.Page("pages/redundancy.py", title="Redundancy", icon=":material/healing:"),
        st.Page("pages/truncation.py", title="Truncation", icon=":material/content_cut:"),
        st.Page("pages/surgery.py", title="Surgery", icon=":material/surgical:"),
        st.Page("pages/atlas.py", title="Atlas", icon=":material/map:"),
        st.Page("pages/lora.py", title="LoRA", icon=":material/alt_route:"),
        st.Page("pages/lab.py", title="LoRA lab", icon=":material/science:"),
        st.Page("pages/memory.py", title="Memory", icon=":material/memory:"),
        st.Page("pages/adapter.py", title="Adapter", icon=":material/extension:"),
    ]
).run()
