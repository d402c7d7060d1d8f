"""Training examples: token ids, and which of them are to be learnt."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from lowrank.errors import InputError
from lowrank.llama.chat import Conversation


class Example(NamedTuple):
    """Token ids, and for each whether the loss counts it: the completion, not the prompt."""

    ids: tuple[int, ...]
    mask: tuple[bool, ...]

    @property
    def learnt(self) -> int:
        """How many tokens count; the first of a text has nothing before it and never does."""
        return sum(self.mask[1:])


class Words(Protocol):
    """What is asked of a tokenizer; `lowrank.llama.tokenizer.Tokenizer` answers it."""

    chat_template: str | None

    @property
    def stop_ids(self) -> Collection[int]: ...
    def encode(self, text: str, special: bool = False) -> list[int]: ...
    def begin(self, text: str) -> list[int]: ...
    def chat_texts(self, conversations: Sequence[Conversation]) -> list[str]: ...


def answers(
    tokenizer: Words,
    pairs: Sequence[tuple[str, str]],
    max_length: int | None = None,
    system: str | None = None,
) -> list[Example]:
    """(prompt, completion) pairs laid out by the chat template; the completion and its end count.

    The end of the answer is learnt too, or the model would not stop. A model without a template
    gets prompt and completion one after the other. Examples are cut after `max_length` tokens.

    Raises InputError for an empty completion, one that is cut off whole, or no pairs at all;
    FormatError if the template fails.
    """
    if not pairs:
        raise InputError("There are no examples: expected pairs of a prompt and its completion.")
    for i, (_, completion) in enumerate(pairs):
        if not completion.strip():
            raise InputError(
                "Example {number} has no completion: there is nothing to learn.",
                number=i + 1,
            )
    found = []
    given_all, end = laid_out(tokenizer, [prompt for prompt, _ in pairs], system)
    for i, (given, (_, completion)) in enumerate(zip(given_all, pairs, strict=True)):
        wanted = [*tokenizer.encode(completion), *end]
        ids = (*given, *wanted)[:max_length]
        mask = (*(False for _ in given), *(True for _ in wanted))[:max_length]
        example = Example(ids, mask)
        if not example.learnt:
            raise InputError(
                "Example {number} has a prompt of {tokens:,} tokens: no token of its answer is "
                "within the first {most:,}.",
                number=i + 1,
                tokens=len(given),
                most=len(ids),
            )
        found.append(example)
    return found


def laid_out(
    tokenizer: Words, prompts: Sequence[str], system: str | None
) -> tuple[list[list[int]], list[int]]:
    """The tokens of each prompt, up to where its answer begins, and those that end an answer.

    An answer ends as the template ends one, up to the first token that stops generation.
    """
    stop = sorted(tokenizer.stop_ids)[:1]
    if tokenizer.chat_template is None:
        return [tokenizer.begin(prompt) for prompt in prompts], stop
    first = [{"role": "system", "content": system}] if system else []
    asked: list[Conversation] = [
        ([*first, {"role": "user", "content": prompt}], True) for prompt in prompts
    ]
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "ANSWER"}]
    *texts, whole = tokenizer.chat_texts([*asked, (said, False)])
    given = [tokenizer.encode(text, special=True) for text in texts]
    tail = tokenizer.encode(whole.rpartition("ANSWER")[2], special=True)
    length = next((i + 1 for i, token in enumerate(tail) if token in tokenizer.stop_ids), 0)
    return given, tail[:length] or stop
