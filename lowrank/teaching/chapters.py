"""Questions to choose an answer to, for every chapter of the story, drawn from a seed.

>>> question = make_choice("lora", seed=2)
>>> judge_choice(question, question.right.words).right
True
"""

import itertools
from collections.abc import Callable

from lowrank.errors import InputError
from lowrank.exact.arguments import instance, one_of, whole
from lowrank.language import gettext as _
from lowrank.language import joined
from lowrank.teaching import about_matrices, about_models
from lowrank.teaching.choices import Asked, Choice, offered
from lowrank.teaching.problems import Draw
from lowrank.teaching.quiz import Judgement

CHAPTERS: dict[str, tuple[Callable[[Draw], Asked], ...]] = {
    "rank": about_matrices.RANK,
    "redundancy": about_matrices.REDUNDANCY,
    "truncation": about_matrices.TRUNCATION,
    "spectra": about_matrices.SPECTRA,
    "lora": about_models.LORA,
    "memory": about_models.MEMORY,
}
"""The chapters of the quiz by name, each with what asks one of its questions."""
MOST_CHOICES = 50  # there are somewhat more in each chapter


def make_choice(chapter: str, seed: int) -> Choice:
    """The question with that seed: seeds that follow one another ask about different things.

    >>> make_choice("rank", 1).asked
    'A matrix has 5 rows and 2 columns. What is the largest rank it can have?'

    Raises:
        InputError: an unknown chapter, a seed that is no whole number.
    """
    makers = CHAPTERS[one_of(chapter, CHAPTERS, "chapter")]
    seed = whole(seed, "seed")
    draw = Draw(f"{chapter} {seed}")
    asked = makers[seed % len(makers)](draw)
    return Choice(chapter, seed, asked.words, offered(draw, asked))


def make_choices(chapter: str, seed: int, count: int) -> tuple[Choice, ...]:
    """`count` different questions, their seeds rising from `seed`.

    Raises:
        InputError: a count outside 1 to 50, or what `make_choice` refuses.
    """
    if not 1 <= whole(count, "count") <= MOST_CHOICES:
        raise InputError(
            "count is {count}; expected 1 to {most} questions.",
            count=count,
            most=MOST_CHOICES,
        )
    found: dict[str, Choice] = {}
    for number in itertools.count(whole(seed, "seed")):
        question = make_choice(chapter, number)
        found.setdefault(question.asked, question)
        if len(found) == count:
            break
    return tuple(found.values())


def judge_choice(question: Choice, answer: str) -> Judgement:
    """Whether the answer is the right option; if not, what leads to it, and what is right.

    Raises:
        InputError: the answer is none of the options.
    """
    options = {each.words: each for each in instance(question, Choice, "question").options}
    if instance(answer, str, "answer") not in options:
        raise InputError(
            "answer is {answer!r}; expected one of {options}.",
            answer=answer,
            options=joined(options, _("{first}, {last}")),
        )
    found, right = options[answer], question.right
    if found.right:
        return Judgement(True, found.why)
    said = _("{why} Right is {answer}: {reason}")
    return Judgement(False, said.format(why=found.why, answer=right.words, reason=right.why))
