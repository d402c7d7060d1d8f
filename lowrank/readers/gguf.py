"""GGUF models: files in one piece or split, on disk or elsewhere; dequantised by `gguf`.

The header is parsed in `gguf_header`; what the converter did to the tensors is taken back in
`gguf_layout`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, prod
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError, SourceError
from lowrank.llama.config import LlamaConfig
from lowrank.llama.relatives import RELATIVES
from lowrank.llama.vocabulary import Vocabulary
from lowrank.readers.families import Heads, family_in_gguf
from lowrank.readers.gguf_header import (
    NUMBERS,
    STRING,
    Array,
    Cursor,
    Short,
    Stored,
    read_metadata,
    read_table,
)
from lowrank.readers.gguf_layout import of_gguf
from lowrank.readers.hf_config import KINDS, llama_config_from_json
from lowrank.readers.interface import TensorInfo, known_tensor
from lowrank.readers.local_files import mapped, release, unshrunk
from lowrank.readers.notebook import ShownInNotebooks
from lowrank.readers.shown import Shown, computed, own, parts

ROWS = 1024  # dequantised at a time
PLAIN = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I8": "i1", "I16": "<i2", "I32": "<i4"}
PLAIN["I64"] = "<i8"
SPLIT = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\.gguf)", re.IGNORECASE)
MOST_SPLITS = 1000
FIRST_LOOK = 1 << 20  # bytes of a header asked for at once; the next time four times as many


class File(Protocol):
    """One file of a model: its name, its size, and how its bytes are had."""

    @property
    def name(self) -> str: ...

    def size(self) -> int:
        """Its bytes in all."""

    def first(self, count: int) -> memoryview:
        """At least so many of its first bytes, or all of them."""

    def raw(self, start: int, size: int) -> memoryview | bytes:
        """A range of its bytes."""

    def done(self, start: int, size: int) -> None:
        """The range has been used."""


@dataclass(frozen=True)
class MappedFile:
    """A file of this machine, memory-mapped."""

    name: str
    data: memoryview
    path: Path

    def size(self) -> int:
        """See `File`."""
        return len(self.data)

    def first(self, count: int) -> memoryview:
        """See `File`."""
        return self.data

    def raw(self, start: int, size: int) -> memoryview:
        """See `File`."""
        unshrunk(self.path, len(self.data))
        return self.data[start : start + size]

    def done(self, start: int, size: int) -> None:
        """See `File`: the pages are given back."""
        release(self.data, start, size)


def splits(name: str) -> list[str]:
    """The names of all the files that a model of this file name is split into.

    >>> splits("a-00002-of-00002.gguf"), splits("a.gguf")
    (['a-00001-of-00002.gguf', 'a-00002-of-00002.gguf'], ['a.gguf'])
    """
    found = SPLIT.fullmatch(name)
    if found is None or not 1 <= int(found[3]) <= MOST_SPLITS:
        return [name]
    stem, _, count, ending = found.groups()
    return [f"{stem}-{i:05}-of-{count}{ending}" for i in range(1, int(count) + 1)]


def in_folder(folder: Path) -> Path | None:
    """A folder's GGUF file, or the first of its parts; None if it has none, or several models."""
    held = sorted(folder.glob("*.[gG][gG][uU][fF]"))
    return held[0] if held and {path.name for path in held} <= {*splits(held[0].name)} else None


