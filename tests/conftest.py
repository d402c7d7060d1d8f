"""Fixtures every test may use."""

import os

# Before numpy loads: idle OpenBLAS threads should sleep, not spin, on a small shared machine.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
