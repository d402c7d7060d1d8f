"""Whether an adapter belongs to a model: its modules, layers and shapes, before W0 is read."""

from collections.abc import Iterable
from dataclasses import dataclass

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.lora.adapters.peft_files import Adapter
from lowrank.readers.checkpoint_config import EMBEDDINGS, HEAD, is_tied
from lowrank.readers.interface import Model

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Fit:
    """An adapter's modules beside a model's matrices.

    `absent` are modules that the model lacks; `unfit` those of another shape, the update's and the
    matrix's; `left` those that the configuration targets and the model has, and beside which there
    is no pair, though there is one beside a matrix of that kind elsewhere.
    """

    absent: tuple[str, ...]
    unfit: tuple[tuple[str, Shape, Shape], ...]
    left: tuple[str, ...]


def fit(model: Model, adapter: Adapter) -> Fit:
    """How an adapter's pairs and a model's matrices go together, from names and shapes alone."""
    shapes = {name.removesuffix(".weight"): info.shape for name, info in model.tensors.items()}
    if is_tied(model):
        shapes[HEAD.removesuffix(".weight")] = model.tensors[EMBEDDINGS].shape
    absent, unfit = [], []
    for module, pair in adapter.pairs.items():
        update, shape = (len(pair.B), pair.A.shape[1]), shapes.get(module)
        if shape is None:
            absent.append(module)
        elif update not in (shape, shape[::-1]):  # embeddings and Conv1D are stored as (in, out)
            unfit.append((module, update, shape))
    kinds = {kind_of(module) for module in adapter.pairs}
    left = [
        module
        for module in shapes
        if kind_of(module) in kinds and module not in adapter.pairs
        if f"{module}.weight" not in adapter.replaced and adapter.config.targets(module)
    ]
    return Fit(tuple(absent), tuple(unfit), tuple(left))


def check_fit(model: Model, adapter: Adapter) -> Fit:
    """`fit`, of an adapter that fits.

    Raises InputError, once for all modules, if the model lacks some or has them in other shapes.
    """
    found, base = fit(model, adapter), adapter.config.base_model_name_or_path
    wrong = ""
    if found.absent:
        wrong = _("{title} lacks {count}, such as {name}").format(
            title=model.title, count=len(found.absent), name=found.absent[0][:100]
        )
    if found.unfit:
        module, update, shape = found.unfit[0]
        unfit = _(
            "{count} have other shapes in {title}, such as {name}, {update} in the adapter and "
            "{shape} in the model"
        ).format(
            count=len(found.unfit),
            title=model.title,
            name=module[:100],
            update=by(update),
            shape=by(shape),
        )
        wrong = _("{lacks}; {unfit}").format(lacks=wrong, unfit=unfit) if wrong else unfit
    if wrong:
        named = _("it names no base")
        if base:
            named = _("its configuration names {base} as its base").format(base=base[:100])
        raise InputError(
            "The adapter was made for another model ({named}): of its {count} matrices "
            "{wrong}. Choose its base model in the sidebar.",
            named=named,
            count=len(adapter.pairs),
            wrong=wrong,
        )
    return found


def by(shape: Shape) -> str:
    """A shape as people write it.

    >>> by((576, 1536))
    '576 × 1,536'
    """
    return " × ".join(f"{size:,}" for size in shape)


def kind_of(module: str) -> str:
    """The last part of a module's name: "q_proj"."""
    return module.rpartition(".")[2]


def layers_of(modules: Iterable[str]) -> frozenset[int]:
    """The layers that modules belong to, by the first number in each name.

    >>> sorted(layers_of(["model.layers.3.self_attn.q_proj", "lm_head"]))
    [3]
    """
    numbers = ([int(p) for p in module.split(".") if p.isdecimal()] for module in modules)
    return frozenset(found[0] for found in numbers if found)
