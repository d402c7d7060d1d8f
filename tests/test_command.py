"""The command line's way in: what it says alone, and where the app starts from."""

import errno
import gettext
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lowrank.__main__ as command
from lowrank import language
from lowrank.__main__ import app_file, main, start_explorer

ROOT = Path(__file__).parents[1]


def test_alone_it_lists_every_command(capsys) -> None:
    assert main([]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert {"app", "fetch", "merge", "atlas", "worksheet"} <= listed


def test_the_app_of_a_checkout_is_the_one_at_its_top() -> None:
    assert app_file() == ROOT / "app.py"


def test_the_app_is_served_by_streamlit_at_the_port(monkeypatch, default_model) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append(command))
    monkeypatch.setattr(sys, "argv", ["lowrank-explorer", "--port", "8600"])
    assert start_explorer() == 0
    served = ["-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", "8600"]
    assert started == [[sys.executable, *served]]


def test_without_streamlit_it_names_the_extra(monkeypatch, capsys) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["app"]) == 1
    assert "lowrank-explorer[app]" in capsys.readouterr().err


class Pseudo(gettext.NullTranslations):
    """A catalogue of a language that nobody translated to: every message in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"


@pytest.fixture
def pseudo(monkeypatch) -> None:
    """English and that language, which no variable of the environment asks for yet."""
    for module in (language, command):
        monkeypatch.setattr(module, "languages", lambda: ("en", "eo"))
    monkeypatch.setattr(language, "_catalogue", lambda code: Pseudo())
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "arguments", "spoken"),
    [
        ({}, [], False),
        ({"LANG": "eo_XX.UTF-8"}, [], True),
        ({"LC_ALL": "C", "LANG": "eo"}, [], False),
        ({"LC_ALL": "", "LC_MESSAGES": "eo", "LANG": "C"}, [], True),
        ({"LC_ALL": "eo"}, ["--lang", "en"], False),
        ({"LANG": "C.UTF-8"}, ["--lang", "eo"], True),
    ],
)
def test_help_and_errors_are_in_the_language_asked_for(
    pseudo, monkeypatch, capsys, variables, arguments, spoken
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 0
    assert ("⟦open the explorer, at the address it prints⟧" in capsys.readouterr().out) == spoken
    assert main([*arguments, "worksheet", "--rank", "1", "--shape", "round"]) == 1
    assert capsys.readouterr().err.startswith("⟦") == spoken
    assert language.current() == "en"


def test_a_worksheet_is_written_whole_or_the_old_one_stays(tmp_path, monkeypatch, capsys) -> None:
    sheet = tmp_path / "new" / "sheet.md"
    command = ["worksheet", "--rank", "1", "--shape", "2x2", "--out", str(sheet)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{sheet}\n"
    old = sheet.read_bytes()

    def refused(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refused)
    assert main([*command, "--seed", "2"]) == 1
    said = f"{sheet} cannot be written: {os.strerror(errno.ENOSPC)}.\n"
    assert capsys.readouterr().err == said
    assert sheet.read_bytes() == old
    assert list(sheet.parent.iterdir()) == [sheet]


def test_what_argparse_says_is_translated_too(pseudo, capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--lang", "eo", "app", "--port", "many"])
    said = capsys.readouterr().err
    assert "⟦argument --port: invalid int value: 'many'⟧" in said
    with pytest.raises(SystemExit):
        main(["app", "--lang", "eo", "--help"])
    said = capsys.readouterr().out
    assert said.startswith("⟦usage: ⟧")
    assert "⟦options⟧:" in said


def test_a_language_that_there_is_not_is_refused(pseudo, capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--lang", "tlh"])
    assert "--lang: invalid choice: 'tlh'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--port", "many"], ["nonsense"]])
def test_a_wrong_command_is_one_line(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "lowrank", *(["app"] * (len(arguments) > 1)), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_requirements_are_those_of_the_app_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]

    def asked(names: list[str]) -> set[str]:
        inner = [re.fullmatch(r"lowrank-explorer\[(.*)\]", name) for name in names]
        more = [extras[e] for match in inner if match for e in match[1].split(",")]
        plain = {name for name, match in zip(names, inner, strict=True) if not match}
        return plain.union(*map(asked, more))

    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = {line for line in lines if not line.startswith("#")}
    assert listed == asked([*project["dependencies"], *extras["app"]])
