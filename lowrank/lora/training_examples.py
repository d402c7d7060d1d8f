"""Training examples: token ids, and which of them are to be learnt."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from lowrank.errors import InputError


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
    def encode_chat(
        self, messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = True
    ) -> list[int]: ...
    def chat_text(
        self, messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = True
    ) -> str: ...


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
    chat = tokenizer.chat_template is not None
    end = answer_end(tokenizer) if chat else sorted(tokenizer.stop_ids)[:1]
    found = []
    for i, (prompt, completion) in enumerate(pairs):
        if not completion.strip():
            raise InputError(f"Example {i + 1} has no completion: there is nothing to learn.")
        said = [{"role": "system", "content": system}] if system else []
        said.append({"role": "user", "content": prompt})
        given = tokenizer.encode_chat(said) if chat else tokenizer.begin(prompt)
        wanted = [*tokenizer.encode(completion), *end]
        ids = (*given, *wanted)[:max_length]
        mask = (*(False for _ in given), *(True for _ in wanted))[:max_length]
        example = Example(ids, mask)
        if not example.learnt:
            raise InputError(
                f"Example {i + 1} has a prompt of {len(given):,} tokens: no token of its answer "
                f"is within the first {max_length:,}."
            )
        found.append(example)
    return found


def texts(tokenizer: Words, lines: Sequence[str], max_length: int | None = None) -> list[Example]:
    """Plain texts, every token but the first to be learnt.

    Raises InputError for a text of fewer than two tokens, or no texts at all.
    """
    if not lines:
        raise InputError("There are no texts to learn.")
    found = []
    for i, line in enumerate(lines):
        ids = tuple(tokenizer.begin(line))[:max_length]
        if len(ids) < 2:
            raise InputError(f"Text {i + 1} has {len(ids)} tokens; expected at least 2.")
        found.append(Example(ids, (True,) * len(ids)))
    return found


def answer_end(tokenizer: Words) -> list[int]:
    """The tokens with which the template ends an answer, up to the first that stops generation."""
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "ANSWER"}]
    _, _, tail = tokenizer.chat_text(said, add_generation_prompt=False).rpartition("ANSWER")
    end = []
    for token in tokenizer.encode(tail, special=True):
        end.append(token)
        if token in tokenizer.stop_ids:
            return end
    return sorted(tokenizer.stop_ids)[:1]
