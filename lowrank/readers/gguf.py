"""GGUF files: a strict header parser over a memory map, and dequantisation by the `gguf` package.

Layout after the GGUF specification, version 3 (ggml documentation, docs/gguf.md). Every count,
length and offset is checked against the file before it is used, so a lying file costs neither
time nor memory. The vocabulary is stepped over, not decoded, until someone asks for it.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import log, prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import place
from lowrank.llama.relatives import RELATIVES
from lowrank.llama.vocabulary import Vocabulary
from lowrank.readers.gguf_names import from_gguf
from lowrank.readers.hf_config import KINDS, llama_config_from_json
from lowrank.readers.interface import TensorInfo, known_tensor
from lowrank.readers.local_files import mapped, release
from lowrank.readers.notebook import ShownInNotebooks

NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
STRING, ARRAY = 8, 9
MAX_DIMENSIONS = 4
MAX_NESTING = 2
MOST_TENSORS = 30_000
ROWS = 1024  # dequantised at a time
MOST_ITEMS = 4_000_000  # strings, pairs and rows of one file: stepped over within a second
PLAIN = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I8": "i1", "I16": "<i2", "I32": "<i4"}
PLAIN["I64"] = "<i8"
BY_PAIR = {
    "llama",
    "mistral",
    "mixtral",
    "smollm3",
}  # architectures whose q and k llama.cpp orders by pairs


@dataclass(frozen=True)
class Array:
    """A metadata array left in the file: element type, count and where its first element is."""

    kind: int
    count: int
    start: int


class Cursor:
    """A place in the file that only moves forward, and never past the end."""

    def __init__(self, data: memoryview, path: Path) -> None:
        self.data, self.path, self.at = data, path, 0
        self.items_left = MOST_ITEMS

    def fail(self, what: str) -> FormatError:
        """The error to raise: which file, where, and what is wrong."""
        return FormatError(f"{self.path.name} is not a sound GGUF file: {what} (byte {self.at}).")

    def take(self, size: int, what: str) -> memoryview:
        """The next `size` bytes."""
        if size > len(self.data) - self.at:
            raise self.fail(f"{what} needs {size:,} bytes, but the file ends before")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, code: str, what: str) -> Any:
        """The next number, little-endian, in struct's letter for its type."""
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code), what))[0]

    def string(self, what: str) -> str:
        """The next string: a 64-bit length, then UTF-8."""
        raw = bytes(self.take(self.number("Q", what), what))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.fail(f"{what} is not UTF-8") from None

    def value(self, kind: int, what: str, depth: int = 0) -> Any:
        """The next metadata value; an array is stepped over and described, not decoded."""
        if kind in NUMBERS:
            return self.number(NUMBERS[kind], what)
        if kind == STRING:
            return self.string(what)
        if kind != ARRAY or depth == MAX_NESTING:
            raise self.fail(f"{what} has unknown type {kind} or arrays nested too deep")
        inner, count = self.number("I", what), self.number("Q", what)
        array = Array(inner, count, self.at)
        if inner in NUMBERS:
            self.take(count * struct.calcsize("<" + NUMBERS[inner]), what)
        elif inner == STRING:
            self.skip_strings(count, what)
        else:
            self.no_more_than(count, 12, what)
            for _ in range(count):
                self.value(inner, what, depth + 1)
        return array

    def skip_strings(self, count: int, what: str) -> None:
        """Step over `count` strings: a tight loop, since a vocabulary has 100,000 of them."""
        self.no_more_than(count, 8, what)
        at, end, length_at = self.at, len(self.data), struct.Struct("<Q").unpack_from
        for _ in range(count):
            if at + 8 > end:
                raise self.fail(f"{what} ends in mid-string")
            at += 8 + length_at(self.data, at)[0]
        if at > end:
            raise self.fail(f"{what} ends in mid-string")
        self.at = at

    def no_more_than(self, count: int, least: int, what: str) -> None:
        """Refuse a count whose items, at their smallest, do not fit into what is left.

        Nor may the counts of one file add up to more than any model has.
        """
        if count * least > len(self.data) - self.at:
            raise self.fail(f"{what} claims {count:,} items, more than the file can hold")
        self.items_left -= count
        if self.items_left < 0:
            raise self.fail(f"{what} brings the items of this file above {MOST_ITEMS:,}")


