"""Write the lesson plans in docs/lessons/ from the texts that the app walks through.

python -m scripts.lessons
"""

from pathlib import Path

from lowrank.ui.lessons import LESSONS, printed

FOLDER = Path(__file__).parents[1] / "docs" / "lessons"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in LESSONS:
        (FOLDER / f"{name}.md").write_text(printed(name), encoding="utf-8")
