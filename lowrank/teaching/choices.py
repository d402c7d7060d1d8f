"""A question with a few answers to choose from: one right, and behind each other a misconception.

>>> question = Choice("rank", 1, "1 + 1?", (Option("2", "So it is.", True), Option("11", "Joins.")))
>>> question.right.words
'2'
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lowrank.language import gettext, gettext_noop
from lowrank.teaching.problems import Draw

MOST_OPTIONS = 4
TITLES = {  # of the chapters of the story
    "rank": gettext_noop("Rank"),
    "redundancy": gettext_noop("Redundancy"),
    "truncation": gettext_noop("Truncation"),
    "spectra": gettext_noop("Spectra"),
    "lora": "LoRA",
    "memory": gettext_noop("Memory"),
}
Said = tuple[str, str]  # an answer, and why it is right or what whoever gives it thinks


@dataclass(frozen=True)
class Option:
    """An answer that is offered, and why it is right or the misconception that leads to it."""

    words: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Choice:
    """A question of a chapter and its options in the order in which they are offered."""

    chapter: str
    seed: int
    asked: str
    options: tuple[Option, ...]

    @property
    def title(self) -> str:
        """What its chapter is called."""
        return gettext(TITLES[self.chapter])

    @property
    def right(self) -> Option:
        """The option that is right."""
        return next(option for option in self.options if option.right)


class Asked(NamedTuple):
    """What is asked, the right answer, and wrong ones, the likeliest first."""

    words: str
    right: Said
    wrong: Sequence[Said]


def offered(draw: Draw, asked: Asked) -> tuple[Option, ...]:
    """The right answer among those wrong ones that do not say the same as another, shuffled.

    >>> asked = Asked("2 · 2?", ("4", "Twice 2."), [("4", "Adds."), ("22", "Joins.")])
    >>> sorted(option.words for option in offered(Draw("1"), asked))
    ['22', '4']
    """
    found = {asked.right[0]: Option(*asked.right, right=True)}
    for words, why in asked.wrong:
        found.setdefault(words, Option(words, why))
    options = list(found.values())[:MOST_OPTIONS]
    return tuple(draw.sample(options, len(options)))
