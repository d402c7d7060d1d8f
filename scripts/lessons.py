"""Write the lesson plans and handouts in docs/lessons/ from the texts that the app walks through.

python -m scripts.lessons
"""

from pathlib import Path

from lowrank.teaching.paper import as_markdown
from lowrank.ui.lessons import LESSONS, handout, printed

FOLDER = Path(__file__).parents[1] / "docs" / "lessons"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in LESSONS:
        (FOLDER / f"{name}.md").write_text(printed(name), encoding="utf-8")
        handed = as_markdown(handout(name))
        (FOLDER / f"{name}-handout.md").write_text(handed, encoding="utf-8")
