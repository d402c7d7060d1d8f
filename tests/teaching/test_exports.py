"""Questions as a class's systems read them: parsers and writers that are not ours."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from xml.etree.ElementTree import Element, fromstring, tostring
from zipfile import ZipFile

import pytest

from lowrank.errors import InputError
from lowrank.language import gettext, joined, languages, speaking
from lowrank.teaching import CHAPTERS, EXPORTS, Choice, make_choices
from lowrank.teaching.choices import TITLES, Option

DANGEROUS = Choice(
    "rank", 1, "=HYPERLINK(1) {what: is # this = ~?}",
    (Option("=1+1", "+ a reason: it", True), Option("-2", "@mine #1"),
     Option("~3", "a < b & c")),
)  # fmt: skip


@pytest.fixture(params=languages(), autouse=True)
def spoken(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each language in turn; what a file says, titles and columns too, is in it."""
    with speaking(request.param):
        yield request.param


@pytest.fixture
def questions() -> list[Choice]:
    return [each for chapter in CHAPTERS for each in make_choices(chapter, 1, 14)]


def test_gift_is_read_by_a_parser_that_is_not_ours(questions):
    parser = pytest.importorskip("pygiftparser.parser", reason="see requirements-dev.txt")
    plain = parser.transformSpecials
    for given in (questions, [DANGEROUS]):
        found = parser.parseFile(io.StringIO(EXPORTS["gift"].write(given)))
        assert len(found) == len(given)
        for read, question in zip(found, given, strict=True):
            assert read.valid
            assert read.cat == f"lowrank/{gettext(TITLES[question.chapter])}"
            assert read.title == f"{gettext(TITLES[question.chapter])} {question.seed}"
            assert plain(read.text) == question.asked
            answers = {plain(each.answer): each for each in read.answers.answers}
            assert set(answers) == {option.words for option in question.options}
            for option in question.options:
                answer = answers[option.words]
                assert answer.fraction == (100 if option.right else 0)
                assert plain(answer.feedback) == option.why


def opened(package: bytes) -> dict[str, Element]:
    with ZipFile(io.BytesIO(package)) as files:
        return {
            name: fromstring(files.read(name)) for name in files.namelist() if name.endswith(".xml")
        }


def quiz(files: dict[str, Element]) -> Element:
    return next(root for root in files.values() if root.tag.endswith("questestinterop"))


def named_alike(root: Element) -> list[tuple[str, tuple, str]]:
    """Every element with its attributes and words; names only as they refer to one another.

    text2qti bends apostrophes.
    """
    names: dict[str, str] = {}

    def alike(words: str) -> str:
        pattern = r"(?:text2qti_)?(?:assessment|question_ref|question|choice)_[0-9a-f]{32,}"
        return re.sub(pattern, lambda found: names.setdefault(found[0], f"n{len(names)}"), words)

    return [
        (
            each.tag,
            tuple((key, alike(value)) for key, value in sorted(each.items())
                  if not key.endswith("schemaLocation")),
            unescape(alike((each.text or "").strip())).replace("’", "'"),
        )
        for each in root.iter()
    ]  # fmt: skip


def as_text2qti(questions: list[Choice]) -> Iterator[str]:
    """The same questions as text2qti reads them."""
    chapters = joined(dict.fromkeys(each.title for each in questions), gettext("{first}, {last}"))
    yield f"Quiz title: {gettext('lowrank: {chapters}').format(chapters=chapters)}"
    for number, question in enumerate(questions, start=1):
        yield f"\nTitle: {question.title} {question.seed}\nPoints: 1"
        yield f"{number}. {question.asked}"
        for letter, option in zip("abcd", question.options, strict=False):
            yield f"{'*' * option.right}{letter}) {option.words}\n... {option.why}"


def theirs(questions: list[Choice], folder) -> dict[str, Element]:
    config = pytest.importorskip("text2qti.config", reason="see requirements-dev.txt")
    from text2qti.qti import QTI
    from text2qti.quiz import Quiz

    source = "\n".join(as_text2qti(questions)) + "\n"
    made = QTI(Quiz(source, config=config.Config(), source_name="questions"))
    path = folder / "theirs.zip"
    made.save(path)
    return opened(path.read_bytes())


def test_qti_is_what_text2qti_writes_for_the_same_questions(questions, tmp_path):
    ours, others = opened(EXPORTS["qti"].write(questions)), theirs(questions, tmp_path)
    assert named_alike(quiz(ours)) == named_alike(quiz(others))
    assert len(ours) == len(others) == 3
    (meta,) = (root for name, root in ours.items() if name.endswith("assessment_meta.xml"))
    (expected,) = (root for name, root in others.items() if name.endswith("assessment_meta.xml"))
    said = {each.tag: each.text for each in expected}
    for each in meta:
        assert each.text == said[each.tag]
    assert named_resources(ours) == named_resources(others)


def named_resources(files: dict[str, Element]) -> list[tuple[str, str | None, bool]]:
    """What the manifest lists: the kinds of things, and whether each file is in the package."""
    return [
        (each.tag, each.get("type"), each.get("href") is None or each.get("href") in files)
        for each in files["imsmanifest.xml"].find("{*}resources").iter()
    ]


def test_qti_carries_any_words_and_the_same_questions_are_the_same_bytes(questions):
    package = EXPORTS["qti"].write([DANGEROUS])
    assert package == EXPORTS["qti"].write([DANGEROUS])
    words = [each.text for each in quiz(opened(package)).findall(".//{*}mattext")]
    assert "<p>a &lt; b &amp; c</p>" in words
    names = [each.get("ident") for each in quiz(opened(EXPORTS["qti"].write(questions))).iter()]
    named = [name for name in names if name and name != "response1"]
    assert len(named) == len(set(named))


def test_a_quiz_without_a_question_is_refused():
    with pytest.raises(InputError, match=gettext("questions is empty; a quiz has at least one.")):
        EXPORTS["qti"].write([])


def test_csv_has_every_question_and_a_spreadsheet_reckons_with_nothing(questions):
    rows = list(csv.DictReader(io.StringIO(EXPORTS["csv"].write(questions))))
    for row, question in zip(rows, questions, strict=True):
        assert row[gettext("chapter")] == question.title
        assert row[gettext("question")] == question.asked
        right = row[gettext("right")]
        assert row[right] == question.right.words
        assert row[gettext("why {letter}").format(letter=right)] == question.right.why
    (row,) = csv.DictReader(io.StringIO(EXPORTS["csv"].write([DANGEROUS])))
    assert not any(cell and cell[0] in "=+-@" for cell in row.values())
    assert row["A"] == "'=1+1"


def test_a_spreadsheet_knows_the_letters_of_every_language(questions):
    """By the mark at its beginning, without which Excel takes them for its own country's."""
    table = EXPORTS["csv"].encoded(questions)
    assert table.decode("utf-8-sig") == EXPORTS["csv"].write(questions)
    assert table.startswith(codecs.BOM_UTF8)
    assert EXPORTS["gift"].encoded(questions).decode() == EXPORTS["gift"].write(questions)


@pytest.mark.parametrize("form", EXPORTS.values(), ids=EXPORTS)
def test_every_question_is_in_the_language_of_the_moment(form, questions, spoken):
    content = form.encoded(questions)
    if content.startswith(b"PK"):
        content = b"".join(tostring(root, "utf-8") for root in opened(content).values())
    assert bool(re.search("[\u4e00-\u9fff]", content.decode())) == (spoken == "zh")
