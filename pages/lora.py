import streamlit as st

st.title('lora')