class GGUFModel(ShownInNotebooks):
    """A GGUF model, open: see `lowrank.readers.interface.Model` for its verbs.

    `path` is its file, or any of those it is split into, which lie beside one another. Raises
    SourceError if a file cannot be opened, FormatError if it is not a sound GGUF file.
    """

    kind: Literal["real", "synthetic"] = "real"
    given_config: None = None

    def __init__(self, path: Path, source: str = "", title: str = "") -> None:
        paths = [path.with_name(name) for name in splits(path.name)]
        for each in paths:
            if each != path and not each.is_file():
                raise SourceError(
                    "{name} is one of {count} files: {missing} is not there.",
                    name=path.name,
                    count=len(paths),
                    missing=each.name,
                )
        self.path = path
        self.made_of: tuple[Path | str, ...] = tuple(paths)
        self.source = source or str(path)
        self._open([MappedFile(each.name, mapped(each), each) for each in paths])
        self.title = title or str(self.metadata.get("general.name", path.stem))

    def _open(self, files: Sequence[File]) -> None:
        """Parse the headers and work out what is shown."""
        self._files = files
        table: dict[str, Stored] = {}
        for at, file in enumerate(files):
            head, metadata, stored = parsed(file, at)
            check_split(file.name, metadata, at, len(files))
            if at == 0:
                self._head, self.metadata = head, metadata
            if again := table.keys() & stored.keys():
                raise FormatError(
                    "{name} repeats {again!r} of another part.",
                    name=file.name,
                    again=sorted(again)[0][:200],
                )
            table |= stored
        said = self.metadata.get("general.architecture")
        self.architecture = said if isinstance(said, str) else ""
        variants = ["experts"] if self.metadata.get(f"{self.architecture}.expert_count") else []
        variants += ["two norms"] if "blk.0.attn_norm_2.weight" in table else []
        family = family_in_gguf(self.architecture, variants)
        self._shown, self._stored = of_gguf(table, self.architecture, family, self.heads)
        self.model_type = model_type(self.metadata)
        windowed = self.numbers(f"{self.architecture}.attention.sliding_window_pattern")
        self.config = llama_config(self.metadata, self._shown, windowed)
        self.tensors: Mapping[str, TensorInfo] = own(self._shown)
        self.parts: Mapping[str, TensorInfo] = parts(self._shown)

    def heads(self, layer: int | None = None) -> Heads | None:
        """A layer's heads as the metadata say, of all layers or each; None if they do not."""

        def said(key: str, default: int = 0) -> int:
            key = f"{self.architecture}.{key}"
            each = self.numbers(key)
            value = each[layer or 0] if len(each) > (layer or 0) else self.metadata.get(key)
            return value if type(value) is int and 0 < value < 2**20 else default

        queries = said("attention.head_count")
        keys = said("attention.head_count_kv", queries)
        size = said("attention.key_length", said("embedding_length") // max(queries, 1))
        return Heads(queries, keys, size) if queries and size and not queries % keys else None

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor as float32, (out, in), its rows in Hugging Face's order.

        Where that is not known, the tensor's `note` says so. Raises InputError if the model has no
        such tensor.
        """
        return computed(known_tensor(self._shown, name, self.title), self._values)

    def _values(self, name: str) -> NDArray[np.float32]:
        stored = self._stored[name]
        file = self._files[stored.file]
        W = dequantised(file.raw(stored.start, stored.nbytes), name, stored)
        file.done(stored.start, stored.nbytes)
        return W

    def beside(self, name: str) -> None:
        """Everything is in the one file."""

    @cached_property
    def tokens(self) -> list[str]:
        """The tokens as stored, by id; empty if the file has none."""
        return self.strings("tokenizer.ggml.tokens")

    @cached_property
    def merges(self) -> list[str]:
        """The byte-pair merges as stored, first to last; empty if the file has none."""
        return self.strings("tokenizer.ggml.merges")

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The file's tokenizer, from its `tokenizer.*` keys; None if it has no tokens."""
        if not self.tokens:
            return None
        said = self.metadata

        def given(key: str, kind: type) -> Any:
            value = said.get(f"tokenizer.ggml.{key}")
            return value if type(value) is kind else None

        template = said.get("tokenizer.chat_template")
        return Vocabulary(
            tokens=self.tokens,
            merges=self.merges,
            scores=self.numbers("tokenizer.ggml.scores"),
            types=self.numbers("tokenizer.ggml.token_type"),
            kind=given("model", str) or "gpt2",
            split=given("pre", str) or "gpt-2",
            bos=given("bos_token_id", int),
            eos=given("eos_token_id", int),
            unknown=given("unknown_token_id", int),
            end_of_turn=given("eot_token_id", int),
            add_bos=given("add_bos_token", bool),
            add_space_prefix=given("add_space_prefix", bool),
            chat_template=template if isinstance(template, str) else None,
        )

    def numbers(self, key: str) -> list[Any]:
        """A metadata array of numbers, decoded now; empty if it is absent or of another type."""
        array = self.metadata.get(key)
        if not isinstance(array, Array) or array.kind not in NUMBERS:
            return []
        dtype = np.dtype(NUMBERS[array.kind]).newbyteorder("<")
        raw = self._head[array.start : array.start + array.count * dtype.itemsize]
        return np.frombuffer(raw, dtype).tolist()

    def strings(self, key: str) -> list[str]:
        """A metadata array of strings, decoded now; empty if it is absent or of another type."""
        array = self.metadata.get(key)
        if not isinstance(array, Array) or array.kind != STRING:
            return []
        cursor = Cursor(self._head, self._files[0].name, len(self._head))
        cursor.at = array.start
        return [cursor.string(key) for _ in range(array.count)]


def parsed(file: File, at: int) -> tuple[memoryview, dict[str, Any], dict[str, Stored]]:
    """A file's first bytes, its metadata and its table: asked for until the header is whole."""
    count = FIRST_LOOK
    while True:
        head = file.first(count)
        cursor = Cursor(head, file.name, file.size())
        try:
            metadata, tensors = read_metadata(cursor)
            return head, metadata, read_table(cursor, tensors, metadata, at)
        except Short:
            count *= 4


def check_split(name: str, metadata: Mapping[str, Any], at: int, count: int) -> None:
    """Raises FormatError unless a file says that it is the part it is taken for."""
    number, said = metadata.get("split.no", 0), metadata.get("split.count", 1)
    if (number, said) == (at, count) or (count == 1 and said in (0, 1)):
        return
    raise FormatError(
        "{name} says it is part {number} of {said}, and is taken for part {part} of "
        "{count}: a split model needs all its parts in one folder, under the names "
        "they were given (-00001-of-0000N).",
        name=name,
        number=number + 1 if type(number) is int else "?",
        said=said,
        part=at + 1,
        count=count,
    )


def dequantised(raw: memoryview | bytes, name: str, stored: Stored) -> NDArray[np.float32]:
    """The tensor's values as a new float32 array in its shape."""
    from gguf.constants import GGMLQuantizationType
    from gguf.quants import dequantize

    if stored.label in PLAIN:
        return np.frombuffer(raw, PLAIN[stored.label]).astype(np.float32).reshape(stored.shape)
    rows = prod(stored.shape[:-1])
    blocks = np.frombuffer(raw, np.uint8).reshape(rows, -1)
    whole = np.empty((rows, stored.shape[-1]), np.float32)
    try:
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity come as stored
            for at in range(0, rows, ROWS):  # in parts: the package holds each of them twice
                part = slice(at, at + ROWS)
                whole[part] = dequantize(blocks[part], GGMLQuantizationType(stored.type))
    except NotImplementedError as error:
        raise FormatError(
            "{name} is stored as {label}, which cannot be read.",
            name=name,
            label=stored.label,
        ) from error
    return whole.reshape(stored.shape)


def llama_config(
    metadata: Mapping[str, Any], table: Mapping[str, Shown], windowed: Sequence[bool]
) -> LlamaConfig | None:
    """The configuration in GGUF's keys; None if the file is no complete Llama or relative of it.

    `windowed` says of each layer whether it has the window, if it is not all of them.
    """
    said, embedding = spoken(metadata), table.get("model.embed_tokens.weight")
    if said["model_type"] not in (*RELATIVES, "mixtral") or embedding is None:
        return None
    if windowed:
        said["layer_types"] = [KINDS[bool(each)] for each in windowed]
    said |= {"vocab_size": embedding.info.shape[0], "rope_scaling": rope_scaling(metadata, table)}
    return llama_config_from_json(said | {"tie_word_embeddings": "lm_head.weight" not in table})


def model_type(metadata: Mapping[str, Any]) -> str | None:
    """The file's architecture, which is transformers' model_type for a Llama and its relatives.

    A Mixtral is a "llama" with experts, and a Mistral one with a window.
    """
    found = metadata.get("general.architecture")
    if found == "llama" and metadata.get("llama.expert_count"):
        return "mixtral"
    if found == "llama" and metadata.get("llama.attention.sliding_window"):
        return "mistral"
    return found if isinstance(found, str) else None


def spoken(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What GGUF's keys say, as a config.json would say it; the vocabulary's size is not there."""

    def given(key: str, default: Any = None) -> Any:
        return meant(metadata.get(f"{metadata.get('general.architecture')}.{key}", default))

    heads, hidden = whole(given("attention.head_count")), whole(given("embedding_length"))
    size = whole(given("attention.key_length")) or (hidden // heads if heads else 0)
    turning = whole(given("rope.dimension_count")) or size
    return {
        "model_type": model_type(metadata),
        "hidden_size": hidden,
        "intermediate_size": given("feed_forward_length"),
        "num_hidden_layers": given("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": given("attention.head_count_kv", heads),
        "head_dim": size,
        "max_position_embeddings": given("context_length", 2048),
        "rope_theta": given("rope.freq_base", 10_000.0),
        "rms_norm_eps": given("attention.layer_norm_rms_epsilon", 1e-5),
        "partial_rotary_factor": turning / size if size else 1.0,
        "use_sliding_window": given("attention.sliding_window") is not None,
        "sliding_window": given("attention.sliding_window"),
    }


def rope_scaling(metadata: Mapping[str, Any], table: Mapping[str, Shown]) -> dict[str, Any] | None:
    """What a GGUF file says of stretched positions, as a config.json would say it.

    Tensors of divisors; or a type and a factor, without a type "linear", as llama.cpp has it.
    """
    family = metadata.get("general.architecture")

    def given(key: str, default: Any = None) -> Any:
        return meant(metadata.get(f"{family}.rope.scaling.{key}", default))

    if "rope_freqs.weight" in table:
        return {"rope_type": "factors"}
    factor = given("factor") or meant(metadata.get(f"{family}.rope.scale_linear"))
    kind = "longrope" if "rope_factors_short.weight" in table else given("type")
    kind = kind or ("linear" if factor else "none")
    if kind == "none":
        return None
    sharper = given("attn_factor", 1.0)  # llama.cpp multiplies YaRN's own by it
    if kind == "yarn" and isinstance(sharper, float) and isinstance(factor, float):
        sharper *= 0.1 * log(max(factor, 1.0)) + 1
    return {
        "rope_type": kind,
        "factor": factor,
        "original_max_position_embeddings": given("original_context_length"),
        "attention_factor": sharper,
        "beta_fast": given("yarn_beta_fast"),
        "beta_slow": given("yarn_beta_slow"),
    }


def meant(value: Any) -> Any:
    """A number stored as float32: its shortest decimal is the one that was meant; else as it is.

    >>> meant(9.999999747378752e-06), meant(0.1)
    (1e-05, 0.1)
    """
    single = isinstance(value, float) and abs(value) < 1e38 and float(np.float32(value)) == value
    return float(str(np.float32(value))) if single else value


def whole(value: Any) -> int:
    """A size, or 0 for what is none."""
    return value if type(value) is int and value > 0 else 0
