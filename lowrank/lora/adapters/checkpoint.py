"""A checkpoint with an adapter merged in, as safetensors that transformers loads."""

from pathlib import Path
from typing import Literal

import numpy as np

from lowrank.errors import InputError
from lowrank.files import whole_folder
from lowrank.lora.adapters.merging import Floats, merged, merged_names, moves_both
from lowrank.lora.adapters.peft_files import Adapter
from lowrank.readers.checkpoint_config import (
    EMBEDDINGS,
    HEAD,
    Table,
    as_expected,
    config_of,
    is_tied,
)
from lowrank.readers.checkpoint_writer import SHARD_BYTES, check_place, write_checkpoint
from lowrank.readers.interface import Model
from lowrank.readers.safetensors_writer import SIZE

Dtype = Literal["stored", "F32", "F16", "BF16"]


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
    there = {*merged_names(model, adapter)}

    def tensor(name: str) -> Floats:
        return merged(model, adapter, name) if name in there else np.zeros(table[name][1], "f4")

    with whole_folder(place) as new:
        written = write_checkpoint(new, model, table, config, tensor, shard_bytes)
    return [place / path.name for path in written]


def stored_table(model: Model, adapter: Adapter, dtype: Dtype) -> Table:
    """Stored type and shape of every tensor of the merged model, as transformers expects them.

    Raises InputError for an adapter with the new tokens of embeddings or head alone.
    """
    table: Table = {}
    for name in merged_names(model, adapter):
        source = EMBEDDINGS if name == HEAD and is_tied(model) else name
        known = model.tensors[source]
        new = adapter.replaced.get(source if moves_both(adapter) else name, known)
        kept = known.dtype if known.dtype in SIZE else "F16"
        table[name] = (kept if dtype == "stored" else dtype, new.shape)
    if HEAD in table and EMBEDDINGS in table and table[HEAD][1] != table[EMBEDDINGS][1]:
        raise InputError(
            "The adapter makes the embeddings {embeddings} and the head {head}: it holds the "
            "new tokens of only one of the two.",
            embeddings=table[EMBEDDINGS][1],
            head=table[HEAD][1],
        )
    return as_expected(model, table)
