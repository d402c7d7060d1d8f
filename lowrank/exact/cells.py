r"""One entry as it stands in a text: how it was typed, its tree, its value, and it in plain ASCII.

>>> cell = cell_of(r"2 \frac{1}{2}")
>>> cell.text, cell.mixed, str(evaluated(cell, "Row 1", Rationals()))
('5/2', True, '5/2')
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from lowrank.errors import InputError
from lowrank.exact.entries import Node, NoValue, Numbers, Rationals, evaluate, tree_of, walk
from lowrank.exact.grids import with_points
from lowrank.exact.tokens import Item, items_of, readable
from lowrank.language import gettext as _
from lowrank.language import gettext_noop

ACCEPTED = gettext_noop("Write whole numbers, fractions like 3/2, or decimals like 0.1 or 2e-3.")


class Cell:
    """An entry: what stands in the text for it, and, once it is asked for, its tree."""

    def __init__(self, source: str, items: Sequence[Item], scale: str = "") -> None:
        self.items = [item for item in items if item.kind not in ("line", "tab", "empty")]
        self.scale, self._source = scale, source

    @property
    def typed(self) -> str:
        """The entry as it was typed, on one line."""
        if not self.items:
            return ""
        return " ".join(self._source[self.items[0].start : self.items[-1].end].split())

    @cached_property
    def tree(self) -> Node:
        """The expression, or why it is none as a node of its own."""
        try:
            tree = tree_of(self.items)
        except NoValue as problem:
            return Node("bad", problem=problem.within(self.typed))
        return Node("*", "", (Node("number", self.scale), tree)) if self.scale else tree

    @property
    def mixed(self) -> bool:
        """Whether a whole number and a fraction stand side by side in it."""
        return any(node.op == "mixed" for node in walk(self.tree))

    @cached_property
    def text(self) -> str:
        """The entry in plain ASCII, as short as may be."""
        if self.tree.op == "bad":
            return self.typed
        plain = self.typed.replace(" ", "")
        if (
            plain.isascii()
            and not any(c in plain for c in "\\{},;&")
            and not (self.scale or self.mixed)
        ):
            return plain
        return _written(self.tree)


def cell_of(text: str) -> Cell:
    """The cell of a text that holds one entry; a comma in it is a decimal one."""
    plain = readable(text)
    try:
        return Cell(plain, with_points(items_of(plain)))
    except InputError as error:
        return Cell(plain, [Item("unread", str(error), 0, len(plain), False)])


def evaluated(cell: Cell, place: str, K: Numbers, accepted: str = ACCEPTED) -> Any:
    """The value of a cell.

    Raises:
        InputError: naming the place, the text, why it has no value, and what is accepted.
    """
    try:
        return evaluate(cell.tree, K)
    except NoValue as problem:
        shown = cell.typed if len(cell.typed) <= 24 else cell.typed[:20] + "…"
        it = _("{place}: “{text}”").format(place=place, text=shown) if shown else place
        raise InputError(
            "{problem} {accepted}",
            problem=problem.within(cell.typed).said_of(it),
            accepted=_(accepted),
        ) from problem


def _written(node: Node) -> str:
    """A tree in plain ASCII, with no more brackets than it needs.

    >>> _written(tree_of(items_of("-( a+1 )/2")))
    '-(a+1)/2'
    """
    if node.op in ("number", "name"):
        return node.text
    if node.op == "mixed":
        try:
            return str(evaluate(node, Rationals()))
        except NoValue:
            return "+".join(map(_written, node.parts))
    if node.op == "minus":
        return "-" + _bracketed(node.parts[0], "+minus")
    if node.op == "+":
        return "+".join(map(_written, node.parts)).replace("+-", "-")
    if node.op == "call":
        return f"{node.text}({','.join(map(_written, node.parts))})"
    if node.op == "*":
        return "*".join(
            _bracketed(part, "+minus/" if k else "+") for k, part in enumerate(node.parts)
        )
    over, under = node.parts
    if node.op == "^":
        return f"{_bracketed(over, '+minus*/^')}^{_bracketed(under, '+*/^')}"
    return f"{_bracketed(over, '+')}/{_bracketed(under, '+*/')}"


def _bracketed(node: Node, loose: str) -> str:
    text = _written(node)
    return (
        f"({text})"
        if node.op in ("+", "minus", "*", "/", "^", "mixed") and node.op in loose
        else text
    )
