import streamlit as st

st.title('truncation')
