"""The parameters of the address: none means something on two pages.

On the way from a page to another, Streamlit strips what was bound on the first from the address of
the second; Back and a link to it would then lose part of the view. And what the session keeps of
one page under a key would be the value of the other's widget of that key, pressed buttons too.
"""

import ast
from collections import Counter
from pathlib import Path

from lowrank.ui.sidebar import SHARED
from lowrank.ui.visits import PARAMETERS

ROOT = Path(__file__).parents[2]
PARTS = {  # modules of ui that draw a page and have another name than it has
    "rank": ["matrix_entry"],
    "truncation": ["large"],
    "memory": ["quantized"],
    "adapter": ["adapters"],
}


def keys(file: Path) -> set[str]:
    """The keys of widgets and containers in a module, as far as they are written there."""
    calls = (
        each for each in ast.walk(ast.parse(file.read_text("utf-8"))) if type(each) is ast.Call
    )
    named = (word.value for call in calls for word in call.keywords if word.arg == "key")
    return {str(key.value) for key in named if isinstance(key, ast.Constant)}


def test_no_parameter_belongs_to_two_pages():
    count = Counter([*SHARED, *(key for page in PARAMETERS.values() for key in page)])
    assert {key for key, pages in count.items() if pages > 1} == set()


def test_no_page_has_a_widget_of_the_name_of_another_pages_parameter():
    ui, met = ROOT / "lowrank" / "ui", 0
    for page in sorted((ROOT / "pages").glob("*.py")):
        files = [ui / f"{name}.py" for name in (page.stem, *PARTS.get(page.stem, []))]
        others = {key for of, all_ in PARAMETERS.items() if of != page.stem for key in all_}
        for file in [page, *filter(Path.exists, files), *(ui / page.stem).glob("*.py")]:
            met += len(keys(file))
            assert keys(file) & {*others, *SHARED} == set(), file
    assert met > 100
