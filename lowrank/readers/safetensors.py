"""Safetensors checkpoints: one file, or shards with an index; memory-mapped, one tensor at a time.

What a header may say is in `safetensors_header`; which files belong together is here.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError, SourceError
from lowrank.language import gettext as _
from lowrank.llama.vocabulary import Vocabulary
from lowrank.readers.hf_config import llama_config_from_json, model_type
from lowrank.readers.interface import T, TensorInfo, known_tensor
from lowrank.readers.local_files import contents, mapped, release, unshrunk
from lowrank.readers.notebook import ShownInNotebooks
from lowrank.readers.safetensors_header import (
    Entry,
    as_stored,
    header_length,
    parse_header,
)
from lowrank.readers.shown import computed, of_safetensors, own, parts
from lowrank.readers.tokenizer_files import LARGEST_TOKENIZER, VOCABULARY, vocabulary_beside

INDEX, SINGLE, CONFIG = "model.safetensors.index.json", "model.safetensors", "config.json"
QUANTISED = "quantize_config.json"
MOST_NAMES, MOST_SHARDS = 200_000, 1000  # of one checkpoint
LARGEST_JSON = 16_000_000  # bytes of an index or a configuration


@dataclass(frozen=True)
class Shard:
    """One .safetensors file: its bytes after the header, mapped, and what is where in them."""

    path: Path
    data: memoryview
    entries: dict[str, Entry]
    size: int  # bytes of the whole file


class SafetensorsModel(ShownInNotebooks):
    """A checkpoint in safetensors, open: see `lowrank.readers.interface.Model` for its verbs.

    `path` is a .safetensors file, a `*.safetensors.index.json`, or a folder that holds either; a
    `config.json` beside it gives the sizes. Raises SourceError if a file cannot be opened,
    FormatError if one is not sound.
    """

    kind: Literal["real", "synthetic"] = "real"

    def __init__(self, path: Path, source: str = "", title: str = "") -> None:
        path = checkpoint(path)
        sharded = path.name.endswith(".index.json")
        self._where = shards(path) if sharded else one_file(path)
        self._folder = path.parent
        files = [path, *dict.fromkeys(shard.path for shard in self._where.values())]
        beside_them = [self._folder / name for name in (CONFIG, QUANTISED, *VOCABULARY)]
        self.made_of: tuple[Path, ...] = tuple(dict.fromkeys([*files, *beside_them]))
        self.source = source or str(path)
        self.title = title or (path.resolve().parent.name if path.stem == "model" else path.stem)
        beside = path.with_name(CONFIG)
        given = read_json(beside) if beside.is_file() else None
        self.given_config: Mapping[str, Any] | None = given if isinstance(given, dict) else None
        self.config = llama_config_from_json(given)
        self.model_type = model_type(self.given_config)
        entries = {name: shard.entries[name] for name, shard in self._where.items()}
        self._shown = of_safetensors(entries, self._said(), lambda name: bytes(self._raw(name)[0]))
        self.tensors: Mapping[str, TensorInfo] = own(self._shown)
        self.parts: Mapping[str, TensorInfo] = parts(self._shown)

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """What the files beside the weights say of the tokenizer; None without a tokenizer.json."""
        return vocabulary_beside(self.beside)

    def beside(self, name: str) -> bytes | None:
        """A small file of the checkpoint's folder. Raises FormatError if it is large."""
        path = self._folder / name
        return contents(path, LARGEST_TOKENIZER) if path.is_file() else None

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor as a new float32 array, (out, in); NaN and infinity come as they are stored.

        Raises InputError if the model has no such tensor, FormatError if it is of codes that are
        not read.
        """
        each = known_tensor(self._shown, name, self.title)
        return computed(each, lambda stored: as_stored(*self._raw(stored)))

    def release(self, name: str) -> None:
        """See `Mapped`: a process that reads a whole model does not hold it as stored as well."""
        for stored in known_tensor(self._shown, name, self.title).stored:
            shard = self._where[stored]
            entry, header = shard.entries[stored], shard.size - len(shard.data)
            release(shard.data, header + entry.start, entry.end - entry.start)

    def _raw(self, stored: str) -> tuple[memoryview, str, tuple[int, ...]]:
        shard = self._where[stored]
        entry = shard.entries[stored]
        unshrunk(shard.path, shard.size)
        return shard.data[entry.start : entry.end], entry.dtype, entry.shape

    def _said(self) -> Mapping[str, Any]:
        """The configuration, with what GPTQ's older checkpoints say in a file of their own."""
        beside = self._folder / QUANTISED
        more = {"quantization_config": read_json(beside)} if beside.is_file() else {}
        return more | dict(self.given_config or {})


