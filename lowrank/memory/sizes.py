"""The sizes to count: of a published model, a config.json, or a model that opens."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lowrank.errors import InputError, SourceError
from lowrank.llama.config import LlamaConfig
from lowrank.memory.architectures import Sizes, family_of, sizes_of
from lowrank.memory.published import PUBLISHED
from lowrank.readers import Model, open_model
from lowrank.readers.hf_config import llama_config_from_json


def named(source: str) -> tuple[str, LlamaConfig]:
    """A model's title and sizes: of a name in `PUBLISHED`, a .json file, or what opens.

    Raises InputError for a name that nothing has, or sizes that are not counted, and otherwise as
    `open_model`.

    >>> named("llama 3.1 8b")[0]
    'Llama 3.1 8B'
    """
    known = {_plain(name): name for name in PUBLISHED}
    if _plain(source) in known:
        title = known[_plain(source)]
        return title, PUBLISHED[title]
    path = Path(source)
    if path.suffix == ".json" and path.is_file():
        try:
            return path.name, pasted(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError("{path} cannot be read.", path=path) from error
    if "/" not in source and source not in ("default", "synthetic") and not path.exists():
        near = get_close_matches(_plain(source), known, 3, 0.0)
        raise InputError(
            "There is no model {name!r}; near to it are {near}. A config.json, a file, a folder "
            "and a hub id are counted, too.",
            name=source[:60],
            near=", ".join(known[each] for each in near),
        )
    model = open_model(source)
    return model.title, of_model(model)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def pasted(text: str) -> Sizes:
    """The sizes in a config.json's text. Raises InputError for what is not counted, or no JSON."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("The text is not JSON: {error}.", error=str(error)[:100]) from error
    return counted(given if isinstance(given, dict) else {})


def of_model(model: Model) -> Sizes:
    """The sizes of a model. Raises InputError where they are not known, or not counted."""
    if model.given_config is not None:
        return counted(model.given_config)
    if model.config is None:
        raise InputError("The open model is no Llama, so its sizes are not known.")
    known = {"model_type": model.config.model_type}
    if family_of(known).experts:
        raise InputError("The open model has experts, and no config.json that says how many.")
    return sizes_of(model.config, known)


def counted(given: Mapping[str, Any]) -> Sizes:
    """The sizes in a config.json. Raises InputError for those of a family that is not counted."""
    found = llama_config_from_json({**family_of(given).unsaid, **given})
    if found is None:
        raise InputError(
            "This is JSON, but not a Llama's config.json: hidden_size, intermediate_size, "
            "num_hidden_layers, num_attention_heads and vocab_size must be whole numbers."
        )
    return sizes_of(found, given)
