"""What the Rank page needs to know of each of its views."""

from collections.abc import Callable
from dataclasses import dataclass

from lowrank.exact.matrices import Matrix


@dataclass(frozen=True)
class View:
    """A view: its prose, how it is drawn, and the code it shows at the end.

    `draws` are the choices beside the matrix entry, among them those of the link that the view
    shows, `ways` or `styles`; `beside` is drawn under both, and `below` under that. A view without
    a matrix of its own choosing draws only `below`, with None.
    """

    below: Callable[[Matrix | None], None] = lambda _: None
    beside: Callable[[Matrix], None] | None = None
    roots: bool = False  # whether entries with roots or i can be shown in it
    draws: Callable[[], object] | None = None
    code: tuple[Callable, ...] = ()
    usage: str = ""  # may name {matrix}, {reduced}, {style}, {bar}
