"""The texts that surgery is measured on, the one that calibrates it, and questions with answers.

All of them are this project's own, but for the part of the calibration text that the default model
wrote (see scripts/calibration.py). None of the measured texts is in the calibration text.
"""

import json
from functools import cache
from pathlib import Path

from lowrank.language import gettext_noop

FOLDER = Path(__file__).with_name("data")

# Labels are what the page's link says, so they are short and do not change.
TEXTS = {
    "science": gettext_noop("an explanation"),
    "dialogue": gettext_noop("a dialogue"),
    "prose": gettext_noop("a story"),
    "code": gettext_noop("Python code"),
    "french": gettext_noop("French"),
}


@cache
def text(name: str) -> str:
    """A built-in text by its name in TEXTS, without the line end at its end."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


@cache
def calibration() -> tuple[str, ...]:
    """The passages of the calibration text; each is read by itself."""
    whole = (FOLDER / "calibration.txt").read_text(encoding="utf-8")
    passages = (part.strip("\n") for part in whole.split("\n---\n"))
    return tuple(part for part in passages if part and not part.startswith("==="))


@cache
def questions() -> tuple[tuple[str, str], ...]:
    """(the beginning of a sentence, the one word that completes it), the word without its space."""
    found = json.loads((FOLDER / "questions.json").read_text(encoding="utf-8"))
    return tuple((beginning, word) for beginning, word in found)
