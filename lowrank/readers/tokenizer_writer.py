"""A model's tokenizer as the files that Hugging Face keeps beside the weights."""

import json
from typing import Any

from lowrank.llama.tokenizer import Tokenizer
from lowrank.llama.vocabulary import Vocabulary
from lowrank.readers.interface import Model
from lowrank.readers.tokenizer_files import SETTINGS, TEMPLATE, TOKENIZER

TRAVELS = (
    TOKENIZER,
    SETTINGS,
    TEMPLATE,
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
)


def tokenizer_files(model: Model) -> dict[str, bytes]:
    """A model's tokenizer as files by name: those it has as they are, else made of its vocabulary.

    Raises FormatError if a vocabulary is not sound.
    """
    found = {name: raw for name in TRAVELS if (raw := model.beside(name)) is not None}
    vocabulary = None if found else model.vocabulary
    return made(vocabulary) if vocabulary else found


def made(vocabulary: Vocabulary) -> dict[str, bytes]:
    """tokenizer.json and tokenizer_config.json, from which AutoTokenizer gives the same ids.

    Raises FormatError if the vocabulary is not sound.
    """
    ours = Tokenizer(vocabulary)
    text = {name: ours.text(number) for name, number in (("bos", ours.bos), ("eos", ours.eos))}
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "add_bos_token": bool(ours.prefix),
    }
    settings |= {f"{name}_token": token for name, token in text.items() if token}
    unknown = vocabulary.unknown
    if unknown is not None and 0 <= unknown < ours.size:
        settings["unk_token"] = ours.text(unknown)
    if vocabulary.chat_template is not None:
        settings["chat_template"] = vocabulary.chat_template
    return {
        TOKENIZER: ours.to_json().encode(),
        SETTINGS: json.dumps(settings, indent=2, ensure_ascii=False).encode(),
    }
