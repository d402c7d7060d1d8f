"""A short run of the fuzzer; `python tests/fuzz.py` is the long one."""

import importlib.util
import re
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("fuzz", Path(__file__).parents[1] / "fuzz.py")
fuzz = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzz)


@pytest.mark.parametrize("kind", list(fuzz.FORMATS))
def test_every_mutant_opens_or_is_refused(kind, tmp_path):
    found, _ = fuzz.run(kind, 600, seed=1, folder=tmp_path)
    assert set(found) == {"opened", "refused"}


def test_the_table_of_what_came_of_mutants_has_every_format() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+) \| 20,000 \| ([\d,]+) \| ([\d,]+) \| 0 \|$", page, re.MULTILINE)
    assert [kind for kind, *_counts in rows] == list(fuzz.FORMATS)
    opened_and_refused = [sum(int(n.replace(",", "")) for n in counts) for _kind, *counts in rows]
    assert set(opened_and_refused) == {20_000}
