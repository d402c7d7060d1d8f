"""Who may import whom (docs/rooms.toml), that no name is shadowed, and that imports are light."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

import lowrank
from scripts.draw_rooms import ARCHITECTURE, TABLE, drawn

ROOT = Path(__file__).parents[1]
ROOMS = tomllib.loads(TABLE.read_text(encoding="utf-8"))
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
    """The room a source file belongs to: its folder, or the file itself on the ground floor."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "pages":
        return "pages"
    named = {"__init__": "lowrank", "__main__": "command"}
    return ".".join(parts[1:-1]) or named.get(parts[1], parts[1])


def module_file(name: str) -> Path:
    """The file of a dotted module of ours: a module, or a package's __init__."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"


def imports(path: Path) -> set[str]:
    """Every module a file imports, at any depth; `from lowrank import spectra` is that room."""
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


def used() -> dict[str, tuple[set[str], set[str]]]:
    """The rooms and the outside libraries that each room imports, as the code has it."""
    found: dict[str, tuple[set[str], set[str]]] = {room: (set(), set()) for room in ROOMS}
    for path in sources():
        room = room_of(path)
        rooms, outside = found.setdefault(room, (set(), set()))
        for name in imports(path):
            if name.partition(".")[0] == "lowrank":
                rooms |= {room_of(module_file(name))} - {room}
            elif (top := name.partition(".")[0]) not in sys.stdlib_module_names:
                outside.add(top)
    return found


def test_every_room_imports_exactly_what_the_table_says() -> None:
    code = {room: (sorted(rooms), sorted(outside)) for room, (rooms, outside) in used().items()}
    assert code.pop("lowrank") == ([], [])  # it names the rooms and loads none
    table = {room: (sorted(row["rooms"]), sorted(row["outside"])) for room, row in ROOMS.items()}
    assert code == table


def test_the_rooms_have_no_circle() -> None:
    assert set(TopologicalSorter({r: row["rooms"] for r, row in ROOMS.items()}).static_order())


def test_the_picture_is_drawn_from_the_table() -> None:
    assert drawn(ARCHITECTURE.read_text(encoding="utf-8")) == ARCHITECTURE.read_text("utf-8")


def test_the_package_has_few_rooms() -> None:
    inside = {p.stem for p in (ROOT / "lowrank").iterdir() if p.suffix == ".py" or p.is_dir()}
    rooms = inside - {"__init__", "__main__", "__pycache__"}
    assert len(rooms) <= 14, sorted(rooms)


def packages() -> list[ModuleType]:
    """Every package of ours."""
    found = pkgutil.walk_packages(lowrank.__path__, "lowrank.")
    return [importlib.import_module(each.name) for each in found if each.ispkg]


@pytest.mark.parametrize("package", packages(), ids=lambda package: package.__name__)
def test_no_module_shadows_a_name_its_room_hands_out(package: ModuleType) -> None:
    for name in getattr(package, "__all__", []):
        shadow = module_file(f"{package.__name__}.{name}").exists()
        assert not shadow or isinstance(getattr(package, name), ModuleType), name
        assert getattr(package, name) is not None


def test_only_one_file_uses_the_streamlit_caches() -> None:
    users = [p.name for p in sources() if "st.cache_" in p.read_text(encoding="utf-8")]
    assert users == ["cached.py"]


def test_app_only_configures_and_navigates() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 40


def test_import_lowrank_is_light() -> None:
    """No heavy library comes with the package, nor with the rooms of mathematics."""
    rooms = "exact, llama, lora, memory, readers, spectra, surgery, teaching"
    program = f"""import sys; from lowrank import {rooms}
print([m for m in {HEAVY} if m in sys.modules])"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
