"""What the documents name is there."""

import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
WALKS = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## Four walks")[2]
NAMED = sorted(set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", WALKS)))


@pytest.mark.parametrize("name", NAMED)
def test_what_the_walks_name_is_there(name: str) -> None:
    """A module below `lowrank`, or something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(["lowrank", *parts[:count]]))
        except ModuleNotFoundError:
            continue
        reduce(getattr, parts[count:], found)
        return
    pytest.fail(f"no module lowrank.{parts[0]}")


def test_the_walks_name_enough() -> None:
    assert len(NAMED) > 40


def test_the_site_lists_every_page() -> None:
    listed = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    assert [page for page in pages if page not in listed] == []
