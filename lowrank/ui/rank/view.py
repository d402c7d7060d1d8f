"""What the Rank page needs to know of each of its views."""

from collections.abc import Callable
from dataclasses import dataclass

from lowrank.exact.matrices import Matrix


@dataclass(frozen=True)
class View:
    """A view: its prose, how it is drawn, and the code it shows at the end.

    `beside` is drawn to the right of the matrix entry, `below` across the page under both; a
    view without a matrix of its own choosing draws only `below`, with None. `draws` is what of the
    link's choices it shows: `ways`, `styles` or neither.
    """

    below: Callable[[Matrix | None], None] = lambda _: None
    beside: Callable[[Matrix], None] | None = None
    roots: bool = False  # whether entries with roots or i can be shown in it
    draws: Callable[[], object] | None = None
    code: tuple[Callable, ...] = ()
    usage: str = ""  # may name {matrix}, {reduced}, {style}, {bar}
