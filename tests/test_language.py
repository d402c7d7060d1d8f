"""One language more is one folder and one catalogue; sentences come whole from the code."""

import ast
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from lowrank import language
from lowrank.errors import FormatError, InputError, SourceError
from lowrank.exact import rank
from lowrank.language import gettext, nearest, ngettext, source_of, speaking
from lowrank.ui.layout import sections, text
from scripts import messages

PSEUDO = "eo"  # a language that nobody translated to: every message in brackets


def pseudo(message: str | tuple[str, ...]) -> str | tuple[str, ...]:
    return f"⟦{message}⟧" if isinstance(message, str) else tuple(f"⟦{each}⟧" for each in message)


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    """The generated language, made as a translator would make it."""
    monkeypatch.setattr(language, "FOLDER", tmp_path)
    for kept in (language.languages, language._catalogue, language._sources):
        kept.cache_clear()
    catalog = messages.updated(PSEUDO, tmp_path)
    for message in catalog:
        if message.id:
            message.string = pseudo(message.id)
    messages.write(catalog, tmp_path)
    yield catalog
    monkeypatch.undo()
    for kept in (language.languages, language._catalogue, language._sources):
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
    assert str(other.value) == f"⟦{english.value}⟧"


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


def test_prose_that_is_not_translated_is_in_english(catalogue):
    with speaking(PSEUDO):
        assert text("start", "lead") == sections("start")["lead"]


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
