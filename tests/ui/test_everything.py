"""That nothing is left to import, nor old to collect, once the first visitor is answered."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import gc, json, sys
import lowrank.ui.everything
left = len(gc.get_objects())
print(json.dumps([sorted(sys.modules), gc.get_freeze_count(), left]))
"""


@pytest.fixture(scope="module")
def loaded() -> tuple[set[str], int, int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    modules, frozen, left = json.loads(done.stdout)
    return set(modules), frozen, left


def named(path: Path) -> set[str]:
    """The modules a file imports at any depth; of `from a import b` the module a."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_no_page_has_anything_left_to_import(loaded) -> None:
    modules, _, _ = loaded
    elsewhere = {"__main__.py", "sandbox.py", "command.py"}  # programs, the command line's part
    files = [p for p in ROOT.glob("lowrank/**/*.py") if p.name not in elsewhere]
    # of surveys on a cluster, which no page starts, and of a worker
    optional = {"distributed", "tqdm", "resource"}
    wanted = set().union(*map(named, [*files, *ROOT.glob("pages/*.py"), ROOT / "app.py"]))
    assert {name for name in wanted - modules if name.partition(".")[0] not in optional} == set()


def test_what_was_imported_is_out_of_the_collectors_sight(loaded) -> None:
    _, frozen, left = loaded
    assert frozen > 100_000
    assert left < frozen / 20
