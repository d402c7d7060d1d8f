"""Whatever a visitor or a file says is text, everywhere: no link, no picture, no line of code."""

import ast
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrank.files import as_cell
from lowrank.ui.lora import Input, program
from lowrank.ui.outside import SPECIAL, as_text, as_told

ROOT = Path(__file__).parents[2]
PAGES = [*(ROOT / "pages").glob("*.py"), *(ROOT / "lowrank" / "ui").rglob("*.py")]

# Streamlit's calls that set their words as Markdown, and ours that hand on to one.
MARKDOWN = {
    *("markdown", "caption", "info", "warning", "error", "success", "subheader", "title"),
    *("header", "write", "button", "page_link", "expander", "metric", "toast", "tabs"),
    *("progress", "checkbox", "toggle", "download_button", "link_button", "popover", "status"),
}
# Names under which words from outside go about in the pages; a number, or a sentence of ours under
# one of them is listed below by its place.
OUTSIDE = {
    *("asked", "base", "error", "given", "info", "module", "name", "names", "piece", "problem"),
    *("prompt", "provenance", "refused", "row", "source", "tensor", "title", "typed", "word"),
    *("base_model_name_or_path", "file", "message", "why_not", "base_name", "left_out"),
}
OURS = {
    ("adapters.py", "found.r"),
    ("compress.py", "name"),  # Original, Rank k, What is lost
    ("recover.py", "name"),  # the names of four pictures
    ("truncation.py", "name"),  # W, W_k and their difference
    ("geometry.py", "name"),
    ("downloads.py", "name"),  # a file's name that the page gives
    ("operating.py", "_(name)"),  # of a number
    ("lora.py", "asked"),  # the words on a button
    ("panels.py", "name"),  # the name of a file to download, which is no Markdown
    ("answering.py", "title"),  # Before, After and the cut in words
    ("alternatives.py", "asked.config.steps"),
    ("gives.py", "title"),
    ("start.py", "title"),  # of a page
    ("taking.py", "file.label"),  # what a page gives to take home
    *(("layout.py", "title"), ("paper.py", "title"), ("stepper.py", "name")),
    *(("features.py", "name.capitalize()"), ("worksheet.py", "LABELS[name]")),
    ("lora.py", "given.words"),  # made safe where they are made, with a piece of code in them
    # A sentence of ours about numbers.
    # Made safe where it is made: what was asked for stands in code.
    ("visits.py", "in_vain(refused, state.get('limits', {}))"),
    *(("lessons.py", each) for each in ("lesson.title", "found.title")),
    ("article.py", "article.config(pasted, name)"),
    ("truncation.py", "truncation.compared(svd.s, peer, model, info)"),
    ("large.py", "truncation.compared(everything.s, noise, model, info)"),
}
SAFE = {"as_text", "as_told", "text", "len", "three", "amount"}