def checkpoint(path: Path) -> Path:
    """The file to begin with: the path itself, or a folder's index or single file."""
    if not path.is_dir():
        return path
    for name in (INDEX, SINGLE):
        if (path / name).is_file():
            return path / name
    files = sorted(path.glob("*.safetensors"))
    if len(files) == 1:
        return files[0]
    others = len([*path.glob("*.[gG][gG][uU][fF]")])
    found = _("no .safetensors file")
    if files:
        found = _("{count} .safetensors files without one").format(count=len(files))
    elif others:
        found = _("{count} .gguf files: name one").format(count=others)
    raise SourceError(
        "{name} is not a checkpoint: expected {index}; there is {found}.",
        name=path.name,
        index=INDEX,
        found=found,
    )


def one_file(path: Path) -> dict[str, Shard]:
    """Every tensor of one file, by name."""
    shard = opened(path)
    return dict.fromkeys(shard.entries, shard)


def shards(index: Path) -> dict[str, Shard]:
    """Every tensor of the files that an index names, in its shard; each is opened once.

    As transformers reads them: what the files hold counts, and an entry of the index that none of
    them holds is stale.
    """
    weight_map = named_shards(index)
    files = [opened(index.with_name(file)) for file in sorted(set(weight_map.values()))]
    return in_order(weight_map, {name: shard for shard in files for name in shard.entries})


def in_order(names: Iterable[str], held: Mapping[str, T]) -> dict[str, T]:
    """What is held, in the order of an index, and then what the index does not name.

    >>> in_order(["b", "stale", "a"], {"a": 1, "b": 2, "c": 3})
    {'b': 2, 'a': 1, 'c': 3}
    """
    return {name: held[name] for name in names if name in held} | dict(held)


def named_shards(index: Path) -> dict[str, str]:
    """The shard's file name for every tensor of an index. Raises FormatError for any other JSON."""
    given = read_json(index)
    weight_map = given.get("weight_map") if isinstance(given, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise FormatError(
            "{name} has no weight_map from tensor names to shard files.",
            name=index.name,
        )
    if len(weight_map) > MOST_NAMES:
        raise FormatError(
            "{name} lists {count:,} tensors, too many for a model.",
            name=index.name,
            count=len(weight_map),
        )
    for name, file in weight_map.items():
        if not isinstance(file, str):
            raise FormatError(
                "{name} gives {tensor!r} a shard that is not a file name.",
                name=index.name,
                tensor=name[:200],
            )
    files = set(weight_map.values())
    if len(files) > MOST_SHARDS:
        raise FormatError(
            "{name} names over {most:,} shards, too many for a model.",
            name=index.name,
            most=MOST_SHARDS,
        )
    for file in files:
        check_shard_name(index, file)
    return weight_map


def check_shard_name(index: Path, file: str) -> None:
    """Raises FormatError for a shard's name that leads anywhere but beside its index."""
    plain = file.endswith(".safetensors") and not set(file) & set("/\\:\0")
    if not plain or file.startswith(".") or len(file) > 255:
        raise FormatError(
            "{name} names the shard {file!r}; expected a file beside it.",
            name=index.name,
            file=file[:200],
        )


def opened(path: Path) -> Shard:
    """One file, mapped, its header parsed."""
    data = mapped(path)
    length = header_length(bytes(data[:8]), path.name, len(data) - 8)
    size, data, raw = len(data), data[8 + length :], bytes(data[8 : 8 + length])
    return Shard(path, data, parse_header(raw, len(data), path.name), size)


def read_json(path: Path) -> Any:
    """A small JSON file. Raises FormatError if it is large or is no JSON."""
    raw = contents(path, LARGEST_JSON)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            "{name} is not JSON in UTF-8.",
            name=path.name,
        ) from error
