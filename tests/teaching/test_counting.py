"""Worksheets of counting: the answers again by other means, and in every format."""

import io
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from lowrank import lora
from lowrank.__main__ import main
from lowrank.errors import InputError, SourceError
from lowrank.language import gettext, speaking
from lowrank.memory import PUBLISHED
from lowrank.teaching import answer, formats_of, make_counting, make_worksheet, typesetting
from lowrank.teaching.counting import KINDS
from lowrank.teaching.handouts import Paper, Part, as_html, as_latex, as_typst
from lowrank.teaching.typesetting import compiled, lacking
from tests.teaching.test_chapters import matrices, numbers
from tests.teaching.test_worksheet import Page

SHEETS = [make_counting(kind, 3, 8) for kind in KINDS]


def exercises(kind: str, about: str):
    found = [each for each in make_counting(kind, 3, 40).exercises if about in each.given]
    assert len(found) >= 15
    return found


def test_what_low_rank_stores_is_what_its_factors_hold():
    for each in exercises("low-rank", "It is replaced"):
        m, n, k = map(int, numbers(each.given)[-3:])
        C, R = np.empty((m, k)), np.empty((k, n))
        kept, share, even, least = (numbers(answer)[-1] for answer in each.answers)
        assert kept == C.size + R.size
        assert share == pytest.approx(100 * kept / (m * n), abs=0.01)
        assert (even - 1) * (m + n) < m * n < (even + 1) * (m + n)
        assert least == C.size + R.size - k * k


def test_what_lora_trains_is_what_its_pair_holds():
    for each in exercises("lora", "is put beside it"):
        m, n, r, alpha = map(int, numbers(each.given)[-4:])
        whole, pair, _, even, merged = (numbers(answer) for answer in each.answers)
        A, B = lora.init(m, n, r, np.random.default_rng(0))
        assert whole[-1] == merged[0] == m * n
        assert pair[-2] == A.size + B.size
        assert pair[-1] == pytest.approx(100 * pair[-2] / (m * n), abs=1e-3)
        assert [float(x) for x in re.findall(r"= ([\d.]*\d)", each.answers[2])] == [
            alpha / r,
            alpha / (2 * r),
        ]
        assert (even[-1] - 1) * (m + n) < m * n < (even[-1] + 1) * (m + n)


def test_lora_by_hand_is_what_the_package_computes():
    for each in exercises("lora", "x is a column"):
        W0, A, B = matrices(each.given)
        alpha, r, *x = numbers(each.given.partition("α =")[2])
        h = lora.forward(np.array(x), W0, A, B, alpha, int(r))
        assert numbers(each.answers[1])[-2:] == pytest.approx(h.tolist())
        (merged,) = matrices(each.answers[2])
        assert merged == pytest.approx(lora.merge(W0, A, B, alpha, int(r)))


def test_what_memory_holds_is_arithmetic_from_published_sizes():
    for each in exercises("memory", "A layer of"):
        config = next(c for name, c in PUBLISHED.items() if f"of {name}:" in each.given)
        w, h = config.intermediate_size, config.hidden_size
        k = config.num_key_value_heads * config.head_dim
        gate, together = numbers(each.answers[0])[-2:]
        assert (gate, together) == (w * h, 2 * h * h + 2 * k * h + 3 * w * h)
        said = [float(x.replace(",", "")) for x in re.findall(r"([\d.,]+) MB", each.answers[1])]
        rows = 4 * w  # bytes of int8's constants
        expected = [4 * gate, 2 * gate, gate + rows, gate * 4.5 / 8]
        assert said == pytest.approx([x / 1e6 for x in expected], rel=6e-3)
        assert numbers(each.answers[3])[-1] == config.num_hidden_layers * together
    for each in exercises("memory", "parameters. LoRA"):
        n, few = (x for x in numbers(each.given) if x > 10**5)
        first, thin, frozen, factor = (numbers(answer)[-1] for answer in each.answers)
        assert first == pytest.approx(16 * n / 1e9, rel=6e-3)
        assert thin == pytest.approx(16 * few / 1e6, rel=6e-3)
        assert frozen == pytest.approx(2 * n / 1e9, rel=6e-3)
        assert factor == pytest.approx(16 * n / (2 * n + 16 * few), abs=0.06)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.kind)
def test_every_format_asks_everything_and_only_the_key_answers(sheet):
    for name, form in formats_of(sheet).items():
        if name == "pdf":
            continue
        text = str(form.write(sheet))
        asked, key = text.split("Answer key")
        for k in range(1, 9):
            assert f"Problem {k}" in asked
            assert f"Problem {k}: answer" in key
        without = form.write(make_counting(sheet.kind, 3, 8, key=False))
        assert "nswer key" not in without
    html = Page(as_html(sheet.paper))
    assert not html.open
    assert not html.links
    assert as_latex(sheet.paper).isascii()


def test_marks_are_written_in_each_format_and_other_signs_stand_as_they_are():
    paper = Paper(
        "A & B", "x", (Part("1 < 2", ("**Bold** `R2 - R1` and *slanted*, #1 $5 @x _y",)),)
    )
    html = as_html(paper)
    assert "<strong>Bold</strong> <code>R2 - R1</code> and <em>slanted</em>" in html
    assert "1 &lt; 2" in html
    typst = as_typst(paper)
    assert '#strong[#"Bold";]' in typst
    assert '#"R2 - R1";' in typst
    text = words_of(compiled(typst))
    assert "#1 $5 @x _y" in text
    assert "slanted" in text


