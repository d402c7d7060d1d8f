"""Factors on disk: each computed once, kept for good, and read as a view of the file.

All factors of a small Llama in both ways take more memory than the model itself. A file's pages
are shared by every process that reads it, and the system may drop and read them again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError
from lowrank.files import remove, whole
from lowrank.language import gettext as _
from lowrank.llama.model import Params, projections
from lowrank.llama.names import fed_first
from lowrank.surgery.factors import (
    Factors,
    Floats,
    Inputs,
    Source,
    aware,
    plain,
    weighted,
)
from lowrank.surgery.fisher import Sides, batches, read_back

K = TypeVar("K")

WAYS = ("plain", "aware", "rows", "fisher")
BY_GRADIENT = ("rows", "fisher")  # for which the text is read back as well
AT_ONCE = 10**9  # bytes of the sums that are held together while a text is read


class FactorStore:
    """A folder with the factors of one model for one calibration text.

    `folder` should be named for both (see `folder_name`); nothing in it is ever
    changed, and any number of processes may fill it at once: files appear whole or not at all.
    """

    def __init__(self, folder: Path, params: Params, texts: Sequence[Sequence[int]]) -> None:
        self.folder, self.params, self.texts = folder, params, texts
        self._held = projections(params)
        self._opened: dict[Path, Factors] = {}

    def has(self, way: str, name: str) -> bool:
        """Whether these factors are there already. `way` is one of WAYS."""
        path = self._path(way, name)
        return path in self._opened or path.exists()

    def missing(self, way: str, names: Sequence[str]) -> list[str]:
        """Those of the names whose factors are still to be computed."""
        return [name for name in names if not self.has(way, name)]

    def source(self, way: str) -> Source:
        """Where `operate` finds factors; computed now if they are not there."""

        def factors(name: str) -> Factors:
            try:
                return self._made(way, name)
            except FormatError:  # damaged on the disk: computed again
                remove(self._path(way, name))
                return self._made(way, name)

        return factors

    def _made(self, way: str, name: str) -> Factors:
        if not self.has(way, name):
            for _ in self.prepare(way, [name]):
                pass
        return self._read(self._path(way, name))

    def prepare(self, way: str, names: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """Compute what is missing: yields how many steps are done, of how many, and the next.

        Raises SourceError if the folder cannot be written.
        """
        todo = self.missing(way, names)
        if way in BY_GRADIENT:
            yield from self._by_gradient(way, todo)
            return
        reading = self._unread(todo) if way == "aware" else []
        total, done = len(todo) + len(reading) * len(self.texts), 0
        for layers in reading:
            for _read in self._calibrate(layers):
                yield done, total, _("reading the calibration text")
                done += 1
        for name in todo:
            yield done, total, name
            W = self._held[name].matrix()
            found = plain(W) if way == "plain" else aware(W, self.moment(name))
            _write(self._path(way, name), _packed(found))
            done += 1
        yield total, total, ""

    def _by_gradient(self, way: str, todo: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """`prepare` for ways that need what comes back to a projection, group by group."""
        groups, said = self._groups(todo), _("reading the calibration text, forward and back")
        total, done = len(todo) + len(groups) * len(batches(self.texts)), 0
        for group in groups:
            found = {name: Sides(self._held[name].shape) for name in group}
            yield done, total, said
            for _read in read_back(self.params, self.texts, found):
                done += 1
                yield done, total, said
            for name in group:
                W, both = self._held[name].matrix(), found.pop(name)
                if way == "rows":
                    factors = weighted(W, L=both.rows())
                else:
                    factors = weighted(W, *both.triangles())
                _write(self._path(way, name), _packed(factors))
                done += 1
                yield done, total, name
        yield total, total, ""

    def _groups(self, names: Sequence[str]) -> list[list[str]]:
        """The names in groups whose sums over both sides memory allows, each at least one."""
        sizes = {name: 8 * sum(side**2 for side in self._held[name].shape) for name in names}
        return _grouped(sizes)

    def moment(self, name: str) -> Floats:
        """The triangle R (n, n) of a projection's inputs on the calibration text, float32."""
        path = self._moment_path(name)
        try:
            return np.load(path)
        except (OSError, ValueError, EOFError):  # not there, or damaged: computed again
            remove(path)
            for _read in self._calibrate([_layer(name)]):
                pass
            return np.load(path)

    def _unread(self, names: Sequence[str]) -> list[list[int]]:
        """Layers whose inputs are still to be observed, in groups that memory allows."""
        layers = sorted({_layer(n) for n in names if not self._moment_path(n).exists()})
        return _grouped({layer: self._size(layer) for layer in layers})

    def _size(self, layer: int) -> int:
        """Bytes of the second moments of all that a layer's projections read."""
        sides = {fed_first(n): self._held[n].shape[1] for n in self._of(layer)}
        return 8 * sum(side**2 for side in sides.values())

    def _of(self, layer: int) -> list[str]:
        return [n for n in self._held if n.startswith("model.layers.") and _layer(n) == layer]

    def _calibrate(self, layers: Sequence[int]) -> Iterator[None]:
        """Yields before each text is read; at the end the moments are kept."""
        inputs = Inputs(self.params, [name for layer in layers for name in self._of(layer)])
        for ids in self.texts:
            yield
            inputs.read(ids)
        for name, R in inputs.triangles().items():
            path = self._moment_path(name)
            if not path.exists():
                _write(path, R.astype(np.float32))

    def _path(self, way: str, name: str) -> Path:
        return self.folder / f"{way}-{name}.npy"

    def _moment_path(self, name: str) -> Path:
        return self.folder / f"inputs-{fed_first(name)}.npy"

    def _read(self, path: Path) -> Factors:
        """A view of the file, opened once: mapping 210 files anew takes longer than using them."""
        if path not in self._opened:
            try:
                rows = np.load(path, mmap_mode="r").view(np.ndarray)
                self._opened[path] = Factors(rows["U"].T, rows["s"].copy(), rows["SVt"])
            except (OSError, ValueError, IndexError, EOFError) as error:
                raise FormatError(
                    "{name} is damaged; remove it from {folder}.",
                    name=path.name,
                    folder=self.folder,
                ) from error
        return self._opened[path]


def _write(path: Path, array: NDArray) -> None:
    with whole(path) as out:
        np.save(out, array)


def _packed(factors: Factors) -> NDArray:
    """One row for each direction, best first: s, U's column and SVt's row."""
    (m, r), n = factors.U.shape, factors.SVt.shape[1]
    rows = np.empty(r, [("s", "<f8"), ("U", "<f4", (m,)), ("SVt", "<f4", (n,))])
    rows["s"], rows["U"], rows["SVt"] = factors.s, factors.U.T, factors.SVt
    return rows


def _grouped(sizes: Mapping[K, int]) -> list[list[K]]:
    """The keys in groups of AT_ONCE bytes at most, each of them at least one."""
    groups: list[list[K]] = []
    held = AT_ONCE
    for key, size in sizes.items():
        if held + size > AT_ONCE:
            groups.append([])
            held = 0
        groups[-1].append(key)
        held += size
    return groups


def _layer(name: str) -> int:
    return int(name.split(".")[2])


def folder_name(content: str, passages: Sequence[str]) -> str:
    """A name for the factors of a model, by the digest of its content, and of a calibration text.

    `content` is `lowrank.readers.identity.identity(model)`.
    """
    return hashlib.sha256(json.dumps([content, list(passages)]).encode()).hexdigest()[:24]
