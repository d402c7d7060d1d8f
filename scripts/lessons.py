"""Write the lesson plans and handouts in docs/lessons/ from the texts that the app walks through.

python -m scripts.lessons

Those in another language than English are in a folder of its code.
"""

from collections.abc import Iterator
from pathlib import Path

from lowrank.language import SOURCE, languages, speaking
from lowrank.teaching.handouts import as_markdown
from lowrank.ui.lessons import LESSONS, handout, printed

FOLDER = Path(__file__).parents[1] / "docs" / "lessons"


def papers() -> Iterator[tuple[Path, str]]:
    """Each file's place in docs/lessons/ and its text."""
    for language in languages():
        folder = Path("." if language == SOURCE else language)
        with speaking(language):
            for name in LESSONS:
                yield folder / f"{name}.md", printed(name)
                yield folder / f"{name}-handout.md", as_markdown(handout(name))


if __name__ == "__main__":
    for path, text in papers():
        (FOLDER / path).parent.mkdir(exist_ok=True, parents=True)
        (FOLDER / path).write_text(text, encoding="utf-8")
