"""What lies between two models of one shape: tuned - base, matrix by matrix, as a model itself.

Whatever looks at a model's matrices, a survey or a truncation, looks at what was changed so.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.readers.interface import Mapped, Model, TensorInfo, known_tensor
from lowrank.readers.notebook import ShownInNotebooks

SCHEME = "difference://"


class Difference(ShownInNotebooks):
    """tuned - base: of every tensor that both have in one shape, among them the layers' matrices.

    Raises InputError if these differ in names or shapes.
    """

    given_config: None = None
    vocabulary: None = None
    parts: Mapping[str, TensorInfo] = MappingProxyType({})

    def __init__(self, base: Model, tuned: Model) -> None:
        self.base, self.tuned = base, tuned
        self.source = f"{SCHEME}{json.dumps([base.source, tuned.source])}"
        self.made_of: tuple[Path | str, ...] = (*base.made_of, SCHEME, *tuned.made_of)
        both: list[Literal["real", "synthetic"]] = [base.kind, tuned.kind]
        self.kind = "real" if "real" in both else both[0]
        self.config, self.model_type = base.config, base.model_type
        check_alike(base, tuned)
        self.tensors: Mapping[str, TensorInfo] = MappingProxyType(
            {
                name: replace(info, nbytes=info.nbytes + tuned.tensors[name].nbytes)
                for name, info in base.tensors.items()
                if name in tuned.tensors and info.shape == tuned.tensors[name].shape
            }
        )

    @property
    def title(self) -> str:
        """Both names, in the language of the moment."""
        return _("{tuned} less {base}").format(tuned=self.tuned.title, base=self.base.title)

    def beside(self, name: str) -> None:
        """There are no files."""

    def read(self, name: str) -> NDArray[np.float32]:
        """tuned - base of one tensor; a new array. Raises InputError if there is no such name."""
        known_tensor(self.tensors, name, self.title)
        return changed(self.base, self.tuned, name)[0]


def changed(base: Model, tuned: Model, name: str) -> tuple[NDArray[np.float32], float]:
    """tuned - base of one tensor that both have, and ||base||_F; no third array is ever held."""
    with ThreadPoolExecutor(1) as beside:  # half of the time is widening, a processor for each
        coming = beside.submit(tuned.read, name)
        W0 = base.read(name)
        norm, D = float(np.linalg.norm(W0)), coming.result()
    D -= W0
    for model in (base, tuned):
        if isinstance(model, Mapped):
            model.release(name)
    return D, norm


def check_alike(base: Model, tuned: Model) -> None:
    """Raises InputError unless two models have the same matrices in their layers."""
    for model, other in ((base, tuned), (tuned, base)):
        mine, theirs = _layered(model), _layered(other)
        if not mine:
            raise InputError("{title} has no layers with matrices.", title=model.title)
        for name, shape in mine.items():
            if name not in theirs:
                raise InputError(
                    "{other} is a model of another shape than {title}: it lacks {name}.",
                    other=other.title,
                    title=model.title,
                    name=name[:200],
                )
            if theirs[name] != shape:
                raise InputError(
                    "{other} is a model of another shape than {title}: {name} is {theirs} in it "
                    "and {shape} in the other.",
                    other=other.title,
                    title=model.title,
                    name=name[:200],
                    theirs=theirs[name],
                    shape=shape,
                )


def _layered(model: Model) -> dict[str, tuple[int, ...]]:
    """The matrices of a model's layers."""
    tensors = model.tensors.values()
    return {t.name: t.shape for t in tensors if len(t.shape) == 2 and t.layer is not None}
