"""Adapters as MLX keeps them: adapter_config.json with lora_parameters, adapters.safetensors.

A module's update is scale * lora_a lora_b for rows of inputs, so lora_a (in, r) and lora_b (r, out)
are A and B turned; `m` is DoRA's magnitude. mlx-lm's first versions multiply the scale by alpha / r
where lora_parameters have an alpha.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lowrank.errors import FormatError
from lowrank.lora.adapter_config import FILE, AdapterConfig
from lowrank.lora.adapters.peft_files import Adapter, Floats, Pair
from lowrank.readers.safetensors import SafetensorsModel

WEIGHTS = "adapters.safetensors"
PARTS = {".lora_a": "A", ".lora_b": "B", ".m": "magnitude"}


def is_mlx(given: Any) -> bool:
    """Whether an adapter_config.json is one of MLX."""
    return isinstance(given, dict) and "peft_type" not in given and "lora_parameters" in given


def load(folder: Path, given: Mapping[str, Any]) -> Adapter:
    """The adapter in a folder, whose parsed configuration is `given`.

    Raises SourceError if the weights are missing, FormatError if they are not sound, or whole
    matrices rather than an adapter.
    """
    kind = given.get("fine_tune_type", "lora")
    said = given["lora_parameters"]
    if kind not in ("lora", "dora") or not isinstance(said, dict):
        raise FormatError(
            "{file} is of fine_tune_type {kind!r}; expected lora or dora.",
            file=FILE,
            kind=str(kind)[:40],
        )
    r: Any = said.get("rank")
    scale: Any = said.get("scale")
    alpha: Any = said.get("alpha", r)
    if type(r) is not int or r < 1 or not all(_number(each) for each in (scale, alpha)):
        raise FormatError(
            "{file} has no sound rank and scale in lora_parameters.",
            file=FILE,
        )
    stored, parts = SafetensorsModel(folder / WEIGHTS), dict[str, dict[str, Floats]]()
    for name in stored.tensors:
        ending = next((ending for ending in PARTS if name.endswith(ending)), None)
        if ending is None:
            raise FormatError(
                "{weights} has {name!r}; expected lora_a, lora_b and m alone.",
                weights=WEIGHTS,
                name=name[:200],
            )
        parts.setdefault(name.removesuffix(ending), {})[PARTS[ending]] = stored.read(name)
    whole = scale * alpha / r
    pairs = {
        module: _pair(module, held, r, whole, kind == "dora") for module, held in parts.items()
    }
    if not pairs:
        raise FormatError(
            "{weights} holds no pair: nothing would change.",
            weights=WEIGHTS,
        )
    config = AdapterConfig(
        r=r, lora_alpha=whole * r, target_modules=tuple(pairs), use_dora=kind == "dora"
    )
    return Adapter(config, pairs)


def _pair(module: str, held: Mapping[str, Floats], r: int, scale: float, dora: bool) -> Pair:
    A, B, magnitude = held.get("A"), held.get("B"), held.get("magnitude")
    embedding = module.rpartition(".")[2] == "embed_tokens"
    fits = A is not None and B is not None and A.ndim == B.ndim == 2
    if A is None or B is None or not fits or (A.shape[1], B.shape[0]) != (r, r):
        shapes = [None if each is None else each.shape for each in (A, B)]
        raise FormatError(
            "{module} has lora_a, lora_b {shapes}; expected (in, {r}), ({r}, out).",
            module=module[:200],
            shapes=shapes,
            r=r,
        )
    if dora and embedding:
        raise FormatError(
            "{module} is an embedding, for which DoRA is not supported here.",
            module=module[:200],
        )
    if dora != (magnitude is not None) or (
        magnitude is not None and magnitude.shape != B.shape[1:]
    ):
        raise FormatError(
            "{module} and fine_tune_type do not agree on DoRA's magnitudes m.",
            module=module[:200],
        )
    return Pair(module, A.T.copy(), B.T.copy(), scale, magnitude, embedding=embedding)


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e30