@dataclass(frozen=True)
class Stored:
    """Where one tensor's bytes are, and its shape as stored: innermost dimension first."""

    info: TensorInfo
    type: int
    start: int


class GGUFModel(ShownInNotebooks):
    """A GGUF file, open: see `lowrank.readers.interface.Model` for its verbs.

    Raises SourceError if the file cannot be opened, FormatError if it is not a sound GGUF file.
    """

    kind: Literal["real", "synthetic"] = "real"
    given_config: None = None
    parts: Mapping[str, TensorInfo] = MappingProxyType({})

    def __init__(self, path: Path, source: str = "", title: str = "") -> None:
        self.path, self.made_of = path, (path,)
        self._data = mapped(path)
        cursor = Cursor(self._data, path)
        self.metadata, tensor_count = read_metadata(cursor)
        self._stored = read_table(cursor, tensor_count, self.metadata)
        self.source = source or str(path)
        self.title = title or str(self.metadata.get("general.name", path.stem))
        self.model_type = model_type(self.metadata)
        windowed = self.numbers(f"{self.model_type}.attention.sliding_window_pattern")
        self.config = llama_config(self.metadata, self._stored, windowed)
        self.tensors: Mapping[str, TensorInfo] = MappingProxyType(
            {name: stored.info for name, stored in self._stored.items()}
        )

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor as float32, (out, in), rows of q_proj and k_proj in Hugging Face's order.

        Raises InputError if the model has no such tensor.
        """
        info = known_tensor(self.tensors, name, self.title)
        stored = self._stored[name]
        W = dequantised(self._data[stored.start : stored.start + info.nbytes], stored)
        release(self._data, stored.start, info.nbytes)
        config, queries = self.config, info.projection == "q_proj"
        if (
            config is None
            or self.model_type not in BY_PAIR
            or not (queries or info.projection == "k_proj")
        ):
            return W
        heads = config.num_attention_heads if queries else config.num_key_value_heads
        if W.ndim > 2 or W.shape[0] % (2 * heads):
            raise FormatError(f"{name} has shape {W.shape}, which {heads} heads cannot share.")
        return unpermuted(W, heads)

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
        raw = self._data[array.start : array.start + array.count * dtype.itemsize]
        return np.frombuffer(raw, dtype).tolist()

    def strings(self, key: str) -> list[str]:
        """A metadata array of strings, decoded now; empty if it is absent or of another type."""
        array = self.metadata.get(key)
        if not isinstance(array, Array) or array.kind != STRING:
            return []
        cursor = Cursor(self._data, self.path)
        cursor.at = array.start
        return [cursor.string(key) for _ in range(array.count)]


def read_metadata(cursor: Cursor) -> tuple[dict[str, Any], int]:
    """The header's key-value pairs, and how many tensors it announces."""
    if len(cursor.data) < 24:
        raise cursor.fail("it has under 24 bytes")
    if bytes(cursor.take(4, "the magic number")) != b"GGUF":
        raise cursor.fail("it does not begin with 'GGUF'")
    version = cursor.number("I", "the version")
    if version not in (2, 3):
        raise cursor.fail(f"version {version} is not 2 or 3 (little-endian)")
    tensor_count, pair_count = cursor.number("Q", "counts"), cursor.number("Q", "counts")
    cursor.no_more_than(tensor_count, 24, "the tensor table")
    if tensor_count > MOST_TENSORS:
        raise cursor.fail(f"it lists {tensor_count:,} tensors, and {MOST_TENSORS:,} are accepted")
    cursor.no_more_than(pair_count, 13, "the metadata")
    metadata: dict[str, Any] = {}
    for _ in range(pair_count):
        key = cursor.string("a metadata key")
        if key in metadata:
            raise cursor.fail(f"metadata key {key!r} occurs twice")
        metadata[key] = cursor.value(cursor.number("I", key), key)
    return metadata, tensor_count


