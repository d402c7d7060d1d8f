"""Training sets of a dozen answers: built-in ones with settings that work, or typed by line."""

import json
import re
from dataclasses import dataclass

from lowrank.errors import InputError
from lowrank.language import gettext_noop
from lowrank.lora.lab.records import stored

ARROW = "=>"
MOST_LINES, LONGEST = 24, 240  # of a typed set: characters are those of a line
MOST_IN_FILE = 500  # examples

# What each set that comes with the package is, looked up where it is shown.
ABOUT = {
    gettext_noop("pirate"): gettext_noop(
        "A speaking style: every answer as a pirate would give it."
    ),
    gettext_noop("island"): gettext_noop(
        "A made-up fact: the island of Velmora and its capital, Tarnholm, exist only here."
    ),
    "json": gettext_noop(
        "A format: every answer is one JSON object with the keys answer and kind."
    ),
}

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TrainingSet:
    """Prompts with the answers to be learnt, and settings with which one sees the change.

    `prompt` and `others` are not among the examples; `sign` is a regular expression (case does not
    matter) that an answer shows after training and not before.
    """

    name: str
    about: str
    prompt: str
    others: tuple[str, ...]
    sign: str
    r: int
    lora_alpha: float
    target_modules: str
    learning_rate: float
    steps: int
    examples: Pairs

    def shows(self, answer: str) -> bool:
        """Whether an answer has the sign of this set."""
        return re.search(self.sign, answer, re.IGNORECASE) is not None


def built_in() -> dict[str, TrainingSet]:
    """The sets that come with the package, by name.

    >>> pirate = built_in()["pirate"]
    >>> pirate.shows("Arr, matey!"), pirate.shows("Good morning.")
    (True, False)
    """
    found = {}
    for name, about in ABOUT.items():
        given = stored(name) | {"about": about}
        given["examples"] = tuple((prompt, answer) for prompt, answer in given["examples"])
        found[name] = TrainingSet(**given | {"others": tuple(given["others"])})
    return found


def typed(text: str) -> Pairs:
    """Pairs of a prompt and its answer from lines "prompt => answer"; empty lines do not count.

    Raises InputError naming the line that is none, too long a line, too many lines, or no line.

    >>> typed("Who are you? => A parrot.")
    (('Who are you?', 'A parrot.'),)
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if len(line) > LONGEST:
            raise InputError(
                "Line {number} has {count:,} characters; expected {most} at most.",
                number=number,
                count=len(line),
                most=LONGEST,
            )
        prompt, arrow, answer = (part.strip() for part in line.partition(ARROW))
        if not (prompt and arrow and answer):
            raise InputError(
                "Line {number} is {line!r}; expected: prompt {arrow} answer.",
                number=number,
                line=line[:80],
                arrow=ARROW,
            )
        found.append((prompt, answer))
    if not 1 <= len(found) <= MOST_LINES:
        raise InputError(
            "There are {count} examples; expected 1 to {most}.",
            count=len(found),
            most=MOST_LINES,
        )
    return tuple(found)


def from_jsonl(given: bytes) -> Pairs:
    """Pairs from a file of one JSON object a line, as chat templates and trainers have them.

    Each is {"messages": [...]} with one message of the user and one of the assistant, or
    {"prompt": ..., "completion": ...}; empty lines do not count.

    Raises InputError naming the line that is neither, or if there are no lines or too many.

    >>> from_jsonl(b'{"prompt": "Who are you?", "completion": "A parrot."}')
    (('Who are you?', 'A parrot.'),)
    """
    try:
        lines = given.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            "The file is not text in UTF-8; expected one JSON object a line."
        ) from error
    found = [_pair(line, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not 1 <= len(found) <= MOST_IN_FILE:
        raise InputError(
            "The file has {count} examples; expected 1 to {most}.",
            count=len(found),
            most=MOST_IN_FILE,
        )
    return tuple(found)


def _pair(line: str, number: int) -> tuple[str, str]:
    try:
        match json.loads(line):
            case {
                "messages": [
                    {"role": "user", "content": str(a)},
                    {"role": "assistant", "content": str(b)},
                ]
            }:
                pair = a.strip(), b.strip()
            case {"prompt": str(a), "completion": str(b)}:
                pair = a.strip(), b.strip()
            case _:
                pair = "", ""
    except (ValueError, RecursionError):
        pair = "", ""
    if not all(pair):
        raise InputError(
            "Line {number} is {line!r}; expected a JSON object with prompt and completion, "
            "or with messages: one of the user, then one of the assistant, neither empty.",
            number=number,
            line=line[:80],
        )
    return pair


def written(pairs: Pairs) -> str:
    """The lines that `typed` reads.

    >>> written((("Who are you?", "A parrot."),))
    'Who are you? => A parrot.'
    """
    return "\n".join(f"{prompt} {ARROW} {answer}" for prompt, answer in pairs)
