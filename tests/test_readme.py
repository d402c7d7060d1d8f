"""The README's Python runs as printed, from top to bottom, and the Chinese README has all of it."""

import json
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
CHINESE = README.with_name("README.zh.md").read_text(encoding="utf-8")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def test_python_examples_run(default_model, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # where the adapter and the merged model go
    examples = list(re.finditer(r"```python\n(.*?)```", TEXT, re.DOTALL))
    namespace: dict[str, object] = {}
    for example in examples:
        line = TEXT[: example.start(1)].count("\n")
        exec(compile("\n" * line + example[1], str(README), "exec"), namespace)
    assert (tmp_path / "merged" / "model.safetensors").exists()


def test_every_example_is_one_that_runs_or_a_command() -> None:
    assert {block.partition("\n")[0] for block in CODE.findall(TEXT)} <= {"```python", "```sh"}


def test_the_python_of_the_sites_first_page_runs() -> None:
    index = (README.parent / "docs" / "index.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", index, re.DOTALL)
    assert example
    *_, exact_rank, singular_values = example[1].splitlines()
    names: dict[str, object] = {}
    exec(example[1], names)
    assert str(eval(exact_rank, names)) == exact_rank.partition("# ")[2].partition(",")[0]
    assert str(eval(singular_values, names)) == singular_values.partition("# ")[2]


def code(words: str) -> list[str]:
    """The blocks of code, without their comments."""
    return [re.sub(r" *#.*", "", block) for block in CODE.findall(words)]


def headings(words: str) -> list[str]:
    return re.findall(r"^#+ (.*)", CODE.sub("", words), re.MULTILINE)


def links(words: str) -> set[str]:
    """Targets; what is in a language's own folder stands for the English beside it."""
    return {link.removesuffix("/zh") for link in re.findall(r"\]\(([^)]*)\)", words)}


def test_the_chinese_readme_has_the_same_code_parts_and_links() -> None:
    assert code(CHINESE) == code(TEXT)
    assert len(headings(CHINESE)) == len(headings(TEXT))
    parts = {f"README.md#{title.lower().replace(' ', '-')}" for title in headings(TEXT)}
    assert links(CHINESE) - parts == links(TEXT) - {"README.zh.md"} | {"README.md"}


def test_how_near_trained_adapters_come_in_peft_is_what_was_recorded() -> None:
    """By `tests/oracles/make_training.py --check`."""
    path = README.parent / "tests/fixtures/training/peft_loads.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    adapters = [found, *found["others"].values()]
    keys = ("largest_difference_of_logits", "largest_difference_once_merged_by_peft")
    assert 2e-4 < max(each[key] for each in adapters for key in keys) <= 3e-4
    assert len(adapters) == 6
    assert "six adapters trained here give, loaded or merged by PEFT, logits within 3e-4" in TEXT
    assert "六个适配器由 PEFT 读取或合并后，logits 相差不超过 3e-4" in CHINESE
