"""What long work of the lab tells as it goes, and the records of it that come with the package."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lowrank import files
from lowrank.language import Sentence

FOLDER = Path(__file__).with_name("data")


@dataclass(frozen=True)
class Doing:
    """How far the work is, 0 to 1, and what it is doing."""

    share: float
    words: Sentence


def stored(name: str) -> dict[str, Any]:
    """What comes with the package under that name; a script's record says its command and date."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def store(name: str, record: Mapping[str, Any], command: str, model: str) -> None:
    """Keep a record for `stored`: what was found, and when, of which model, by which command."""
    about = {"command": command, "date": f"{datetime.now(UTC):%Y-%m-%d}", "model": model}
    text = json.dumps(about | dict(record), ensure_ascii=False)
    files.write(FOLDER / f"{name}.json", text + "\n")
