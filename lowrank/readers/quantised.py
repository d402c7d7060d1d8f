"""Weights that a checkpoint keeps as codes and scales: which layout, and its arithmetic.

A weight of shape (out, in) is one tensor of codes and some smaller ones beside it. Each layout is
one function from those to float32, in the order of the table in docs/formats.md. Nothing here
needs the library that wrote the file, nor a GPU.

References: Micikevicius et al., arXiv 2209.05433 (FP8); Dettmers et al., arXiv 2208.07339 (int8)
and 2305.14314 (NF4, nested); Frantar et al., arXiv 2210.17323 (GPTQ); Lin et al., arXiv 2306.00978
(AWQ).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError
from lowrank.language import gettext as _
from lowrank.readers.labels import (
    AWQ,
    BLOCKS,
    GPTQ,
    INT8_ROWS,
    NESTED,
    ONE_SCALE,
    SCALE_A_BLOCK,
    SCALE_A_ROW,
)
from lowrank.readers.safetensors_header import NARROW, Entry

Floats = NDArray[np.float32]
BLOCK = 128  # rows and columns to a scale of FP8, where config.json does not say
LONGEST_STATE = 10_000  # bytes of bitsandbytes' JSON
AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)  # output j lies in the word's place AWQ_ORDER[j]
WHOLE_NUMBERS = ("I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64")
FP8 = {"F8_E4M3": "FP8 E4M3", "F8_E5M2": "FP8 E5M2"}


@dataclass(frozen=True)
class Packed:
    """A weight that is kept as codes: its shape (out, in), its layout in words, how it is read.

    `parts` are the stored tensors it is made of; `values` takes them in that order.
    """

    label: str
    shape: tuple[int, ...]
    parts: tuple[str, ...]
    values: Callable[..., Floats]


class Unread(Exception):
    """Why a layout cannot be read, as the rest of a sentence with its values."""

    def __init__(self, message: str, **values: object) -> None:
        self.message, self.values = message, values
        super().__init__(message)

    def __str__(self) -> str:
        """The rest of the sentence, in the language of the moment."""
        return _(self.message).format(**self.values)


def scaled(W: Floats, scale: Floats) -> Floats:  # (out, in), () or (1,) or (out, 1)
    """Codes times one scale, or one scale a row.

    >>> scaled(np.float32([[1, 2], [3, 4]]), np.float32([[10], [100]])).tolist()
    [[10.0, 20.0], [300.0, 400.0]]
    """
    return W.astype(np.float32) * scale.reshape(-1, 1)


def block_scaled(W: Floats, scale: Floats, block: tuple[int, int]) -> Floats:
    """Codes times their block's scale: (out, in), (ceil(out/b), ceil(in/b)) -> (out, in).

    Multiplied, though the file calls the tensor `weight_scale_inv`.

    >>> block_scaled(np.ones((3, 3), np.float32), np.float32([[1, 2], [3, 4]]), (2, 2)).tolist()
    [[1.0, 1.0, 2.0], [1.0, 1.0, 2.0], [3.0, 3.0, 4.0]]
    """
    high, wide = block
    found = W.astype(np.float32)
    for i, row in enumerate(scale):
        found[i * high : (i + 1) * high] *= np.repeat(row, wide)[: W.shape[1]]
    return found


def int8_rows(W: NDArray[np.int8], SCB: Floats) -> Floats:  # (out, in), (out,) -> (out, in)
    """bitsandbytes' int8: 127 stands for the largest magnitude of the row, which is kept.

    >>> int8_rows(np.int8([[127, 0]]), np.float32([0.5])).tolist()
    [[0.5, 0.0]]
    """
    return W * SCB[:, None] / np.float32(127)


def looked_up(
    codes: NDArray[np.uint8], quant_map: Floats, absmax: Floats, blocksize: int
) -> Floats:  # (n,), (16,), (ceil(n/blocksize),) -> (n,)
    """quant_map[code] times the largest magnitude of its block, block after block."""
    found = quant_map[codes]
    whole = codes.size // blocksize
    by_block = found[: whole * blocksize].reshape(whole, blocksize)
    by_block *= absmax[:whole, None]
    found[whole * blocksize :] *= absmax[whole:]  # a last block may be shorter
    return found


def halves(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:  # (n,) -> (2 n,)
    """Two codes to a byte, the high half first.

    >>> halves(np.uint8([0x1F])).tolist()
    [1, 15]
    """
    return np.stack((packed >> 4, packed & 15), axis=-1).ravel()


def words_opened(packed: NDArray[np.int32], bits: int) -> NDArray[np.int32]:  # (...) -> (..., n)
    """The 32 / bits codes of each word along a new last axis, the lowest bits first.

    >>> words_opened(np.int32([0x21]), 4).tolist()
    [[1, 2, 0, 0, 0, 0, 0, 0]]
    """
    return packed[..., None] >> np.arange(0, 32, bits, dtype=np.int32) & (1 << bits) - 1


def gptq(
    qweight: NDArray[np.int32],  # (in / n, out), n codes to a word
    qzeros: NDArray[np.int32],  # (groups, out / n)
    scales: Floats,  # (groups, out)
    g_idx: NDArray[np.int32],  # (in,): the group of each input
    bits: int,
    shift: int,
) -> Floats:  # (out, in)
    """GPTQ: scales[g] (q - (z + shift)), turned; shift is 1, or 0 in the format gptq_v2."""
    groups, out = scales.shape
    q = words_opened(qweight, bits).swapaxes(1, 2).reshape(-1, out)  # (in, out)
    z = words_opened(qzeros, bits).reshape(groups, out) + shift
    if g_idx.size and not 0 <= g_idx.min() <= g_idx.max() < groups:
        raise FormatError(
            "g_idx names the groups {least} to {most} of {groups}.",
            least=g_idx.min(),
            most=g_idx.max(),
            groups=groups,
        )
    return np.ascontiguousarray((scales[g_idx] * (q - z[g_idx])).T)


def awq(
    qweight: NDArray[np.int32],  # (in, out / 8)
    qzeros: NDArray[np.int32],  # (groups, out / 8)
    scales: Floats,  # (groups, out)
) -> Floats:  # (out, in)
    """AWQ: scales[g] (q - z), turned; a word's outputs lie in the order 0 2 4 6 1 3 5 7."""
    groups, out = scales.shape
    q, z = (words_opened(each, 4)[..., AWQ_ORDER].reshape(-1, out) for each in (qweight, qzeros))
    g = np.arange(len(q)) // -(-len(q) // groups)
    return np.ascontiguousarray((scales[g] * (q - z[g])).T)


