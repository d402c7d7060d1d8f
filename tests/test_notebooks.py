"""The notebooks run from top to bottom, each in a fresh namespace."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, default_model, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # what it writes, it writes here
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert code
    namespace = {"__name__": "notebook"}
    for number, source in enumerate(code, 1):
        exec(compile(source, f"{path.name}, code cell {number}", "exec"), namespace)
