"""The README's figures are those that the benchmarks kept."""

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "benchmarks" / "tables.py"
spec = importlib.util.spec_from_file_location("tables", FILE)
assert spec
assert spec.loader
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)
TEXT = tables.README.read_text(encoding="utf-8")


def test_the_readme_is_written_from_what_was_measured() -> None:
    assert tables.filled(TEXT) == TEXT


def test_every_table_has_its_place() -> None:
    assert sorted(found[2] for found in tables.MARKED.finditer(TEXT)) == sorted(tables.TABLES)


def test_another_figure_makes_another_readme(tmp_path, monkeypatch) -> None:
    kept = json.loads(tables.results("readers").read_text(encoding="utf-8"))
    kept["figures"]["read over np.fromfile"] = 0.12
    path = tmp_path / "readers.json"
    path.write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.setattr(tables, "KEPT_ELSEWHERE", tables.KEPT_ELSEWHERE | {"readers": path})
    assert "takes 0.12 of the time" in tables.filled(TEXT)