def packed_weight(
    name: str, entries: Mapping[str, Entry], said: Mapping[str, Any], read: Callable[[str], bytes]
) -> Packed | None:
    """The layout that a tensor named `....weight` or `....qweight` has its values in.

    None for plain numbers. `said` is config.json's quantization_config, `read` gives a small
    tensor's bytes. Raises Unread for codes of a layout that is not known.
    """
    entry, module = entries[name], name.rpartition(".")[0]
    if name.endswith(".qweight"):
        return in_words(module, entries, said)
    if f"{module}.SCB" in entries and entry.dtype == "I8":
        return rows_of_int8(module, entries)
    if f"{name}.absmax" in entries:
        return four_bits(name, entries, read)
    for scale in (f"{name}_scale", f"{name}_scale_inv"):
        if scale in entries and (entry.dtype in FP8 or entry.dtype == "I8"):
            return with_scale(name, scale, entries, said)
    if entry.dtype in FP8 and said:
        raise Unread("has no weight_scale beside it, though config.json says it is quantised")
    return None


def with_scale(
    name: str, scale: str, entries: Mapping[str, Entry], said: Mapping[str, Any]
) -> Packed:
    """FP8, or int8 as compressed-tensors keeps it, with one scale, one a row or one a block."""
    entry, by = entries[name], entries[scale].shape
    if len(entry.shape) != 2 or f"{name}_zero_point" in entries:
        raise Unread(
            "has shape {shape} and a scale of shape {scale}, or zero points",
            shape=entry.shape,
            scale=by,
        )
    check_reals(entries, scale)
    (out, wide), kept = entry.shape, FP8.get(entry.dtype, "int8")
    if prod(by) == 1:
        return Packed(ONE_SCALE.format(kept=kept), entry.shape, (name, scale), scaled)
    if by in ((out, 1), (out,)):
        return Packed(SCALE_A_ROW.format(kept=kept), entry.shape, (name, scale), scaled)
    block = said.get("weight_block_size")
    two = isinstance(block, list) and len(block) == 2 and all(type(b) is int for b in block)
    high, across = block if isinstance(block, list) and two else (BLOCK, BLOCK)
    if min(high, across) < 1 or by != (-(-out // high), -(-wide // across)):
        raise Unread(
            "has shape {shape} and a scale of shape {scale}, which does not fit",
            shape=entry.shape,
            scale=by,
        )

    def values(W: Floats, S: Floats) -> Floats:
        return block_scaled(W, S, (min(high, out), min(across, wide)))

    label = SCALE_A_BLOCK.format(kept=kept, high=high, across=across)
    return Packed(label, entry.shape, (name, scale), values)


def rows_of_int8(module: str, entries: Mapping[str, Entry]) -> Packed:
    """bitsandbytes' int8; `weight_format` says that the rows lie one after another."""
    name, scale, order = f"{module}.weight", f"{module}.SCB", f"{module}.weight_format"
    shape = entries[name].shape
    if len(shape) != 2 or entries[scale].shape != shape[:1]:
        raise Unread(
            "has shape {shape} and an SCB of shape {SCB}", shape=shape, SCB=entries[scale].shape
        )
    check_reals(entries, scale)

    def values(W: NDArray[np.int8], SCB: Floats, *order: NDArray[np.uint8]) -> Floats:
        if order and np.any(order[0]):
            raise FormatError(
                "{name} has its int8 codes in another order than row by row.",
                name=name,
            )
        return int8_rows(W, SCB)

    parts = (name, scale, order) if order in entries else (name, scale)
    return Packed(INT8_ROWS, shape, parts, values)


def four_bits(name: str, entries: Mapping[str, Entry], read: Callable[[str], bytes]) -> Packed:
    """bitsandbytes' 4 bits; the JSON beside them gives the shape and the length of a block."""
    kinds = {f"{name}.quant_state.bitsandbytes__{kind}": kind for kind in ("nf4", "fp4")}
    state = next((key for key in kinds if key in entries), "")
    if not state or entries[state].end - entries[state].start > LONGEST_STATE:
        raise Unread("is bitsandbytes' without a quant_state of nf4 or fp4")
    try:
        given = json.loads(bytes(read(state)))
        shape, blocksize = tuple(given["shape"]), given["blocksize"]
        inner, offset = given.get("nested_blocksize", 0), given.get("nested_offset", 0.0)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise Unread("has a quant_state that is no such JSON") from error
    nested = f"{name}.nested_absmax" in entries
    counts = (*shape, blocksize, *([inner] if nested else []))
    if not all(type(n) is int and 0 < n < 2**40 for n in counts) or not 1 <= len(shape) <= 4:
        raise Unread(
            "has a quant_state of shape {shape} and blocks of {size}",
            shape=str(shape)[:60],
            size=blocksize,
        )
    if not isinstance(offset, int | float):
        raise Unread("has a nested_offset that is no number")
    blocks = -(-prod(shape) // blocksize)
    needed = {"": -(-prod(shape) // 2), ".absmax": blocks, ".quant_map": 16}
    if nested:
        needed |= {".nested_absmax": -(-blocks // inner), ".nested_quant_map": 256}
    for ending, count in needed.items():
        found = entries.get(name + ending)
        if found is None or prod(found.shape) != count:
            raise Unread("needs {count:,} values in {name}", count=count, name=name + ending)
    coded = (name, f"{name}.absmax") if nested else (name,)
    if any(entries[each].dtype != "U8" for each in coded):
        raise Unread("has codes that are not U8")
    check_reals(entries, *(name + ending for ending in needed if name + ending not in coded))

    def values(
        codes: NDArray[np.uint8], absmax: NDArray[Any], quant_map: Floats, *inside: Floats
    ) -> Floats:
        if inside:
            high, levels = (part.ravel() for part in inside)
            absmax = looked_up(absmax.ravel(), levels, high, inner) + np.float32(offset)
        found = halves(codes.ravel())[: prod(shape)]
        return looked_up(found, quant_map.ravel(), absmax.ravel(), blocksize).reshape(shape)

    label = (NESTED if nested else BLOCKS).format(kind=kinds[state].upper(), size=blocksize)
    parts = tuple(name + ending for ending in needed)
    return Packed(label, shape, parts, values)


def in_words(module: str, entries: Mapping[str, Entry], said: Mapping[str, Any]) -> Packed:
    """GPTQ or AWQ, told apart by which side of the codes is packed into words."""
    names = [f"{module}.{part}" for part in ("qweight", "qzeros", "scales")]
    known = [entries.get(name) for name in names]
    if any(e is None or len(e.shape) != 2 or 0 in e.shape for e in known):
        raise Unread("has no qzeros and scales of two dimensions beside it")
    (rows, columns), (groups, zeros), (groups_too, out) = (e.shape for e in known if e)
    if groups != groups_too or {e.dtype for e in known[:2] if e} != {"I32"}:
        raise Unread("has codes that are not I32, or as many zeros as scales")
    check_reals(entries, f"{module}.scales")
    if said.get("version", "gemm") not in ("gemm", "GEMM") or (zeros == columns and out == columns):
        raise Unread(
            "is packed for {version}, which is not read", version=str(said.get("version"))[:20]
        )
    if columns * 8 == out and zeros == columns and groups <= rows:
        size = -(-rows // groups)
        return Packed(AWQ.format(size=size), (out, rows), tuple(names), awq)
    bits = 32 * zeros // out
    if columns != out or bits not in (2, 4, 8) or zeros * 32 != bits * out:
        raise Unread(
            "has codes of shape {rows} × {columns} and {groups} × {out} scales",
            rows=rows,
            columns=columns,
            groups=groups,
            out=out,
        )
    wide = rows * 32 // bits
    index = f"{module}.g_idx"
    if index in entries and (entries[index].dtype, entries[index].shape) != ("I32", (wide,)):
        raise Unread(
            "has a g_idx of shape {shape} for {count:,} inputs",
            shape=entries[index].shape,
            count=wide,
        )
    size, shift = -(-wide // groups), 0 if said.get("checkpoint_format") == "gptq_v2" else 1

    by_size = (np.arange(wide) // size).astype(np.int32)

    def values(q: Any, z: Any, s: Floats, *g: NDArray[np.int32]) -> Floats:
        return gptq(q, z, s, g[0] if g else by_size, bits, shift)

    parts = (*names, index) if index in entries else tuple(names)
    return Packed(GPTQ.format(bits=bits, size=size), (out, wide), parts, values)


def check_reals(entries: Mapping[str, Entry], *names: str) -> None:
    """Raises Unread for scales that are kept as codes themselves, in a way that is not read."""
    for name in names:
        if entries[name].dtype in (*WHOLE_NUMBERS, *NARROW, "BOOL"):
            raise Unread(
                "has its scales in {name} as {dtype}", name=name[:200], dtype=entries[name].dtype
            )


def beside(name: str) -> tuple[str, ...]:
    """The tensors that may stand beside the codes of this name and are no weights themselves."""
    module = name.rpartition(".")[0]
    kinds = ("nf4", "fp4")
    own = ("absmax", "quant_map", "nested_absmax", "nested_quant_map")
    modules = ("SCB", "weight_format", "qzeros", "scales", "g_idx", "bias_scale", "input_scale")
    scales = ("_scale", "_scale_inv", "_zero_point", "_shape", "_g_idx")
    return (
        *(f"{name}.{part}" for part in own),
        *(f"{name}.quant_state.bitsandbytes__{kind}" for kind in kinds),
        *(f"{module}.{part}" for part in modules),
        *(f"{name}{part}" for part in scales),
    )


def is_codes(name: str, entry: Entry, said: Mapping[str, Any]) -> bool:
    """Whether a tensor that no layout above explains must not be taken for numbers of a model."""
    if entry.dtype in ("F4", "F8_E8M0", "F6_E2M3", "F6_E3M2"):
        return True
    last = name.rpartition(".")[2]
    weighty = "weight" in last or last.endswith(("_blocks", "_scales"))
    return entry.dtype in WHOLE_NUMBERS and len(entry.shape) > 0 and (weighty or bool(said))
