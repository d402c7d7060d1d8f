"""Random matrices in the shapes of a real model: a way on where no model can be had."""

import zlib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lowrank.language import gettext as _
from lowrank.llama.config import LLAMA2_7B, SMOLLM2_135M, LlamaConfig
from lowrank.llama.names import LINEAR, name_of
from lowrank.readers.interface import TensorInfo, known_tensor
from lowrank.readers.notebook import ShownInNotebooks

# Of Llama 2 7B one layer is drawn: its shapes are what the literature on LoRA speaks of.
SYNTHETIC = {"synthetic": SMOLLM2_135M, "synthetic-7b": replace(LLAMA2_7B, num_hidden_layers=1)}


class SyntheticModel(ShownInNotebooks):
    """Gaussian matrices of deviation 1/sqrt(in), always the same: not weights of anything."""

    kind: Literal["real", "synthetic"] = "synthetic"
    given_config: None = None
    model_type = "llama"
    vocabulary: None = None
    parts: Mapping[str, TensorInfo] = MappingProxyType({})

    def __init__(self, source: str = "synthetic") -> None:
        self.source, self.made_of = source, (source,)
        self.config = config = SYNTHETIC[source]
        names: dict[str, tuple[str, int | None]] = {
            f"{name_of(layer, projection)}.weight": (projection, layer)
            for layer in range(config.num_hidden_layers)
            for projection in LINEAR
        }
        if config is SMOLLM2_135M:  # of a single layer there are no embeddings
            names = {"model.embed_tokens.weight": ("embed_tokens", None)} | names
        self.tensors: Mapping[str, TensorInfo] = MappingProxyType(
            {name: described(name, config, *where) for name, where in names.items()}
        )

    @property
    def title(self) -> str:
        """What it is, in the language of the moment."""
        return _("Random numbers")

    def beside(self, name: str) -> None:
        """There are no files."""

    def read(self, name: str) -> NDArray[np.float32]:
        """The matrix of that name, (out, in), drawn anew from a seed that the name gives.

        Raises InputError if there is no such name.
        """
        shape = known_tensor(self.tensors, name, self.title).shape
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        return rng.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(shape[1]))


def described(name: str, config: LlamaConfig, projection: str, layer: int | None) -> TensorInfo:
    """The table's entry for a matrix that is drawn, not stored: four bytes a number."""
    shape = config.projection_shape(projection)
    return TensorInfo(name, layer, projection, shape, "F32", 4 * shape[0] * shape[1])
