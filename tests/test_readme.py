"""The README's Python runs as printed, from top to bottom, and none of it is left out."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_python_examples_run(default_model, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # where the adapter and the merged model go
    examples = list(re.finditer(r"```python\n(.*?)```", TEXT, re.DOTALL))
    namespace: dict[str, object] = {}
    for example in examples:
        line = TEXT[: example.start(1)].count("\n")
        exec(compile("\n" * line + example[1], str(README), "exec"), namespace)
    assert (tmp_path / "merged" / "model.safetensors").exists()


def test_every_example_is_one_that_runs_or_a_command() -> None:
    assert set(re.findall(r"^```(\w*)\n", TEXT, re.MULTILINE)) <= {"", "python", "sh"}
