"""The floor that a move of ours is measured in: a page of one slider and twenty lines.

Served by benchmarks/classroom.py beside the app, with the same libraries loaded and frozen.
"""

import gc

import numpy  # noqa: F401
import pandas  # noqa: F401
import plotly.graph_objects  # noqa: F401
import scipy.linalg  # noqa: F401
import streamlit as st
import sympy  # noqa: F401


@st.cache_resource(show_spinner=False)
def freeze() -> None:
    """Once, as lowrank/ui/everything.py does it."""
    gc.collect()
    gc.freeze()


freeze()
x = st.slider("x", 0, 100, 5)
for i in range(20):
    st.write(f"line {i} {x}")
