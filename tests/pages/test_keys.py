"""The parameters of the address: none means something on two pages.

On the way from a page to another, Streamlit strips what was bound on the first from the address of
the second; Back and a link to it would then lose part of the view.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = {  # modules of ui that draw a page and have another name than it has
    "rank": ["matrix_entry"],
    "truncation": ["large"],
    "memory": ["quantized"],
    "adapter": ["adapters"],
}
POSITION = {"choice": 3, "rank_slider": 1}  # of the key among the arguments


def bound_keys(file: Path) -> set[str]:
    """The keys that a module binds to the address, as they are written there."""
    found = set()
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        named = {word.arg: word.value for word in call.keywords}
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        more = named.get(None)
        if "bind" in named or getattr(more, "id", "") in ("BOUND", "KEPT"):
            key = named.get("key")
        elif name in POSITION:
            place = POSITION[name]
            key = named.get("key", call.args[place] if len(call.args) > place else None)
        else:
            continue
        if isinstance(key, ast.Constant):
            found.add(key.value)
    return found


def test_no_parameter_belongs_to_two_pages():
    ui = ROOT / "lowrank" / "ui"
    owners: dict[str, set[str]] = {}
    for page in sorted((ROOT / "pages").glob("*.py")):
        names = [page.stem, *PARTS.get(page.stem, [])]
        files = [page, *(f for name in names for f in [ui / f"{name}.py"] if f.exists())]
        for key in set().union(*map(bound_keys, [*files, *(ui / page.stem).glob("*.py")])):
            owners.setdefault(key, set()).add(page.stem)
    assert len(owners) > 80
    assert not {key: pages for key, pages in owners.items() if len(pages) > 1}
