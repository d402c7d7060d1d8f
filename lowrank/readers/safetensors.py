"""Safetensors checkpoints: one file, or shards with an index; memory-mapped, one tensor at a time.

What a header may say is in `safetensors_header`; which files belong together is here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError, SourceError
from lowrank.llama.names import place
from lowrank.llama.vocabulary import Vocabulary
from lowrank.readers.hf_config import llama_config_from_json
from lowrank.readers.interface import TensorInfo, known_tensor
from lowrank.readers.local_files import contents, mapped
from lowrank.readers.notebook import ShownInNotebooks
from lowrank.readers.safetensors_header import Entry, header_length, parse_header, widen
from lowrank.readers.tokenizer_files import LARGEST_TOKENIZER, VOCABULARY, vocabulary_beside

INDEX, SINGLE, CONFIG = "model.safetensors.index.json", "model.safetensors", "config.json"
MOST_NAMES, MOST_SHARDS = 200_000, 1000  # of one checkpoint
LARGEST_JSON = 16_000_000  # bytes of an index or a configuration


@dataclass(frozen=True)
class Shard:
    """One .safetensors file: its bytes after the header, mapped, and what is where in them."""

    path: Path
    data: memoryview
    entries: dict[str, Entry]


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
        beside_them = [self._folder / name for name in (CONFIG, *VOCABULARY)]
        self.made_of: tuple[Path, ...] = tuple(dict.fromkeys([*files, *beside_them]))
        self.source = source or str(path)
        self.title = title or (path.resolve().parent.name if path.stem == "model" else path.stem)
        beside = path.with_name(CONFIG)
        given = read_json(beside) if beside.is_file() else None
        self.given_config: Mapping[str, Any] | None = given if isinstance(given, dict) else None
        self.config = llama_config_from_json(given)
        self.tensors: Mapping[str, TensorInfo] = MappingProxyType(
            {name: described(name, shard.entries[name]) for name, shard in self._where.items()}
        )

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """What the files beside the weights say of the tokenizer; None without a tokenizer.json."""

        def read(name: str) -> bytes | None:
            path = self._folder / name
            return contents(path, LARGEST_TOKENIZER) if path.is_file() else None

        return vocabulary_beside(read)

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor as a new float32 array, (out, in); NaN and infinity come as they are stored.

        Raises InputError if the model has no such tensor.
        """
        known_tensor(self.tensors, name, self.title)
        shard = self._where[name]
        entry = shard.entries[name]
        return widen(shard.data[entry.start : entry.end], entry.dtype, entry.shape)


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
    found = f"{len(files)} .safetensors files without one" if files else "no .safetensors file"
    raise SourceError(f"{path.name} is not a checkpoint: expected {INDEX}; there is {found}.")


def described(name: str, entry: Entry) -> TensorInfo:
    """The table's line for a tensor."""
    return TensorInfo(name, *place(name), entry.shape, entry.dtype, entry.end - entry.start)


def one_file(path: Path) -> dict[str, Shard]:
    """Every tensor of one file, by name."""
    shard = opened(path)
    return dict.fromkeys(shard.entries, shard)


def shards(index: Path) -> dict[str, Shard]:
    """Every tensor that an index names, in its shard; each shard is opened once.

    Raises FormatError for an index that names what its shards do not hold, or a file elsewhere.
    """
    where = named_shards(index)
    files = {file: opened(index.with_name(file)) for file in dict.fromkeys(where.values())}
    for name, file in where.items():
        if name not in files[file].entries:
            raise FormatError(f"{index.name} looks for {name[:200]!r} in {file}, which lacks it.")
    return {name: files[file] for name, file in where.items()}


def named_shards(index: Path) -> dict[str, str]:
    """The shard's file name for every tensor of an index. Raises FormatError for any other JSON."""
    given = read_json(index)
    weight_map = given.get("weight_map") if isinstance(given, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise FormatError(f"{index.name} has no weight_map from tensor names to shard files.")
    if len(weight_map) > MOST_NAMES:
        raise FormatError(f"{index.name} lists {len(weight_map):,} tensors, too many for a model.")
    for name, file in weight_map.items():
        if not isinstance(file, str):
            raise FormatError(f"{index.name} gives {name[:200]!r} a shard that is not a file name.")
        check_shard_name(index, file)
    if len(set(weight_map.values())) > MOST_SHARDS:
        raise FormatError(f"{index.name} names over {MOST_SHARDS:,} shards, too many for a model.")
    return weight_map


def check_shard_name(index: Path, file: str) -> None:
    """Raises FormatError for a shard's name that leads anywhere but beside its index."""
    plain = file.endswith(".safetensors") and not set(file) & set("/\\:\0")
    if not plain or file.startswith(".") or len(file) > 255:
        raise FormatError(
            f"{index.name} names the shard {file[:200]!r}; expected a file beside it."
        )


def opened(path: Path) -> Shard:
    """One file, mapped, its header parsed."""
    data = mapped(path)
    length = header_length(bytes(data[:8]), path.name, len(data) - 8)
    data, raw = data[8 + length :], bytes(data[8 : 8 + length])
    return Shard(path, data, parse_header(raw, len(data), path.name))


def read_json(path: Path) -> Any:
    """A small JSON file. Raises FormatError if it is large or is no JSON."""
    raw = contents(path, LARGEST_JSON)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name} is not JSON in UTF-8.") from error
