"""Bring the catalogues of lowrank/language/locale up to date with the code, and compile them.

python -m scripts.messages [LANGUAGE ...]     such as zh; without one, every language there is

Each language's lowrank.po then has every message of the code, those that are new untranslated at
its end, and none that is gone; lowrank.mo beside it is what the package reads. A new language is
a new name here.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from lowrank.language import FOLDER

ROOT = Path(__file__).parents[1]
CODE = ("lowrank", "pages", "app.py")
# What a message is handed to: gettext by the name it goes by here, and the errors.
KEYWORDS = {
    "_": None, "gettext": None, "gettext_noop": None, "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2), "pgettext_noop": ((1, "c"), 2), "Sentence": None,
    "InputError": None, "FormatError": None, "SourceError": None, "Failed": None,
    "Unread": None, "NoValue": None,
}  # fmt: skip
HEAD = "# What lowrank says, message by message: English and its translation."
VARIES = b"-Date: ", b"Generated-By: "  # lines of the head that differ each time


def files() -> Iterator[Path]:
    """Every module that may speak to somebody."""
    for place in CODE:
        path = ROOT / place
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def extracted() -> Catalog:
    """The messages of the code, in the order of its files."""
    catalog = Catalog()
    for path in files():
        found = extract_from_file("python", path, keywords=KEYWORDS, comment_tags=["translators:"])
        for _, message, comments, context in found:
            place = path.relative_to(ROOT).as_posix()
            catalog.add(message, locations=[(place, None)], auto_comments=comments, context=context)
    return catalog


def translated(language: str, folder: Path = FOLDER) -> Catalog:
    """A language's catalogue as it is kept; an empty one where there is none yet."""
    path = folder / language / "LC_MESSAGES" / "lowrank.po"
    if not path.exists():
        return Catalog(locale=language, project="lowrank", header_comment=HEAD, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, folder: Path = FOLDER) -> Catalog:
    """A language's catalogue with the messages of the code and no others."""
    catalog = translated(language, folder)
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """The catalogue as it is written by hand."""
    file = BytesIO()
    write_po(file, catalog, width=100, include_lineno=False)
    lines = file.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not any(each in line for each in VARIES))


def as_mo(catalog: Catalog) -> bytes:
    """The catalogue as it is read; no day stands in it, so that it changes with its words alone."""
    catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def write(catalog: Catalog, folder: Path = FOLDER) -> None:
    """Both files of a language."""
    place = folder / str(catalog.locale) / "LC_MESSAGES"
    place.mkdir(parents=True, exist_ok=True)
    (place / "lowrank.po").write_bytes(as_po(catalog))
    with (place / "lowrank.po").open("rb") as file:  # a header without the day, again
        (place / "lowrank.mo").write_bytes(as_mo(read_po(file, locale=catalog.locale)))


def missing(catalog: Catalog) -> list[str]:
    """Messages without a translation."""
    return [
        str(message.id) for message in catalog if message.id and not all(_forms(message.string))
    ]


def _forms(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (string,)


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(path.name for path in FOLDER.glob("*/")):
        catalog = updated(name)
        write(catalog)
        print(f"{name}: {len(catalog):,} messages, {len(missing(catalog)):,} not translated")
