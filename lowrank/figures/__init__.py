"""Arrays in, plotly figures and HTML out; nothing here knows streamlit."""
