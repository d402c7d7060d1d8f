"""Who may import whom, and that `import lowrank` is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A room may import itself and the rooms listed; everything it may load from outside the standard
# library is listed too. Readers and ui import heavier libraries where they use them.
ROOMS = {
    "core": ({"numpy", "scipy", "tokenizers", "jinja2", "threadpoolctl"}, {"errors", "config"}),
    "letters": ({"sympy"}, {"errors", "core"}),
    "errors": (set(), set()),
    "config": ({"regex"}, {"errors"}),
    "readers": ({"numpy", "gguf", "huggingface_hub", "httpx"}, {"errors", "config"}),
    "adapters": ({"numpy", "regex"}, {"errors", "core", "config", "readers"}),
    "atlas": (
        {"numpy", "tqdm", "distributed"},
        {"errors", "core", "readers", "figures"},
    ),
    "figures": ({"numpy", "plotly", "PIL"}, {"errors", "core"}),
    "ui": (
        {"numpy", "plotly", "streamlit", "threadpoolctl"},
        {"errors", "core", "letters", "config", "readers", "adapters", "atlas", "figures"},
    ),
    "pages": (
        {"numpy", "plotly", "streamlit", "pandas"},
        {"errors", "core", "config", "adapters", "atlas", "figures", "ui"},
    ),
    "command": ({"numpy"}, {"errors", "core", "readers", "adapters", "atlas", "figures"}),
}
HEAVY = [
    "threadpoolctl",
    "sklearn",
    "streamlit",
    "plotly",
    "huggingface_hub",
    "tokenizers",
    "jinja2",
    "gguf",
    "pandas",
    "regex",
    "sympy",
]


def room_of(path: Path) -> str:
    """The room a source file belongs to, by where it stands."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "pages":
        return "pages"
    if parts[1] in {"readers", "adapters", "atlas", "figures", "ui"}:
        return parts[1]
    if parts[1:] in {
        ("llama", "config.py"),
        ("llama", "vocabulary.py"),
        ("lora_config.py",),
    }:
        return "config"
    named = {"errors.py": "errors", "__main__.py": "command"}
    named |= dict.fromkeys(("letters.py", "parametric.py"), "letters")
    return named.get(parts[1], "core")


def module_file(name: str) -> Path:
    """The file of a dotted module of ours: a module, or a package's __init__."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"


def imports(path: Path) -> set[str]:
    """Every module a file imports, at any depth; `from lowrank import svd` is lowrank.svd."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute in this project"
            children = {f"{node.module}.{alias.name}" for alias in node.names}
            ours = {c for c in children if c.startswith("lowrank.") and module_file(c).exists()}
            found |= ours or {str(node.module)}
    return found


def sources() -> list[Path]:
    return sorted([*ROOT.glob("lowrank/**/*.py"), *ROOT.glob("pages/*.py")])


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    room = room_of(path)
    outside, rooms = ROOMS[room]
    for name in imports(path) - {"lowrank"}:
        if name.startswith("lowrank."):
            target = room_of(module_file(name))
            assert target in rooms | {room}, f"{room} may not import {name} ({target})"
        else:
            top = name.partition(".")[0]
            assert top in outside or top in sys.stdlib_module_names, f"{room} may not import {name}"


def test_only_one_file_uses_the_streamlit_caches() -> None:
    users = [p.name for p in sources() if "st.cache_" in p.read_text(encoding="utf-8")]
    assert users == ["cached.py"]


def test_app_only_configures_and_navigates() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 40


def test_import_lowrank_is_light() -> None:
    program = f"import sys, lowrank; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