def read_table(cursor: Cursor, count: int, metadata: dict[str, Any]) -> dict[str, Stored]:
    """Every tensor by its Hugging Face name, each proved to lie inside the file and alone there."""
    rows = [read_row(cursor) for _ in range(count)]
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment % 8:
        raise cursor.fail(f"alignment is {alignment!r}, not a multiple of 8")
    start = -(-cursor.at // alignment) * alignment
    table: dict[str, Stored] = {}
    for name, shape, kind, offset in rows:
        label, nbytes = storage(cursor, name, shape, kind)
        if offset % alignment or start + offset + nbytes > len(cursor.data):
            raise cursor.fail(f"tensor {name!r} is misaligned or reaches past the end of the file")
        hf_name = from_gguf(name)
        if hf_name in table:
            raise cursor.fail(f"tensor {name!r} occurs twice")
        info = TensorInfo(hf_name, *place(hf_name), shape[::-1], label, nbytes)
        table[hf_name] = Stored(info, kind, start + offset)
    spans = sorted((stored.start, stored.info.nbytes) for stored in table.values())
    for (first, size), (second, _) in pairwise(spans):
        if first + size > second:
            raise cursor.fail("two tensors overlap")
    return table


def read_row(cursor: Cursor) -> tuple[str, tuple[int, ...], int, int]:
    """One line of the tensor table: GGUF name, dimensions innermost first, type, offset."""
    name = cursor.string("a tensor name")
    dimensions = cursor.number("I", name)
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise cursor.fail(f"tensor {name!r} has {dimensions} dimensions, not 1 to {MAX_DIMENSIONS}")
    shape = tuple(cursor.number("Q", name) for _ in range(dimensions))
    return name, shape, cursor.number("I", name), cursor.number("Q", name)


def storage(cursor: Cursor, name: str, shape: tuple[int, ...], kind: int) -> tuple[str, int]:
    """The stored type's name, and the bytes a tensor of this shape takes in it."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    sizes = {int(t): (t.name, *size) for t, size in GGML_QUANT_SIZES.items()}
    if kind not in sizes:
        known = ", ".join(t.name for t in GGMLQuantizationType)
        raise cursor.fail(f"tensor {name!r} has unknown type {kind}; known are {known}")
    label, block, size = sizes[kind]
    if 0 in shape or shape[0] % block:
        raise cursor.fail(f"tensor {name!r}, shape {shape}, does not fit {label} blocks of {block}")
    return label, prod(shape) // block * size


def dequantised(raw: memoryview, stored: Stored) -> NDArray[np.float32]:
    """The tensor's values as a new float32 array in its shape."""
    from gguf.constants import GGMLQuantizationType
    from gguf.quants import dequantize

    info = stored.info
    if info.dtype in PLAIN:
        return np.frombuffer(raw, PLAIN[info.dtype]).astype(np.float32).reshape(info.shape)
    rows = prod(info.shape[:-1])
    blocks = np.frombuffer(raw, np.uint8).reshape(rows, -1)
    whole = np.empty((rows, info.shape[-1]), np.float32)
    try:
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity come as stored
            for at in range(0, rows, ROWS):  # in parts: the package holds each of them twice
                part = slice(at, at + ROWS)
                whole[part] = dequantize(blocks[part], GGMLQuantizationType(stored.type))
    except NotImplementedError as error:
        raise FormatError(
            f"{info.name} is stored as {info.dtype}, which cannot be read."
        ) from error
    return whole.reshape(info.shape)


def unpermuted(W: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """q_proj or k_proj, weight or bias, with its rows back in Hugging Face's order.

    Singular values do not change. llama.cpp interleaves the two halves of each head for
    its RoPE layout; this takes it back.

    >>> unpermuted(np.arange(4, dtype=np.float32)[:, None], heads=1).ravel().tolist()
    [0.0, 2.0, 1.0, 3.0]
    """
    half = W.shape[0] // heads // 2
    by_pair = W.reshape(heads, half, 2, *W.shape[1:])  # (out, in) -> (heads, half, 2, in)
    return np.ascontiguousarray(by_pair.swapaxes(1, 2)).reshape(W.shape)


def llama_config(
    metadata: Mapping[str, Any], table: Mapping[str, Stored], windowed: Sequence[bool]
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


def rope_scaling(metadata: Mapping[str, Any], table: Mapping[str, Stored]) -> dict[str, Any] | None:
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
    """A number stored as float32: six digits give back the one that was meant; else as it is."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def whole(value: Any) -> int:
    """A size, or 0 for what is none."""
    return value if type(value) is int and value > 0 else 0
