"""A checkpoint with an adapter merged in, as safetensors that transformers loads."""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, Literal

from lowrank import files
from lowrank.errors import InputError
from lowrank.lora.adapters.merging import EMBEDDINGS, HEAD, merged, merged_names
from lowrank.lora.adapters.peft_files import Adapter
from lowrank.readers.hf_config import to_json
from lowrank.readers.interface import Model
from lowrank.readers.safetensors import CONFIG, INDEX, SINGLE
from lowrank.readers.safetensors_writer import SIZE, write

Dtype = Literal["stored", "F32", "F16", "BF16"]
Table = dict[str, tuple[str, tuple[int, ...]]]
SHARD_BYTES = 5 * 10**9


def export(
    model: Model,
    adapter: Adapter,
    folder: str | Path,
    dtype: Dtype = "stored",
    shard_bytes: int = SHARD_BYTES,
) -> list[Path]:
    """Write the merged model into a folder: model.safetensors, or shards and their index.

    One tensor is in memory at a time. `dtype` "stored" keeps float32, float16 and bfloat16 as they
    are and stores all else (quantised, 8-bit) as F16. `shard_bytes` is the most a file holds,
    unless one tensor alone is larger. The model's config.json is written too, with the embeddings
    untied if the adapter parted them; the tokenizer is not.

    Returns the files written. Raises InputError if the adapter does not fit the model, SourceError
    if a file cannot be written, FormatError if a value does not fit `dtype`.
    """
    if dtype not in ("stored", *SIZE) or shard_bytes < 1:
        raise InputError(
            f"dtype is {dtype!r} and shard_bytes {shard_bytes}; expected 'stored', 'F32', 'F16' or "
            "'BF16', and at least 1 byte."
        )
    table = stored_table(model, adapter, dtype)
    path = Path(folder)
    written = write_shards(model, adapter, path, table, shard_bytes)
    config = dict(model.given_config or (to_json(model.config) if model.config else {}))
    config.pop("quantization_config", None)  # what was codes is written as numbers
    if config:
        if HEAD in table:
            config["tie_word_embeddings"] = False
        written.append(write_json(path / CONFIG, config))
    return written


def stored_table(model: Model, adapter: Adapter, dtype: Dtype) -> Table:
    """Stored type and shape of every tensor of the merged model."""
    table = {}
    for name in merged_names(model, adapter):
        known = model.tensors[name if name in model.tensors else EMBEDDINGS]  # a head once tied
        shape = adapter.replaced[name].shape if name in adapter.replaced else known.shape
        kept = known.dtype if known.dtype in SIZE else "F16"
        table[name] = (kept if dtype == "stored" else dtype, shape)
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
    total = 0
    for file, held in zip(names, shards, strict=True):
        total += write(path / file, held, lambda name: merged(model, adapter, name))
    written = [path / file for file in names]
    if count > 1:
        where = {name: file for file, held in zip(names, shards, strict=True) for name in held}
        index = {"metadata": {"total_size": total}, "weight_map": where}
        written.append(write_json(path / INDEX, index))
    return written


def write_json(path: Path, value: Mapping[str, Any]) -> Path:
    """Write one JSON file, for people too."""
    files.write(path, json.dumps(value, indent=2))
    return path
