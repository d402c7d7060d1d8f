"""A checkpoint in a folder, as transformers opens it: weights, configuration, tokenizer."""

import json
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank import files
from lowrank.errors import FormatError, InputError
from lowrank.llama.loading import checked_config, expected
from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers.checkpoint_config import Table
from lowrank.readers.interface import Model
from lowrank.readers.safetensors import CONFIG, INDEX, SINGLE, SafetensorsModel
from lowrank.readers.safetensors_writer import SIZE, write
from lowrank.readers.tokenizer_writer import TRAVELS, tokenizer_files

SHARD_BYTES = 5 * 10**9
ADAPTER = "adapter_config.json"  # of a folder that is an adapter, which none of ours is


def write_checkpoint(
    new: Path,
    model: Model,
    table: Table,
    config: Mapping[str, Any],
    tensor: Callable[[str], NDArray[np.float32]],
    shard_bytes: int = SHARD_BYTES,
) -> list[Path]:
    """Write a checkpoint made of a model into a new folder, open it again, and list its files.

    `table` is the stored type and shape of every tensor, each asked for when its turn comes;
    `config` what `config_of` makes of it. The tokenizer is the model's.

    Raises SourceError if a file cannot be written, FormatError if a value does not fit its type or
    the folder is not what was to be written.
    """
    written = write_shards(new, table, tensor, shard_bytes)
    written += write_beside(new, model, config)
    check_checkpoint(new, model, table, config)
    return written


def write_beside(new: Path, model: Model, config: Mapping[str, Any]) -> list[Path]:
    """Write the configuration, if there is one, and the model's tokenizer."""
    beside = {CONFIG: json.dumps(config, indent=2).encode()} if config else {}
    beside |= tokenizer_files(model)
    for name, raw in beside.items():
        files.write(new / name, raw)
    return [new / name for name in beside]


def write_shards(
    path: Path, table: Table, tensor: Callable[[str], NDArray[np.float32]], shard_bytes: int
) -> list[Path]:
    """Write the tensors to as many files as they need, and an index if that is more than one."""
    shards: list[Table] = [{}]
    size = 0
    for name, (dtype, shape) in table.items():
        more = SIZE[dtype] * prod(shape)
        if shards[-1] and size + more > shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = (dtype, shape)
        size += more
    count = len(shards)
    stem = SINGLE.removesuffix(".safetensors")
    names = [f"{stem}-{i:05}-of-{count:05}.safetensors" for i in range(1, count + 1)]
    names = names if count > 1 else [SINGLE]
    total = 0
    for file, held in zip(names, shards, strict=True):
        total += write(path / file, held, tensor)
    written = [path / file for file in names]
    if count > 1:
        where = {name: file for file, held in zip(names, shards, strict=True) for name in held}
        index = {"metadata": {"total_size": total}, "weight_map": where}
        files.write(path / INDEX, json.dumps(index, indent=2))
        written.append(path / INDEX)
    return written


def check_place(place: Path, model: Model, overwrite: bool) -> None:
    """Raises InputError unless a folder is new or empty, or may be overwritten and is an export."""
    if not place.exists():
        return
    if not place.is_dir():
        raise InputError(
            "{place} is a file; expected a folder, new or empty.",
            place=place,
        )
    held = sorted(place.iterdir())
    if held and not overwrite:
        raise InputError(
            "{place} holds {name}: an export goes into a new or empty folder, or over an "
            "earlier one (overwrite).",
            place=place,
            name=held[0].name,
        )
    strangers = [path.name for path in held if not _exported(path)]
    if strangers or (place / ADAPTER).exists():
        other = (strangers or [ADAPTER])[0]
        raise InputError(
            "{place} holds {other}, which no export writes: it is not overwritten.",
            place=place,
            other=other,
        )
    if any(isinstance(part, Path) and part.absolute().parent == place for part in model.made_of):
        raise InputError(
            "{place} holds the model itself: choose another folder.",
            place=place,
        )


def _exported(path: Path) -> bool:
    """Whether a file has a name that an export gives."""
    stem = SINGLE.removesuffix(".safetensors")
    weights = path.name.startswith(stem) and path.suffix == ".safetensors"
    return path.is_file() and (weights or path.name in {CONFIG, INDEX, *TRAVELS})


def check_checkpoint(new: Path, model: Model, table: Table, config: Mapping[str, Any]) -> None:
    """Open a checkpoint as anyone would. Raises FormatError if it is not what was to be written."""
    again = SafetensorsModel(new)
    found = {name: (info.dtype, info.shape) for name, info in again.tensors.items()}
    written = json.loads(json.dumps(config))  # where a tuple is a list
    if found != table or (again.given_config or {}) != written:
        raise FormatError(
            "What was written to {name} is not what was to be written.",
            name=new.name,
        )
    if again.vocabulary is not None:
        Tokenizer(again.vocabulary)
    if model.given_config is None and model.config is not None:
        expected(again, checked_config(again))  # a configuration of our own must describe it
