"""Worksheets: what is printed is right, complete and stands on its own in every format."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sympy

from lowrank.__main__ import main
from lowrank.errors import InputError
from lowrank.exact.matrices import product, transpose
from lowrank.exact.parsing import parse_matrix
from lowrank.teaching.problems import LEVELS, make_varied, within
from lowrank.teaching.worksheet import (
    FORMATS,
    answer,
    as_html,
    as_latex,
    as_markdown,
    make_worksheet,
)
from tests.exact.test_notation import balanced

ROOT = Path(__file__).parents[2]
HEAVY = ["streamlit", "plotly", "huggingface_hub", "tokenizers", "gguf", "pandas", "sympy"]
SHEETS = [
    make_worksheet(7, 3, 4, 2, count=5),
    make_worksheet(2, 5, 5, 3, count=2, difficulty="hard", reduced=True, solve=True),
    make_worksheet(0, 1, 2, 1, count=1, difficulty="easy", solve=True),
    make_worksheet(-4, 3, 3, 3, count=2, difficulty="medium", reduced=True, solve=True),
]
TEXTS = {name: form for name, form in FORMATS.items() if name != "pdf"}
OTHER_SHEETS = [
    make_worksheet(7, 3, 4, 2, count=2, mixed=True),
    make_worksheet(7, 3, 4, 2, count=2, key=False),
]


class Page(HTMLParser):
    """Whether every tag is closed, what it links to, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.links, self.words = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "br"}:
            assert tag not in {"table", "div", "p"} or "p" not in self.open  # a browser closes p
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_html_is_whole_and_needs_nothing_else(sheet):
    text = as_html(sheet)
    page = Page(text)
    words = " ".join(page.words)
    assert not page.open
    assert not page.links
    assert "url(" not in text
    assert "@import" not in text
    assert words.count("Problem ") == 2 * len(sheet.problems)
    assert words.index("Answer key") > words.index(f"Problem {len(sheet.problems)}")
    questions_before_key = words[: words.index("Answer key")]
    for problem in sheet.problems:
        found = answer(problem, sheet.reduced)
        for step in found.path:
            assert str(step.op) in words
            assert str(step.op) not in questions_before_key
        for dependency in found.dependent:
            assert str(dependency) in words


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
@pytest.mark.parametrize("write", [as_latex, as_markdown])
def test_latex_and_markdown_hold_every_matrix_of_every_step(sheet, write):
    text = write(sheet)
    asked, key = re.split(r"Answer key", text, maxsplit=1)
    shown = [parse_matrix(m) for m in re.findall(r"\\left\[.*?\\right\]", asked)]
    assert shown == [problem.matrix for problem in sheet.problems]
    derived = [parse_matrix(m) for m in re.findall(r"\\left\[.*?\\right\]", key)]
    for problem in sheet.problems:
        for A in [problem.matrix, *(step.matrix for step in answer(problem, sheet.reduced).path)]:
            assert A in derived


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_latex_stands_on_its_own(sheet):
    text = as_latex(sheet)
    assert text.startswith(r"\documentclass")
    assert text.rstrip().endswith(r"\end{document}")
    balanced(text)
    assert text.isascii()
    assert text.count("$") % 2 == 0
    assert set(re.findall(r"\\begin\{(\w+\*?)\}", text)) <= {
        *("document", "itemize", "minipage", "align*", "array")
    }
    assert not re.search(r"(?<!\\)[#%]", text)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_the_answers_are_right_by_sympy(sheet):
    for problem in sheet.problems:
        found, A = answer(problem, sheet.reduced), sympy.Matrix(problem.matrix)
        assert found.rank == A.rank() == sheet.rank
        if sheet.reduced:
            assert sympy.Matrix(found.form) == A.rref()[0]
        assert len(found.solutions) == len(A.nullspace())
        for x in found.solutions:
            assert not any(map(any, product(problem.matrix, transpose((x,)))))
        for d in found.dependent:
            combined = sum((A.row(i) * c for c, i in d.terms), sympy.zeros(1, A.cols))
            assert A.row(d.row) == combined


def test_problems_of_one_sheet_differ_and_another_seed_gives_others():
    first, second = (make_worksheet(seed, 3, 4, 2, count=100) for seed in (1, 2))
    drawn = [problem.matrix for sheet in (first, second) for problem in sheet.problems]
    assert len(set(drawn)) == 200
    assert first.problems[3] == make_varied(1003, 3, 4, 2)


