"""What is shown of what a file stores: a tensor from its codes and scales, a part of another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError
from lowrank.language import gettext_noop
from lowrank.llama.names import place
from lowrank.readers.families import Family, Heads, family_of, full_names, heads_of, part_rows
from lowrank.readers.interface import TensorInfo
from lowrank.readers.labels import CODES
from lowrank.readers.quantised import Unread, beside, is_codes, packed_weight
from lowrank.readers.safetensors_header import Entry

Floats = NDArray[np.float32]
TURNED = gettext_noop("kept as (in, out)")
NUMBERS = ("F64", "F32", "F16", "BF16")  # never codes


@dataclass(frozen=True)
class Shown:
    """One tensor as people see it: of which stored ones, and its values from theirs.

    `whole` is the name of the fused tensor that it is a part of, empty for a tensor of its own.
    """

    info: TensorInfo
    stored: tuple[str, ...]
    values: Callable[..., Floats]
    whole: str = ""


def own(shown: Mapping[str, Shown]) -> Mapping[str, TensorInfo]:
    """The tensors proper."""
    return MappingProxyType({name: each.info for name, each in shown.items() if not each.whole})


def parts(shown: Mapping[str, Shown]) -> Mapping[str, TensorInfo]:
    """The named parts of fused ones."""
    return MappingProxyType({name: each.info for name, each in shown.items() if each.whole})


def computed(each: Shown, stored: Callable[[str], NDArray[Any]]) -> Floats:
    """A tensor's values; NaN and infinity come as they are stored, with no word from numpy."""
    with np.errstate(all="ignore"):
        return each.values(*(stored(name) for name in each.stored))


def of_safetensors(
    entries: Mapping[str, Entry], config: Mapping[str, Any] | None, read: Callable[[str], bytes]
) -> dict[str, Shown]:
    """Everything that a safetensors checkpoint shows: weights under their full names, then parts.

    Codes are shown as the weight they stand for, and what only belongs to them not at all; codes of
    a layout that is not known are listed, and refused by name when they are asked for. `read` gives
    a small tensor's bytes.
    """
    config = config or {}
    quantised = config.get("quantization_config")
    said = quantised if isinstance(quantised, dict) else {}
    names, family = full_names(entries, config), family_of(config)
    hidden: set[str] = set()
    found: dict[str, Shown] = {}
    for name, entry in entries.items():
        if entry.dtype in NUMBERS:
            found[name] = plain(name, names[name], entry)
            continue
        try:
            packed = (
                packed_weight(name, entries, said, read)
                if name.endswith((".weight", ".qweight"))
                else None
            )
            if packed is None and is_codes(name, entry, said):
                raise without_layout(said)
        except Unread as why:
            found[name] = refused(name, names[name], entry, why)
            hidden.update(beside(name) if name.endswith("weight") else ())
            continue
        if packed is None:
            found[name] = plain(name, names[name], entry)
            continue
        hidden.update(beside(name))
        nbytes = sum(entries[part].end - entries[part].start for part in packed.parts)
        full = f"{names[name].rpartition('.')[0]}.weight"
        info = TensorInfo(full, *place(full), packed.shape, packed.label, nbytes)
        found[name] = Shown(info, packed.parts, packed.values)
    shown = {each.info.name: each for name, each in found.items() if name not in hidden}
    return with_parts(shown, family, heads_of(config)) if family else shown


def without_layout(said: Mapping[str, Any]) -> Unread:
    """The refusal of codes without known scales, with what config.json calls the quantisation."""
    method = said.get("quant_method")
    if not isinstance(method, str):
        return Unread("has no scales beside it of a layout that is known")
    return Unread(
        "has no scales beside it of a layout that is known (config.json says {method!r})",
        method=method[:40],
    )


def plain(stored: str, name: str, entry: Entry) -> Shown:
    """A tensor of numbers as they are."""
    info = TensorInfo(name, *place(name), entry.shape, entry.dtype, entry.end - entry.start)
    return Shown(info, (stored,), lambda W: np.asarray(W, np.float32))


def refused(stored: str, name: str, entry: Entry, why: Unread) -> Shown:
    """A tensor of codes that cannot be read, of which the file is otherwise sound."""
    why = Unread(why.message, **why.values)  # without the frames that the one caught holds

    def values() -> NoReturn:
        raise FormatError(
            "{name} is kept as codes ({dtype}) and not shown as numbers: it {why}.",
            name=name[:200],
            dtype=entry.dtype,
            why=why,
        )

    nbytes = entry.end - entry.start
    info = TensorInfo(name, *place(name), entry.shape, CODES.format(dtype=entry.dtype), nbytes)
    return Shown(info, (), values)


def with_parts(shown: Mapping[str, Shown], family: Family, heads: Heads | None) -> dict[str, Shown]:
    """The tensors, noted where they are kept turned, and after them the parts of fused ones."""
    found, more = {}, {}
    for name, each in shown.items():
        module = name.partition(f"{family.layers}.")[2].partition(".")[2].rpartition(".")[0]
        turned = module in family.turned and len(each.info.shape) == 2
        if turned:
            each = replace(each, info=replace(each.info, note=TURNED))
        found[name] = each
        for fused in family.fused:
            if fused.module != module or len(each.info.shape) != 2 or not name.endswith(".weight"):
                continue
            rows = each.info.shape[1 if turned else 0]
            for part, at in (part_rows(fused, rows, heads) or {}).items():
                one = part_of(each, part, at, turned)
                more[one.info.name] = one
    return found | more


def part_of(each: Shown, part: str, rows: NDArray[np.intp], turned: bool) -> Shown:
    """One named part of a fused matrix, (out, in) however that is kept."""
    info = each.info
    module = info.name.removesuffix(".weight")
    wide = info.shape[0 if turned else 1]
    shape = (len(rows), wide)
    nbytes = info.nbytes * prod(shape) // max(prod(info.shape), 1)
    named = f"{info.projection}[{part}]"
    shown = TensorInfo(f"{module}[{part}].weight", info.layer, named, shape, info.dtype, nbytes)

    def values(*stored: Any) -> Floats:
        W = each.values(*stored)
        return np.ascontiguousarray((W.T if turned else W)[rows])

    return Shown(shown, each.stored, values, whole=info.name)