def interpolated(call: ast.Call) -> list[ast.expr]:
    """What is put into the words of a call: whole arguments, and the fields of its f-strings."""
    found: list[ast.expr] = []
    for each in [*call.args[:1], *(k.value for k in call.keywords if k.arg in ("label", "body"))]:
        fields = [node for node in ast.walk(each) if isinstance(node, ast.FormattedValue)]
        found += [field.value for field in fields if field.format_spec is None]
        if isinstance(each, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            found.append(each)
    return found


def from_outside(node: ast.expr) -> bool:
    """Whether an expression names words from outside, and no call makes them safe."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAFE:
        return False
    named = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return named in OUTSIDE or any(
        from_outside(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)
    )


def test_no_page_puts_words_from_outside_into_markdown():
    raw = []
    for path in PAGES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = getattr(getattr(node, "func", None), "attr", "")
            if isinstance(node, ast.Call) and called in MARKDOWN:
                for each in interpolated(node):
                    if from_outside(each) and (path.name, ast.unparse(each)) not in OURS:
                        raw.append(f"{path.relative_to(ROOT)}:{each.lineno} {ast.unparse(each)}")
    assert not raw, "as_text(…) is wanted around:\n" + "\n".join(raw)


def test_the_scan_finds_what_it_is_for():
    page = 'st.caption(f"{model.title}: {len(name)} {as_text(name)}")\nst.error(str(error))'
    calls = [node for node in ast.walk(ast.parse(page)) if isinstance(node, ast.Call)]
    found = [
        ast.unparse(each)
        for call in calls
        if getattr(call.func, "attr", "") in MARKDOWN
        for each in interpolated(call)
        if from_outside(each)
    ]
    assert sorted(found) == ["model.title", "str(error)"]


J = "\u2060"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("![](http://evil/x.png)", rf"!\[\](http{J}://evil/x.png)"),
        ("[here](javascript:alert(1))", r"\[here\](javascript:alert(1))"),
        ("<https://evil>", rf"\<https{J}://evil>"),
        ("www.evil.org, a@evil.org", f"www{J}.evil.org, a@{J}evil.org"),
        ("`c` *em* __b__ ~~n~~ $x$ a_b", r"\`c\` \*em\* \_\_b\_\_ \~\~n\~\~ \$x\$ a_b"),
        ("one\n# two\n\n- three", "one # two  - three"),
        ("# head", f"{J}# head"),
        ("12. item", f"{J}12. item"),
        ("    code", f"{J}    code"),
        (":material/home: :smile: 10:20:30", f":{J}material/home: :{J}smile: 10:20:30"),
        ("a | b", r"a \| b"),
    ],
)
def test_nothing_begins_anything(said, shown):
    assert as_text(said) == shown


@given(st.text(alphabet="ab_*`[](){}<>$~|\\!#-+.:/@ \n", max_size=40))
def test_every_special_sign_has_its_backslash(said):
    shown = as_text(said)
    bare = shown.replace("\\\\", "").replace("\u2060", "")
    for found in SPECIAL.finditer(bare):
        if found[0] != "\\":
            assert bare[found.start() - 1] == "\\", (said, shown)
    assert "\n" not in shown


@pytest.mark.parametrize("said", ["q_proj", "3/2, 0.1 and 2e-3", "“Paris” (3 × 4)", "a = b; c"])
def test_plain_words_stay_as_they_are(said):
    assert as_text(said) == said


def test_names_in_the_code_for_this_are_strings_whatever_they_hold():
    evil = 'x")\nimport os; os.system("true") #'

    class Each:
        name, shape, source = evil, (4, 4), f"/srv/{evil}"

    given = Input(None, "", "x = 1")
    tree = ast.parse(program(Each, Each, given, 2, 4, zero=True))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "system"]
    strings = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    assert evil in strings


def test_no_page_writes_code_with_a_name_between_quotes():
    """In a line of code a name stands with !r, which quotes it."""
    for path in PAGES:
        source = path.read_text(encoding="utf-8")
        for name in ("info.name", "model.source", "tensor", "module"):
            for quotes in (f'("{{{name}}}")', f"('{{{name}}}')", f'"{{{name}}}"'):
                assert quotes not in source, (path.name, quotes)


@pytest.mark.parametrize("said", ["=1+1", "+1", "-cmd", "@x", "  =1", "\t=1"])
def test_a_spreadsheet_reckons_with_no_cell(said):
    held = io.StringIO()
    csv.writer(held).writerow([as_cell(said), as_cell(-2.5), as_cell("up_proj")])
    (row,) = csv.reader(io.StringIO(held.getvalue()))
    assert row == [f"'{said}", "-2.5", "up_proj"]


def test_a_visitor_is_not_told_the_servers_folders_nor_passwords(tmp_path, monkeypatch):
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))
    told = as_told(f"{tmp_path}/cache/uploads/a cannot be written.")
    assert told == "the cache/uploads/a cannot be written."
    for address in ("https://me:pass@hub.org/x", "http://token@proxy:80"):
        told = as_told(f"No answer from {address}.")
        assert "pass" not in told
        assert "token" not in told
