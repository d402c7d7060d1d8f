"""What every reader answers: a model's identity, sizes, table of tensors, and one matrix."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.language import again
from lowrank.llama.config import LlamaConfig
from lowrank.llama.vocabulary import Vocabulary
from lowrank.readers.labels import LABELS

T = TypeVar("T")

# Characters of a tensor's name, proved before anything is sought in it; no library writes as many.
LONGEST_NAME = 500


@dataclass(frozen=True)
class TensorInfo:
    """One tensor as stored: Hugging Face name, place, shape (out, in), stored type and bytes.

    `dtype` is in words where the numbers are kept as codes and scales: "FP8 E4M3, one scale a row".
    `note` is what else people must know of it, such as an order of rows that is not known. Both are
    in English, to be looked up where they are shown.
    """

    name: str
    layer: int | None
    projection: str | None
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    note: str = ""

    @property
    def stored_as(self) -> str:
        """`dtype` in the language of the moment."""
        return again(self.dtype, LABELS)


class Model(Protocol):
    """An open model. What is kept of it is kept under `lowrank.readers.identity.identity`."""

    @property
    def source(self) -> str:
        """What `open_model` was given, made unambiguous: opens the same file or commit again."""

    @property
    def made_of(self) -> tuple[Path | str, ...]:
        """What it comes from: files here (one that is not there may come), or names of what never
        changes, such as a commit.
        """

    @property
    def title(self) -> str:
        """The model's name, for people."""

    @property
    def kind(self) -> Literal["real", "synthetic"]:
        """Whether these are weights of a model, or random numbers in the shape of one."""

    @property
    def config(self) -> LlamaConfig | None:
        """Its sizes; None if it is not a Llama."""

    @property
    def model_type(self) -> str | None:
        """Its family, as config.json or GGUF's general.architecture names it; None if unsaid."""

    @property
    def given_config(self) -> Mapping[str, Any] | None:
        """The config.json beside it as it stands; None if there is none."""

    @property
    def vocabulary(self) -> Vocabulary | None:
        """What it brings for its tokenizer, read when first asked for; None if it brings nothing.

        Raises FormatError if that is not sound.
        """

    def beside(self, name: str) -> bytes | None:
        """A small file kept beside the weights, such as tokenizer.json; None if there is none."""

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """Every tensor by its Hugging Face name, in the order of the file."""

    @property
    def parts(self) -> Mapping[str, TensorInfo]:
        """Named parts of fused tensors, `qkv_proj[q]`: read like these, stored within them."""

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor as float32 in Hugging Face's shape and row order: (out, in) for a matrix."""


@runtime_checkable
class Remote(Protocol):
    """A model elsewhere, of which each tensor is fetched when it is first wanted."""

    def here(self, name: str) -> bool:
        """Whether a tensor is on this machine already."""

    def fetch(self, name: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Bring what a tensor is stored as; `progress` hears bytes done and all."""


@runtime_checkable
class Mapped(Protocol):
    """A model in mapped files, of which what was read stays in memory until it is released."""

    def release(self, name: str) -> None:
        """Give back what reading a tensor brought in; it is read again where it is wanted again."""


def known_tensor(tensors: Mapping[str, T], name: str, title: str) -> T:
    """The entry of that name. Raises InputError naming tensor and model if there is none."""
    if name not in tensors:
        raise InputError(
            "{title} has no tensor {name!r}; it has {count}, see `.tensors`.",
            title=title,
            name=name,
            count=len(tensors),
        )
    return tensors[name]
