"""The notebooks run from top to bottom, each in a fresh namespace; translations have their code."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lowrank.language import languages
from tests.ui.test_translations import CHINESE, KEPT, unclosed

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, default_model, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # what it writes, it writes here
    code = ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code"]
    assert code
    namespace = {"__name__": "notebook"}
    for number, source in enumerate(code, 1):
        exec(compile(source, f"{path.name}, code cell {number}", "exec"), namespace)


@pytest.mark.parametrize("language", languages()[1:])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_translated_notebook_has_the_same_code_and_formulas(path: Path, language: str) -> None:
    """So that the English one alone need be run."""
    both = zip(cells(path), cells(FOLDER / language / path.name), strict=True)
    for english, other in both:
        words, said = "".join(english.pop("source")), "".join(other.pop("source"))
        assert english == other  # its kind and name
        if english["cell_type"] == "code":
            assert words == said
            continue
        for what in ("code", "formulas", "targets of links"):
            kept, wanted = (set(re.findall(KEPT[what], each)) for each in (said, words))
            assert kept == wanted, f"{words[:40]}: {what}"
        assert words.partition(" ")[0].count("#") == said.partition(" ")[0].count("#")
        assert unclosed(said) == []
        assert language != "zh" or CHINESE.search(said)
