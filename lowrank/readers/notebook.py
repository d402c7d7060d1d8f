"""An open model as a notebook shows it: what it is, its sizes, and a table of its tensors."""

from collections.abc import Iterable
from html import escape
from math import prod

from lowrank.language import gettext as _
from lowrank.readers.interface import Model, TensorInfo

MOST_ROWS = 40  # a mixture of experts names thousands of tensors


class ShownInNotebooks:
    """What makes the last line of a notebook's cell a table, for a class with a `Model`'s verbs."""

    def _repr_html_(self: Model) -> str:
        return as_html(self)


def as_html(model: Model) -> str:
    """Title, kind, sizes, and a line for each projection; only the table in memory is read.

    >>> from lowrank.readers import open_model
    >>> "<td>q_proj</td><td>576 × 576</td><td>30</td>" in as_html(open_model("synthetic"))
    True
    """
    tensors, config = model.tensors.values(), model.config
    real = model.kind == "real"
    what = _("weights") if real else _("random numbers, weights of nothing")
    sizes = _("{what}; {numbers:,} numbers in {size} MB")
    if config:
        sizes = _(
            "{what}; {numbers:,} numbers in {size} MB, {layers} layers of width {width:,}, "
            "{heads} heads, {keys} of keys, {tokens:,} tokens"
        )
    said = sizes.format(
        what=what,
        numbers=numbers(tensors),
        size=megabytes(tensors),
        layers=config and config.num_hidden_layers,
        width=config and config.hidden_size,
        heads=config and config.num_attention_heads,
        keys=config and config.num_key_value_heads,
        tokens=config and config.vocab_size,
    )
    groups = alike(tensors)
    rows = [
        (name, " × ".join(f"{n:,}" for n in shape), len(held), held[0].stored_as, megabytes(held))
        for (name, shape, dtype), held in list(groups.items())[:MOST_ROWS]
    ]
    head = (_("projection"), _("shape"), _("tensors"), _("stored as"), "MB")
    left = len(groups) - MOST_ROWS
    more = _("… and {count:,} more").format(count=left)
    more = f"<p>{more}</p>" if left > 0 else ""
    return (
        f"<p><b>{escape(model.title)}</b>: {said}</p>"
        f"<table>{line(head, 'th')}{''.join(line(row, 'td') for row in rows)}</table>{more}"
    )


def alike(
    tensors: Iterable[TensorInfo],
) -> dict[tuple[str, tuple[int, ...], str], list[TensorInfo]]:
    """Tensors by projection, shape and stored type, in the order of the file."""
    groups: dict[tuple[str, tuple[int, ...], str], list[TensorInfo]] = {}
    for t in tensors:
        groups.setdefault((t.projection or t.name, t.shape, t.dtype), []).append(t)
    return groups


def numbers(tensors: Iterable[TensorInfo]) -> int:
    """How many numbers some tensors hold."""
    return sum(prod(t.shape) for t in tensors)


def megabytes(tensors: Iterable[TensorInfo]) -> str:
    """What some tensors take as stored."""
    return f"{sum(t.nbytes for t in tensors) / 1e6:,.2f}"


def line(cells: Iterable[object], tag: str) -> str:
    """One line of a table; names come from files and are escaped."""
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
