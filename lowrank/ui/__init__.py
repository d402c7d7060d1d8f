"""What the pages share: cached calls and widgets. The only package that knows streamlit."""
