"""Matrix rank, from row reduction by hand to LoRA on a real Llama: small pure functions over numpy.

Each room below is loaded when it is first used.

>>> from lowrank import exact, spectra
>>> exact.rank([[1, 2], [2, 4]])
1
>>> spectra.truncate([[3.0, 0.0], [4.0, 0.0]], 1).svd.s.tolist()
[5.0]
"""

from importlib import import_module
from types import ModuleType

__version__ = "0.2.0"
__all__ = [
    "atlas",
    "exact",
    "llama",
    "lora",
    "memory",
    "readers",
    "spectra",
    "surgery",
    "teaching",
]


def __getattr__(name: str) -> ModuleType:
    """The room of that name, loaded now. Raises AttributeError for any other name."""
    if name in __all__:
        return import_module(f"lowrank.{name}")
    raise AttributeError(f"module 'lowrank' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
