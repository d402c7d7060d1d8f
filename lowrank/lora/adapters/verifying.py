"""Whether a merged model is what its base and adapter make, up to how its numbers are stored.

Two things are asked of every tensor. No entry may be farther from W0 + s B A than a few roundings
of its stored type move it. And the change as a whole must be the adapter's: the part of it that
lies along s B A is measured, and compared with what is left of s B A when it is stored in that
type. In bfloat16 a small update is lost in the rounding of many entries; that one was merged twice,
at another scale or not at all shows in that part, which says how much of it is there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.language import joined
from lowrank.llama.loading import DIVISORS
from lowrank.lora.adapters.merging import adapted, merged, merged_names, turned
from lowrank.lora.adapters.peft_files import Adapter, Floats, Pair
from lowrank.readers.checkpoint_config import EMBEDDINGS, HEAD, is_tied
from lowrank.readers.interface import Model
from lowrank.readers.safetensors_header import STORED

# Unit roundoff of each stored type, and the least number above 0 that it holds.
PRECISION = {
    "F32": (2.0**-24, 2.0**-149),
    "F16": (2.0**-11, 2.0**-24),
    "BF16": (2.0**-8, 2.0**-133),
}
ROWS = 512  # compared at a time
# Roundings of one entry: of the product, of the update, of the sum, and of what is stored.
ROUNDINGS = 4
SLACK = 0.05  # of the update along itself: rounded once more on its way, it may be so far off
Verdict = Literal["equal", "differs", "missing", "shape"]


@dataclass(frozen=True)
class Verified:
    """One tensor of a merged model beside what base and adapter make.

    dtype     what it is stored as.
    off       the largest |got - W| over what `ROUNDINGS` roundings may move that entry: 1 at most.
    relative  ||got - W||_F / ||W||_F.
    merged    how much of the update is in it, by what lies along it: 1 is all, 0 none, 2 twice.
              None for what is no update of a pair.
    stored    the same of W rounded to its stored type.
    """

    name: str
    verdict: Verdict
    dtype: str = ""
    off: float = 0.0
    relative: float = 0.0
    merged: float | None = None
    stored: float | None = None


def verify(
    base: Model,
    adapter: Adapter,
    merged_model: Model,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[Verified, ...]:
    """Every tensor of a merged model beside what base and adapter make, in the base's order.

    One tensor is compared at a time; `progress` hears how many are done, of how many, and its name.

    Raises InputError if the adapter does not fit the base, or if the merged model stores a tensor
    as codes, which round otherwise than numbers do.
    """
    rows, names = [], merged_names(base, adapter)
    for row in verified(base, adapter, merged_model):
        rows.append(row)
        if progress:
            progress(len(rows), len(names), row.name)
    return tuple(rows)


def verified(base: Model, adapter: Adapter, result: Model) -> Iterator[Verified]:
    """The rows of `verify` as they come."""
    for name in merged_names(base, adapter):
        info = result.tensors.get(name)
        if info is None:
            if name not in DIVISORS:  # which a configuration may say instead
                yield Verified(name, "missing")
            continue
        if info.dtype not in PRECISION:
            raise InputError(
                "{title} stores {name} as {dtype}; float32, float16 and bfloat16 are compared.",
                title=result.title,
                name=name[:200],
                dtype=info.stored_as,
            )
        yield compared(base, adapter, name, result.read(name), info.dtype)


def compared(base: Model, adapter: Adapter, name: str, got: Floats, dtype: str) -> Verified:
    """One tensor of a merged model, read as float32, beside what base and adapter make of it."""
    W = merged(base, adapter, name)
    if got.shape != W.shape:
        return Verified(name, "shape", dtype)
    pair = adapter.pairs.get(name.rpartition(".")[0]) if name.endswith(".weight") else None
    W0 = _unmerged(base, name) if pair else W
    reach = sizes(base, adapter, pair, W0, W) if pair else np.abs(W)
    u, least = PRECISION[dtype]
    share = ROUNDINGS * u + (pair.r if pair else 0) * PRECISION["F32"][0]
    sums, off = np.zeros(6), 0.0
    for i in range(0, len(W), ROWS):
        rows = slice(i, i + ROWS)
        wide = [each[rows].astype(np.float64).ravel() for each in (got, W, W0, reach)]
        stored = W[rows].astype(STORED[dtype]).astype(np.float64).ravel()
        now, wanted, before, size = wide
        error = np.abs(now - wanted)
        error[np.isnan(now) & np.isnan(wanted) | (now == wanted)] = 0
        off = max(off, float((error / (share * size + ROUNDINGS * least)).max(initial=0.0)))
        off = np.inf if np.isnan(error).any() else off
        update = wanted - before
        sums += [
            *(error @ error, wanted @ wanted, update @ update, size @ size),
            *((now - before) @ update, (stored - before) @ update),
        ]
    wrong, norm, length, *_ = np.sqrt(np.abs(sums))
    row = Verified(name, "equal" if off <= 1 else "differs", dtype, off, _over(wrong, norm))
    if not pair or not length:
        return row
    merges, keeps = sums[4] / length**2, sums[5] / length**2
    # Rounding that knows nothing of the update lies along it by less than this.
    chance = 4 * u * float(np.sqrt(sums[3])) / (length * W.size**0.5)
    apart = not abs(merges - keeps) <= SLACK + chance
    verdict: Verdict = "differs" if apart else row.verdict
    return replace(row, verdict=verdict, merged=float(merges), stored=float(keeps))


def _over(part: float, whole: float) -> float:
    return float(part / whole) if whole else float(part > 0)


def _unmerged(base: Model, name: str) -> Floats:
    return base.read(EMBEDDINGS if name == HEAD and is_tied(base) else name)


def sizes(base: Model, adapter: Adapter, pair: Pair, W0: Floats, W: Floats) -> Floats:
    """How large the numbers are that are added up for each entry of W: |W0| + |s| |B| |A|.

    With DoRA each row of these is scaled as that of W0 + s B A is to become that of W.
    """
    across = turned(base, adapter, pair, W0.shape)
    plain = replace(pair, magnitude=None)
    positive = replace(plain, A=np.abs(pair.A), B=np.abs(pair.B), scale=abs(pair.scale))
    reach = adapted(np.abs(W0), positive, across)
    if pair.magnitude is None:
        return reach
    axis = 0 if across else 1
    lengths = np.linalg.norm(adapted(W0, plain, across), axis=axis, keepdims=True)
    scaled = np.linalg.norm(W, axis=axis, keepdims=True)
    return reach * (scaled / np.maximum(lengths, np.finfo(np.float32).tiny))


def said(row: Verified) -> str:
    """What is wrong with a tensor of a merged model."""
    if row.verdict == "missing":
        return _("{name} is missing.").format(name=row.name)
    if row.verdict == "shape":
        return _("{name} has another shape.").format(name=row.name)
    far = _("{name}: {relative:.3%} off, {off:.3g} times what rounding to {dtype} allows").format(
        name=row.name, relative=row.relative, off=row.off, dtype=row.dtype
    )
    if row.merged is None or row.stored is None:
        return far
    return _("{far}; it holds {merged:.3f} of the update where {stored:.3f} is expected").format(
        far=far, merged=row.merged, stored=row.stored
    )


def summary(rows: Sequence[Verified]) -> str:
    """That all is well, and how much of the updates is left after rounding."""
    types = joined(sorted({row.dtype for row in rows}), _("{first}, {last}"))
    told = _(
        "All {count:,} tensors are what base and adapter make, up to the rounding of {types}."
    ).format(count=len(rows), types=types)
    kept = [row.stored for row in rows if row.stored is not None]
    if not kept:
        return told
    return _("{told} Of the updates {least:.1%} to {most:.1%} are left after rounding.").format(
        told=told, least=min(kept), most=max(kept)
    )
