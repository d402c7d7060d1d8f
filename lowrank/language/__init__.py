"""The language that sentences are in: English as it stands in the code, or a translation of it.

A sentence is written whole, in English, with named placeholders, and `gettext` looks it up in the
catalogue of the language of the moment. That is a context variable, so that a page, the errors it
meets and the work it starts speak to one visitor, while `import lowrank` speaks English.

>>> with speaking("en"):
...     gettext("Row {row} is zero.").format(row=2)
'Row 2 is zero.'

A language is a folder locale/<its code>/LC_MESSAGES with a compiled catalogue, lowrank.mo, as the
standard library's `gettext` reads it.
"""

import gettext as catalogues
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, reduce
from pathlib import Path
from typing import TypeVar

SOURCE = "en"  # what the code is written in
CONTEXT = b"\4"  # stands in a compiled catalogue between a context and its message
FOLDER = Path(__file__).with_name("locale")

Message = TypeVar("Message", bound=str)

_chosen: ContextVar[str | None] = ContextVar("language", default=None)


def _nobody() -> str:
    return SOURCE


# Asked where nothing was chosen. The app sets it once, to its visitor's choice: each run of a page
# and each callback is in a thread of its own, in which nothing can be chosen beforehand.
otherwise: Callable[[], str] = _nobody


@cache
def languages() -> tuple[str, ...]:
    """The codes of the languages that there are, the source's first."""
    found = sorted(path.parts[-3] for path in FOLDER.glob("*/LC_MESSAGES/lowrank.mo"))
    return (SOURCE, *found)


def current() -> str:
    """The code of the language of the moment."""
    return _chosen.get() or otherwise()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Inside, sentences are in that language; in English if there is no such catalogue."""
    before = _chosen.set(language)
    try:
        yield
    finally:
        _chosen.reset(before)


def nearest(tags: str) -> str:
    """The language for a locale, or for several in the order they are wished: zh for zh-Hans-CN.

    >>> nearest("de_DE.UTF-8, en-GB")
    'en'
    """
    for tag in tags.replace("_", "-").lower().split(","):
        code = tag.split(";")[0].split(".")[0].strip().split("-")[0]
        if code in languages():
            return code
    return SOURCE


def gettext(message: str) -> str:
    """The message in the language of the moment; the message itself where it is not translated."""
    language = current()
    return message if language == SOURCE or not message else _catalogue(language).gettext(message)


def ngettext(one: str, many: str, n: int) -> str:
    """The message for a number of things, in the language of the moment.

    >>> ngettext("{n} row", "{n} rows", 2).format(n=2)
    '2 rows'
    """
    language = current()
    if language == SOURCE:
        return one if n == 1 else many
    return _catalogue(language).ngettext(one, many, n)


def pgettext(context: str, message: str) -> str:
    """The message in the language of the moment, where it is another word in another context."""
    language = current()
    return message if language == SOURCE else _catalogue(language).pgettext(context, message)


def gettext_noop(message: Message) -> Message:
    """The message as it is: translated later, where it is shown, by `gettext`."""
    return message


def pgettext_noop(context: str, message: Message) -> Message:
    """The message as it is: translated later, where it is shown, by `pgettext`."""
    return message


class Sentence:
    """A message and its values, said in the language of whoever reads it: at each `str`.

    For what is told once and read by several. A value may be a sentence too.

    >>> str(Sentence("{place}: {n} rows", place=Sentence("here"), n=2))
    'here: 2 rows'
    """

    def __init__(self, message: str, /, **values: object) -> None:
        self.message, self.values = message, values

    def __str__(self) -> str:
        said = gettext(self.message)
        return said.format(**self.values) if self.values else said


def again(said: str, messages: Sequence[str], kept_in: tuple[str, ...] = (SOURCE,)) -> str:
    """What was said in one of some languages, in that of the moment, if a message made it.

    >>> again("3 rows of q", ["{count} columns", "{count} rows of {name}"])
    '3 rows of q'
    """
    here = current()
    for language in kept_in if kept_in != (here,) else ():
        for message in messages:
            if found := _made_of(message, language).fullmatch(said):  # its values are written out
                plain = re.sub(r"{(\w+).*?}", r"{\1}", gettext(message))
                return said if language == here else plain.format(**found.groupdict())
    return said


def joined(parts: Iterable[str], by: str) -> str:
    """Parts made one, two by two, by a translated message with places for {first} and {last}.

    >>> joined(["1", "2", "3"], gettext("{first}, {last}"))
    '1, 2, 3'
    """
    return reduce(lambda first, last: by.format(first=first, last=last), parts)


def enumerated(parts: Sequence[str]) -> str:
    """Parts, at least one, as a list in a sentence.

    >>> enumerated(["x", "y", "z"]), enumerated(["x"])
    ('x, y and z', 'x')
    """
    before = joined(parts[:-1], gettext("{first}, {last}")) if parts[1:] else ""
    return (
        gettext("{first} and {last}").format(first=before, last=parts[-1]) if before else parts[0]
    )


def name_of(language: str) -> str:
    """What a language calls itself."""
    # translators: not the word for English but what your language calls itself
    return "English" if language == SOURCE else _catalogue(language).gettext("English")


def source_of(translated: str) -> set[str]:
    """The messages that any of the languages says in these words, the words themselves among them.

    An address keeps labels; this is how one that was made in one language opens in another.
    """
    return {translated}.union(
        *(_sources(language).get(translated, ()) for language in languages()[1:])
    )


def is_said(words: str) -> bool:
    """Whether the language of the moment has a message in these words."""
    return words in _said(current())


@cache
def _made_of(message: str, language: str) -> re.Pattern[str]:
    """How a message looks in a language, whatever its values are."""
    with speaking(language):
        made = re.escape(gettext(message))
    return re.compile(re.sub(r"\\{(\w+).*?\\}", r"(?P<\1>.*)", made))


@cache
def _said(language: str) -> frozenset[str]:
    if language != SOURCE:
        return frozenset(_sources(language))
    others = (_sources(other).values() for other in languages()[1:])
    return frozenset[str]().union(*(messages for each in others for messages in each))


@cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    return catalogues.translation("lowrank", FOLDER, [language], fallback=True)


@cache
def _sources(language: str) -> dict[str, set[str]]:
    sources: dict[str, set[str]] = {}
    for message, translated in _pairs(FOLDER / language / "LC_MESSAGES" / "lowrank.mo"):
        sources.setdefault(translated, set()).add(message)
    return sources


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Each message of a compiled catalogue and its translation; of plurals, the first form each.

    Reference: the GNU gettext manual, section 10.3, the format of MO files.
    """
    data = path.read_bytes()
    _, _, count, messages, translations = struct.unpack("<5I", data[:20])
    for at in range(0, 8 * count, 8):
        places = (struct.unpack_from("<2I", data, table + at) for table in (messages, translations))
        one, other = (data[start : start + length] for length, start in places)
        message = one.split(b"\0")[0].rpartition(CONTEXT)[2]
        yield message.decode(), other.split(b"\0")[0].decode()
