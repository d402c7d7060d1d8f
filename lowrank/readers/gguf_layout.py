"""What llama.cpp's converter makes of Hugging Face's tensors, taken back: names, rows, experts.

Which architectures have the rows of q and k in another order is as that converter has it (its
`conversion` folder, read in November 2026); anything on neither list says that it is not known.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError
from lowrank.language import gettext_noop
from lowrank.llama.names import place
from lowrank.readers.families import Family, Fused, Heads, part_rows
from lowrank.readers.gguf_header import Stored
from lowrank.readers.gguf_names import from_gguf
from lowrank.readers.interface import TensorInfo
from lowrank.readers.shown import TURNED, Shown, with_parts

Floats = NDArray[np.float32]
HeadsAt = Callable[[int | None], Heads | None]
BY_PAIRS = frozenset(
    (
        *("llama", "arcee", "baichuan", "deci", "deepseek", "granite", "granitemoe"),
        *("granitehybrid", "internlm2", "minicpm", "mistral3", "olmo", "smollm3"),
    )
)
AS_THEY_WERE = re.compile(
    "llama4|apertus|olmo2|olmoe|qwen2(moe)?|qwen3(moe)?|gemma.*|phi.*|gpt2|gptneox|falcon|minicpm3"
    "|bloom|starcoder2|command-r|cohere2|deepseek2"
)
NOT_KNOWN = gettext_noop("order of the rows of q and k not known")
TURNING = re.compile(r"blk\.\d+\.attn_(q|k|qkv)\.(weight|bias)")
MLA = re.compile(r"(blk\.\d+\.)attn_k_b\.weight")


def of_gguf(
    table: Mapping[str, Stored], architecture: str, family: Family, heads: HeadsAt
) -> tuple[dict[str, Shown], dict[str, Stored]]:
    """Everything that a GGUF model shows, under Hugging Face's names, and what is stored for it.

    `heads` gives a layer's heads. Experts, which the file stacks, are shown one by one.

    Raises FormatError if two tensors come to the same name.
    """
    stored = {name: one for name, each in table.items() for name, one in unstacked(name, each)}
    shown: dict[str, Shown] = {}
    for name, each in stored.items():
        one = restored(name, each, architecture, family, heads)
        if one.info.name in shown:
            raise FormatError(
                "Two tensors of the file are {name!r}.",
                name=one.info.name[:200],
            )
        shown[one.info.name] = one
    for name in [name for name in shown if MLA.fullmatch(name)]:
        shown = with_kv_b(shown, name, family)
    for fused in family.fused:
        shown = joined(shown, fused, family, heads)
    return with_parts(shown, family, heads(None)), stored


def unstacked(name: str, each: Stored) -> list[tuple[str, Stored]]:
    """A tensor, or each expert's part of one that stacks them."""
    if not re.fullmatch(r"blk\.\d+\.ffn_(gate|up|down)_exps\.weight", name) or len(each.shape) != 3:
        return [(name, each)]
    return [(name.replace("_exps.", f"_exps.{i}."), one) for i, one in enumerate(each.slices())]


def restored(name: str, each: Stored, architecture: str, family: Family, heads: HeadsAt) -> Shown:
    """One stored tensor under its Hugging Face name, its values as Hugging Face has them."""
    full = from_gguf(name, architecture, family)
    layer, projection = place(full)
    module = full.partition(f"{family.layers}.")[2].partition(".")[2].rpartition(".")[0]
    info = TensorInfo(full, layer, projection, each.shape, each.label, each.nbytes)
    values: Callable[[Floats], Floats] = as_it_is
    if full.endswith("norm.weight") and family.norm_shift:
        values = shifted(-family.norm_shift)
    elif module in family.turned and len(each.shape) == 2:
        info = replace(info, shape=each.shape[::-1], note=TURNED)
        values = turned_back
    elif turning := TURNING.fullmatch(name):
        grouped = next((one for one in family.fused if one.module == module and one.grouped), None)
        known, by_pairs = heads(layer), order(architecture)
        if by_pairs is None or (known is None and (by_pairs or grouped)):
            info = replace(info, note=NOT_KNOWN)
        elif grouped:
            values = regrouped(full, grouped, known)
        elif by_pairs and known and turning[1] != "qkv":
            values = by_halves(full, known.queries if turning[1] == "q" else known.keys)
    return Shown(info, (name,), values)


def order(architecture: str) -> bool | None:
    """Whether llama.cpp has the rows of q and k by pairs, where Hugging Face has halves; or None.

    >>> order("llama"), order("qwen2"), order("mamba")
    (True, False, None)
    """
    if architecture in BY_PAIRS:
        return True
    return False if AS_THEY_WERE.fullmatch(architecture) else None


def as_it_is(W: Floats) -> Floats:
    """The values as they are stored."""
    return W


