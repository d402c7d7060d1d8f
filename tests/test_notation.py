"""docs/notation.md says what each letter means; the pages' words and the code keep to it."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from lowrank.exact.systems import CR
from lowrank.lora import equations
from lowrank.spectra import completion
from lowrank.spectra.svd import SVD
from lowrank.ui.layout import PAGES, TEXT_FOLDER

ROOT = Path(__file__).parents[1]
NOTATION = (ROOT / "docs" / "notation.md").read_text(encoding="utf-8")
SHOWN = ["lowrank/ui/**/*.py", "lowrank/figures/**/*.py", "pages/*.py"]
# Letters that once meant something else where people read them.
OTHER = {
    "a singular value is σ": re.compile(r"\bs(?:[₀-₉]|ₖ|ᵢ|<sub>|²)"),
    "a thin product that is fitted is C R": re.compile(r"\bA B\b"),
    "rows and columns count from 1": re.compile(
        r"(?i)\b(?:rows?|columns?|entr(?:y|ies))\b[^.]{0,20}\bcount\w* from 0\b"
        r"|\b(?:row|column|entry) 0\b"
    ),
    "the scale is α/r": re.compile(r"alpha/r\b|α / r\b"),
}


def strings(path: Path) -> list[str]:
    """What a module may show: its strings but for docstrings, and those of a language but prose."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and isinstance(node.body[0], ast.Expr)
    }
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in docs]
    return [n.value for n in found if isinstance(n.value, str)]


def shown() -> list[tuple[str, str]]:
    """Every text that a page may show, with where it stands."""
    prose = [(p.name, p.read_text(encoding="utf-8")) for p in TEXT_FOLDER.rglob("*.md")]
    paths = sorted({path for pattern in SHOWN for path in ROOT.glob(pattern)})
    return prose + [(path.name, each) for path in paths for each in strings(path)]


@pytest.mark.parametrize("rule", OTHER)
def test_no_letter_means_something_else_on_a_page(rule: str) -> None:
    found = [(where, each[0]) for where, said in shown() for each in OTHER[rule].finditer(said)]
    assert not found, f"{rule}: {found}"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("a singular value is σ", "s₁ is the largest"),
        ("a thin product that is fitted is C R", "fits A B in turn"),
        ("rows and columns count from 1", "Rows are counted from 0."),
        ("the scale is α/r", "(alpha/r) B A"),
    ],
)
def test_the_rules_find_what_they_are_for(rule: str, said: str) -> None:
    assert OTHER[rule].search(said)


def test_the_code_has_the_letters_of_the_table() -> None:
    assert [*inspect.signature(equations.forward).parameters] == ["x", "W0", "A", "B", "alpha", "r"]
    assert {"C", "R"} <= set(inspect.get_annotations(CR))
    assert {"U", "s", "Vt"} <= set(inspect.get_annotations(SVD))
    assert "R" in inspect.signature(completion.ridge_rows).parameters


def test_the_table_names_every_page_with_letters() -> None:
    titles = {title for file, title, _ in PAGES} - {"Start", "Check the article", "Glossary"}
    short = {"The thread": "Thread", "LoRA lab": "Lab"}
    assert {t for t in titles if short.get(t, t) not in NOTATION} == set()
