"""A truncated model in a folder: a checkpoint that transformers opens, or its thin pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lowrank import files
from lowrank.errors import FormatError, InputError
from lowrank.llama.linear import Dense, LowRank, Projection
from lowrank.llama.model import Params, projections, replaced
from lowrank.llama.names import HEAD
from lowrank.readers.checkpoint_config import HEAD as HEAD_WEIGHT
from lowrank.readers.checkpoint_config import Table, as_expected, config_of, is_tied
from lowrank.readers.checkpoint_writer import check_place, write_beside, write_checkpoint
from lowrank.readers.interface import Model
from lowrank.readers.safetensors import SafetensorsModel
from lowrank.readers.safetensors_writer import SIZE, narrowed, write
from lowrank.surgery.plans import Plan, stored

Form = Literal["dense", "thin"]
Dtype = Literal["F16", "F32"]
FORMS: tuple[Form, ...] = ("dense", "thin")
DTYPES: tuple[Dtype, ...] = ("F16", "F32")
THIN = "thin.safetensors"  # not the name that transformers looks for: it would find weights missing

# What README.md of a folder of thin pairs says, and tests/oracles/make_truncated.py runs.
LOADER = """\
from safetensors.torch import load_file
from torch.nn import Linear, Sequential
from transformers import AutoConfig, AutoModelForCausalLM

model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained("."))
weights = load_file("thin.safetensors")
for name in [key[: -len(".0.weight")] for key in weights if key.endswith("_proj.0.weight")]:
    (k, n), block = weights[f"{name}.0.weight"].shape, model.get_submodule(name.rpartition(".")[0])
    U = Linear(k, len(weights[f"{name}.1.weight"]), bias=f"{name}.1.bias" in weights)
    setattr(block, name.rpartition(".")[2], Sequential(Linear(n, k, bias=False), U))
model.load_state_dict(weights, strict=False)
"""


@dataclass(frozen=True)
class Written:
    """How a truncated model is written: its form, and the type of every number.

    Raises InputError for another form or dtype.
    """

    form: Form = "dense"
    dtype: Dtype = "F16"

    def __post_init__(self) -> None:
        if self.form not in FORMS or self.dtype not in DTYPES:
            raise InputError(
                "form is {form!r} and dtype {dtype!r}; expected 'dense' or 'thin', 'F16' or 'F32'.",
                form=self.form,
                dtype=self.dtype,
            )


def kept(cut: Params, written: Written) -> Params:
    """The model as its folder will have it: pairs multiplied out unless `thin`, and rounded.

    Raises FormatError if a number is too large for the type.
    """

    def near(name: str, a: NDArray[np.floating]) -> NDArray[np.float32]:
        return narrowed(name, a.astype(np.float32), written.dtype).astype(np.float32)

    def stays(name: str, pair: LowRank) -> Projection:
        if written.form == "thin":
            return LowRank(near(name, pair.U), near(name, pair.SVt), pair.bias)
        return Dense(near(name, pair.matrix()), pair.bias)

    return replaced(cut, {name: stays(name, pair) for name, pair in pairs(cut).items()})


def pairs(params: Params) -> dict[str, LowRank]:
    """The projections that are pairs, by name."""
    return {name: p for name, p in projections(params).items() if isinstance(p, LowRank)}


def tables(model: Model, cut: Params, dtype: Dtype) -> dict[Form, Table]:
    """Stored type and shape of every tensor, in both forms.

    A pair is `q_proj.0` = SVt and `q_proj.1` = U, as torch's Sequential names its two layers.
    """
    tied = is_tied(model)
    whole: Table = {
        name: (dtype, info.shape)
        for name, info in model.tensors.items()
        if not (tied and name == HEAD_WEIGHT)
    }
    dense, thin, thinned = as_expected(model, whole), Table(), pairs(cut)
    for name, found in dense.items():
        module, _, part = name.rpartition(".")
        pair = thinned.get(module)
        if pair is None:
            thin[name] = found
        elif part == "weight":
            thin[f"{module}.0.weight"] = dtype, pair.SVt.shape
            thin[f"{module}.1.weight"] = dtype, pair.U.shape
        else:
            thin[f"{module}.1.{part}"] = found
    return {"dense": dense, "thin": thin}


def nbytes(table: Table) -> int:
    """Bytes of the tensors of a table.

    >>> nbytes({"W": ("F16", (3, 4))})
    24
    """
    return sum(SIZE[dtype] * prod(shape) for dtype, shape in table.values())


def both_sizes(model: Model, params: Params, plan: Plan, dtype: Dtype) -> dict[Form, int]:
    """Bytes of the tensors in both forms, for a plan that is not carried out yet."""
    dense, held = nbytes(tables(model, params, dtype)["dense"]), projections(params)
    saved = sum(prod(held[name].shape) - stored(held[name].shape, k) for name, k in plan.items())
    return {"dense": dense, "thin": dense - SIZE[dtype] * saved}


def save(
    model: Model, cut: Params, folder: str | Path, dtype: Dtype, beside: Mapping[str, str]
) -> list[Path]:
    """Write a model with truncated projections, and text files `beside` it, into a new folder.

    Where `cut` has pairs the folder holds THIN, which LOADER opens; else it is a checkpoint. What
    is no projection is the open model's. See `kept`, which makes both of what `operate` gives.

    The folder appears whole, after it was opened again, or not at all. Returns the files written.
    Raises InputError if it holds anything or no configuration describes the model, SourceError if a
    file cannot be written, FormatError if a value does not fit `dtype`.
    """
    place = Path(folder).absolute()
    check_place(place, model, overwrite=False)
    both, held = tables(model, cut, dtype), projections(cut)
    config = config_of(model, both["dense"])
    table = both["thin"]  # without a pair, the dense one

    def tensor(name: str) -> NDArray[np.float32]:
        module, _, part = name.rpartition(".")
        inner, _, factor = module.rpartition(".")
        pair = held.get(inner)
        if isinstance(pair, LowRank):
            found = pair.SVt if factor == "0" else pair.U if part == "weight" else pair.bias
            return np.zeros(table[name][1], "f4") if found is None else found
        if part == "weight" and module in held and module != HEAD:
            return held[module].matrix()
        return model.read(name) if name in model.tensors else np.zeros(table[name][1], "f4")

    with files.whole_folder(place) as new:
        if pairs(cut):
            write(new / THIN, table, tensor)
            written = [new / THIN, *write_beside(new, model, config)]
            _check(new / THIN, table)
        else:
            written = write_checkpoint(new, model, table, config, tensor)
        for name, text in beside.items():
            files.write(new / name, text)
            written.append(new / name)
    return [place / path.name for path in written]


def _check(path: Path, table: Table) -> None:
    """Open what was written. Raises FormatError if it is not what was to be written."""
    again = SafetensorsModel(path).tensors
    if {name: (info.dtype, info.shape) for name, info in again.items()} != table:
        raise FormatError(
            "What was written to {name} is not what was to be written.",
            name=path.name,
        )
