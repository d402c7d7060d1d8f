"""Fixtures every test may use."""

import os

# Before numpy loads: idle OpenBLAS threads should sleep, not spin, on a small shared machine.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
import pytest

from lowrank.errors import SourceError
from lowrank.readers import Model, open_model


@pytest.fixture(scope="session")
def default_model() -> Model:
    """The real default model, fetched if need be; where it cannot be had, its tests are skipped."""
    try:
        return open_model("default")
    except SourceError as error:
        if os.environ.get("LOWRANK_REQUIRE_MODEL"):
            raise
        pytest.skip(f"the default model is not here: {error}")
