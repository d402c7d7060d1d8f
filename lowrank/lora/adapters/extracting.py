"""A LoRA adapter out of two checkpoints: of each matrix the low-rank part of what was changed.

Two matrices are in memory at a time, whatever the models' size: each pair goes to the disk when it
is found, and into the adapter's one file at the end.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lowrank.errors import InputError, SourceError
from lowrank.files import whole_folder
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.adapters.fitting import kind_of
from lowrank.lora.adapters.peft_files import Adapter, Floats, Pair, save
from lowrank.lora.extraction import at_energy, nearest
from lowrank.readers import HUB
from lowrank.readers.difference import Difference, changed
from lowrank.readers.interface import Model
from lowrank.readers.shown import TURNED


@dataclass(frozen=True)
class Extracted:
    """What became of one matrix's change D = tuned - base, shape (out, in).

    r        the rank of its pair; 0 where D is 0 and there is none.
    norm     ||D||_F, and `change` the same over ||base||_F.
    error    ||D - B A||_F over ||D||_F; 0 where D is 0.
    """

    module: str
    shape: tuple[int, int]
    r: int
    norm: float
    change: float
    error: float

    @property
    def energy(self) -> float:
        """The share of ||D||_F**2 that the pair keeps."""
        return 1 - self.error**2


@dataclass(frozen=True)
class ExtractionReport:
    """A row for each matrix, and the tensors that differ too and are not in the adapter."""

    rows: tuple[Extracted, ...]
    left_out: tuple[str, ...]


def extract_adapter(
    base: Model,
    tuned: Model,
    folder: str | Path,
    r: int | None = None,
    energy: float | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> ExtractionReport:
    """Write the adapter that brings `base` as near to `tuned` as its ranks allow, as PEFT reads it.

    Of every matrix in a layer that differs: the best pair of rank r, or of the least rank that
    keeps the share `energy` of ||D||_F**2; scale 1. `progress` hears how many matrices are done,
    of how many, and the last one's name. The folder appears whole or not at all.

    Raises InputError if not one of r and energy is given, the models have other matrices, a matrix
    is smaller than r, nothing differs, an entry is not finite, or the folder holds anything;
    SourceError if it cannot be written. Reference: as `lowrank.lora.extract`.
    """
    rows, names = [], extractable(Difference(base, tuned))
    for row in extracted(base, tuned, folder, r, energy):
        rows.append(row)
        if progress:
            progress(len(rows), len(names), row.module)
    return ExtractionReport(tuple(rows), tuple(others(base, tuned, {*names})))


def extractable(difference: Difference) -> list[str]:
    """The matrices of the layers, of which an adapter can hold pairs."""
    layered = [t for t in difference.tensors.values() if t.layer is not None]
    return [t.name for t in layered if len(t.shape) == 2 and t.name.endswith(".weight")]


def extracted(
    base: Model,
    tuned: Model,
    folder: str | Path,
    r: int | None = None,
    energy: float | None = None,
) -> Iterator[Extracted]:
    """The rows of `extract_adapter` as they come; the adapter is there after the last."""
    place, difference = Path(folder).absolute(), Difference(base, tuned)
    names = extractable(difference)
    check_ranks(difference, names, r, energy)
    check_new(place)
    rows, pairs = [], dict[str, Pair]()
    with whole_folder(place) as new:
        for name in names:
            row, pair = one(difference, name, r, energy)
            rows.append(row)
            if pair:
                pairs[pair.module] = on_disk(pair, new / PARTS / str(len(rows)))
            yield row
        if not pairs:
            raise InputError(
                "{tuned} and {base} do not differ in any matrix of their layers.",
                tuned=tuned.title,
                base=base.title,
            )
        save(Adapter(configuration(base, rows), pairs), new)
        shutil.rmtree(new / PARTS)


PARTS = "parts"


def one(
    difference: Difference, name: str, r: int | None, energy: float | None
) -> tuple[Extracted, Pair | None]:
    """One matrix's row and pair; no pair where nothing was changed."""
    D, before = changed(difference.base, difference.tuned, name)
    if difference.tensors[name].note == TURNED:  # stored as (in, out)
        D = D.T
    module, norm = name.removesuffix(".weight"), float(np.linalg.norm(D))
    if not np.isfinite(norm):
        raise InputError("{name} holds NaN or infinity in one of the models.", name=name[:200])
    change = norm / before if before else 0.0
    if not norm:
        return Extracted(module, D.shape, 0, norm, change, 0.0), None
    found = nearest(D, r) if r else at_energy(D, energy or 1.0)
    row = Extracted(module, D.shape, len(found.A), norm, change, found.relative)
    return row, Pair(module, found.A, found.B, 1.0)


def on_disk(pair: Pair, path: Path) -> Pair:
    """The same pair, its arrays in files that are read when they are asked for."""

    def kept(array: Floats, name: str) -> Floats:
        np.save(path / name, array)
        held: Floats = np.load(path / name, mmap_mode="r")
        return held

    try:
        path.mkdir(parents=True)
        return replace(pair, A=kept(pair.A, "A.npy"), B=kept(pair.B, "B.npy"))
    except OSError as error:
        raise SourceError(
            "{path} cannot be written: {problem}.", path=path, problem=error.strerror or error
        ) from error


def configuration(base: Model, rows: list[Extracted]) -> AdapterConfig:
    """An extracted adapter's configuration: a kind by its name where all matrices of it changed."""
    ranks = {row.module: row.r for row in rows if row.r}
    modules = [name.removesuffix(".weight") for name in base.tensors if name.endswith(".weight")]
    apart = {kind_of(module) for module in modules if module not in ranks}
    turned = any(base.tensors[f"{module}.weight"].note == TURNED for module in ranks)
    targets = dict.fromkeys(m if (kind := kind_of(m)) in apart else kind for m in ranks)
    named = base.source.removeprefix(HUB) if base.source.startswith(HUB) else base.title
    return AdapterConfig(
        target_modules=tuple(targets),
        fan_in_fan_out=turned,
        task_type="CAUSAL_LM",
        base_model_name_or_path=named,
    ).with_ranks(ranks)


def others(base: Model, tuned: Model, names: set[str]) -> Iterator[str]:
    """The tensors beside those that the two models do not share: norms, biases, embeddings."""
    for name in dict.fromkeys([*base.tensors, *tuned.tensors]):
        shapes = [model.tensors[name].shape for model in (base, tuned) if name in model.tensors]
        alike = len(shapes) == 2 and shapes[0] == shapes[1]
        if name not in names and not (alike and not changed(base, tuned, name)[0].any()):
            yield name


def check_ranks(
    difference: Difference, names: list[str], r: int | None, energy: float | None
) -> None:
    """Raises InputError unless there is one of r and energy, and it is one that can be had."""
    if (r is None) == (energy is None):
        raise InputError("Expected either a rank or a share of the energy.")
    if energy is not None and not 0 < energy <= 1:
        raise InputError(
            "The energy is {energy}; expected more than 0 and at most 1.", energy=energy
        )
    for name in names if r is not None else ():
        most = min(difference.tensors[name].shape)
        if r is None or not 1 <= r <= most:
            raise InputError(
                "The rank is {r}; expected 1 to {most:,}, since {name} is {shape}.",
                r=r,
                most=most,
                name=name[:200],
                shape=difference.tensors[name].shape,
            )


def check_new(place: Path) -> None:
    """Raises InputError unless a folder is not there, or empty."""
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise InputError("{place} is there already: name a new or empty folder.", place=place)
