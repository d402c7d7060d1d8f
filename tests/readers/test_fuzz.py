"""A short run of the fuzzer; `python tests/fuzz.py` is the long one."""

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("fuzz", Path(__file__).parents[1] / "fuzz.py")
fuzz = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzz)


@pytest.mark.parametrize("kind", list(fuzz.FORMATS))
def test_every_mutant_opens_or_is_refused(kind, tmp_path):
    found, _ = fuzz.run(kind, 600, seed=1, folder=tmp_path)
    assert set(found) == {"opened", "refused"}