def pages_of(pdf: bytes) -> list[str]:
    assert pdf.startswith(b"%PDF")
    pypdf = pytest.importorskip("pypdf", reason="see requirements-dev.txt")
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def words_of(pdf: bytes) -> str:
    return "\n".join(pages_of(pdf))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.kind)
def test_a_pdf_has_every_problem_and_its_key_on_pages_of_their_own(sheet):
    pytest.importorskip("typst")
    form = formats_of(sheet)["pdf"]
    pages = pages_of(form.encoded(sheet))
    without = pages_of(form.encoded(make_counting(sheet.kind, 3, 8, key=False)))
    assert pages[: len(without)] == without
    assert pages[len(without)].lstrip().startswith("Answer key")
    assert all(f"Problem {k}" in "".join(without) for k in range(1, 9))


def test_a_pdf_of_row_reduction_has_every_step():
    pytest.importorskip("typst")
    sheet = make_worksheet(7, 3, 4, 2, count=3, reduced=True, solve=True)
    pages = pages_of(formats_of(sheet)["pdf"].encoded(sheet))
    key = next(k for k, page in enumerate(pages) if "Answer key" in page)
    before, after = "".join(pages[:key]), "".join(pages[key:])
    assert key == 2
    assert all(f"Problem {k}" in words for k in (1, 2, 3) for words in (before, after))
    assert after.count("Rank 2.") == 3
    paths = [answer(problem, reduced=True).path for problem in sheet.problems]
    steps = sum("←" in str(step.op) for path in paths for step in path)
    assert (before.count("←"), after.count("←")) == (0, steps)


CHINESE = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”—]")


@pytest.mark.parametrize("kind", ["rank", *KINDS])
def test_a_sheet_in_chinese_is_whole_in_every_format(kind):
    with speaking("zh"):
        sheet = make_counting(kind, 3, 8) if kind in KINDS else make_worksheet(3, 3, 4, 2, 8)
        forms, key, problem = formats_of(sheet), gettext("Answer key"), gettext("Problem {k}")
        written = {name: forms[name].encoded(sheet) for name in ("html", "latex", "markdown")}
        texts = {name: file.decode() for name, file in written.items()}
        lack = lacking()
        pdf = b"" if lack else forms["pdf"].encoded(sheet)
    for text in texts.values():
        assert key in text
        assert all(problem.format(k=k) in text for k in range(1, 9))
    html = Page(texts["html"])
    assert (html.open, html.links) == ([], [])
    assert '<html lang="zh"><head><meta charset="utf-8">' in texts["html"]
    assert texts["latex"].startswith(r"\documentclass[11pt]{ctexart}")
    assert CHINESE.sub("", texts["latex"]).isascii()  # what else there is, TeX has commands for
    if lack:
        pytest.skip(str(lack))
    pages = pages_of(pdf)
    assert sum(page.lstrip().startswith(key) for page in pages) == 1
    assert all(problem.format(k=k) in "".join(pages) for k in range(1, 9))


def test_without_a_font_a_pdf_in_chinese_is_refused_in_a_sentence(monkeypatch):
    pytest.importorskip("typst")
    monkeypatch.setitem(typesetting.FONTS, "zh", ("Nobody's Song",))
    typesetting._font.cache_clear()
    assert lacking() is None
    with speaking("zh"), pytest.raises(SourceError, match="Nobody's Song"):
        formats_of(SHEETS[0])["pdf"].encoded(SHEETS[0])
    typesetting._font.cache_clear()


TEX = next(filter(None, map(shutil.which, ("pdflatex", "lualatex", "xelatex", "tectonic"))), None)


@pytest.mark.slow
@pytest.mark.skipif(TEX is None, reason="no TeX here: pdflatex, lualatex, xelatex or tectonic")
@pytest.mark.parametrize("sheet", [make_worksheet(7, 3, 4, 2, count=2, solve=True), *SHEETS],
                         ids=lambda sheet: sheet.name)  # fmt: skip
def test_latex_compiles_as_it_is(sheet, tmp_path):
    (tmp_path / "sheet.tex").write_text(str(formats_of(sheet)["latex"].write(sheet)))
    quiet = [] if "tectonic" in TEX else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run([TEX, *quiet, "sheet.tex"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF")


def test_without_typst_a_pdf_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(SourceError, match="pip install typst"):
        formats_of(SHEETS[0])["pdf"].encoded(SHEETS[0])


def test_the_key_names_the_command_that_makes_the_sheet_again(capsysbinary):
    for sheet in SHEETS:
        assert sheet.command in as_html(sheet.paper)
        again = sheet.command.removeprefix("python -m lowrank ").split()
        assert main([*again, "--out", "-"]) == 0
        assert capsysbinary.readouterr().out.decode() == as_html(sheet.paper)


@pytest.mark.parametrize(
    ("arguments", "said"), [(("cooking", 1), "'cooking'"), (("lora", 1, 101), "count is 101")]
)
def test_what_cannot_be_made_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        make_counting(*arguments)
