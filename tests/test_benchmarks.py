"""The README's figures, and those for a class, are those that the benchmarks kept."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "benchmarks" / "tables.py"
spec = importlib.util.spec_from_file_location("tables", FILE)
assert spec
assert spec.loader
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)
TEXT = tables.README.read_text(encoding="utf-8")


TEXTS = [path.read_text(encoding="utf-8") for path in tables.WRITTEN]


def test_the_tables_are_written_from_a_checkout_where_nothing_is_installed(tmp_path) -> None:
    start = "import runpy, sys; runpy.run_path(sys.argv[1])"
    subprocess.run([sys.executable, "-I", "-c", start, str(FILE)], cwd=tmp_path, check=True)


def test_what_is_written_is_what_was_measured() -> None:
    assert [tables.filled(each) for each in TEXTS] == TEXTS


def test_every_table_has_its_place() -> None:
    places = [found[2] for each in TEXTS for found in tables.MARKED.finditer(each)]
    assert sorted(places) == sorted(tables.TABLES)


def test_a_setup_holds_the_largest_class_that_is_answered_soon() -> None:
    def run(students: int, p95: float) -> dict[str, float]:
        seconds = {"move median s": p95 / 9, "move p95 s": p95}
        return {"students": students, "errors": 0, "dropped": 0, "MB after": 1500} | seconds

    runs = {"a": [run(50, 0.4), run(100, 1.2)], "b": [run(50, 0.4)], "c": [run(50, 3.0)]}
    machine = {"cores": 2}
    kept = {"figures": {"holds": runs}, "machine": machine, "command": "x", "measured": "today"}
    rows = tables.holds(kept).splitlines()[-3:]
    counts = [row.split(" | ")[1] for row in rows]
    assert counts == ["50", "50 or more", "fewer than 50"]


def test_another_figure_makes_another_readme(tmp_path, monkeypatch) -> None:
    kept = json.loads(tables.results("readers").read_text(encoding="utf-8"))
    kept["figures"]["read over np.fromfile"] = 0.12
    path = tmp_path / "readers.json"
    path.write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.setattr(tables, "KEPT_ELSEWHERE", tables.KEPT_ELSEWHERE | {"readers": path})
    assert "takes 0.12 of the time" in tables.filled(TEXT)


def test_the_prose_beside_the_tables_says_what_they_say() -> None:
    def figures(name: str) -> dict:
        return json.loads(tables.results(name).read_text(encoding="utf-8"))["figures"]

    svd, training = figures("svd"), figures("lora")["training"]
    assert "a true error (in brackets) an order or more below what was asked" in TEXT
    for tolerances in svd["top"].values():
        for tol, found in tolerances.items():
            assert found["runs"]["truncate"]["error"] <= float(tol) / 10
    assert "Half of the fastest peer's time was aimed at" in TEXT
    assert min(svd["means"].values()) > 0.5  # "Both are missed"
    limits = [each["limits"] for found in svd["top"].values() for each in found.values()]
    assert min(limits) > 2
    assert "The aim of time is missed." in TEXT
    assert training["time over PEFT"] > 0.75
    ours = figures("elimination")["40"]["times as long"]["Matrix"]
    assert "listing all operations is faster than sympy's result without steps" in TEXT
    assert ours["listed"] > 1 > ours["matrices"]
