"""A checkpoint with an adapter merged in, as safetensors that transformers loads."""

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lowrank import files
from lowrank.errors import FormatError, InputError, SourceError
from lowrank.llama.loading import DIVISORS, checked_config, expected
from lowrank.llama.names import name_of
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora.adapter_config import FILE
from lowrank.lora.adapters.export_config import Table, config_of, flags
from lowrank.lora.adapters.merging import (
    EMBEDDINGS,
    HEAD,
    Floats,
    is_tied,
    merged,
    merged_names,
    moves_both,
)
from lowrank.lora.adapters.peft_files import Adapter
from lowrank.readers.gguf import GGUFModel
from lowrank.readers.interface import Model
from lowrank.readers.safetensors import CONFIG, INDEX, SINGLE, SafetensorsModel
from lowrank.readers.safetensors_writer import SIZE, write
from lowrank.readers.tokenizer_writer import TRAVELS, tokenizer_files

Dtype = Literal["stored", "F32", "F16", "BF16"]
SHARD_BYTES = 5 * 10**9


def export(
    model: Model,
    adapter: Adapter,
    folder: str | Path,
    dtype: Dtype = "stored",
    shard_bytes: int = SHARD_BYTES,
    overwrite: bool = False,
) -> list[Path]:
    """Write the merged model into a folder: model.safetensors, or shards and their index.

    One tensor is in memory at a time. `dtype` "stored" keeps float32, float16 and bfloat16 as they
    are and stores all else (quantised, 8-bit) as F16. `shard_bytes` is the most a file holds,
    unless one tensor alone is larger. config.json says what the export changed, and the tokenizer's
    files travel along; of a GGUF both are made. The folder appears whole, after it was opened again
    and found to be the merged model, or not at all.

    Returns the files written. Raises InputError if the adapter does not fit the model, if no
    configuration describes the result, or if the folder holds anything (with `overwrite`: anything
    but an earlier export); SourceError if a file cannot be written; FormatError if a value does not
    fit `dtype`.
    """
    if dtype not in ("stored", *SIZE) or shard_bytes < 1:
        raise InputError(
            "dtype is {dtype!r} and shard_bytes {shard_bytes}; expected 'stored', 'F32', "
            "'F16' or 'BF16', and at least 1 byte.",
            dtype=dtype,
            shard_bytes=shard_bytes,
        )
    place = Path(folder).absolute()
    check_place(place, model, overwrite)
    table = stored_table(model, adapter, dtype)
    config = config_of(model, table)
    if not config and isinstance(model, GGUFModel):
        raise InputError(
            "{title} is of a kind for which no config.json can be made.",
            title=model.title,
        )
    new = place.with_name(f".{place.name}.{secrets.token_hex(8)}.new")
    try:
        written = write_shards(model, adapter, new, table, shard_bytes)
        if config:
            files.write(new / CONFIG, json.dumps(config, indent=2))
            written.append(new / CONFIG)
        for name, raw in tokenizer_files(model).items():
            files.write(new / name, raw)
            written.append(new / name)
        check_export(new, model, table, config)
        swap(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return [place / path.name for path in written]


def stored_table(model: Model, adapter: Adapter, dtype: Dtype) -> Table:
    """Stored type and shape of every tensor of the merged model, as transformers expects them.

    Of a model without a config.json, a GGUF, divisors of positions become part of the
    configuration, and where transformers has biases that the model lacks, they are there as zeros.
    """
    table: Table = {}
    for name in merged_names(model, adapter):
        source = EMBEDDINGS if name == HEAD and is_tied(model) else name
        known = model.tensors[source]
        new = adapter.replaced.get(source if moves_both(adapter) else name, known)
        kept = known.dtype if known.dtype in SIZE else "F16"
        table[name] = (kept if dtype == "stored" else dtype, new.shape)
    if model.given_config is None and model.config is not None:
        table = {name: found for name, found in table.items() if name not in DIVISORS}
        for _, projections in flags(model.config.model_type, table):
            for layer in range(model.config.num_hidden_layers):
                for module in (name_of(layer, each) for each in projections):
                    kind, (out, *_) = table[f"{module}.weight"]
                    table.setdefault(f"{module}.bias", (kind, (out,)))
    return table


def write_shards(
    model: Model, adapter: Adapter, path: Path, table: Table, shard_bytes: int
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
    there = {*merged_names(model, adapter)}

    def tensor(name: str) -> Floats:
        return merged(model, adapter, name) if name in there else np.zeros(table[name][1], "f4")

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
    if strangers or (place / FILE).exists():
        other = (strangers or [FILE])[0]
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


def check_export(new: Path, model: Model, table: Table, config: Mapping[str, Any]) -> None:
    """Open an export as anyone would. Raises FormatError if it is not what was to be written."""
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


def swap(new: Path, place: Path) -> None:
    """Put a finished folder in the place of an older one. Raises SourceError if that fails."""
    old = place.with_name(new.name.replace(".new", ".old"))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            os.replace(place, old)
        os.replace(new, place)
    except OSError as error:
        if old.exists() and not place.exists():
            os.replace(old, place)
        raise SourceError(
            "{path} cannot be written: {problem}.", path=place, problem=error.strerror or error
        ) from error
    shutil.rmtree(old, ignore_errors=True)
