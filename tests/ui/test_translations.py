"""A translated section says what the English one says, as far as a program can compare them."""

import ast
import re
from pathlib import Path

import pytest

from lowrank.language import SOURCE
from lowrank.ui.layout import TEXT_FOLDER
from scripts import messages

TRANSLATED = sorted(
    (folder.name, str(path.relative_to(folder)))
    for folder in TEXT_FOLDER.iterdir()
    if folder.name != SOURCE
    for path in folder.rglob("*.md")
)
# What a translation keeps as it is, in an order of its own.
KEPT = {
    "places for values": r"\{[^{}]*\}",
    "code": r"`[^`]*`",
    "formulas": r"\$[^$]+\$",
    "targets of links": r"\]\([^)]*\)",
    "markup": r"</?[a-z][^>]*>",
}
SAID_TO_A_PROGRAM = {"example lines", "worksheet"}  # to the model, and in the address
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
MARK = re.compile(r"(?<![\\*])\*{1,2}(?!\*)")


def parts(language: str, file: str) -> dict[str, str]:
    """The sections that a language has itself; `sections` of the layout adds the English ones."""
    words = (TEXT_FOLDER / language / file).read_text(encoding="utf-8")
    split = [part.partition("\n") for part in f"\n{words}".split("\n## ")[1:]]
    assert len({section for section, _, _ in split}) == len(split), "a section stands there twice"
    return {section: body.strip() for section, _, body in split}


def is_code(body: str) -> bool:
    """Whether a section is a program: it is the same in every language, so none repeats it."""
    try:
        return bool(ast.parse(body).body)
    except SyntaxError:
        return False


def numbers(prose: str) -> set[str]:
    """The numbers in digits, but for values to come; Chinese counts a billion as ten 亿.

    >>> sorted(numbers("{n} of 175 billion, 2 bytes each"))
    ['1750', '2']
    """
    prose = re.sub(KEPT["places for values"], "", prose)
    return set(NUMBER.findall(re.sub(r"(\d+)(?= billion)", r"\g<1>0", prose)))


def unclosed(prose: str) -> list[str]:
    """The marks of emphasis that Markdown leaves as asterisks: beside punctuation no mark opens
    or closes within a run of letters, and Chinese has no spaces between its words.

    Reference: CommonMark 0.31, section 6.2, left- and right-flanking.
    """
    prose = re.sub(KEPT["code"], "code", re.sub(KEPT["places for values"], "0", prose))
    found = []
    for paragraph in prose.split("\n\n"):
        opened: list[str] = []
        for mark in MARK.finditer(paragraph):
            before = paragraph[: mark.start()][-1:] or " "
            after = paragraph[mark.end() :][:1] or " "
            closes = mark.group() in opened
            inner, outer = (before, after) if closes else (after, before)
            flanks = not inner.isspace() and (inner.isalnum() or not outer.isalnum())
            if not flanks:
                found.append(f"{before}{mark.group()}{after}")
            if closes:
                opened.remove(mark.group())
            else:
                opened.append(mark.group())
        found += opened
    return found


@pytest.mark.parametrize(("language", "file"), TRANSLATED)
def test_a_translation_keeps_what_is_not_words(language: str, file: str) -> None:
    english, translated = parts(SOURCE, file), parts(language, file)
    assert set(translated) <= set(english)
    for section, body in translated.items():
        source = english[section]
        assert not is_code(source), f"{section}: code is found in English"
        for what, pattern in KEPT.items():
            kept, wanted = (set(re.findall(pattern, words)) for words in (body, source))
            assert kept == wanted, f"{section}: {what}"
        assert numbers(body) == numbers(source), section
        assert unclosed(body) == [], section
        if language == "zh":
            assert CHINESE.search(body), section


@pytest.mark.parametrize(
    ("prose", "wrong"),
    [
        ("**秩 3**，共", []),
        ("大多**不是**低秩的", []),
        ("**变了。** 再", []),
        ("保留 **{energy}** 的", []),
        ("**变了。**再", ["。**再"]),
        ("它是**“满秩”**的", ["是**“", "”**的"]),
        ("**没有合上", ["**"]),
        ("任意秩 *k* 的", []),
    ],
)
def test_marks_that_markdown_would_not_see_are_found(prose: str, wrong: list[str]) -> None:
    assert unclosed(prose) == wrong


def test_a_program_is_told_from_prose() -> None:
    assert is_code(parts(SOURCE, "parameters.md")["usage"])
    assert not any(is_code(body) for body in parts(SOURCE, "rank.md").values())


HAN = "\u4e00-\u9fff"
# Full-width punctuation without a space beside it; a space between Chinese and other letters.
ILL_SET = re.compile(
    f"[{HAN}][,;:!?]|[,;!?][{HAN}]|[，。：；？！、] +[{HAN}]|[{HAN}] +[，。：；？！（）、]"
    f"|[{HAN}][A-Za-z0-9]|[A-Za-z0-9%][{HAN}]"
)


def test_chinese_is_set_as_chinese() -> None:
    strings = (each.string for each in messages.translated("zh"))
    said = [each if isinstance(each, str) else "\n".join(each) for each in strings]
    for language, file in TRANSLATED:
        said += parts(language, file).values() if language == "zh" else ()
    found = (ILL_SET.search(re.sub(KEPT["code"], "`", each)) for each in said)
    assert [ill.string for ill in found if ill] == []


@pytest.mark.parametrize("said", ["秩,列", "秩 ，列", "秩r", "3行", "对， 不对", "90%的"])
def test_what_is_ill_set_is_found(said: str) -> None:
    assert ILL_SET.search(said)


@pytest.mark.parametrize(("language", "file"), TRANSLATED)
def test_what_is_said_in_english_only_is_no_prose(language: str, file: str) -> None:
    english = parts(SOURCE, file)
    left = english.keys() - parts(language, file).keys()
    assert {section for section in left if not is_code(english[section])} <= SAID_TO_A_PROGRAM


def test_there_is_something_to_compare() -> None:
    assert all((TEXT_FOLDER / SOURCE / Path(file)).exists() for _, file in TRANSLATED)
    assert TRANSLATED