def turned_back(W: Floats) -> Floats:
    """(out, in) as llama.cpp has it -> (in, out) as the checkpoint has it."""
    return np.ascontiguousarray(W.T)


def shifted(by: float) -> Callable[[Floats], Floats]:
    """Gemma's norms multiply by 1 + w; llama.cpp stores that, the checkpoint w."""
    return lambda W: W + np.float32(by)


def by_halves(name: str, heads: int) -> Callable[[Floats], Floats]:
    """q or k with their rows back in Hugging Face's order."""

    def values(W: Floats) -> Floats:
        if W.ndim > 2 or W.shape[0] % (2 * heads):
            raise FormatError(
                "{name} has shape {shape}, which {heads} heads cannot share.",
                name=name,
                shape=W.shape,
                heads=heads,
            )
        return unpermuted(W, heads)

    return values


def regrouped(name: str, fused: Fused, heads: Heads | None) -> Callable[[Floats], Floats]:
    """All of q, then k, then v -> group by group, as the checkpoint has them."""

    def values(W: Floats) -> Floats:
        rows = part_rows(fused, len(W), heads)
        if rows is None:
            raise FormatError(
                "{name} has {rows:,} rows, which {heads} cannot share.",
                name=name,
                rows=len(W),
                heads=heads,
            )
        found = np.empty_like(W)
        found[np.concatenate(list(rows.values()))] = W
        return found

    return values


def joined(
    shown: Mapping[str, Shown], fused: Fused, family: Family, heads: HeadsAt
) -> dict[str, Shown]:
    """The tensors with q, k and v put together again where the checkpoint has them fused."""
    found = dict(shown)
    for name, q in shown.items():
        if q.info.projection != "q_proj" or fused.parts != ("q", "k", "v"):
            continue
        names = [name.replace("q_proj", f"{part}_proj") for part in fused.parts]
        parts = [shown[each] for each in names if each in shown]
        if len(parts) < 3 or len({part.info.shape[1:] for part in parts}) > 1:
            continue
        rows = sum(part.info.shape[0] for part in parts)
        known = heads(q.info.layer)
        if part_rows(fused, rows, known) is None:
            continue
        ending = name.rpartition(".")[2]
        full = f"{family.layers}.{q.info.layer}.{fused.module}.{ending}"
        labels = ", ".join(dict.fromkeys(part.info.dtype for part in parts))
        size = sum(part.info.nbytes for part in parts)
        notes = next((part.info.note for part in parts if part.info.note), "")
        shape = (rows, *q.info.shape[1:])
        info = TensorInfo(full, *place(full), shape, labels, size, notes)
        stored = tuple(each for part in parts for each in part.stored)
        values = put_together(full, parts, fused, known)
        found = {
            (full if each == name else each): (Shown(info, stored, values) if each == name else one)
            for each, one in found.items()
            if each not in names[1:]
        }
    return found


def put_together(
    name: str, parts: list[Shown], fused: Fused, heads: Heads | None
) -> Callable[..., Floats]:
    """q, k and v as stored -> one matrix of all, in the checkpoint's order."""

    def values(*stored: Floats) -> Floats:
        each = [part.values(W) for part, W in zip(parts, stored, strict=True)]
        return regrouped(name, fused, heads)(np.concatenate(each))

    return values


def with_kv_b(shown: Mapping[str, Shown], name: str, family: Family) -> dict[str, Shown]:
    """The tensors with DeepSeek's kv_b_proj whole again: llama.cpp cuts it into k and v by head."""
    found = MLA.fullmatch(name)
    key, value = shown[name], shown.get(name.replace("attn_k_b", "attn_v_b"))
    if found is None or value is None or not fits(key.info.shape, value.info.shape):
        return dict(shown)
    (count, wide, k), v = key.info.shape, value.info.shape[1]
    full = from_gguf(f"{found[1]}attn_kv_b.weight", "deepseek2", family)
    labels = ", ".join(dict.fromkeys((key.info.dtype, value.info.dtype)))
    size = key.info.nbytes + value.info.nbytes
    info = TensorInfo(full, *place(full), (count * (k + v), wide), labels, size)

    def values(K: Floats, V: Floats) -> Floats:  # (count, wide, k), (count, v, wide)
        return np.concatenate((K.swapaxes(1, 2), V), axis=1).reshape(-1, wide)

    whole = Shown(info, (*key.stored, *value.stored), values)
    rest = {n: each for n, each in shown.items() if each is not value}
    return {(full if n == name else n): (whole if n == name else e) for n, e in rest.items()}


def fits(key: tuple[int, ...], value: tuple[int, ...]) -> bool:
    """Whether (heads, wide, k) and (heads, v, wide) are of one matrix."""
    return len(key) == len(value) == 3 and (key[0], key[1]) == (value[0], value[2])


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
