"""A model's tokenizer from the files that Hugging Face keeps beside its weights."""

import json
from collections.abc import Callable
from typing import Any

from lowrank.errors import FormatError
from lowrank.llama.vocabulary import Vocabulary

TOKENIZER, SETTINGS, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
VOCABULARY = (TOKENIZER, SETTINGS, TEMPLATE)
LARGEST_TOKENIZER = 64_000_000  # bytes; Llama 3's has 17 million


def vocabulary_beside(read: Callable[[str], bytes | None]) -> Vocabulary | None:
    """The vocabulary from `read(file name)`, which gives None for a file that is not there.

    None if there is no tokenizer.json. Raises FormatError if a file is not UTF-8 or no JSON.

    >>> files = {"tokenizer.json": b"{}", "tokenizer_config.json": b'{"bos_token": "<s>"}'}
    >>> vocabulary_beside(files.get).bos_token
    '<s>'
    """
    raw = read(TOKENIZER)
    if raw is None:
        return None
    settings = _settings(read(SETTINGS) or b"{}")
    own = read(TEMPLATE)
    return Vocabulary(
        json=_text(raw, TOKENIZER),
        bos_token=_token(settings.get("bos_token")),
        eos_token=_token(settings.get("eos_token")),
        chat_template=_text(own, TEMPLATE) if own else _template(settings.get("chat_template")),
    )


def _settings(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            "{settings} is not JSON in UTF-8.",
            settings=SETTINGS,
        ) from error
    return found if isinstance(found, dict) else {}


def _text(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(
            "{name} is not UTF-8.",
            name=name,
        ) from error


def _token(said: Any) -> str | None:
    """A token is written as itself, or as an object with its content."""
    said = said.get("content") if isinstance(said, dict) else said
    return said if isinstance(said, str) else None


def _template(said: Any) -> str | None:
    """One template, or a list of named ones, of which the default is meant."""
    if isinstance(said, list):
        named = {t.get("name"): t.get("template") for t in said if isinstance(t, dict)}
        said = named.get("default")
    return said if isinstance(said, str) else None