@pytest.mark.parametrize("difficulty", LEVELS)
def test_the_dependent_row_is_not_always_the_last_and_the_numbers_stay_small(difficulty):
    problems = make_worksheet(5, 3, 4, 2, count=40, difficulty=difficulty).problems
    places = [[d.row for d in answer(problem).dependent] for problem in problems]
    assert 8 < sum(rows[0] < 2 for rows in places) < 32
    assert all(within(problem.matrix, LEVELS[difficulty]) for problem in problems)
    assert {answer(problem).rank for problem in problems} == {2}


def test_mixed_ranks_are_all_there_and_said():
    sheet = make_worksheet(3, 3, 4, 3, count=20, mixed=True)
    assert {answer(problem).rank for problem in sheet.problems} == {1, 2, 3}
    assert all(problem.rank == answer(problem).rank for problem in sheet.problems)
    assert "The ranks are from 1 to 3" in as_html(sheet)


@pytest.mark.parametrize("form", TEXTS.values(), ids=TEXTS)
def test_a_sheet_without_its_key_has_every_problem_and_no_answer(form):
    with_key, without = (make_worksheet(7, 3, 4, 2, count=3, key=key) for key in (True, False))
    text = form.write(without)
    assert "Answer key" not in text
    assert "←" not in text
    assert "rightarrow" not in text
    assert text.count("Problem ") == 3
    asked = text.partition("Problem 1")[2].removesuffix("\n")
    for ending in (r"\end{document}", "</body></html>"):
        asked = asked.removesuffix(ending).rstrip()
    assert asked in form.write(with_key)


@pytest.mark.parametrize("count", [0, 101])
def test_a_count_out_of_range_is_refused(count):
    with pytest.raises(InputError, match=f"count is {count}"):
        make_worksheet(1, 3, 4, 2, count)


def command(*arguments: str) -> list[str]:
    return ["worksheet", "--rank", "2", "--shape", "3x4", *arguments]


def test_the_command_writes_what_the_functions_write(tmp_path, capsys):
    options = ("--count", "3", "--seed", "7", "--format", "all", "--out", str(tmp_path / "new"))
    assert main(command(*options)) == 0
    sheet = make_worksheet(7, 3, 4, 2, count=3)
    written = [Path(path) for path in capsys.readouterr().out.split()]
    assert sorted(written) == sorted((tmp_path / "new").iterdir())
    for path in written:
        form = next(form for form in FORMATS.values() if form.suffix == path.suffix)
        assert path.parent == tmp_path / "new"
        if path.suffix == ".pdf":
            assert path.read_bytes().startswith(b"%PDF")
        else:
            assert path.read_text(encoding="utf-8") == form.write(sheet)
    assert len(written) == len(FORMATS)

    assert main(command("--out", str(tmp_path / "mine.v2.tex"))) == 0
    assert (tmp_path / "mine.v2.tex").read_text().startswith(r"\documentclass")
    assert main(command("--out", str(tmp_path))) == 0
    assert (tmp_path / "worksheet-3x4-rank2-seed1.html").exists()


def test_the_key_names_the_command_that_makes_the_sheet_again(capsys):
    for sheet in SHEETS + OTHER_SHEETS:
        assert (sheet.command in as_html(sheet)) == sheet.key
        again = sheet.command.removeprefix("python -m lowrank ").split()
        assert main([*again, "--out", "-"]) == 0
        assert capsys.readouterr().out == as_html(sheet)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rank", "4"), "rank is 4"),
        (("--shape", "3"), "--shape is '3'"),
        (("--shape", "30x4"), "30 × 4"),
        (("--count", "1000"), "count is 1000"),
        (("--about", "lora", "--count", "0"), "count is 0"),
        (("--format", "all", "--out", "-"), "--format all"),
        (("--format", "html", "--out", "a.md"), "leave one of them out"),
        (("--out", "tests/conftest.py/inside"), "cannot be written"),
    ],
)
def test_what_is_wrong_with_a_command_is_one_sentence(arguments, said, capsys):
    assert main(command(*arguments)) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize("wrong", [("--rank", "two"), ("--difficulty", "brutal"), ("--colour",)])
def test_what_cannot_be_parsed_is_one_line_too(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(command(*wrong))
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_worksheet_about_rank_needs_a_rank_and_a_shape(capsys):
    assert main(["worksheet", "--rank", "2"]) == 1
    assert "needs --rank and --shape" in capsys.readouterr().err


def test_the_command_loads_nothing_heavy():
    program = (
        "import sys; from lowrank.__main__ import main; "
        "main('worksheet --rank 2 --shape 3x4 --out -'.split()); "
        f"print('loaded', [m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded []"
