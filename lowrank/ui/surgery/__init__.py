"""The Surgery page's parts: what to cut, the work behind it, and what is shown."""
