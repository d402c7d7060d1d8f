"""Every section of prose that the code asks for is there, and each that is there is asked for."""

import ast
from pathlib import Path

import pytest

from lowrank.atlas import MEASURES
from lowrank.language import SOURCE
from lowrank.teaching import LEVELS
from lowrank.teaching.quiz import KINDS
from lowrank.ui.layout import PAGES, TEXT_FOLDER, sections, text
from lowrank.ui.matrix_entry import PRESETS
from lowrank.ui.surgery.operating import NUMBERS
from tests.pages.opening import ROOT

VIEWS = ("recover", "when it works", "features", "compress")
CHAPTERS = [page for page, *_ in PAGES if page != "start"]
# What a section that is named while the page runs can be.
NAMED_LATER = {
    "section": [f"input {what}" for what in ("attention", "o_proj", "embed_tokens", "down_proj")],
    "words": [
        *(f"help {what}" for what in ("hint", "step", "finish", "start over")),
        *("elementary own", "elementary textbook"),
    ],
    "f'do it: {way}'": [f"do it: {way}" for way in ("Type", "Click", "Matrix")],
    "question.kind": KINDS,
    "difficulty": LEVELS,
    "above": ["above", "untouched"],
    "NUMBERS[name]": NUMBERS.values(),
    "f'measure {measure}'": [f"measure {name}" for name in MEASURES],
    "f'preset: {known}'": [f"preset: {name}" for name in (*PRESETS, "own")],
    "view.lower()": VIEWS,
    "f'theory {view.lower()}'": [f"theory {view}" for view in VIEWS],
    "page": CHAPTERS,
}


def named(section: ast.expr) -> list[str]:
    """The sections that an argument of `text` can be."""
    if isinstance(section, ast.Constant):
        return [section.value]
    if isinstance(section, ast.IfExp):
        return [*named(section.body), *named(section.orelse)]
    return list(NAMED_LATER[ast.unparse(section)])


def asked() -> set[tuple[str, str]]:
    """Every (file, section) that a call of `text` can ask for."""
    found = set()
    for path in [*ROOT.glob("lowrank/ui/**/*.py"), *ROOT.glob("pages/*.py")]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "text":
                file, section = call.args
                assert isinstance(file, ast.Constant), f"{path.name}: {ast.unparse(call)}"
                found |= {(file.value, each) for each in named(section)}
    return found


def test_what_is_asked_for_is_what_is_there() -> None:
    files = [Path(file).stem for file in (TEXT_FOLDER / SOURCE).glob("*.md")]
    files.remove("glossary")  # a page shows it whole
    there = {(file, section) for file in files for section in sections(file)}
    assert {each for each in asked() if each[0] != "glossary"} == there


def test_a_section_is_its_own_words_and_an_unknown_one_raises() -> None:
    whole = (TEXT_FOLDER / SOURCE / "start.md").read_text(encoding="utf-8")
    assert whole == "\n".join(f"## {part}\n{text('start', part)}\n" for part in sections("start"))
    with pytest.raises(KeyError, match="no such"):
        text("start", "no such section")
