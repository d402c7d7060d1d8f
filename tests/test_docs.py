"""What the documents name is there."""

import ast
import re
from functools import reduce
from importlib import import_module
from inspect import getsource, isclass, ismodule, isroutine
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
WALKS = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## Four walks")[2]
ROOMS = re.findall(
    r"^::: (.+)", "\n".join(map(Path.read_text, DOCS.glob("api/*.md"))), re.MULTILINE
)
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


PATH = re.compile(r"`((?:lowrank|pages|scripts|benchmarks|tests|docs|deploy)/[\w./-]+)`")


@pytest.mark.parametrize(
    "file", ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in DOCS.glob("*.md"))]
)
def test_every_path_that_a_document_names_is_there(file: str) -> None:
    root = DOCS.parent
    named = PATH.findall((root / file).read_text(encoding="utf-8"))
    assert [path for path in named if not (root / path).exists()] == []


def test_the_site_lists_every_page() -> None:
    listed = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    assert [page for page in pages if page not in listed] == []


def documented(name: str, module: str) -> bool:
    """Whether a docstring says what it is; a constant's stands below its assignment."""
    value = getattr(import_module(module), name)
    if isclass(value) or isroutine(value) or ismodule(value):
        return bool(value.__doc__) and not value.__doc__.startswith(f"{name}(")  # a dataclass's own
    body = ast.parse(getsource(import_module(module))).body
    for node, below in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.ImportFrom(module=str(other), names=names) if name in {x.name for x in names}:
                return documented(name, other)
            case ast.Assign(targets=[ast.Name(id=n)]) | ast.AnnAssign(target=ast.Name(id=n)):
                if n == name:
                    return isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    return False


@pytest.mark.parametrize("room", ROOMS)
def test_all_that_a_room_hands_out_is_documented(room: str) -> None:
    """So that the API reference shows it."""
    handed_out = getattr(import_module(room), "__all__", ())
    assert [name for name in handed_out if not documented(name, room)] == []
