"""One language more is one folder and one catalogue; sentences come whole from the code."""

import ast
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from babel.messages.catalog import Catalog

from lowrank import exact, language
from lowrank.errors import FormatError, InputError, SourceError
from lowrank.exact import rank
from lowrank.exact.parametric import case_table, cases, parse_parametric, solvability
from lowrank.exact.reading import read
from lowrank.exact.styles import STYLES
from lowrank.exact.subspaces import listed
from lowrank.language import gettext, nearest, ngettext, source_of, speaking
from lowrank.teaching import handouts
from lowrank.teaching.chapters import CHAPTERS, judge_choice, make_choices
from lowrank.teaching.counting import KINDS, Counting, formats_of, make_counting
from lowrank.teaching.quiz import judge, make_question
from lowrank.teaching.typesetting import PDF
from lowrank.teaching.worksheet import Worksheet, as_typst, make_worksheet
from lowrank.ui import bound
from lowrank.ui.layout import sections, text
from scripts import messages
from tests.pages import opening

CACHES = (
    language.languages, language._catalogue, language._sources, language._said, language._made_of
)  # fmt: skip
PSEUDO = "eo"  # a language that nobody translated to: what a message says is in brackets


def pseudo(message: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """A message with each stretch between its places in brackets, and the places outside."""
    if not isinstance(message, str):
        return tuple(str(pseudo(each)) for each in message)
    return re.sub(r"(\{[^{}]*\})|[^{}]+", lambda x: x[1] or f"⟦{x[0]}⟧", message)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the generated language, made as a translator would make it."""
    folder = tmp_path_factory.mktemp("locale")
    catalog = messages.updated(PSEUDO, folder)
    for message in catalog:
        if message.id:
            message.string = pseudo(message.id)
    messages.write(catalog, folder)
    return folder


@pytest.fixture
def catalogue(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    """The generated language, spoken where a test says so."""
    copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(language, "FOLDER", tmp_path)
    for kept in CACHES:
        kept.cache_clear()
    yield messages.translated(PSEUDO, tmp_path)
    monkeypatch.undo()
    for kept in CACHES:
        kept.cache_clear()


def test_a_language_is_a_folder_with_a_catalogue(catalogue, tmp_path):
    assert language.languages() == ("en", PSEUDO)
    assert language.name_of("en") == "English"
    assert nearest("eo-XX.UTF-8") == PSEUDO
    assert nearest("de, eo;q=0.5") == PSEUDO
    assert messages.missing(messages.updated(PSEUDO, tmp_path)) == []
    assert messages.as_po(messages.updated(PSEUDO, tmp_path)) == messages.as_po(
        messages.translated(PSEUDO, tmp_path)
    )


def test_an_error_speaks_the_language_of_the_moment_and_its_values_stay(catalogue):
    with pytest.raises(InputError) as english:
        rank([[1, 2], [3]])
    with speaking(PSEUDO), pytest.raises(InputError) as other:
        rank([[1, 2], [3]])
    assert str(other.value).startswith("⟦Row ⟧2⟦ has ⟧1⟦ entry ")
    assert re.sub("[⟦⟧]", "", str(other.value)) == str(english.value)


def test_what_is_raised_again_is_not_read_again_and_braces_stay():
    assert str(InputError("{“a”: 1} is no matrix")) == "{“a”: 1} is no matrix"
    assert str(SourceError("{path} is not there", path="{x}")) == "{x} is not there"
    assert isinstance(SourceError("no"), OSError)
    assert isinstance(FormatError("no"), ValueError)


def test_one_visitor_s_language_is_not_another_s(catalogue):
    said: list[str] = []
    message = next(m.id for m in catalogue if isinstance(m.id, str) and m.id and "{" not in m.id)
    with speaking(PSEUDO):
        thread = threading.Thread(target=lambda: said.append(gettext(message)))
        thread.start()
        thread.join()
        said.append(gettext(message))
    assert said == [message, f"⟦{message}⟧"]
    assert gettext(message) == message


def test_a_label_of_another_language_is_known_by_its_source(catalogue):
    message = next(m.id for m in catalogue if isinstance(m.id, str) and m.id and "{" not in m.id)
    assert source_of(f"⟦{message}⟧") == {message, f"⟦{message}⟧"}
    assert source_of("nobody says this") == {"nobody says this"}


def test_a_number_of_things():
    assert [ngettext("{n} row", "{n} rows", n).format(n=n) for n in (1, 2)] == ["1 row", "2 rows"]


def test_what_was_kept_in_english_is_said_again(catalogue):
    message = next(m.id for m in catalogue if isinstance(m.id, str) and "entries are NaN" in m.id)
    kept = message.format(count=12_345)
    assert language.again(kept, [message]) == kept == "12,345 entries are NaN or infinite"
    with speaking(PSEUDO):
        said = "12,345⟦ entries are NaN or infinite⟧"
        assert language.again(kept, ["{count} rows", message]) == said
        assert language.again("nobody says this", [message]) == "nobody says this"


def test_a_label_made_of_a_name_is_known_in_another_language_too(catalogue):
    label, other = "q of layer 3", "q⟦ of layer ⟧3"
    assert bound.said(label) == language.again(label, bound.MADE) == label
    assert language.again(other, bound.MADE, (PSEUDO, "en")) == label
    with speaking(PSEUDO):
        assert bound.said(label) == other
        assert language.again(other, bound.MADE, (PSEUDO, "en")) == other


@pytest.mark.parametrize("lang", ["en", PSEUDO])
@pytest.mark.parametrize("start", ["Zero", "⟦Zero⟧"])
def test_a_link_made_in_one_language_opens_in_the_other(catalogue, lang, start):
    page = opening.opened("lora", model="synthetic", start=start, lang=lang)
    assert not page.exception
    assert page.session_state["start"] == "Zero"
    assert page.query_params["start"] == ("Zero" if lang == "en" else "⟦Zero⟧")
    assert [said.value for said in page.info] == []


def test_prose_that_is_not_translated_is_in_english(catalogue):
    with speaking(PSEUDO):
        assert text("start", "lead") == sections("start")["lead"]


def test_every_message_is_found(catalogue):
    """Babel passes over what stands in an f-string, or too deep in other calls."""
    known = {m.id if isinstance(m.id, str) else m.id[0] for m in catalogue}
    missed = [
        f"{path.name}:{call.lineno}: {said.value}"
        for path in messages.files()
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in messages.KEYWORDS
        for said in call.args["pgettext" in ast.unparse(call.func) :][:1]
        if isinstance(said, ast.Constant) and said.value and said.value not in known
    ]
    assert not missed, "\n".join(missed)


def test_no_message_stands_in_an_f_string():
    """Which of those Babel finds, and in what order, depends on the version of Python."""
    inside = [
        f"{path.name}:{call.lineno}"
        for path in messages.files()
        for string in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in messages.KEYWORDS
        if any(isinstance(said, ast.Constant) for said in call.args)
    ]
    assert not inside, "\n".join(inside)


def test_no_message_is_put_together_before_it_is_translated():
    glued = []
    for path in messages.files():
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in messages.KEYWORDS:
                glued += [
                    f"{path.name}:{call.lineno}: {ast.unparse(said)}"
                    for said in call.args
                    if isinstance(said, ast.JoinedStr | ast.BinOp)
                ]
    assert not glued, "\n".join(glued)


# What is said in English whatever the language: code, the subspaces' names, names of models.
CODE = re.compile(
    r"<style>.*?</style>|<code>.*?</code>|<[^>]*>|`[^`]*`|\\verb\|.*?\||\\[A-Za-z]+(\[[^]]*\])?"
    r"|^#(set|show|v|let)\b[^\n]*|#\w+(\.\w+)?\([^)]*\)|\{[a-z,0-9=]+\}|(Col|Row|Null) A",
    re.DOTALL | re.MULTILINE,
)


def untranslated(said: str) -> list[str]:
    """Two English words in a row that no message of the generated language holds."""
    while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", "•", said)) != said:
        said = shorter
    return re.findall(r"[A-Za-z]{2,},? +[A-Za-z]{2,}", CODE.sub(" ", said))


def steps_said() -> Iterator[str]:
    start = exact.exact([[0, 2, 4], [3, 6, 9], [5, 10, 14]])
    for style in STYLES:
        for step in exact.steps(start, True, style):
            yield from (step.why, step.detail, step.sought, step.meant)
    ops = (exact.swap(0, 2), exact.scale(0, 2), exact.add(1, 0, 1), exact.add(2, 1, 5))
    yield from (step.why for step in exact.Derivation(start, ops).path)
    yield from (step.why for step in exact.steps_mod(start, 7, True))
    for after in ([[0, 2, 4], [3, 6, 9], [5, 10, 15]], [[3, 6, 9], [0, 2, 5], [5, 10, 14]]):
        yield exact.explain_next(start, exact.exact(after)).why


def answers_said() -> Iterator[str]:
    A = exact.exact([[1, 2, 3], [2, 4, 6]])
    for b in ([1, 2], [1, 3]):
        yield from exact.solve(A, b).equations[1 if b == [1, 2] else 2 :]
        yield exact.solve(A, [1, 3])._repr_latex_()
    yield exact.determinant([[0, 2], [3, 4]]).how
    yield from map(str, (exact.column_space(A), exact.fundamental(A).row))
    yield listed(exact.dependencies(A))
    tenths = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]
    runs = [exact.eliminate(tenths, kind) for kind in ("exact", "float64")]
    yield exact.parting(*runs).why
    for typed in ("1 1/2, 3; 4, 5", "x + y = 1; x - y = 2", "1,5\n2,5"):
        reading = read(typed)
        yield from (*reading.notes, *filter(None, [reading.asks]))


def refusals() -> Iterator[str]:
    for call in (
        lambda: exact.parse_matrix("1 2; 3"),
        lambda: exact.parse_matrix("1 x; 3 4"),
        lambda: exact.parse_matrix("1 a b; 3 4 5"),
        lambda: exact.parse_operation("R1 R1 + 3", 2),
        lambda: exact.inverse([[1, 2]]),
        lambda: exact.eliminate([["sqrt(2)"]], "float64"),
        lambda: exact.solve([[1]], ["x"]),
        lambda: exact.identity("two"),
        lambda: read("x y = 2"),
    ):
        with pytest.raises(InputError) as refused:
            call()
        yield str(refused.value)


def questions_said() -> Iterator[str]:
    for chapter in CHAPTERS:
        for question in make_choices(chapter, 1, 8):
            yield question.asked
            yield from (each.why for each in question.options)
            yield judge_choice(question, question.options[0].words).why
    for seed in range(6):
        yield judge(make_question("rank", seed), "7").why
        yield judge(make_question("dependent", seed), "none").why
        yield judge(make_question("dependent", seed), "R1").why
        yield judge(make_question("next", seed), "R2 + 7 R1").why
        yield judge(make_question("next", seed), "R1 <-> R2").why


@pytest.mark.parametrize("source", [steps_said, answers_said, refusals, questions_said])
def test_what_is_made_in_code_is_said_in_the_language_of_the_moment(catalogue, source):
    with speaking(PSEUDO):
        said = list(source())
    assert len(said) > 8
    assert [sentence for sentence in said if untranslated(sentence)] == []


def test_cases_found_for_one_visitor_are_told_to_another_in_his_language(catalogue):
    found = cases(parse_parametric("a 1 1 1; 1 a 1 1; 1 1 a b"))
    with speaking(PSEUDO):
        lines = (*case_table(found), *solvability(found, 3))
        said = [words for line in lines for words in (line.when, line.what)]
        said += [words for case in found for step in case.moves for words in (step.why,)]
        said += [step.operation for case in found for step in case.moves if not step.changed]
    assert [sentence for sentence in said if untranslated(sentence)] == []
    assert sum("⟦" in sentence for sentence in said) > len(said) / 2
    assert case_table(found)[-1].when.startswith(("a ", "b ", "every"))


def sheets() -> Iterator[Worksheet | Counting]:
    for mixed in (False, True):
        yield make_worksheet(3, 3, 4, 2, 2, reduced=mixed, solve=True, mixed=mixed)
    yield from (make_counting(kind, 3, 2) for kind in KINDS)


@pytest.mark.parametrize("sheet", list(sheets()), ids=lambda sheet: sheet.name)
def test_a_worksheet_is_written_in_the_language_of_the_moment(catalogue, sheet):
    typst = handouts.as_typst if isinstance(sheet, Counting) else as_typst
    with speaking(PSEUDO):
        pages = {
            name: form.write(sheet)
            for name, form in formats_of(sheet).items()
            if form.mime != PDF  # which is printed from this:
        } | {"typst": typst(sheet.paper if isinstance(sheet, Counting) else sheet)}
    for page in pages.values():
        body = page.partition(r"\begin{document}")[2] or page
        assert untranslated(body.replace(sheet.command, "")) == []
    assert f'<html lang="{PSEUDO}">' in pages["html"]
    assert f'lang: "{PSEUDO}"' in pages["typst"]


def test_a_link_made_in_another_language_opens_here_and_what_was_typed_stays(catalogue):
    """Labels of options are in the address, as the visitor reads them."""
    there = opening.opened("rank", lang=PSEUDO, view="Worksheet", w_level="⟦easy⟧")
    assert there.session_state["language"] == PSEUDO
    here = opening.opened("rank", lang="en", view="⟦Worksheet⟧", w_level="⟦easy⟧", m="⟦easy⟧")
    assert (here.session_state["view"], here.session_state["w_level"]) == ("Worksheet", "easy")
    assert "⟦easy⟧" in here.query_params["m"]
    here = opening.opened("rank", lang="en", m="⟦Full rank⟧", how="⟦Type⟧")
    assert (here.session_state["m"], here.session_state["how"]) == ("Full rank", "Type")


def test_the_switch_keeps_what_the_page_shows(catalogue):
    page = opening.opened("rank", lang="en", m="Full rank", how="Type")
    page.button(key=f"speak {PSEUDO}").click().run()
    assert page.title[0].value == "⟦Rank⟧"
    assert (page.session_state["m"], page.session_state["how"]) == ("Full rank", "Type")
    with speaking(PSEUDO):  # AppTest tells options by their labels
        page.button(key="speak en").click().run()
    assert page.title[0].value == "Rank"
    assert (page.session_state["m"], page.session_state["how"]) == ("Full rank", "Type")


def places(message: str) -> set[str]:
    """Where values are put, and how they are written; `{{` is a brace."""
    return set(re.findall(r"\{\w[^{}]*\}", message.replace("{{", "").replace("}}", "")))


@pytest.mark.parametrize("name", language.languages()[1:])
def test_every_message_is_translated_with_its_places_and_compiled(name):
    catalog = messages.updated(name)
    assert messages.missing(catalog) == []
    for message in catalog:
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(places(each) == places(sources[-1]) for each in said), message.id
    place = language.FOLDER / name / "LC_MESSAGES"
    assert messages.as_po(catalog) == (place / "lowrank.po").read_bytes(), "make messages"
    assert messages.as_mo(messages.translated(name)) == (place / "lowrank.mo").read_bytes()


@pytest.mark.parametrize("name", language.languages())
def test_a_number_in_a_link_is_that_number_in_every_language(name):
    from tests.pages.opening import opened

    for layer in range(6):  # some of which are written as words in one language
        app = opened("truncation", model="synthetic", lang=name, layer=str(layer))
        assert app.session_state["layer"] == layer
